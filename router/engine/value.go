package engine

import (
	"cmp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
	"unsafe"

	"github.com/riposte-security/riposte/router/engine/scan"
	"github.com/riposte-security/riposte/router/rule/predicate"
	"github.com/riposte-security/riposte/schemas/jsontext"
)

// A value is one that an event has at a path, in the forms in which tests ask for it. What costs is made when it is first asked for.
type value struct {
	kind  scan.Kind
	raw   []byte // as it stands in the document; of strings without quotation marks
	next  int32  // the place of the next value of the same path, plus 1
	ready uint8  // forms that are made: a bit each
	forms [predicate.Folded + 1][]byte
	num   num
}

// a num is a number, as the language of predicates reads it.
type num struct {
	kind numKind
	bits uint64 // of an int64, a uint64 above its range, or else of a float64
	f    float64
}

type numKind uint8

const (
	notRead numKind = iota
	isInt
	isUint
	isFloat
	isText // no type holds it: it counts as a string
)

// number reads v's number.
func (v *value) number() num {
	if v.num.kind == notRead {
		v.num = parse(v.raw)
	}
	return v.num
}

func parse(raw []byte) num {
	const short = 18 // digits that fit an int64, whatever they are
	if len(raw) <= short {
		if i, ok := small(raw); ok {
			return intNum(i)
		}
	}
	text := textOf(raw)
	if !strings.ContainsAny(text, ".eE") { // errors cost an allocation
		if i, err := strconv.ParseInt(text, 10, 64); err == nil {
			return intNum(i)
		}
		if u, err := strconv.ParseUint(text, 10, 64); err == nil {
			return num{kind: isUint, bits: u}
		}
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return num{kind: isText}
	}
	return floatNum(f)
}

// textOf is a part of an event as a string, for calls that do not keep it.
func textOf(raw []byte) string {
	return unsafe.String(unsafe.SliceData(raw), len(raw)) //nolint:gosec // an event does not change while it is looked at
}

func small(raw []byte) (int64, bool) {
	i, neg := int64(0), false
	for at, c := range raw {
		if at == 0 && c == '-' {
			neg = true
			continue
		}
		if c < '0' || c > '9' {
			return 0, false
		}
		i = i*10 + int64(c-'0')
	}
	if neg {
		i = -i
	}
	return i, true
}

func intNum(i int64) num { return num{kind: isInt, bits: uint64(i), f: float64(i)} } //nolint:gosec // the bits

// floatNum makes equal numbers the same num: whole ones are integers where they fit.
func floatNum(f float64) num {
	const limit = 1 << 63
	if i := int64(f); f >= -limit && f < limit && float64(i) == f {
		return intNum(i)
	}
	if u := uint64(f); f >= limit && f < 2*limit && float64(u) == f {
		return num{kind: isUint, bits: u}
	}
	return num{kind: isFloat, f: f}
}

// key is the same for equal numbers, and only for them.
func (n num) key() num {
	if n.kind != isFloat {
		n.f = 0
	}
	return n
}

// numOf is a constant of a predicate as a num.
func numOf(v any) num {
	switch x := v.(type) {
	case int64:
		return intNum(x)
	case uint64:
		return num{kind: isUint, bits: x}
	case float64:
		return floatNum(x)
	}
	return num{}
}

func (n num) any() any {
	switch n.kind {
	case isInt:
		return int64(n.bits) //nolint:gosec // the bits
	case isUint:
		return n.bits
	case isFloat:
		return n.f
	case notRead, isText:
	}
	return nil
}

// compare orders two numbers.
func (n num) compare(m num) (int, bool) {
	if n.kind == isInt && m.kind == isInt {
		return cmp.Compare(int64(n.bits), int64(m.bits)), true //nolint:gosec // the bits
	}
	if n.kind == isFloat && m.kind == isFloat {
		return cmp.Compare(n.f, m.f), true
	}
	return predicate.CompareNumbers(n.any(), m.any())
}

// string gives a string in a form; ok is false for everything that is no string. buf is where forms are made.
func (v *value) string(form predicate.Form, buf *[]byte) (text []byte, ok bool) {
	if v.kind == scan.Number && v.number().kind == isText {
		v.kind = scan.String
	}
	if v.kind != scan.String && v.kind != scan.Escaped {
		return nil, false
	}
	if v.ready&(1<<form) == 0 {
		v.ready |= 1 << form
		v.forms[form] = v.formed(form, buf)
	}
	return v.forms[form], true
}

func (v *value) formed(form predicate.Form, buf *[]byte) []byte {
	if form == predicate.Plain {
		if v.kind == scan.String {
			return v.raw
		}
		from := len(*buf)
		*buf, _ = jsontext.Unescape(*buf, v.raw)
		return (*buf)[from:len(*buf):len(*buf)]
	}
	plain, _ := v.string(predicate.Plain, buf)
	if unchanged(plain, form) {
		return plain
	}
	from := len(*buf)
	for i := 0; i < len(plain); {
		r, n := rune(plain[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRune(plain[i:])
		}
		i += n
		*buf = utf8.AppendRune(*buf, mapped(r, form))
	}
	return (*buf)[from:len(*buf):len(*buf)]
}

// unchanged tells whether a text is ASCII without letters of the other case, as most are.
func unchanged(text []byte, form predicate.Form) bool {
	first, last := byte('A'), byte('Z')
	if form == predicate.Upper {
		first, last = 'a', 'z'
	}
	for _, c := range text {
		if c >= utf8.RuneSelf || c >= first && c <= last {
			return false
		}
	}
	return true
}

func mapped(r rune, form predicate.Form) rune {
	switch form {
	case predicate.Lower:
		return unicode.ToLower(r)
	case predicate.Upper:
		return unicode.ToUpper(r)
	case predicate.Folded:
		return predicate.FoldRune(r)
	case predicate.Plain:
	}
	return r
}
