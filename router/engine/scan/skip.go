package scan

// skip walks over the value at i, which leads nowhere.
func skip(data []byte, i, depth int) int {
	if i >= len(data) {
		return failed
	}
	switch data[i] {
	case '"':
		end, _ := text(data, i+1)
		if end < 0 {
			return failed
		}
		return end + 1
	case '{':
		return skipObject(data, i+1, depth-1)
	case '[':
		return skipArray(data, i+1, depth-1)
	case 'n':
		return word(data, i, "null")
	case 't':
		return word(data, i, "true")
	case 'f':
		return word(data, i, "false")
	}
	return number(data, i)
}

func skipObject(data []byte, i, depth int) int {
	if depth < 0 {
		return failed
	}
	if i = space(data, i); i < len(data) && data[i] == '}' {
		return i + 1
	}
	for {
		if i >= len(data) || data[i] != '"' {
			return failed
		}
		end, _ := text(data, i+1)
		if end < 0 {
			return failed
		}
		if end+2 < len(data) && data[end+1] == ':' && data[end+2] > ' ' { // as compact JSON has it
			i = end + 2
		} else if i = colon(data, end+1); i < 0 {
			return failed
		}
		if i = skip(data, i, depth); i < 0 {
			return failed
		}
		var more bool
		if i, more = after(data, i, '}'); !more {
			return i
		}
	}
}

func skipArray(data []byte, i, depth int) int {
	if depth < 0 {
		return failed
	}
	if i = space(data, i); i < len(data) && data[i] == ']' {
		return i + 1
	}
	for {
		if i = skip(data, i, depth); i < 0 {
			return failed
		}
		var more bool
		if i, more = after(data, i, ']'); !more {
			return i
		}
	}
}

// after walks over what follows a member or an element: to the next one, or to the end of the whole, if that is what follows.
func after(data []byte, i int, end byte) (next int, more bool) {
	if i = space(data, i); i >= len(data) {
		return failed, false
	}
	switch data[i] {
	case ',':
		return space(data, i+1), true
	case end:
		return i + 1, false
	}
	return failed, false
}
