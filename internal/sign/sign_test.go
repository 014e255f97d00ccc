package sign

import (
	"encoding/pem"
	"strings"
	"testing"
)

func key(t *testing.T) *Key {
	t.Helper()
	k, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestVerify(t *testing.T) {
	t.Parallel()
	old, now, other := key(t), key(t), key(t)
	ring, err := NewRing([]string{old.Public(), now.Public()}, "a secret")
	if err != nil {
		t.Fatal(err)
	}
	text := Message("riposte.block", []byte("ip:::192.0.2.1"), "id", []byte("{}"))
	good := now.Sign(text)
	for name, c := range map[string]struct {
		text      []byte
		signature string
		want      error
	}{
		"signed":                {text, good, nil},
		"by the key of before":  {text, old.Sign(text), nil},
		"by a secret":           {text, Secret("a secret").Sign(text), nil},
		"no signature":          {text, "", ErrMissing},
		"another's key":         {text, other.Sign(text), ErrUnknown},
		"another's secret":      {text, Secret("b secret").Sign(text), ErrForged},
		"another's, our key id": {text, now.ID() + other.Sign(text)[16:], ErrForged},
		"other topic":           {Message("riposte.remediate", []byte("ip:::192.0.2.1"), "id", []byte("{}")), good, ErrForged},
		"other key":             {Message("riposte.block", []byte("ip:::192.0.2.2"), "id", []byte("{}")), good, ErrForged},
		"other id":              {Message("riposte.block", []byte("ip:::192.0.2.1"), "ie", []byte("{}")), good, ErrForged},
		"other value":           {Message("riposte.block", []byte("ip:::192.0.2.1"), "id", []byte("{ }")), good, ErrForged},
		"bytes moved":           {Message("riposte.blocki", []byte("p:::192.0.2.1"), "id", []byte("{}")), good, ErrForged},
		"other kind":            {Text("riposte decision", []byte("x")), now.Sign(Text("riposte undo", []byte("x"))), ErrForged},
		"cut":                   {text, good[:40], ErrForged},
		"no base64":             {text, now.ID() + ".!", ErrForged},
		"id alone":              {text, now.ID(), ErrForged},
	} {
		if _, err := ring.Verify(c.text, c.signature); err != c.want { //nolint:errorlint // exactly these
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if none, err := NewRing(nil, ""); err != nil || !none.Empty() || ring.Empty() || !ring.Has(old) || ring.Has(other) {
		t.Error(err)
	} else if _, err := none.Verify(text, Secret("").Sign(text)); err != ErrUnknown { //nolint:errorlint // exactly this
		t.Errorf("without a secret, a keyed hash is %v", err)
	}
}

func TestKeysAreRead(t *testing.T) {
	t.Parallel()
	k := key(t)
	text, err := k.PEM()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseKey(string(text))
	if err != nil || again.ID() != k.ID() {
		t.Fatal(again, err)
	}
	// openssl genpkey -algorithm ed25519 | openssl pkey -pubout
	block := "-----BEGIN PUBLIC KEY-----\n" + k.Public() + "\n-----END PUBLIC KEY-----\n"
	two, err := ParsePublic(block + "\n" + strings.Replace(block, k.Public(), key(t).Public(), 1))
	if err != nil || len(two) != 2 || idOf(two[0]) != k.ID() {
		t.Error(two, err)
	}
	rsa := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: []byte("x")})
	for _, bad := range []string{"", "x", k.Public(), string(rsa), "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"} {
		if _, err := ParseKey(bad); err == nil {
			t.Errorf("%q is taken for a private key", bad)
		}
	}
	for _, bad := range []string{"", "x", string(text), "AAAA", k.Public()[:20]} {
		if _, err := ParsePublic(bad); err == nil {
			t.Errorf("%q is taken for a public key", bad)
		}
	}
}

func FuzzKeys(f *testing.F) {
	k, err := NewKey()
	if err != nil {
		f.Fatal(err)
	}
	text, err := k.PEM()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text), k.Public(), k.Sign(nil))
	f.Fuzz(func(t *testing.T, private, public, signature string) {
		if k, err := ParseKey(private); err == nil {
			if _, err := ParsePublic(k.Public()); err != nil {
				t.Error(err)
			}
		}
		ring, err := NewRing([]string{public}, "s")
		if err == nil && ring.Empty() {
			t.Error("a ring of nothing")
		}
		if err == nil {
			if _, err := ring.Verify([]byte("what was never signed"), signature); err == nil {
				t.Error("verified")
			}
		}
	})
}
