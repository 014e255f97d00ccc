package set

import "slices"

// sorted is a set of many single IPv4 addresses, in order: by their upper half an index says where their lower halves stand. That of a million
// takes little more than two megabytes, which a cache holds.
type sorted struct {
	begins  []uint32 // of each upper half, and the end of the last
	lower   []uint16
	windows []window // of lower; nil if all hold always
}

// manyHosts is how many addresses are worth the index.
const manyHosts = 1 << 15

const halfBits = 16

// freezeHosts makes one of a hash table.
func freezeHosts(h *hosts[uint32]) *sorted {
	order := make([]uint64, 0, h.count) // address, slot
	for at, a := range h.slots {
		if a != 0 {
			order = append(order, uint64(a)<<32|uint64(at))
		}
	}
	slices.Sort(order)
	s := &sorted{begins: make([]uint32, 1<<halfBits+1), lower: make([]uint16, len(order))}
	if h.windows != nil {
		s.windows = make([]window, len(order))
	}
	for i, x := range order {
		a, at := uint32(x>>32), uint32(x) //nolint:gosec // the lower half
		s.lower[i] = uint16(a)            //nolint:gosec // the lower half
		s.begins[a>>halfBits+1]++
		if s.windows != nil {
			s.windows[i] = h.windows[at]
		}
	}
	for i := range s.begins[1:] {
		s.begins[i+1] += s.begins[i]
	}
	return s
}

// contains tells whether an address is there and holds at a time.
func (s *sorted) contains(a uint32, now uint32) bool {
	if s == nil {
		return false
	}
	from, to := s.begins[a>>halfBits], s.begins[a>>halfBits+1]
	if from == to {
		return false
	}
	lower := uint16(a) //nolint:gosec // the lower half
	for n := to - from; n > 1; {
		half := n / 2
		if middle := from + half; s.lower[middle] <= lower { // a move and no branch, which would be guessed wrongly half of the time
			from = middle
		}
		n -= half
	}
	return s.lower[from] == lower && (s.windows == nil || s.windows[from].holds(now))
}
