package predicate

import (
	"unicode/utf8"

	"github.com/riposte-security/riposte/schemas/jsontext"
)

// maxDepth is how deeply values may be nested, as in encoding/json.
const maxDepth = 10_000

// decodeText decodes an object as decodeJSON does, which takes four times as long: most of what a rule that matches costs. It gives up, with false, on all that
// is not plain, and leaves it to encoding/json to say what it is or what is wrong with it.
func decodeText(data []byte) (map[string]any, bool) {
	if !utf8.Valid(data) {
		return nil, false
	}
	t := text(data)
	i := jsontext.Space(data, 0)
	if i >= len(data) || data[i] != '{' {
		return nil, false
	}
	m, i := t.object(i+1, maxDepth)
	return m, i >= 0 && jsontext.Space(data, i) == len(data)
}

// text is a document. Its methods are given a place and give what stands there and the place behind it, or jsontext.Failed.
type text []byte

func (t text) value(i, depth int) (any, int) {
	if i >= len(t) {
		return nil, jsontext.Failed
	}
	switch t[i] {
	case '{':
		return boxed(t.object(i+1, depth-1))
	case '[':
		return boxed(t.array(i+1, depth-1))
	case '"':
		return boxed(jsontext.String(t, i))
	case 'n':
		return nil, jsontext.Word(t, i, "null")
	case 't':
		return true, jsontext.Word(t, i, "true")
	case 'f':
		return false, jsontext.Word(t, i, "false")
	}
	end := jsontext.Number(t, i)
	if end < 0 {
		return nil, end
	}
	return number(string(t[i:end])), end
}

// boxed makes a value of what was found, if it was.
func boxed[T any](v T, end int) (any, int) {
	if end < 0 {
		return nil, end
	}
	return v, end
}

// object decodes what follows the bracket of an object. Of two members of one name the later counts, as encoding/json has it.
func (t text) object(i, depth int) (map[string]any, int) {
	if depth < 0 {
		return nil, jsontext.Failed
	}
	m := map[string]any{}
	if i = jsontext.Space(t, i); i < len(t) && t[i] == '}' {
		return m, i + 1
	}
	for {
		if i >= len(t) || t[i] != '"' {
			return nil, jsontext.Failed
		}
		name, end := jsontext.String(t, i)
		if end < 0 {
			return nil, end
		}
		if i = jsontext.Colon(t, end); i < 0 {
			return nil, i
		}
		v, end := t.value(i, depth)
		if end < 0 {
			return nil, end
		}
		m[name] = v
		var more bool
		if i, more = jsontext.After(t, end, '}'); !more {
			return m, i
		}
	}
}

func (t text) array(i, depth int) ([]any, int) {
	if depth < 0 {
		return nil, jsontext.Failed
	}
	list := []any{}
	if i = jsontext.Space(t, i); i < len(t) && t[i] == ']' {
		return list, i + 1
	}
	for {
		v, end := t.value(i, depth)
		if end < 0 {
			return nil, end
		}
		list = append(list, v)
		var more bool
		if i, more = jsontext.After(t, end, ']'); !more {
			return list, i
		}
	}
}
