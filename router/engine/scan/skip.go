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
		if i = space(data, i); i >= len(data) {
			return failed
		}
		switch data[i] {
		case ',':
			i = space(data, i+1)
		case '}':
			return i + 1
		default:
			return failed
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
		if i = space(data, i); i >= len(data) {
			return failed
		}
		switch data[i] {
		case ',':
			i = space(data, i+1)
		case ']':
			return i + 1
		default:
			return failed
		}
	}
}
