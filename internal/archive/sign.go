package archive

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/internal/sign"
)

// A Signer signs with an Ed25519 key, by itself or by asking whoever has it. It is safe for concurrent use.
type Signer interface {
	// Sign signs a message of at most 4096 bytes, as AWS KMS has it.
	Sign(ctx context.Context, message []byte) ([]byte, error)
	// Public is the key that signatures are checked with.
	Public(ctx context.Context) (ed25519.PublicKey, error)
}

// fileKey is a private key in a file, which is read once.
type fileKey struct {
	path string

	mu  sync.Mutex
	key *sign.Key
}

// FileKey signs with a private key in a file, as sign.ParseKey reads it. It is read when it is needed first.
func FileKey(path string) Signer { return &fileKey{path: path} }

func (k *fileKey) read() (*sign.Key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.key != nil {
		return k.key, nil
	}
	text, err := readLocal(k.path, maxPEM)
	if err != nil {
		return nil, fault.Permanent(fmt.Errorf("key: %w", err))
	}
	if k.key, err = sign.ParseKey(string(text)); err != nil {
		return nil, fault.Permanent(fmt.Errorf("key %s: %w", k.path, err))
	}
	return k.key, nil
}

// Sign implements Signer.
func (k *fileKey) Sign(_ context.Context, message []byte) ([]byte, error) {
	key, err := k.read()
	if err != nil {
		return nil, err
	}
	return key.SignRaw(message), nil
}

// Public implements Signer.
func (k *fileKey) Public(context.Context) (ed25519.PublicKey, error) {
	key, err := k.read()
	if err != nil {
		return nil, err
	}
	return key.PublicKey(), nil
}

// PublicKeys reads the public keys in a file, as sign.ParsePublic does.
func PublicKeys(path string) ([]ed25519.PublicKey, error) {
	text, err := readLocal(path, maxPEM)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	keys, err := sign.ParsePublic(string(text))
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", path, err)
	}
	return keys, nil
}

// maxPEM bounds a file with a key, in bytes.
const maxPEM = 64 << 10

// readLocal reads a file of at most limit bytes that the operator has named.
func readLocal(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > limit {
		return nil, fmt.Errorf("%s: %d bytes are too many", path, info.Size())
	}
	return os.ReadFile(path) //nolint:gosec // the operator names the file
}

// Keys are the public keys whose signatures are believed, by the hash of each.
type Keys map[Hash]ed25519.PublicKey

// NewKeys makes a set of keys.
func NewKeys(keys ...ed25519.PublicKey) Keys {
	set := Keys{}
	for _, k := range keys {
		set[sha256.Sum256(k)] = k
	}
	return set
}

// A Signature tells whose it is.
type Signature struct {
	Algorithm string `json:"algorithm"` // Ed25519
	Key       Hash   `json:"key"`       // SHA-256 of the public key's 32 bytes
	Value     []byte `json:"signature"`
}

const algorithm = "Ed25519"

var (
	errUnknownKey = errors.New("signed by a key that is not trusted")
	errSignature  = errors.New("the signature does not fit")
)

// check checks a signature over a message.
func (k Keys) check(message []byte, s Signature) error {
	key, ok := k[s.Key]
	if !ok || s.Algorithm != algorithm {
		return errUnknownKey
	}
	if !ed25519.Verify(key, message, s.Value) {
		return errSignature
	}
	return nil
}

// What is signed is a line that says what it is, and a hash: it is short, whatever it stands for, and no signature fits two kinds of things.
func manifestStatement(body Hash) []byte {
	return []byte("riposte archive manifest v1\n" + body.String() + "\n")
}

func dataStatement(p place, content Hash) []byte {
	return fmt.Appendf(nil, "riposte archive data v1\n%s\n%d\n%d\n%s\n", p.topic, p.partition, p.start, content)
}

// signed makes a signature, with the name of the key.
func signed(ctx context.Context, s Signer, message []byte) (Signature, error) {
	public, err := s.Public(ctx)
	if err != nil {
		return Signature{}, fmt.Errorf("archive key: %w", err)
	}
	value, err := s.Sign(ctx, message)
	if err != nil {
		return Signature{}, fmt.Errorf("archive key: %w", err)
	}
	sig := Signature{Algorithm: algorithm, Key: sha256.Sum256(public), Value: value}
	if err := NewKeys(public).check(message, sig); err != nil { // a signature that does not fit must not become part of the chain
		return sig, fmt.Errorf("archive key: %w", err)
	}
	return sig, nil
}
