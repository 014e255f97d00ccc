package unpack

import (
	"bytes"
	"errors"
	"io"
)

// input is a buffered reader that knows its offset and takes back what was read too far.
type input struct {
	r   io.Reader
	buf []byte
	pos int
	off int64 // of buf[pos] in the stream
	err error

	idle func() error // may be nil
}

func newInput(r io.Reader) *input { return &input{r: r} }

// more makes sure that there is a byte to read.
func (in *input) more() error { return in.fill(true) }

// peek is the next byte, which stays to be read. The error is ErrIdle where there is nothing to read for a while.
func (in *input) peek() (byte, error) {
	if err := in.fill(false); err != nil {
		return 0, err
	}
	return in.buf[in.pos], nil
}

// fill makes sure that there is a byte to read. wait tells to stay until there is one.
func (in *input) fill(wait bool) error {
	if in.pos < len(in.buf) {
		return nil
	}
	if in.err != nil {
		return in.err
	}
	if cap(in.buf) != readSize {
		in.buf = make([]byte, readSize)
	}
	for range 100 {
		n, err := in.r.Read(in.buf[:readSize])
		for n == 0 && errors.Is(err, ErrIdle) {
			if !wait {
				return ErrIdle
			}
			if in.idle != nil {
				if err := in.idle(); err != nil {
					return err
				}
			}
			n, err = in.r.Read(in.buf[:readSize])
		}
		in.buf, in.pos, in.err = in.buf[:n], 0, err
		if n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

const readSize = 32 << 10

func (in *input) next() (byte, error) {
	if in.pos >= len(in.buf) {
		if err := in.more(); err != nil {
			return 0, err
		}
	}
	c := in.buf[in.pos]
	in.pos++
	in.off++
	return c, nil
}

// unread gives b back: it will be read next.
func (in *input) unread(b []byte) {
	rest := in.buf[in.pos:]
	all := make([]byte, 0, len(b)+len(rest))
	in.buf, in.pos = append(append(all, b...), rest...), 0
	in.off -= int64(len(b))
}

// skipBOM passes over a UTF-8 byte order mark.
func (in *input) skipBOM() error {
	for _, want := range []byte("\xef\xbb\xbf") {
		if err := in.more(); err != nil {
			return err
		}
		if in.buf[in.pos] != want {
			return nil
		}
		in.pos++
		in.off++
	}
	return nil
}

// skipSpace passes over white space and returns the byte behind it, which stays to be read.
func (in *input) skipSpace() (byte, error) {
	for {
		if err := in.more(); err != nil {
			return 0, err
		}
		if c := in.buf[in.pos]; !isSpace(c) {
			return c, nil
		}
		in.pos++
		in.off++
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

// arrayAhead tells whether the '[' that is next begins a JSON array of objects, of objects as texts, of arrays, or an empty one. Anything else
// in brackets is a line of text, and so is an array that begins with more than a kilobyte of white space.
func (in *input) arrayAhead() bool {
	var ahead []byte
	defer func() { in.unread(ahead) }()
	for len(ahead) < 1<<10 {
		c, err := in.next()
		if err != nil {
			return false
		}
		ahead = append(ahead, c)
		switch {
		case len(ahead) > 2 && ahead[len(ahead)-2] == '"':
			return c == '{'
		case len(ahead) > 1 && c != '"' && !isSpace(c):
			return c == '{' || c == ']' || c == '['
		}
	}
	return false
}

// startsWith tells whether s comes next.
func (in *input) startsWith(s string) bool {
	ahead := make([]byte, 0, len(s))
	defer func() { in.unread(ahead) }()
	for len(ahead) < len(s) {
		c, err := in.next()
		if err != nil {
			return false
		}
		if ahead = append(ahead, c); c != s[len(ahead)-1] {
			return false
		}
	}
	return true
}

// lineAhead returns the rest of the line, without its end, if all of it is buffered.
func (in *input) lineAhead() []byte {
	if i := bytes.IndexByte(in.buf[in.pos:], '\n'); i >= 0 {
		return in.buf[in.pos : in.pos+i]
	}
	return nil
}
