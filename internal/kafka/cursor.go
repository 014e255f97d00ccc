package kafka

import "encoding/binary"

// A cursor reads fields one after the other, as Kafka's protocol writes them. Once one is not there, it has failed, and everything is zero.
type cursor struct {
	data   []byte
	at     int
	failed bool
}

func (c *cursor) take(n int) []byte {
	if c.failed || n < 0 || n > len(c.data)-c.at {
		c.failed = true
		return nil
	}
	c.at += n
	return c.data[c.at-n : c.at : c.at]
}

func (c *cursor) int8() int8 {
	if b := c.take(1); b != nil {
		return int8(b[0]) //nolint:gosec // the bits
	}
	return 0
}

func (c *cursor) int16() int16 {
	const size = 2
	if b := c.take(size); b != nil {
		return int16(binary.BigEndian.Uint16(b)) //nolint:gosec // the bits
	}
	return 0
}

func (c *cursor) int32() int32 { return int32(c.uint32()) } //nolint:gosec // the bits

func (c *cursor) uint32() uint32 {
	const size = 4
	if b := c.take(size); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (c *cursor) int64() int64 {
	const size = 8
	if b := c.take(size); b != nil {
		return int64(binary.BigEndian.Uint64(b)) //nolint:gosec // the bits
	}
	return 0
}

// varint reads a number in the zigzag encoding, which encoding/binary has as well.
func (c *cursor) varint() int64 {
	if c.failed {
		return 0
	}
	v, n := binary.Varint(c.data[c.at:])
	if n <= 0 {
		c.failed = true
		return 0
	}
	c.at += n
	return v
}

// bytes reads a text with its length before it; -1 is none.
func (c *cursor) bytes() []byte {
	n := c.varint()
	if n < 0 {
		return nil
	}
	if n > int64(len(c.data)) {
		c.failed = true
		return nil
	}
	return c.take(int(n))
}

// sized reads a text with its length in four bytes before it; -1 is none.
func (c *cursor) sized() []byte {
	n := c.int32()
	if n < 0 {
		return nil
	}
	return c.take(int(n))
}

// count reads how many elements a list has: no more than there are bytes left.
func (c *cursor) count() int {
	n := int(c.int32())
	if n > len(c.data)-c.at {
		c.failed = true
	}
	if c.failed {
		return 0
	}
	return max(0, n)
}

// text reads a text with its length in two bytes before it; -1 is none.
func (c *cursor) text() string {
	if n := c.int16(); n > 0 {
		return string(c.take(int(n)))
	}
	return ""
}
