package archive

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// A comparison holds the lines of a data file against the index, which tells one from another, and against the manifest, which tells whether all
// is well.
type comparison struct {
	w     *verifier
	m     *sealedManifest
	index []byte // nil: there is none to be believed

	n    int64
	tree tree
	// What follows is for a segment that was changed, from the first difference on.
	places map[int64]int64 // offset → place in the index
	seen   map[int64]bool  // offsets that came
	latest int64           // the highest place that came
	named  int             // problems that were named
}

func (c *comparison) entry(i int64) (offset int64, leaf []byte) {
	e := c.index[i*entrySize : (i+1)*entrySize]
	return int64(binary.BigEndian.Uint64(e)), e[8:] //nolint:gosec // as it was written
}

func (c *comparison) found(offset int64, what string) {
	c.named++
	c.w.found(Problem{Segment: c.m.place().String(), Offset: offset, What: what})
}

func (c *comparison) line(n int64, text []byte) {
	leaf := leafHash(text)
	c.tree.add(leaf)
	c.n = n + 1
	if c.index == nil {
		return
	}
	offset, err := offsetOf(text)
	if c.places == nil && n < c.m.Count {
		expected, hash := c.entry(n)
		if err == nil && offset == expected && bytes.Equal(hash, leaf[:len(hash)]) {
			return
		}
	}
	c.differs(n)
	if err != nil {
		if n < c.m.Count {
			offset, _ = c.entry(n)
			c.seen[offset] = true
			c.found(offset, "the record was changed: it is none any more")
			return
		}
		c.found(-1, fmt.Sprintf("line %d was added", n+1))
		return
	}
	at, known := c.places[offset]
	if !known || c.seen[offset] {
		c.found(offset, "the record was added")
		return
	}
	c.seen[offset] = true
	if _, hash := c.entry(at); !bytes.Equal(hash, leaf[:len(hash)]) {
		c.found(offset, "the record was changed")
	} else if at < c.latest {
		c.found(offset, "the record was moved")
	}
	c.latest = max(c.latest, at)
}

// differs begins to look at each record by itself: the n before were as they should be.
func (c *comparison) differs(n int64) {
	if c.places != nil {
		return
	}
	c.places, c.seen = make(map[int64]int64, c.m.Count), map[int64]bool{}
	for i := range c.m.Count {
		offset, _ := c.entry(i)
		c.places[offset] = i
		if i < n {
			c.seen[offset] = true
		}
	}
	c.latest = n - 1
}

// end says what is missing, and whether all that was written is there.
func (c *comparison) end(d reading) {
	if c.index != nil && (c.places != nil || c.n < c.m.Count) {
		c.differs(c.n)
		for i := range c.m.Count {
			offset, _ := c.entry(i)
			switch {
			case c.seen[offset]:
			case d.broken != nil:
				c.found(offset, fmt.Sprintf("the data file cannot be read from here on: %v", d.broken))
				return
			default:
				c.found(offset, "the record is missing")
			}
		}
	}
	if d.broken != nil {
		c.w.foundIn(c.m.place(), "the data file cannot be read: %v", d.broken)
		return
	}
	if c.named == 0 && (c.n != c.m.Count || c.tree.root() != c.m.Root) {
		c.w.foundIn(c.m.place(), "records were changed, and no index tells which")
	}
}
