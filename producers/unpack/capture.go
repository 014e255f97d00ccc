package unpack

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"hash"

	"github.com/riposte-security/riposte/producers"
)

// A capture keeps the bytes of a value up to a bound; of a larger one it keeps the beginning, the length and the hash.
type capture struct {
	max    int
	buf    []byte
	length int64
	hash   hash.Hash // set once the value is larger than max
	tail   []byte    // bytes not yet in hash
	last   byte
}

func (c *capture) reset(limit int) {
	*c = capture{max: limit, buf: c.buf[:0], tail: c.tail[:0]}
}

func (c *capture) add(b byte) {
	c.length++
	c.last = b
	if c.hash == nil {
		if len(c.buf) < c.max {
			c.buf = append(c.buf, b)
			return
		}
		c.hash = sha256.New()
		c.hash.Write(c.buf)
		c.buf = c.buf[:min(len(c.buf), producers.DeadLetterBytes)]
	}
	c.tail = append(c.tail, b)
	if len(c.tail) >= 4096 {
		c.hash.Write(c.tail)
		c.tail = c.tail[:0]
	}
}

func (c *capture) write(b []byte) {
	for _, x := range b {
		c.add(x)
	}
}

func (c *capture) truncated() bool { return c.hash != nil }

// bytes returns a copy of what was captured.
func (c *capture) bytes() []byte { return bytes.Clone(c.buf) }

func (c *capture) sum() string {
	c.hash.Write(c.tail)
	c.tail = c.tail[:0]
	return hex.EncodeToString(c.hash.Sum(nil))
}
