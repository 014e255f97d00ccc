package unpack

// scanner follows the structure of JSON byte by byte: enough to know where a value ends and to notice at once that one cannot be JSON,
// without keeping any of it. Numbers, words and the inside of strings are checked later, over the whole value.
type scanner struct {
	max   int
	kinds []byte // the containers that are open, '{' or '['; at most max
	deep  int    // containers open beyond max: counted, not checked
	state state
	esc   bool

	tooDeep bool
}

type state byte

const (
	wantValue      state = iota // a value must come
	wantFirstValue              // a value or ]
	wantFirstKey                // a key or }
	wantKey                     // a key
	wantColon
	afterValue // , or the end of the container
	inKey
	inString
	inWord // a number, true, false or null
)

func (s *scanner) reset(limit int) {
	*s = scanner{max: limit, kinds: s.kinds[:0]}
}

func (s *scanner) depth() int { return len(s.kinds) + s.deep }

// step takes the next byte. done says that the outermost value ends with it; ok is false if it cannot stand here.
func (s *scanner) step(c byte) (done, ok bool) {
	switch s.state {
	case inString, inKey:
		return false, s.stepString(c)
	case inWord:
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c == '.' || c == '-' || c == '+' || c == 'E' {
			return false, true
		}
		s.state = afterValue
	case wantValue, wantFirstValue, wantFirstKey, wantKey, wantColon, afterValue: // below
	}
	if isSpace(c) {
		return false, true
	}
	if s.deep > 0 {
		return false, s.stepDeep(c)
	}
	switch s.state {
	case wantColon:
		s.state = wantValue
		return false, c == ':'
	case wantKey:
		s.state = inKey
		return false, c == '"'
	case wantFirstKey:
		if c == '}' {
			return s.pop(), true
		}
		s.state = inKey
		return false, c == '"'
	case afterValue:
		return s.stepAfter(c)
	case wantFirstValue:
		if c == ']' {
			return s.pop(), true
		}
	case wantValue, inKey, inString, inWord: // a value; strings and words are above
	}
	return false, s.stepValue(c)
}

func (s *scanner) stepString(c byte) bool {
	switch {
	case s.esc:
		s.esc = false
	case c == '\\':
		s.esc = true
	case c == '\n':
		return false
	case c == '"' && s.state == inKey:
		s.state = wantColon
	case c == '"':
		s.state = afterValue
	}
	return c != '\n'
}

// stepDeep counts brackets in what is nested too deeply.
func (s *scanner) stepDeep(c byte) bool {
	switch c {
	case '{', '[':
		s.deep++
	case '}', ']':
		s.deep--
		s.state = afterValue
	case '"':
		s.state = inString
	}
	return true
}

func (s *scanner) stepAfter(c byte) (done, ok bool) {
	kind := s.kinds[len(s.kinds)-1]
	switch {
	case c == ',' && kind == '{':
		s.state = wantKey
	case c == ',':
		s.state = wantValue
	case c == '}' && kind == '{', c == ']' && kind == '[':
		return s.pop(), true
	default:
		return false, false
	}
	return false, true
}

func (s *scanner) stepValue(c byte) bool {
	switch {
	case (c == '{' || c == '[') && len(s.kinds) >= s.max:
		s.deep++
		s.tooDeep = true
		s.state = afterValue
	case c == '{':
		s.kinds = append(s.kinds, c)
		s.state = wantFirstKey
	case c == '[':
		s.kinds = append(s.kinds, c)
		s.state = wantFirstValue
	case c == '"':
		s.state = inString
	case c == '-' || c >= '0' && c <= '9' || c == 't' || c == 'f' || c == 'n':
		s.state = inWord
	default:
		return false
	}
	return true
}

// pop closes the innermost container and tells whether it was the outermost.
func (s *scanner) pop() bool {
	s.kinds = s.kinds[:len(s.kinds)-1]
	s.state = afterValue
	return len(s.kinds) == 0
}
