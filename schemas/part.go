package schemas

import (
	"github.com/tidwall/gjson"

	"github.com/riposte-security/riposte/schemas/jsontext"
)

// A part is a value in an event that was walked over, so that it is known to be JSON: as it stands there, and where. The zero part is none.
type part struct {
	raw  []byte
	from int // where, above 0
	in   *walked
}

// walked is a text that was walked over.
type walked struct {
	text  []byte
	marks jsontext.Marks
}

// part is what stands in the text between two places.
func (w *walked) part(from, to int) part { return part{raw: w.text[from:to], from: from, in: w} }

// null tells that there is none, or null.
func (p part) null() bool { return len(p.raw) == 0 || p.raw[0] == 'n' }

func (p part) object() bool { return len(p.raw) > 0 && p.raw[0] == '{' }

func (p part) number() bool {
	return len(p.raw) > 0 && (p.raw[0] == '-' || '0' <= p.raw[0] && p.raw[0] <= '9')
}

// text gives a copy of a string.
func (p part) text() (string, bool) {
	if len(p.raw) == 0 || p.raw[0] != '"' {
		return "", false
	}
	return p.in.string(p.from)
}

// kind names the JSON type.
func (p part) kind() string { return kindOf(gjson.ParseBytes(p.raw)) }

// at is the string at the end of a path of members, where "[" stands for the first element of a list; false for one that is empty, and for none. It looks at no
// more than it has to: of an event, little is behind what is looked for.
func (p part) at(path ...string) (string, bool) {
	if len(p.raw) == 0 {
		return "", false
	}
	i := p.from
	for _, name := range path {
		if name == "[" {
			i = p.in.first(i)
		} else {
			i = p.in.member(i, name)
		}
		if i < 0 {
			return "", false
		}
	}
	if p.in.text[i] != '"' {
		return "", false
	}
	s, ok := p.in.string(i)
	return s, ok && s != ""
}

// string is a copy of the string at i.
func (w *walked) string(i int) (string, bool) {
	if end, escaped := w.marks.Text(w.text, i+1); end >= 0 && !escaped {
		return string(w.text[i+1 : end]), true
	}
	s, end := jsontext.String(w.text, i)
	return s, end >= 0
}

// first is where the first element of the list at i begins, or jsontext.Failed.
func (w *walked) first(i int) int {
	if w.text[i] != '[' {
		return jsontext.Failed
	}
	if i = jsontext.Space(w.text, i+1); i >= len(w.text) || w.text[i] == ']' {
		return jsontext.Failed
	}
	return i
}

// member is where the value of the first member with a name begins, of the object at i, or jsontext.Failed.
func (w *walked) member(i int, name string) int {
	if w.text[i] != '{' {
		return jsontext.Failed
	}
	return w.memberFrom(jsontext.Space(w.text, i+1), name)
}

// memberFrom is member among those from i on.
func (w *walked) memberFrom(i int, name string) int {
	for more := true; more && i >= 0 && i < len(w.text) && w.text[i] == '"'; i, more = jsontext.After(w.text, i, '}') {
		end, value, escaped := w.marks.Name(w.text, i+1)
		if value < 0 {
			break
		}
		is := string(w.text[i+1:end]) == name
		if escaped {
			is = unescaped(w.text[i+1:end]) == name
		}
		if is {
			return value
		}
		if i = w.marks.Skip(w.text, value, MaxDepth); i < 0 {
			break
		}
	}
	return jsontext.Failed
}

// only is the member with a name of the object at i; the zero part if there is none. again tells that there is another.
func (w *walked) only(i int, name string) (p part, again bool) {
	value := w.member(i, name)
	if value < 0 {
		return part{}, false
	}
	end := w.marks.Skip(w.text, value, MaxDepth)
	next, more := jsontext.After(w.text, end, '}')
	return w.part(value, end), more && w.memberFrom(next, name) >= 0
}

func unescaped(name []byte) string {
	plain, _ := jsontext.Unescape(nil, name)
	return string(plain)
}

// nameOf is the name of a member of a text.
func nameOf(text []byte, m *jsontext.Member) []byte {
	name := text[m.Name:m.NameEnd]
	if m.Escaped {
		return []byte(unescaped(name))
	}
	return name
}
