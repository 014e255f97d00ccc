package scan

import "errors"

// MaxDepth is how deeply values may be nested, as in encoding/json.
const MaxDepth = 10_000

// Kind is the kind of a JSON value.
type Kind uint8

// The kinds of values.
const (
	Null Kind = iota
	False
	True
	Number
	String // without escapes
	Escaped
	Array
	Object
)

// A Value is a value at one of the paths.
type Value struct {
	Path       int32
	Kind       Kind
	Start, End int32 // in the document: of strings without their quotation marks; 0 for objects and arrays
}

// A Scan is what was found in a document. It may be used again for the next one.
type Scan struct {
	// Values are the values at the paths, in the order in which their places stand in the document.
	Values []Value
	// Twice says that a member that a path leads through stands twice in its object, or has escapes in its name: which of them counts, or
	// whether it counts, is not told by Values.
	Twice bool

	paths *Paths
	data  []byte
	seen  []uint32 // by key: the object in which it was seen last
	count uint32   // of objects
}

// ErrSyntax says that a document is not one JSON value.
var ErrSyntax = errors.New("the document is not JSON")

// Read checks a document and finds the values at the paths. The document must not be larger than 2 GiB.
func (s *Scan) Read(p *Paths, data []byte) error {
	s.Values, s.Twice = s.Values[:0], false
	s.paths, s.data = p, data
	if len(s.seen) < p.keys || s.count > 1<<31 {
		s.seen = make([]uint32, p.keys)
		s.count = 0
	}
	i := s.value(space(data, 0), p.start, MaxDepth)
	s.data = nil
	if i < 0 || space(data, i) != len(data) {
		return ErrSyntax
	}
	return nil
}

func space(data []byte, i int) int {
	for i < len(data) && (data[i] == ' ' || data[i] == '\n' || data[i] == '\t' || data[i] == '\r') {
		i++
	}
	return i
}

// value walks over the value at i, at a place of the paths, and gives its end.
func (s *Scan) value(i int, at int32, depth int) int {
	st := &s.paths.states[at]
	if i >= len(s.data) {
		return failed
	}
	var end int
	kind := Null
	switch c := s.data[i]; c {
	case '{', '[':
		kind = Object
		if c == '[' {
			kind = Array
		}
		s.accept(st, Value{Kind: kind})
		if c == '[' {
			return s.array(i+1, st.each, depth-1)
		}
		if len(st.keys.slots) == 0 {
			return skipObject(s.data, i+1, depth-1)
		}
		return s.object(i+1, st, depth-1)
	case '"':
		var escaped bool
		if end, escaped = text(s.data, i+1); end < 0 {
			return failed
		}
		kind = String
		if escaped {
			kind = Escaped
		}
		s.accept(st, Value{Kind: kind, Start: int32(i + 1), End: int32(end)}) //nolint:gosec // below 2 GiB
		return end + 1
	case 'n':
		end = word(s.data, i, "null")
	case 't':
		end, kind = word(s.data, i, "true"), True
	case 'f':
		end, kind = word(s.data, i, "false"), False
	default:
		end, kind = number(s.data, i), Number
	}
	if end >= 0 {
		s.accept(st, Value{Kind: kind, Start: int32(i), End: int32(end)}) //nolint:gosec // below 2 GiB
	}
	return end
}

func (s *Scan) accept(st *state, v Value) {
	for _, p := range st.accept {
		v.Path = p
		s.Values = append(s.Values, v)
	}
	if v.Kind == Array || v.Kind == Null {
		return
	}
	for _, p := range st.elements {
		v.Path = p
		s.Values = append(s.Values, v)
	}
}

func word(data []byte, i int, w string) int {
	if len(data)-i >= len(w) && string(data[i:i+len(w)]) == w {
		return i + len(w)
	}
	return failed
}

// object walks through an object of which some members lead on; i is behind the bracket.
func (s *Scan) object(i int, st *state, depth int) int {
	data := s.data
	if depth < 0 {
		return failed
	}
	s.count++
	self := s.count
	if i = space(data, i); i < len(data) && data[i] == '}' {
		return i + 1
	}
	for {
		if i >= len(data) || data[i] != '"' {
			return failed
		}
		end, escaped := text(data, i+1)
		if end < 0 {
			return failed
		}
		next := int32(0)
		if escaped {
			s.Twice = true
		} else if k := st.keys.find(data, i+1, end); k != nil {
			next = k.next
			seen := &s.seen[st.keys.base+k.index]
			s.Twice = s.Twice || *seen == self
			*seen = self
		}
		if i = colon(data, end+1); i < 0 {
			return failed
		}
		if next > 0 {
			i = s.value(i, next, depth)
		} else {
			i = skip(data, i, depth)
		}
		if i < 0 {
			return failed
		}
		var more bool
		if i, more = after(data, i, '}'); !more {
			return i
		}
	}
}

// colon finds the value behind the name that ends at i.
func colon(data []byte, i int) int {
	if i = space(data, i); i >= len(data) || data[i] != ':' {
		return failed
	}
	return space(data, i+1)
}

func (s *Scan) array(i int, each int32, depth int) int {
	if each == 0 {
		return skipArray(s.data, i, depth)
	}
	data := s.data
	if depth < 0 {
		return failed
	}
	if i = space(data, i); i < len(data) && data[i] == ']' {
		return i + 1
	}
	for {
		if i = s.value(i, each, depth); i < 0 {
			return failed
		}
		var more bool
		if i, more = after(data, i, ']'); !more {
			return i
		}
	}
}
