package engine_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
)

// A tape is where a generator takes its choices from: bytes, and after them random numbers, if there are any, or the first choice.
type tape struct {
	bytes  []byte
	random *rand.Rand
	words  []string // that are used at all; all if there are none
}

func (t *tape) below(n int) int {
	if len(t.bytes) > 0 {
		b := t.bytes[0]
		t.bytes = t.bytes[1:]
		return int(b) % n
	}
	if t.random == nil {
		return 0
	}
	return t.random.IntN(n)
}

func (t *tape) pick(s ...string) string { return s[t.below(len(s))] }

// choose makes rules and events speak of the same few words.
func (t *tape) choose() {
	all := vocabulary()
	for range 5 {
		t.words = append(t.words, all[t.below(len(all))])
	}
}

func (t *tape) word() string {
	if len(t.words) > 0 {
		return t.pick(t.words...)
	}
	return t.pick(vocabulary()...)
}

// vocabulary is what events and rules have in common. The letters K and s have relatives outside ASCII.
func vocabulary() []string {
	return []string{"a", "", "abc", "ABC", "Abc", "xabcx", "é", "É", "k", "\u212a", "s", "\u017f", "task", "TASK", "TA\u017fK", "10.1.2.3", "::ffff:10.1.2.3", "10.1.2.3%z", "fe80::1%eth0",
		"2001:db8::1", "nat", "1", "true", "a.b", "a*c", "a\"b\\c", "1e400", "ß", "İ", "\U0001f600", "null"}
}

func (t *tape) number() string {
	return t.pick("1", "0", "-3", "1.0", "1.5", "100", "1e2", "9223372036854775807", "9223372036854775808", "18446744073709551615", "-0", "-0.0", "1e400", "3.0000000000000000001", "10", "1e-400")
}

// path is one of an event. Those below unmapped may be anything, and be wrong about it.
func (t *tape) path() string {
	return t.pick("unmapped.a", "unmapped.b", "unmapped.a.b", "unmapped.b.a", "unmapped.l", "message", "status_id", "api.operation", "api.service.name", "class_uid", "src_endpoint.ip",
		"cloud.account.uid", "unmapped", "unmapped[\"a\"]", "unmapped.l[0]", "unmapped.l[1].a", "unmapped.a?.b", "unmapped.nested.very.deeply.hidden")
}

func (t *tape) list() string {
	return t.pick("unmapped.l", "unmapped.a", "resources", "unmapped.l[0]", `values(unmapped, "l.a")`, `values(unmapped, "a")`, `values(unmapped.l, "a.b")`, "filter(unmapped.l, # != \"a\")",
		"map(resources, .uid)", "map(unmapped.l, .a)", "unmapped.b")
}

func (t *tape) text() string {
	p := t.path()
	switch t.below(6) {
	case 0:
		return "lower(" + p + ")"
	case 1:
		return "upper(" + p + ")"
	}
	return p
}

func (t *tape) constant() string {
	switch t.below(6) {
	case 0:
		return t.pick("1", "0", "-3", "1.5", "100", "10", "9223372036854775807")
	case 1:
		return t.pick("true", "false", "nil")
	}
	return strconv.Quote(t.word())
}

func (t *tape) constants() string {
	l := make([]string, 1+t.below(4))
	for i := range l {
		l[i] = t.constant()
		if t.below(2) == 0 {
			l[i] = strconv.Quote(t.word())
		}
	}
	return "[" + strings.Join(l, ", ") + "]"
}

func (t *tape) regexp() string {
	if t.below(2) == 0 {
		return t.pick("", "(?i)", "^") + regexp.QuoteMeta(t.word())
	}
	return t.pick(`^a`, `(?i)ABC`, `abc|xyz|é`, `a.c$`, `(?i)ta[sx]k`, `(?i)task`, `(?i:k)`, `[abc]+`, `(abc)+x?`, `\.`, `x{2,3}`, `^$`, `(?s).*`, `(?i)(abc|task)`, `\bnat\b`)
}

// compare is a comparison of x, which is an expression of any type.
func (t *tape) compare(x string) string {
	switch t.below(13) {
	case 0, 1, 2:
		return x + " == " + t.constant()
	case 3:
		return x + " != " + t.constant()
	case 4:
		return x + " in " + t.constants()
	case 5:
		return x + " not in " + t.constants()
	case 6:
		return x + " contains " + strconv.Quote(t.word())
	case 7:
		return x + " startsWith " + strconv.Quote(t.word())
	case 8:
		return x + " endsWith " + strconv.Quote(t.word())
	case 9:
		return x + " matches " + strconv.Quote(t.regexp())
	case 10:
		if t.pick("glob", "any") == "any" {
			return fmt.Sprintf("%s(%s, [%q, %q])", t.pick("containsAny", "startsWithAny", "endsWithAny"), x, t.word(), t.word())
		}
		return fmt.Sprintf("glob(%s, %q)", x, t.pick("a*", "*c", "*b*", "a*c", "a?c", "*", "?", "abc", "", "*a*b*", "é*", "x*"))
	case 11:
		return t.constant() + " == " + x
	}
	return fmt.Sprintf("cidr(%s, %q, %q)", x, t.pick("10.0.0.0/8", "0.0.0.0/0", "10.1.2.3/32", "2001:db8::/32"), t.pick("fe80::/10", "::ffff:10.0.0.0/104", "192.0.2.0/24"))
}

// any is an expression that may stand under unmapped only, so that no type is wrong.
func (t *tape) free() string {
	return t.pick("unmapped.a", "unmapped.b", "unmapped.a.b", "unmapped.l", "unmapped.b.a", "lower(unmapped.a)", "lower(unmapped.b.a)", "upper(unmapped.a)", "unmapped.l[0]", "unmapped.l[0].a", "unmapped.nested.deep")
}

func (t *tape) predicate(depth int) string {
	if depth > 0 {
		switch t.below(8) {
		case 0, 1:
			return "(" + t.predicate(depth-1) + " and " + t.predicate(depth-1) + ")"
		case 2, 3:
			return "(" + t.predicate(depth-1) + " or " + t.predicate(depth-1) + ")"
		case 4:
			return "not (" + t.predicate(depth-1) + ")"
		case 5:
			return "(" + t.predicate(depth-1) + " ? " + t.predicate(depth-1) + " : " + t.predicate(depth-1) + ")"
		case 6:
			return t.pick("any", "none", "all", "one") + "(" + t.list() + ", " + t.element(depth-1) + ")"
		}
	}
	switch t.below(12) {
	case 0:
		return t.pick("unmapped.a", "unmapped.b.a", "unmapped.l", "true", "false", "1 == 1")
	case 1:
		return t.free() + " " + t.pick("<", "<=", ">", ">=") + " " + t.pick("1", "1.5", "-3", "100", "9223372036854775807")
	case 2:
		return t.pick("1", "10", "1.5") + " " + t.pick("<", "<=", ">", ">=") + " " + t.free()
	case 3:
		return t.constant() + " in " + t.list()
	case 4:
		return t.free() + " " + t.pick("==", "!=", "<", "contains", "in") + " " + t.free()
	case 5:
		return "(let v = " + t.free() + "; " + t.compare("v") + " or v == 1)"
	case 6:
		return t.pick("message", "api.operation", "lower(api.operation)", "src_endpoint.ip", "upper(message)") + t.pick(" == ", " != ", " contains ", " startsWith ") + strconv.Quote(t.word())
	case 7:
		return t.pick("status_id", "class_uid") + t.pick(" == ", " != ", " > ", " <= ") + t.pick("1", "2", "6003", "0")
	case 8:
		return t.pick(`(unmapped.a ?? "abc") == "abc"`, "private(unmapped.b)", "len(unmapped.l) > 1", "hasPrefix(unmapped.a, \"ab\")", "hasSuffix(unmapped.a, \"c\")", "unmapped.a + 1 == 2", "status_id in [1, 2, 1.5]")
	}
	if t.below(3) == 0 {
		return t.compare(t.text())
	}
	return t.compare(t.free())
}

// element is a predicate over an element of a list.
func (t *tape) element(depth int) string {
	x := t.pick("#", "#.a", "#.uid", "#.a.b", "lower(#)", "lower(#.a)", "#.b")
	if depth > 0 {
		switch t.below(6) {
		case 0:
			return "(" + t.element(depth-1) + " and " + t.element(depth-1) + ")"
		case 1:
			return "(" + t.element(depth-1) + " or " + t.element(depth-1) + ")"
		case 2:
			return "not (" + t.element(depth-1) + ")"
		case 3:
			return t.pick("any", "none") + "(#.a, " + t.element(depth-1) + ")"
		case 4:
			return "(let w = " + x + "; any(#.b, w == # or " + t.compare("w") + "))"
		case 5:
			return "(" + t.predicate(0) + " and " + t.element(0) + ")"
		}
	}
	return t.compare(x)
}

// value is any JSON value; its strings are written in several ways.
func (t *tape) value(depth int) string {
	switch n := t.below(12); {
	case n < 4:
		return t.quoted()
	case n < 5:
		return t.number()
	case n == 5:
		return t.pick("true", "false", "null")
	case n <= 8 && depth > 0:
		l := make([]string, t.below(5))
		for i := range l {
			l[i] = t.value(depth - 1)
		}
		return "[" + strings.Join(l, t.pick(",", " , ")) + "]"
	case n <= 10 && depth > 0:
		return t.object(depth-1, "a", "b", "uid")
	}
	return t.quoted()
}

func (t *tape) quoted() string {
	w := t.word()
	switch t.below(8) {
	case 0: // with escapes
		var b strings.Builder
		for _, r := range w {
			if r < 0x10000 {
				fmt.Fprintf(&b, `\u%04x`, r)
			} else {
				b.WriteRune(r)
			}
		}
		return `"` + b.String() + `"`
	case 1:
		return t.pick(`"\ud800"`, `"abc\ud83d"`, `"\ud83d\ude00"`, "\"ab\xff\"", `"a\/b"`, `"\n"`)
	}
	return string(appendQuoted(w))
}

func appendQuoted(w string) []byte {
	out := []byte{'"'}
	for i := range len(w) {
		if w[i] == '"' || w[i] == '\\' {
			out = append(out, '\\')
		}
		out = append(out, w[i])
	}
	return append(out, '"')
}

// object is an object with some of the names, one of them twice now and then.
func (t *tape) object(depth int, names ...string) string {
	var members []string
	for _, n := range names {
		if t.below(4) > 0 {
			key := strconv.Quote(n)
			if t.below(40) == 0 {
				key = fmt.Sprintf(`"\u%04x%s"`, n[0], n[1:])
			}
			members = append(members, key+":"+t.value(depth))
		}
	}
	if t.below(25) == 0 && len(members) > 0 {
		members = append(members, strconv.Quote(names[t.below(len(names))])+":"+t.value(depth))
	}
	return "{" + strings.Join(members, t.pick(",", ", ", "\n,\t")) + "}"
}

// event is a JSON object. Where ReadEvent reads an event differently from its data, only data is looked at.
func (t *tape) event() string {
	members := []string{`"class_uid":` + t.pick("0", "6003", "3002", "6003.0")}
	members = append(members, `"unmapped":`+t.object(4, "a", "b", "l", t.pick("nested", "other")))
	for _, m := range []struct{ name, value string }{
		{"status_id", t.pick("1", "2", "1.0", `"1"`, "null", "99")}, {"message", t.value(1)}, {"api", `{"operation":` + t.quoted() + `,"service":` + t.value(2) + `}`}, {"src_endpoint", t.object(1, "ip", "a")}, {"resources", t.value(3)},
	} {
		if t.below(5) > 0 {
			members = append(members, strconv.Quote(m.name)+":"+m.value)
		}
	}
	if t.below(2) == 0 {
		members[0], members[len(members)-1] = members[len(members)-1], members[0]
	}
	return "{" + strings.Join(members, ",") + "}"
}
