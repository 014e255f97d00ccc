package unpack

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
)

// FingerprintBytes is how much of the beginning of a file, after decompression, its fingerprint covers.
const FingerprintBytes = 1 << 10

// FileOrigin is the origin of the records of a file that begins with head: its fingerprint.
func FileOrigin(head []byte) string {
	sum := sha256.Sum256(head[:min(len(head), FingerprintBytes)])
	return "file:" + hex.EncodeToString(sum[:16])
}

// Peek reads up to n bytes from r, fewer only if r ends or fails before, and returns them with a reader of all that r holds, these bytes
// included. An error of r comes from that reader, in its place.
func Peek(r io.Reader, n int) (head []byte, all io.Reader) {
	head = make([]byte, n)
	got, empty := 0, 0
	for got < n && empty < 100 {
		m, err := r.Read(head[got:])
		got += m
		if m == 0 {
			empty++
		}
		if err != nil {
			after := io.Reader(failing{err})
			if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
				after = bytes.NewReader(nil)
			}
			return head[:got], io.MultiReader(bytes.NewReader(head[:got]), after)
		}
	}
	return head[:got], io.MultiReader(bytes.NewReader(head[:got]), r)
}

// failing is a reader with nothing but an error.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
