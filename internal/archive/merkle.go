package archive

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/bits"
)

// A Hash is a SHA-256, in hex in JSON.
type Hash [sha256.Size]byte

// String is the hash in hex.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText writes the hash in hex.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads 64 hex digits.
func (h *Hash) UnmarshalText(text []byte) error {
	if hex.DecodedLen(len(text)) != len(h) {
		return errors.New("64 hex digits expected")
	}
	_, err := hex.Decode(h[:], text)
	return err
}

// sumText is the SHA-256 of a text.
func sumText(text []byte) Hash { return sha256.Sum256(text) }

// leafHash is the hash of a record, as RFC 6962 has it: a leaf and a node never have the same hash.
func leafHash(record []byte) Hash {
	h := sha256.New()
	h.Write([]byte{0})
	h.Write(record)
	return Hash(h.Sum(nil))
}

func nodeHash(left, right Hash) Hash {
	text := make([]byte, 0, 1+2*sha256.Size)
	text = append(text, 1)
	text = append(text, left[:]...)
	return sha256.Sum256(append(text, right[:]...))
}

// A tree computes the Merkle tree hash of RFC 6962, section 2.1, over leaves as they come. It keeps one hash for each bit of their number.
type tree struct {
	n     uint64
	peaks []Hash // roots of the whole subtrees so far, the largest first
}

func (t *tree) add(leaf Hash) {
	t.n++
	for range bits.TrailingZeros64(t.n) {
		last := len(t.peaks) - 1
		leaf = nodeHash(t.peaks[last], leaf)
		t.peaks = t.peaks[:last]
	}
	t.peaks = append(t.peaks, leaf)
}

// root is the hash of the tree; that of no leaves is the hash of nothing.
func (t *tree) root() Hash {
	if len(t.peaks) == 0 {
		return sha256.Sum256(nil)
	}
	h := t.peaks[len(t.peaks)-1]
	for i := len(t.peaks) - 2; i >= 0; i-- {
		h = nodeHash(t.peaks[i], h)
	}
	return h
}
