package schemas

import (
	"github.com/tidwall/gjson"

	"github.com/riposte-security/riposte/schemas/jsontext"
)

// A part is a value in an event that was walked over, so that it is known to be JSON: as it stands there, and where. The zero part is none.
type part struct {
	raw []byte
	at  int
	in  *walked
}

// walked is a text that was walked over.
type walked struct {
	text  []byte
	marks jsontext.Marks
}

// part is what stands in the text between two places.
func (w *walked) part(from, to int) part { return part{raw: w.text[from:to], at: from, in: w} }

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
	s, end := jsontext.String(p.raw, 0)
	return s, end >= 0
}

// kind names the JSON type.
func (p part) kind() string { return kindOf(gjson.ParseBytes(p.raw)) }

// first is the first element of a list.
func (p part) first() part {
	if len(p.raw) == 0 || p.raw[0] != '[' {
		return part{}
	}
	return p.in.value(jsontext.Space(p.in.text, p.at+1))
}

// member is the first member of an object with that name.
func (p part) member(name string) part {
	if !p.object() {
		return part{}
	}
	text := p.in.text
	for i, more := jsontext.Space(text, p.at+1), true; more && i < len(text) && text[i] == '"'; {
		end, escaped := p.in.marks.Text(text, i+1)
		if end < 0 {
			break
		}
		is := string(text[i+1:end]) == name
		if escaped {
			is = unescaped(text[i+1:end]) == name
		}
		v := p.in.value(jsontext.Colon(text, end+1))
		if is || len(v.raw) == 0 {
			return v
		}
		if i, more = jsontext.After(text, v.at+len(v.raw), '}'); i < 0 {
			break
		}
	}
	return part{}
}

// value is what begins at a place in the text.
func (w *walked) value(i int) part {
	if i < 0 {
		return part{}
	}
	end := w.marks.Skip(w.text, i, MaxDepth)
	if end < 0 {
		return part{}
	}
	return w.part(i, end)
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
