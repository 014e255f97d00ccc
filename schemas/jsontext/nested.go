package jsontext

// levelsAtOnce is how many levels nested keeps account of: a bit each.
const levelsAtOnce = 64

// nested walks over the object or the array whose bracket is at i, of at most depth levels. It is one loop with jumps, and finds the ends of most strings by
// itself, because nearly all of what an event costs is spent here: by calls, it takes half as long again.
func (m Marks) nested(data []byte, i, depth int) int {
	var objects uint64 // which of the open levels are objects: the lowest bit is the innermost
	levels := 0
open:
	if levels >= depth {
		return Failed
	}
	if levels == levelsAtOnce {
		if i = m.nested(data, i, depth-levelsAtOnce); i < 0 {
			return Failed
		}
		goto after
	}
	levels++
	objects <<= 1
	if data[i] == '[' {
		if i = Space(data, i+1); i < len(data) && data[i] == ']' {
			goto closed
		}
		goto value
	}
	objects |= 1
	if i = Space(data, i+1); i < len(data) && data[i] == '}' {
		goto closed
	}
name:
	if i >= len(data) || data[i] != '"' {
		return Failed
	}
	i++
	if n := m.near(i); n < markBits && i+n < len(data) && data[i+n] == '"' {
		i += n + 1
	} else if i = m.quoted(data, i); i < 0 {
		return Failed
	}
	if i+1 < len(data) && data[i] == ':' && data[i+1] > ' ' { // as compact JSON has it
		i++
	} else if i = Colon(data, i); i < 0 {
		return Failed
	}
value:
	if i >= len(data) {
		return Failed
	}
	switch c := data[i]; c {
	case '"':
		i++
		if n := m.near(i); n < markBits && i+n < len(data) && data[i+n] == '"' {
			i += n + 1
			goto after
		}
		i = m.quoted(data, i)
	case '{', '[':
		goto open
	case 'n':
		i = Word(data, i, "null")
	case 't':
		i = Word(data, i, "true")
	case 'f':
		i = Word(data, i, "false")
	default:
		i = Number(data, i)
	}
	if i < 0 {
		return Failed
	}
after:
	if i >= len(data) {
		return Failed
	}
	switch c := data[i]; {
	case c == ',':
		if i++; i < len(data) && data[i] <= ' ' {
			i = Space(data, i)
		}
		if objects&1 == 1 {
			goto name
		}
		goto value
	case c == '}' && objects&1 == 1, c == ']' && objects&1 == 0:
		goto closed
	case c <= ' ':
		at := i
		if i = Space(data, i); i > at {
			goto after
		}
	}
	return Failed
closed:
	i++
	objects >>= 1
	if levels--; levels == 0 {
		return i
	}
	goto after
}
