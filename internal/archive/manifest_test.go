package archive

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/internal/testcert"
)

// sampleManifest is one of an archive that was just written.
func sampleManifest(tb testing.TB) ([]byte, Keys) {
	tb.Helper()
	key, keys := newKey(tb)
	s := FileStore(tb.TempDir())
	p := testPart()
	write(tb, newArchiver(tb, s, key, SegmentConfig{}), p, 5)
	text, err := readFile(tb.Context(), s, place{p.topic, p.partition, 0}.name(manifestSuffix), maxManifest)
	if err != nil {
		tb.Fatal(err)
	}
	return text, keys
}

func TestManifestIsStrict(t *testing.T) {
	good, keys := sampleManifest(t)
	if _, err := parseManifest(good, keys); err != nil {
		t.Fatal(err)
	}
	for i := range good { // whatever bit is turned
		bad := bytes.Clone(good)
		bad[i] ^= 1
		if _, err := parseManifest(bad, keys); err == nil {
			t.Errorf("byte %d of %q turned: believed", i, good)
		}
	}
}

func FuzzManifest(f *testing.F) {
	good, keys := sampleManifest(f)
	f.Add(good)
	f.Add([]byte("{}\n{}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := parseManifest(text, keys)
		if err == nil && !bytes.Equal(text, good) {
			t.Errorf("believed: %q", text)
		}
		if m != nil {
			_, _, _ = m.place(), m.next(), headOf(m)
		}
	})
}

func TestKeys(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	key, text := testcert.SigningKey(t)
	private, public := put("key.pem", text), put("key.pub", key.Public())
	keys, err := PublicKeys(public)
	if err != nil || len(keys) != 1 {
		t.Fatalf("%d keys: %v", len(keys), err)
	}
	sig, err := signed(t.Context(), FileKey(private), []byte("message"))
	if err != nil {
		t.Fatal(err)
	}
	if err := NewKeys(keys...).check([]byte("message"), sig); err != nil {
		t.Error(err)
	}
	if err := NewKeys(keys...).check([]byte("massage"), sig); !errors.Is(err, errSignature) {
		t.Errorf("another message: %v", err)
	}
	for _, bad := range []string{public, filepath.Join(dir, "nothing"), put("none", "no key"), put("large", strings.Repeat("x", maxPEM+1))} {
		if _, err := FileKey(bad).Public(t.Context()); !fault.IsPermanent(err) {
			t.Errorf("%s as a private key: %v", bad, err)
		}
	}
	for _, bad := range []string{private, filepath.Join(dir, "none"), filepath.Join(dir, "large")} {
		if _, err := PublicKeys(bad); err == nil {
			t.Errorf("%s is taken for a public key", bad)
		}
	}
}
