package scan

import "encoding/binary"

// A table finds the names that lead on from an object. It is small, and most names are not in it, so it looks at the first eight letters and
// the length before anything else.
type table struct {
	slots []slot
	shift uint8
	base  int32 // number of the first name of this table among those of all tables
}

type slot struct {
	head  uint64 // the first eight bytes, with zeros behind a shorter name
	name  string
	next  int32 // the state that the name leads to; 0: the slot is free
	index int32 // of the name, in its table
}

const (
	wordBytes = 8
	scramble  = 0x9E3779B97F4A7C15
)

func newTable(names []string, next []int32, base int) table {
	if len(names) == 0 {
		return table{}
	}
	t := table{shift: 64 - 2, base: int32(base)} //nolint:gosec // far below
	for 1<<(64-t.shift) < 2*len(names) {
		t.shift--
	}
	t.slots = make([]slot, 1<<(64-t.shift))
	for i, n := range names {
		var head [wordBytes]byte
		copy(head[:], n)
		w := binary.LittleEndian.Uint64(head[:])
		at := t.slot(w, len(n))
		for t.slots[at].next != 0 {
			at = (at + 1) & (len(t.slots) - 1)
		}
		t.slots[at] = slot{w, n, next[i], int32(i)}
	}
	return t
}

func (t *table) slot(head uint64, length int) int {
	return int((head + uint64(length)) * scramble >> t.shift) //nolint:gosec // a few bits
}

// find gives the slot of the name data[from:to], or nil.
func (t *table) find(data []byte, from, to int) *slot {
	var w uint64
	if from+wordBytes <= len(data) {
		w = binary.LittleEndian.Uint64(data[from:])
		if n := to - from; n < wordBytes {
			w &= 1<<(8*n) - 1
		}
	} else {
		var head [wordBytes]byte
		copy(head[:], data[from:to])
		w = binary.LittleEndian.Uint64(head[:])
	}
	at := t.slot(w, to-from)
	for {
		s := &t.slots[at]
		if s.next == 0 {
			return nil
		}
		if s.head == w && len(s.name) == to-from && (to-from <= wordBytes || s.name == string(data[from:to])) {
			return s
		}
		at = (at + 1) & (len(t.slots) - 1)
	}
}
