package set

import (
	"encoding/binary"
	"hash/maphash"
	"math"
)

// A table is a set of byte strings: an open-addressing hash table over one stretch of memory, in which each key stands with all that is known of
// it, so that a search looks at two places. The seed of its hash is its own: nobody outside can make values that collide.
type table struct {
	seed  maphash.Seed
	slots []uint64 // the upper half of the hash, and where the record of the key begins plus 1; 0 is free
	count int
	// records are one after the other: flags, the length of the key, the window if the flags say so, the key.
	records []byte
}

// Flags of a record.
const (
	flagTimed byte = 1 << iota // a window follows
	flagBelow                  // the key stands only for what is below it
)

const (
	recordHead   = 3 // flags and length
	recordWindow = 8
)

func newTable() *table { return &table{seed: maphash.MakeSeed(), slots: make([]uint64, 16)} }

// mask cuts a hash down to a slot: their number is a power of two.
func (t *table) mask() uint64 { return uint64(len(t.slots)) - 1 }

// A record is what is known of a key, in the table's memory.
type record []byte

func (t *table) record(at uint32) record { return t.records[at:] }

func (r record) timed() bool { return r[0]&flagTimed != 0 }
func (r record) below() bool { return r[0]&flagBelow != 0 }

func (r record) key() []byte {
	from := recordHead
	if r.timed() {
		from += recordWindow
	}
	return r[from : from+int(binary.LittleEndian.Uint16(r[1:]))]
}

func (r record) size() int {
	n := recordHead + int(binary.LittleEndian.Uint16(r[1:]))
	if r.timed() {
		n += recordWindow
	}
	return n
}

func (r record) window() window {
	if !r.timed() {
		return window{}
	}
	return window{from: binary.LittleEndian.Uint32(r[recordHead:]), until: binary.LittleEndian.Uint32(r[recordHead+4:])}
}

func (r record) setWindow(w window) {
	binary.LittleEndian.PutUint32(r[recordHead:], w.from)
	binary.LittleEndian.PutUint32(r[recordHead+4:], w.until)
}

func (r record) holds(now uint32) bool { return !r.timed() || r.window().holds(now) }

// find returns the record of a key; nil if there is none. The key is only read.
func (t *table) find(key []byte) record {
	_, r := t.probe(maphash.Bytes(t.seed, key), key)
	return r
}

// findString is find for a string.
func (t *table) findString(key string) record {
	h := maphash.String(t.seed, key)
	mask := t.mask()
	for at := h & mask; ; at = (at + 1) & mask {
		s := t.slots[at]
		if s == 0 {
			return nil
		}
		if s>>32 == h>>32 {
			if r := t.record(uint32(s) - 1); string(r.key()) == key { //nolint:gosec // the lower half
				return r
			}
		}
	}
}

// probe looks for a key with a hash; at is its slot, or the free one where it would stand.
func (t *table) probe(h uint64, key []byte) (at uint64, r record) {
	mask := t.mask()
	for at = h & mask; ; at = (at + 1) & mask {
		s := t.slots[at]
		if s == 0 {
			return at, nil
		}
		if s>>32 == h>>32 {
			if r := t.record(uint32(s) - 1); string(r.key()) == string(key) { //nolint:gosec // the lower half
				return at, r
			}
		}
	}
}

// add puts a key of at most maxValue bytes into the table. added is false if it was there; full, if there is no more room.
func (t *table) add(key []byte, w window, below bool) (added, full bool) {
	h := maphash.Bytes(t.seed, key)
	at, known := t.probe(h, key)
	if known != nil {
		if !below {
			known[0] &^= flagBelow
		}
		if known.timed() {
			known.setWindow(known.window().union(w))
		}
		return false, false
	}
	begins := len(t.records)
	if begins+recordHead+recordWindow+len(key) >= math.MaxUint32 {
		return false, true
	}
	flags := byte(0)
	if below {
		flags |= flagBelow
	}
	if !w.always() {
		flags |= flagTimed
	}
	t.records = append(t.records, flags)
	t.records = binary.LittleEndian.AppendUint16(t.records, uint16(len(key))) //nolint:gosec // maxValue
	if !w.always() {
		t.records = binary.LittleEndian.AppendUint32(t.records, w.from)
		t.records = binary.LittleEndian.AppendUint32(t.records, w.until)
	}
	t.records = append(t.records, key...)
	t.slots[at] = slot(h, begins)
	if t.count++; t.count*2 > len(t.slots) {
		t.grow()
	}
	return true, false
}

func slot(h uint64, begins int) uint64 { return h>>32<<32 | uint64(begins+1) } //nolint:gosec // add bounds it

// grow doubles the slots: at most half of them are taken, so that a search is short.
func (t *table) grow() {
	t.slots = make([]uint64, 2*len(t.slots))
	mask := t.mask()
	for begins := 0; begins < len(t.records); {
		r := record(t.records[begins:])
		h := maphash.Bytes(t.seed, r.key())
		at := h & mask
		for t.slots[at] != 0 {
			at = (at + 1) & mask
		}
		t.slots[at] = slot(h, begins)
		begins += r.size()
	}
}

// trim gives back what growing has reserved.
func (t *table) trim() { t.records = append(make([]byte, 0, len(t.records)), t.records...) }
