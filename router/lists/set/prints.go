package set

import (
	"hash/maphash"
	"math/bits"
)

// An imprint is what is kept of a key: 127 bits of two hashes with seeds of the set's own, so that nobody outside can make values that collide.
type imprint [2]uint64

// An inker makes prints.
type inker struct{ where, what maphash.Seed }

func newInker() inker { return inker{maphash.MakeSeed(), maphash.MakeSeed()} }

const (
	belowBit = 1 // of a print's second half, as it is kept: the key stands only for what is below it
	neverBit = 2 // of that half, where it would be zero, which marks what is free
)

// what is the second half of a key's print.
func (i inker) second(h uint64) uint64 {
	if h &^= belowBit; h == 0 {
		return neverBit
	}
	return h
}

func (i inker) imprint(key []byte) imprint {
	return imprint{maphash.Bytes(i.where, key), i.second(maphash.Bytes(i.what, key))}
}

// prints is a set of keys of any length, of which no more than their prints is kept: the first half of one says where the second is. A million
// entries take some twelve megabytes, and a search looks at one place of them, or at none if the filter before them knows better. Memory that is in
// no cache is what a search costs. A value that is not in the set is taken for one of its entries with a probability of some 1e-19: with a million
// searches a second, once in a hundred thousand years.
type prints struct {
	inker

	filter  []uint32 // words of a Bloom filter, each of some four keys
	slots   []uint64 // an open-addressing hash table of second halves
	windows []window // of the slots; nil if all hold always
	labels  uint64   // bit n: there is a key with n dots
}

const (
	perWord = 4 // keys in a word of the filter
	spare   = 3 // of ten slots, how many are free
)

// press makes prints of what a builder has collected. below are keys that stand only for what is below them.
func press(i inker, of, below *hosts[imprint], labels uint64) *prints {
	if of == nil && below == nil {
		return nil
	}
	n := of.size() + below.size()
	p := &prints{inker: i, labels: labels, filter: make([]uint32, n/perWord+1), slots: make([]uint64, n*10/(10-spare)+2)}
	if of.timed() || below.timed() {
		p.windows = make([]window, len(p.slots))
	}
	of.each(func(k imprint, w window) { p.put(k, w) })
	below.each(func(k imprint, w window) {
		if at, ok := p.find(k); ok {
			if p.windows != nil {
				p.windows[at] = p.windows[at].union(w)
			}
			return
		}
		p.put(imprint{k[0], k[1] | belowBit}, w)
	})
	return p
}

func (p *prints) put(k imprint, w window) {
	word, mask := p.place(k[0])
	p.filter[word] |= mask
	at := p.begin(k[0])
	for p.slots[at] != 0 {
		at = p.after(at)
	}
	p.slots[at] = k[1]
	if p.windows != nil {
		p.windows[at] = w
	}
}

// place is the word of the filter for a hash, and its bits in there.
func (p *prints) place(h uint64) (word uint64, mask uint32) {
	word, _ = bits.Mul64(h, uint64(len(p.filter)))
	const five = 31
	return word, 1<<(h&five) | 1<<(h>>5&five) | 1<<(h>>10&five)
}

func (p *prints) begin(h uint64) uint64 {
	at, _ := bits.Mul64(h, uint64(len(p.slots)))
	return at
}

func (p *prints) after(at uint64) uint64 {
	if at++; at == uint64(len(p.slots)) {
		return 0
	}
	return at
}

// may tells whether a key with this first half may be there.
func (p *prints) may(h uint64) bool {
	word, mask := p.place(h)
	return p.filter[word]&mask == mask
}

func (p *prints) find(k imprint) (at uint64, ok bool) {
	for at = p.begin(k[0]); p.slots[at] != 0; at = p.after(at) {
		if p.slots[at]&^belowBit == k[1] {
			return at, true
		}
	}
	return 0, false
}

// text is a key.
type text interface{ ~string | ~[]byte }

// contains tells whether a key is there and holds at a time. whole is false where the key is asked for since it is above the name in question.
func contains[K text](p *prints, key K, now uint32, whole bool) bool {
	h := hash(p.where, key)
	if !p.may(h) {
		return false
	}
	at, ok := p.find(imprint{h, p.second(hash(p.what, key))})
	return ok && (!whole || p.slots[at]&belowBit == 0) && (p.windows == nil || p.windows[at].holds(now))
}

func hash[K text](seed maphash.Seed, key K) uint64 {
	if b, ok := any(key).([]byte); ok {
		return maphash.Bytes(seed, b)
	}
	return maphash.String(seed, string(key))
}

// labelBit is the bit of a name with so many dots.
func labelBit(dots int) uint64 { return 1 << min(dots, 63) }
