// Package sign tells what somebody with a key has said from what anybody could have written: Ed25519 signatures of messages on topics and of
// people's decisions in the ledger, and a keyed hash where one process writes for people whom it has let in.
package sign

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
)

// A Signer makes signatures.
type Signer interface {
	// Sign returns the signature of a text: the id of the key, a dot, and the signature in base64.
	Sign(text []byte) string
}

// What is wrong with a signature.
const (
	ErrMissing = signError("it bears no signature")
	ErrUnknown = signError("it is signed by a key that is not trusted here")
	ErrForged  = signError("its signature is not of what it says")
)

type signError string

func (e signError) Error() string { return string(e) }

// Text joins what is signed with the length of each part, so that no two lists of parts make one text. The first part says what kind of text it
// is: a signature of one kind is none of another.
func Text(kind string, parts ...[]byte) []byte {
	n := 8 + len(kind)
	for _, p := range parts {
		n += 8 + len(p)
	}
	text := make([]byte, 0, n)
	text = append(binary.BigEndian.AppendUint64(text, uint64(len(kind))), kind...)
	for _, p := range parts {
		text = append(binary.BigEndian.AppendUint64(text, uint64(len(p))), p...)
	}
	return text
}

// Message is the text of a Kafka message: what it says, under which id and key, and on which topic, so that it is good nowhere else.
func Message(topic string, key []byte, id string, value []byte) []byte {
	return Text("riposte message", []byte(topic), key, []byte(id), value)
}

// macID stands for a key's id in a keyed hash.
const macID = "hmac"

// A Secret makes keyed hashes, which who knows it can check.
type Secret string

// Sign implements Signer.
func (s Secret) Sign(text []byte) string { return macID + "." + encoding().EncodeToString(s.sum(text)) }

func (s Secret) sum(text []byte) []byte {
	h := hmac.New(sha256.New, []byte(s))
	h.Write(text)
	return h.Sum(nil)
}

// A Ring is the keys that are trusted. It is safe for concurrent use.
type Ring struct {
	keys   map[string]ed25519.PublicKey
	secret Secret
}

// NewRing makes a ring of public keys, see ParsePublic. secret, if any, is one whose keyed hashes are as good as their signatures.
func NewRing(keys []string, secret Secret) (*Ring, error) {
	r := &Ring{keys: map[string]ed25519.PublicKey{}, secret: secret}
	for i, text := range keys {
		public, err := ParsePublic(text)
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", i+1, err)
		}
		for _, k := range public {
			r.keys[idOf(k)] = k
		}
	}
	return r, nil
}

// Empty tells whether no key is trusted: then nothing is checked.
func (r *Ring) Empty() bool { return r == nil || len(r.keys) == 0 }

// Has tells whether a key is trusted.
func (r *Ring) Has(k *Key) bool { return r.keys[k.ID()] != nil }

// Verify checks the signature of a text, and returns the id of the key; "hmac" for a keyed hash. Its errors are ErrMissing, ErrUnknown and ErrForged.
func (r *Ring) Verify(text []byte, signature string) (key string, err error) {
	id, b64, _ := strings.Cut(signature, ".")
	if signature == "" {
		return "", ErrMissing
	}
	sum, err := encoding().DecodeString(b64)
	if err != nil {
		return "", ErrForged
	}
	if id == macID {
		if r.secret == "" {
			return "", ErrUnknown
		}
		if !hmac.Equal(sum, r.secret.sum(text)) {
			return "", ErrForged
		}
		return id, nil
	}
	k := r.keys[id]
	switch {
	case k == nil:
		return "", ErrUnknown
	case !ed25519.Verify(k, text, sum):
		return "", ErrForged
	}
	return id, nil
}

func encoding() *base64.Encoding { return base64.RawURLEncoding.Strict() }
