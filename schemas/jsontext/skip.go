package jsontext

// Skip walks over the value at i, which has at most depth levels of objects and arrays.
func Skip(data []byte, i, depth int) int { return Marks(nil).Skip(data, i, depth) }

// Skip is Skip in a text that has these marks.
func (m Marks) Skip(data []byte, i, depth int) int {
	if i >= len(data) {
		return Failed
	}
	switch data[i] {
	case '"':
		return m.quoted(data, i+1)
	case '{', '[':
		return m.nested(data, i, depth)
	case 'n':
		return Word(data, i, "null")
	case 't':
		return Word(data, i, "true")
	case 'f':
		return Word(data, i, "false")
	}
	return Number(data, i)
}

// After walks over what follows a member or an element: to the next one, or to the end of the whole, if that is what follows.
func After(data []byte, i int, end byte) (next int, more bool) {
	if i >= 0 && i+1 < len(data) && data[i] == ',' && data[i+1] > ' ' { // as compact JSON has it
		return i + 1, true
	}
	if i = Space(data, i); i >= len(data) {
		return Failed, false
	}
	switch data[i] {
	case ',':
		return Space(data, i+1), true
	case end:
		return i + 1, false
	}
	return Failed, false
}

// Name walks over the name of a member, which begins behind its quotation mark at i and goes to end, and over the colon: value is where its value begins, or
// Failed.
func (m Marks) Name(data []byte, i int) (end, value int, escaped bool) {
	if n := m.near(i); n < markBits && i+n < len(data) && data[i+n] == '"' {
		end = i + n
	} else if end, escaped = m.Text(data, i); end < 0 {
		return end, Failed, escaped
	}
	if value = end + 2; value < len(data) && data[end+1] == ':' && data[value] > ' ' { // as compact JSON has it
		return end, value, escaped
	}
	return end, Colon(data, end+1), escaped
}

// A Member is where a member of an object stands: its name, as it is written between the quotation marks, and its value.
type Member struct {
	Name, NameEnd, Value, End int32
	Escaped                   bool // there are escapes in its name
}

// Members walks over what follows the bracket of an object, as Skip does, and appends its members to a list. The text must not be larger than 2 GiB.
func (m Marks) Members(data []byte, i, depth int, list []Member) ([]Member, int) {
	if depth < 0 {
		return list, Failed
	}
	if i = Space(data, i); i < len(data) && data[i] == '}' {
		return list, i + 1
	}
	for {
		if i >= len(data) || data[i] != '"' {
			return list, Failed
		}
		end, value, escaped := m.Name(data, i+1)
		if value < 0 {
			return list, Failed
		}
		one := Member{Name: int32(i + 1), NameEnd: int32(end), Value: int32(value), Escaped: escaped} //nolint:gosec // below 2 GiB
		if i = m.Skip(data, value, depth); i < 0 {
			return list, Failed
		}
		one.End = int32(i) //nolint:gosec // below 2 GiB
		list = append(list, one)
		var more bool
		if i, more = After(data, i, '}'); !more {
			return list, i
		}
	}
}
