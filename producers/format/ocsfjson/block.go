package ocsfjson

import "bytes"

// Events are written where they stay: into blocks of memory, one behind the other, so that most of them cost neither an allocation nor a copy
// of their own. A block lives as long as one of its events; those of a batch go together anyway.
const (
	block    = 24 << 10
	smallest = 1 << 10 // event to make room for
)

// reserve makes sure that an event of the usual size has room in the block.
func (e *Event) reserve() {
	if len(e.B) > 0 {
		return
	}
	want := max(smallest, e.usual+e.usual/8)
	if cap(e.B) < want {
		size := block
		if want > block/4 { // it would be mostly waste: a block for itself
			size = want
		}
		e.B = make([]byte, 0, size)
	}
	e.room = cap(e.B)
}

// cut returns what was written, which is not written to any more.
func (e *Event) cut() []byte {
	n := len(e.B)
	e.usual += (n - e.usual) / 4
	if cap(e.B) != e.room { // it has outgrown the block
		data := bytes.Clone(e.B)
		e.B = e.B[:0]
		return data
	}
	data := e.B[:n:n]
	e.B = e.B[n:]
	e.room = cap(e.B)
	return data
}
