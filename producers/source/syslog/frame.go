package syslog

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"strconv"

	"github.com/riposte-security/riposte/producers"
)

// A frame is one message of a stream.
type frame struct {
	data   []byte
	reason string // why it is none, if so; then
	length int64  // its whole length, if data is only its beginning
	sum    string // and the SHA-256 of the whole
}

type mode int

const (
	unknown mode = iota
	lines        // a line feed behind each message
	octets       // its length in front, in digits, and a blank
)

// maxOctets is the longest message whose length is believed, in bytes: behind it reading goes on.
const maxOctets = 1 << 30

// errFraming says that the place of the next message can no longer be told.
const errFraming = framingError("no length of a message where one should be")

type framingError string

func (e framingError) Error() string { return string(e) }

// A framer cuts a stream into messages as its bytes come.
type framer struct {
	mode mode
	max  int
	head []byte // digits of a length that has not ended
	body body
	left int64 // bytes to come of the message in course, by its length
	emit func(frame) error
}

// body keeps a message up to a bound; of a larger one its beginning, length and hash.
type body struct {
	buf  []byte
	n    int64
	hash hash.Hash
}

func (b *body) add(p []byte, limit int) {
	b.n += int64(len(p))
	if b.hash == nil {
		if len(b.buf)+len(p) <= limit {
			b.buf = append(b.buf, p...)
			return
		}
		b.hash = sha256.New()
		b.hash.Write(b.buf)
		b.buf = b.buf[:min(len(b.buf), producers.DeadLetterBytes)]
	}
	b.hash.Write(p)
	b.buf = append(b.buf, p[:min(producers.DeadLetterBytes-len(b.buf), len(p))]...)
}

// feed takes the next bytes of the stream. The error is that of emit, or errFraming.
func (f *framer) feed(p []byte) error {
	for len(p) > 0 {
		var err error
		switch {
		case f.mode == unknown:
			p = f.detect(p)
		case f.mode == lines:
			i := bytes.IndexByte(p, '\n')
			if i < 0 {
				f.body.add(p, f.max)
				return nil
			}
			f.body.add(p[:i], f.max)
			p = p[i+1:]
			err = f.done("")
		case f.left > 0:
			n := int(min(f.left, int64(len(p))))
			f.body.add(p[:n], f.max)
			p = p[n:]
			if f.left -= int64(n); f.left == 0 {
				err = f.done("")
			}
		default:
			p, err = f.length(p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// detect finds out how messages are told apart: a number and a blank can only be a length.
func (f *framer) detect(p []byte) []byte {
	for i, c := range p {
		switch {
		case len(f.head) == 0 && blank(c):
		case c >= '0' && c <= '9' && len(f.head) < 10 && (c != '0' || len(f.head) > 0):
			f.head = append(f.head, c)
		case c == ' ' && len(f.head) > 0:
			f.mode = octets
			return p[i:]
		default:
			f.mode = lines
			f.body.add(f.head, f.max)
			f.head = f.head[:0]
			return p[i:]
		}
	}
	return nil
}

// length reads the digits in front of a message.
func (f *framer) length(p []byte) ([]byte, error) {
	for i, c := range p {
		switch {
		case c >= '0' && c <= '9' && len(f.head) < 10:
			f.head = append(f.head, c)
		case c == ' ' && len(f.head) > 0:
			n, err := strconv.ParseInt(string(f.head), 10, 64)
			if err != nil || n > maxOctets {
				return nil, f.lose(p[i:])
			}
			f.left, f.head = n, f.head[:0]
			return p[i+1:], nil
		case len(f.head) == 0 && blank(c): // some put a line feed behind the message as well
		default:
			return nil, f.lose(p[i:])
		}
	}
	return nil, nil
}

// lose hands over what cannot be read as a length.
func (f *framer) lose(p []byte) error {
	f.body.add(f.head, f.max)
	f.body.add(p, f.max)
	f.head = f.head[:0]
	if err := f.done(errFraming.Error()); err != nil {
		return err
	}
	return errFraming
}

func blank(c byte) bool { return c == '\n' || c == '\r' || c == ' ' || c == 0 }

// done hands over the message in course. Empty ones are none.
func (f *framer) done(reason string) error {
	b := f.body
	f.body = body{}
	m := frame{data: b.buf, reason: reason}
	if b.hash != nil {
		m.length, m.sum = b.n, hex.EncodeToString(b.hash.Sum(nil))
		if reason == "" {
			m.reason = fmt.Sprintf("%d bytes: larger than the largest record (%d)", b.n, f.max)
		}
	} else if m.data = bytes.Trim(m.data, "\r\n\x00"); len(bytes.TrimSpace(m.data)) == 0 {
		return nil
	}
	return f.emit(m)
}

// end is called when nothing more comes. The last line needs no line feed; but where we stopped reading (cut), and where a length says that
// more should come, the message in course is none.
func (f *framer) end(cut bool) error {
	if f.mode == unknown && len(f.head) > 0 {
		f.body.add(f.head, f.max)
	}
	reason := ""
	if cut || f.mode == octets && (f.left > 0 || len(f.head) > 0) {
		reason = "the connection ended in the middle of a message"
		f.body.add(f.head, f.max)
	}
	f.head, f.left = nil, 0
	return f.done(reason)
}
