package sign

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// A Key signs. It is safe for concurrent use.
type Key struct {
	id      string
	private ed25519.PrivateKey
}

// NewKey makes a key.
func NewKey() (*Key, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	return keyOf(private), nil
}

func keyOf(private ed25519.PrivateKey) *Key {
	return &Key{id: idOf(private.Public().(ed25519.PublicKey)), private: private} //nolint:forcetypeassert // it is one
}

// ParseKey reads a private key: PEM of PKCS #8, as `riposte keys new` and `openssl genpkey -algorithm ed25519` write it. Its errors do not show the text.
func ParseKey(text string) (*Key, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, errors.New("PEM with a PRIVATE KEY (PKCS #8) expected")
	}
	k, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	private, ok := k.(ed25519.PrivateKey)
	if err != nil || !ok {
		return nil, errors.New("an Ed25519 key expected")
	}
	return keyOf(private), nil
}

// ID names the key: the first 8 bytes of the SHA-256 of its public part, in hex.
func (k *Key) ID() string { return k.id }

// Sign implements Signer.
func (k *Key) Sign(text []byte) string {
	return k.id + "." + encoding().EncodeToString(ed25519.Sign(k.private, text))
}

// SignRaw signs text, and returns the bare signature of Ed25519.
func (k *Key) SignRaw(text []byte) []byte { return ed25519.Sign(k.private, text) }

// PublicKey is the public part.
func (k *Key) PublicKey() ed25519.PublicKey {
	return k.private.Public().(ed25519.PublicKey) //nolint:forcetypeassert // it is one
}

// Public is the public part in one line, which ParsePublic reads: the base64 of its PEM.
func (k *Key) Public() string {
	der, err := x509.MarshalPKIXPublicKey(k.private.Public())
	if err != nil {
		return "" // of an Ed25519 key it cannot be
	}
	return base64.StdEncoding.EncodeToString(der)
}

// PEM is the private key as ParseKey reads it.
func (k *Key) PEM() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.private)
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// ParsePublic reads public keys: PEM with any number of them, or the base64 of one in one line.
func ParsePublic(text string) ([]ed25519.PublicKey, error) {
	var all []ed25519.PublicKey
	rest := []byte(text)
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "PUBLIC KEY" {
			return nil, fmt.Errorf("PUBLIC KEY expected, not %q", block.Type)
		}
		k, err := publicOf(block.Bytes)
		if err != nil {
			return nil, err
		}
		all = append(all, k)
	}
	if len(all) > 0 {
		return all, nil
	}
	der, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(der) == 0 {
		return nil, errors.New("a public key expected: PEM, or its base64 in one line")
	}
	k, err := publicOf(der)
	return []ed25519.PublicKey{k}, err
}

func publicOf(der []byte) (ed25519.PublicKey, error) {
	k, err := x509.ParsePKIXPublicKey(der)
	public, ok := k.(ed25519.PublicKey)
	if err != nil || !ok {
		return nil, errors.New("an Ed25519 public key expected")
	}
	return public, nil
}

// idOf is the first 8 bytes of the SHA-256 of a public key, in hex.
func idOf(k ed25519.PublicKey) string {
	sum := sha256.Sum256(k)
	return hex.EncodeToString(sum[:8])
}
