package http

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strconv"

	"golang.org/x/sync/semaphore"

	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/unpack"
)

// maxDrain is how much of a body that is too large is read for its length and hash, in bytes.
const maxDrain = 1 << 30

// A body is that of a request. Its embedded reader gives what is taken of it, and fails with an *http.MaxBytesError beyond; of all that was
// read it keeps what a dead letter needs, should it not be taken: beginning, length and SHA-256.
type body struct {
	*bufio.Reader
	raw   io.Reader
	whole io.Writer // sees all of it, also what is not taken; may be nil
	head  []byte
	hash  hash.Hash
	n     int64
	// room, if any, is asked for memory as the body comes: of somebody who is not known yet, what was announced counts for nothing.
	room *semaphore.Weighted
	held int64 // of room
}

// chunk is how much room is asked for at a time, in bytes.
const chunk = 64 << 10

// errCrowded says that there is no room for a body.
const errCrowded = crowdedError("too much is waiting")

type crowdedError string

func (e crowdedError) Error() string { return string(e) }

// reserve makes room for what has come.
func (b *body) reserve() error {
	for b.room != nil && b.held < b.n {
		if !b.room.TryAcquire(chunk) {
			return errCrowded
		}
		b.held += chunk
	}
	return nil
}

// release gives the room back.
func (b *body) release() {
	if b.held > 0 {
		b.room.Release(b.held)
		b.held = 0
	}
}

func (s *source) body(r *http.Request, whole io.Writer) *body {
	b := &body{raw: r.Body, whole: whole, hash: sha256.New()}
	b.Reader = bufio.NewReader(taken{b, s.MaxBody})
	return b
}

// next reads on, whether it is taken or not.
func (b *body) next(p []byte) (int, error) {
	n, err := b.raw.Read(p)
	p = p[:n]
	b.n += int64(n)
	if b.whole != nil {
		_, _ = b.whole.Write(p) // a hash: it never fails
	}
	b.hash.Write(p)
	b.head = append(b.head, p[:min(n, producers.DeadLetterBytes-len(b.head))]...)
	return n, err
}

// drain reads to the end, for length and hash.
func (b *body) drain() error {
	_, err := io.Copy(io.Discard, io.LimitReader(readerFunc(b.next), maxDrain-b.n))
	if err == nil && b.n >= maxDrain {
		err = fmt.Errorf("no more than %d bytes are read of it", int64(maxDrain))
	}
	return err
}

// taken reads what is taken of a body.
type taken struct {
	b     *body
	limit int64
}

func (t taken) Read(p []byte) (int, error) {
	n, err := t.b.next(p)
	if no := t.b.reserve(); no != nil {
		return 0, no
	}
	if beyond := t.b.n - t.limit; beyond > 0 {
		return max(n-int(min(beyond, int64(n))), 0), &http.MaxBytesError{Limit: t.limit}
	}
	return n, err
}

// tooLarge tells an error that says so.
func tooLarge(err error) bool {
	_, is := errors.AsType[*http.MaxBytesError](err)
	return is || errors.Is(err, unpack.ErrTooLarge)
}

// oversized makes a dead letter of a body that is too large, and then answers that it is. The sender is one who may send.
func (s *source) oversized(w http.ResponseWriter, r *http.Request, b *body) {
	rec := s.base(r)
	rec.Position = "0"
	said := fmt.Sprintf("larger than the largest request (%d)", s.MaxBody)
	switch err := b.drain(); {
	case err != nil:
		said = fmt.Sprintf("%s: %d bytes were read: %v", said, b.n, err)
	case b.n <= s.MaxBody:
		said = fmt.Sprintf("%d bytes: after decompression %s", b.n, said)
	default:
		said = fmt.Sprintf("%d bytes: %s", b.n, said)
	}
	rec.Data = b.head
	rec.Attrs[producers.AttrProblem] = said
	rec.Attrs[producers.AttrLength], rec.Attrs[producers.AttrSHA256] = strconv.FormatInt(b.n, 10), hex.EncodeToString(b.hash.Sum(nil))
	r = r.WithContext(context.WithoutCancel(r.Context())) // what came is kept even if the sender has gone
	s.submit(w, r, []producers.Record{rec}, http.StatusRequestEntityTooLarge)
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
