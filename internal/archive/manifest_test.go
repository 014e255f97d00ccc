package archive

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
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

// writeKey writes a key as OpenSSL does.
func writeKey(t *testing.T, path, kind string, der []byte, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestKeys(t *testing.T) {
	dir := t.TempDir()
	private, public, other := filepath.Join(dir, "key.pem"), filepath.Join(dir, "key.pub"), filepath.Join(dir, "ec.pem")
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(priv)
	writeKey(t, private, "PRIVATE KEY", der, err)
	der, err = x509.MarshalPKIXPublicKey(pub)
	writeKey(t, public, "PUBLIC KEY", der, err)
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err = x509.MarshalPKCS8PrivateKey(curve)
	writeKey(t, other, "PRIVATE KEY", der, err)
	key, err := PublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := sign(t.Context(), FileKey(private), []byte("message"))
	if err != nil {
		t.Fatal(err)
	}
	if err := NewKeys(key).check([]byte("message"), sig); err != nil {
		t.Error(err)
	}
	if err := NewKeys(key).check([]byte("massage"), sig); err == nil {
		t.Error("another message is believed")
	}
	for _, bad := range []string{other, public, filepath.Join(dir, "nothing")} {
		if _, err := FileKey(bad).Public(t.Context()); err == nil {
			t.Errorf("%s is taken for a private key", bad)
		}
	}
	if err := os.WriteFile(other, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{other, private} {
		if _, err := PublicKey(bad); err == nil {
			t.Errorf("%s is taken for a public key", bad)
		}
	}
}
