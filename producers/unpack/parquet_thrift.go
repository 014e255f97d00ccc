package unpack

import (
	"encoding/binary"
	"errors"
	"fmt"
)

var errShort = errors.New("it ends too early")

// under is the number that readThrift gives the field inner of the struct in field outer.
func under(outer, inner int) int { return outer<<8 | inner }

// readThrift reads a struct in Thrift's compact protocol: its integers, and those of the structs in it, by the number of their field. size is
// that of the struct in bytes. A list or text that is longer than data is an error.
func readThrift(data []byte) (integers map[int]int64, size int, err error) {
	t := &thrift{data: data, integers: map[int]int64{}}
	if err := t.structure(0, 0); err != nil {
		return nil, 0, err
	}
	return t.integers, t.at, nil
}

type thrift struct {
	data     []byte
	at       int
	integers map[int]int64
}

func (t *thrift) byte() (byte, error) {
	if t.at >= len(t.data) {
		return 0, errShort
	}
	t.at++
	return t.data[t.at-1], nil
}

func (t *thrift) varint() (uint64, error) {
	v, n := binary.Uvarint(t.data[t.at:])
	switch {
	case n == 0:
		return 0, errShort
	case n < 0:
		return 0, errors.New("a number of more than 64 bits")
	}
	t.at += n
	return v, nil
}

func zigzag(v uint64) int64 { return int64(v>>1) ^ -int64(v&1) }

// structure reads fields up to the stop. outer is the field of the outermost struct that it stands in.
func (t *thrift) structure(level, outer int) error {
	if level > maxThrift {
		return errors.New("nested too deeply")
	}
	for field := 0; ; {
		head, err := t.byte()
		if err != nil || head == 0 {
			return err
		}
		if delta := int(head >> 4); delta > 0 {
			field += delta
		} else {
			v, err := t.varint()
			if err != nil {
				return err
			}
			field = int(int16(zigzag(v))) //nolint:gosec // as it is defined
		}
		within, key := outer, -1
		switch level {
		case 0:
			within, key = field, field
		case 1:
			key = under(outer, field)
		}
		if err := t.value(head&15, level, within, key); err != nil {
			return err
		}
	}
}

// The types of Thrift's compact protocol.
const (
	thriftTrue   = 1
	thriftFalse  = 2
	thriftByte   = 3
	thriftI16    = 4
	thriftI64    = 6
	thriftDouble = 7
	thriftBinary = 8
	thriftList   = 9
	thriftSet    = 10
	thriftStruct = 12
)

// value passes over a value, and keeps it under key if it is an integer and key is not negative.
func (t *thrift) value(kind byte, level, outer, key int) error {
	switch {
	case kind == thriftTrue || kind == thriftFalse:
		return nil
	case kind == thriftByte:
		return t.skip(1)
	case kind >= thriftI16 && kind <= thriftI64:
		v, err := t.varint()
		if key >= 0 && err == nil {
			t.integers[key] = zigzag(v)
		}
		return err
	case kind == thriftDouble:
		return t.skip(8)
	case kind == thriftBinary:
		n, err := t.varint()
		if err != nil {
			return err
		}
		return t.skip(n)
	case kind == thriftList || kind == thriftSet:
		return t.list(level, outer)
	case kind == thriftStruct:
		return t.structure(level+1, outer)
	}
	return fmt.Errorf("a value of unknown type %d", kind) // maps too: the format has none
}

func (t *thrift) skip(n uint64) error {
	if n > uint64(len(t.data)-t.at) { //nolint:gosec // not negative
		return errShort
	}
	t.at += int(n) //nolint:gosec // at most len
	return nil
}

func (t *thrift) list(level, outer int) error {
	if level > maxThrift {
		return errors.New("nested too deeply")
	}
	head, err := t.byte()
	if err != nil {
		return err
	}
	n := uint64(head >> 4)
	if n == 15 {
		if n, err = t.varint(); err != nil {
			return err
		}
	}
	if n > uint64(len(t.data)-t.at) { //nolint:gosec // not negative; an element has at least a byte
		return errShort
	}
	kind := head & 15
	if kind == thriftTrue || kind == thriftFalse { // in lists they have a body
		return t.skip(n)
	}
	for range n {
		if err := t.value(kind, level+1, outer, -1); err != nil {
			return err
		}
	}
	return nil
}
