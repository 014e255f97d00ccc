package scan

import (
	"errors"

	"github.com/riposte-security/riposte/schemas/jsontext"
)

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
	marks jsontext.Marks // of data; nil: not known
	seen  []uint32       // by key: the object in which it was seen last
	count uint32         // of objects
}

// ErrSyntax says that a document is not one JSON value.
var ErrSyntax = errors.New("the document is not JSON")

// Read checks a document and finds the values at the paths. The document must not be larger than 2 GiB.
func (s *Scan) Read(p *Paths, data []byte) error {
	s.begin(p, data)
	i := s.value(jsontext.Space(data, 0), p.start, MaxDepth)
	s.data = nil
	if i < 0 || jsontext.Space(data, i) != len(data) {
		return ErrSyntax
	}
	return nil
}

// ReadMembers finds the values at the paths in an object that was checked before, of which it is known where its members stand, and the marks. It looks at those alone that
// a path leads through.
func (s *Scan) ReadMembers(p *Paths, data []byte, marks jsontext.Marks, members []jsontext.Member) error {
	s.begin(p, data)
	s.marks = marks
	st := &p.states[p.start]
	s.accept(st, Value{Kind: Object})
	if len(st.keys.slots) == 0 {
		return nil
	}
	s.count++
	for _, m := range members {
		next := s.member(st, s.count, int(m.Name), int(m.NameEnd), m.Escaped)
		if next > 0 && s.value(int(m.Value), next, MaxDepth) < 0 {
			return ErrSyntax
		}
	}
	s.data = nil
	return nil
}

func (s *Scan) begin(p *Paths, data []byte) {
	s.Values, s.Twice = s.Values[:0], false
	s.paths, s.data, s.marks = p, data, nil
	if len(s.seen) < p.keys || s.count > 1<<31 {
		s.seen = make([]uint32, p.keys)
		s.count = 0
	}
}

// member is the state that a member of an object leads to; 0 for none.
func (s *Scan) member(st *state, object uint32, from, to int, escaped bool) int32 {
	if escaped {
		s.Twice = true
		return 0
	}
	k := st.keys.find(s.data, from, to)
	if k == nil {
		return 0
	}
	seen := &s.seen[st.keys.base+k.index]
	s.Twice = s.Twice || *seen == object
	*seen = object
	return k.next
}

// value walks over the value at i, at a place of the paths, and gives its end.
func (s *Scan) value(i int, at int32, depth int) int {
	st := &s.paths.states[at]
	if i >= len(s.data) {
		return jsontext.Failed
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
		switch {
		case c == '[' && st.each != 0:
			return s.array(i+1, st.each, depth-1)
		case c == '{' && len(st.keys.slots) > 0:
			return s.object(i+1, st, depth-1)
		}
		return s.marks.Skip(s.data, i, depth)
	case '"':
		var escaped bool
		if end, escaped = s.marks.Text(s.data, i+1); end < 0 {
			return jsontext.Failed
		}
		kind = String
		if escaped {
			kind = Escaped
		}
		s.accept(st, Value{Kind: kind, Start: int32(i + 1), End: int32(end)}) //nolint:gosec // below 2 GiB
		return end + 1
	case 'n':
		end = jsontext.Word(s.data, i, "null")
	case 't':
		end, kind = jsontext.Word(s.data, i, "true"), True
	case 'f':
		end, kind = jsontext.Word(s.data, i, "false"), False
	default:
		end, kind = jsontext.Number(s.data, i), Number
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

// object walks through an object of which some members lead on; i is behind the bracket.
func (s *Scan) object(i int, st *state, depth int) int {
	data := s.data
	if depth < 0 {
		return jsontext.Failed
	}
	s.count++
	self := s.count
	if i = jsontext.Space(data, i); i < len(data) && data[i] == '}' {
		return i + 1
	}
	for {
		if i >= len(data) || data[i] != '"' {
			return jsontext.Failed
		}
		end, at, escaped := s.marks.Name(data, i+1)
		if at < 0 {
			return jsontext.Failed
		}
		if next := s.member(st, self, i+1, end, escaped); next > 0 {
			i = s.value(at, next, depth)
		} else {
			i = s.marks.Skip(data, at, depth)
		}
		if i < 0 {
			return jsontext.Failed
		}
		var more bool
		if i, more = jsontext.After(data, i, '}'); !more {
			return i
		}
	}
}

func (s *Scan) array(i int, each int32, depth int) int {
	data := s.data
	if depth < 0 {
		return jsontext.Failed
	}
	if i = jsontext.Space(data, i); i < len(data) && data[i] == ']' {
		return i + 1
	}
	for {
		if i = s.value(i, each, depth); i < 0 {
			return jsontext.Failed
		}
		var more bool
		if i, more = jsontext.After(data, i, ']'); !more {
			return i
		}
	}
}
