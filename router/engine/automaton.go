package engine

// An automaton finds which of many strings are in a text, reading the text once (Aho and Corasick, 1975). Letters that no string has are one
// class, so that a row of the table is as wide as the alphabet of the strings.
type automaton struct {
	classes [256]uint8
	width   uint32
	next    []uint32 // by state, which is the place of its row, and class: the next state, times two, plus one if something ends there
	ends    []end    // by state, divided by width
	hits    [][]hit

	byText map[string]int32 // place in hits, plus 1
}

// end is what ends at a state.
type end struct {
	hits  int32  // place in hits, plus 1
	other uint32 // the state of the longest shorter string that ends here as well
}

func (a *automaton) add(text string, h []hit) {
	a.hits = append(a.hits, h)
	a.byText[text] = int32(len(a.hits)) //nolint:gosec // far below
}

// build makes the table of what was added.
func (a *automaton) build() {
	a.width = 1
	for text := range a.byText {
		for i := range len(text) {
			if c := text[i]; a.classes[c] == 0 { // text is UTF-8, in which not all bytes occur: there are less than 256 classes
				a.classes[c] = uint8(a.width) //nolint:gosec // see above
				a.width++
			}
		}
	}
	a.row()
	for text, at := range a.byText {
		s := uint32(0)
		for i := range len(text) {
			c := uint32(a.classes[text[i]])
			if a.next[s+c] == 0 {
				to := a.row()
				a.next[s+c] = to
			}
			s = a.next[s+c]
		}
		a.ends[s/a.width].hits = at
	}
	a.fail()
	for i, s := range a.next {
		e := a.ends[s/a.width]
		a.next[i] = s << 1
		if e.hits > 0 || e.other > 0 {
			a.next[i] |= 1
		}
	}
	a.byText = nil
}

// row adds a state.
func (a *automaton) row() uint32 {
	s := uint32(len(a.next)) //nolint:gosec // bounded by the text of rules
	a.next = append(a.next, make([]uint32, a.width)...)
	a.ends = append(a.ends, end{})
	return s
}

// fail fills the rows: where a state has no way on, the way of the state for the longest end of what was read is taken.
func (a *automaton) fail() {
	fails := make([]uint32, len(a.ends))
	var queue []uint32
	for _, s := range a.next[:a.width] {
		if s != 0 {
			queue = append(queue, s)
		}
	}
	for ; len(queue) > 0; queue = queue[1:] {
		s := queue[0]
		f := fails[s/a.width]
		if e := &a.ends[s/a.width]; a.ends[f/a.width].hits > 0 {
			e.other = f
		} else {
			e.other = a.ends[f/a.width].other
		}
		for c := range a.width {
			to := a.next[s+c]
			if to == 0 {
				a.next[s+c] = a.next[f+c]
				continue
			}
			fails[to/a.width] = a.next[f+c]
			queue = append(queue, to)
		}
	}
}

func (a *automaton) find(text []byte, found func([]hit)) {
	s := uint32(0)
	for _, c := range text {
		to := a.next[s+uint32(a.classes[c])]
		s = to >> 1
		if to&1 == 0 {
			continue
		}
		for at := s; at > 0; {
			e := a.ends[at/a.width]
			if e.hits > 0 {
				found(a.hits[e.hits-1])
			}
			at = e.other
		}
	}
}
