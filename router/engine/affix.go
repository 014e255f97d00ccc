package engine

import "slices"

// affixes finds which of many strings a text begins (or ends) with. There is a look-up for each length that the strings have, so that their
// number does not count.
type affixes struct {
	lengths []int
	byText  map[string][]hit
}

func (a *affixes) add(text string, h []hit) {
	if a.byText == nil {
		a.byText = map[string][]hit{}
	}
	if at, ok := slices.BinarySearch(a.lengths, len(text)); !ok {
		a.lengths = slices.Insert(a.lengths, at, len(text))
	}
	a.byText[text] = h
}

func (a *affixes) find(text []byte, end bool, found func([]hit)) {
	for _, n := range a.lengths {
		if n > len(text) {
			return
		}
		part := text[:n]
		if end {
			part = text[len(text)-n:]
		}
		if h, ok := a.byText[string(part)]; ok {
			found(h)
		}
	}
}
