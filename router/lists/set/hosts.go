package set

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"net/netip"
)

// hosts is a set of single addresses: an open-addressing hash table whose slots are the addresses themselves, so that a search looks at one
// place. Lists of a million addresses are mostly these; a prefix table would go down four levels for each. The zero address marks free
// slots and is never put in here. A builder keeps imprints of other keys in one, too.
type hosts[A comparable] struct {
	slots   []A
	windows []window // of the slots; nil if all hold always
	count   int
	hash    func(A) uint64
}

// newHosts4 and newHosts6 have hashes with random numbers in them: nobody outside can make addresses that collide.
func newHosts4() *hosts[uint32] {
	odd, seed := random()|1, random()
	return &hosts[uint32]{slots: make([]uint32, 16), hash: func(a uint32) uint64 { return mix(uint64(a)^seed, odd) }}
}

func newHosts6() *hosts[imprint] {
	one, two, seed := random()|1, random()|1, random()
	return &hosts[imprint]{slots: make([]imprint, 16), hash: func(a imprint) uint64 { return mix(mix(a[0]^seed, one)^a[1], two) }}
}

func random() uint64 { return maphash.Bytes(maphash.MakeSeed(), nil) }

// mix folds the product of two numbers.
func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

func host4(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

func host6(a netip.Addr) imprint {
	b := a.As16()
	return imprint{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

// probe finds the slot of an address, or the free one where it would stand.
func (h *hosts[A]) probe(a A) (at uint64, found bool) {
	var free A
	mask := uint64(len(h.slots)) - 1
	for at = h.hash(a) & mask; h.slots[at] != free; at = (at + 1) & mask {
		if h.slots[at] == a {
			return at, true
		}
	}
	return at, false
}

// contains tells whether an address is there and holds at a time.
func (h *hosts[A]) contains(a A, now uint32) bool {
	if h == nil {
		return false
	}
	at, found := h.probe(a)
	return found && (h.windows == nil || h.windows[at].holds(now))
}

// add puts an address in, which is not the zero one. It is false if it was there.
func (h *hosts[A]) add(a A, w window) bool {
	if h.windows == nil && !w.always() {
		h.windows = make([]window, len(h.slots))
	}
	at, found := h.probe(a)
	if found {
		if h.windows != nil {
			h.windows[at] = h.windows[at].union(w)
		}
		return false
	}
	h.slots[at] = a
	if h.windows != nil {
		h.windows[at] = w
	}
	if h.count++; h.count*2 > len(h.slots) {
		h.grow()
	}
	return true
}

func (h *hosts[A]) grow() {
	var free A
	slots, windows := h.slots, h.windows
	h.slots = make([]A, 2*len(slots))
	if windows != nil {
		h.windows = make([]window, len(h.slots))
	}
	for i, a := range slots {
		if a == free {
			continue
		}
		at, _ := h.probe(a)
		h.slots[at] = a
		if windows != nil {
			h.windows[at] = windows[i]
		}
	}
}

func (h *hosts[A]) size() int {
	if h == nil {
		return 0
	}
	return h.count
}

// timed tells whether some hold for a time only.
func (h *hosts[A]) timed() bool { return h != nil && h.windows != nil }

// each calls f for every one.
func (h *hosts[A]) each(f func(A, window)) {
	if h == nil {
		return
	}
	var free A
	for at, a := range h.slots {
		switch {
		case a == free:
		case h.windows != nil:
			f(a, h.windows[at])
		default:
			f(a, window{})
		}
	}
}
