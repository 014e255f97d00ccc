package predicate_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// A tape is where a generator takes its choices from: bytes, and after them random numbers, if there are any, or the first choice.
type tape struct {
	bytes  []byte
	random *rand.Rand
	vars   int
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

// record is an event in which every path that the generator names is present and of the type that it says.
func (t *tape) record() string {
	list := func(f func() string) string {
		n := t.below(6)
		l := make([]string, n)
		for i := range l {
			l[i] = f()
		}
		return "[" + strings.Join(l, ",") + "]"
	}
	whole := func() string { return strconv.Itoa(t.below(61) - 20) }
	fraction := func() string { return fmt.Sprintf("%d.%d", t.below(41)-20, 1+2*t.below(5)) }
	text := func() string {
		return strconv.Quote(t.pick("a", "", "abc", "Ab c", "x,y,z", "10.0.0.1", "a.c", "aXbXc", "h\u00e9llo", "  pad ", "^a", "b"))
	}
	object := func() string {
		return fmt.Sprintf(`{"n":%s,"s":%s,"b":%t,"l":%s}`, whole(), text(), t.below(2) == 1, list(whole))
	}
	return fmt.Sprintf(`{"status_id":%s,"message":%s,"is_mfa":%t,"resources":[{"uid":%s},{"uid":%s}],`+
		`"unmapped":{"i":%s,"j":%s,"f":%s,"g":%s,"s":%s,"t":%s,"p":%t,"q":%t,"li":%s,"lf":%s,"ls":%s,"lo":%s,"o":%s,"z":null}}`,
		whole(), text(), t.below(2) == 1, text(), text(),
		whole(), whole(), fraction(), fraction(), text(), text(), t.below(2) == 1, t.below(2) == 1, list(whole), list(fraction), list(text), list(object), object())
}

// fill replaces the letters between angle brackets by expressions of their types: <i> an integer, <n> a number, <s> a string, <b> a
// boolean, <li> <ls> <lo> lists of integers, strings and objects, <o> an object, <v> anything; <k> is a small
// number from 0. An @ is a variable of its own.
func (t *tape) fill(pattern string, depth int) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(pattern, "<")
		b.WriteString(before)
		kind, after, closed := strings.Cut(rest, ">")
		if !ok {
			return b.String()
		}
		if !closed || !strings.Contains(" i n s b li ls lo o v k ", " "+kind+" ") {
			b.WriteString("<")
			pattern = rest
			continue
		}
		b.WriteString(t.expression(kind, depth))
		pattern = after
	}
}

func (t *tape) expression(kind string, depth int) string {
	leaves, branches := grammar(kind)
	if depth <= 0 || len(branches) == 0 {
		return t.pick(leaves...)
	}
	p := t.pick(branches...)
	if name := "v" + strconv.Itoa(t.vars+1); strings.Contains(p, "@") {
		t.vars++
		p = strings.ReplaceAll(p, "@", name)
	}
	return t.fill(p, depth-1)
}

// grammar lists what an expression of a kind can be. Left out is what the table of differences holds: results that are no numbers or leave
// 64 bits, strings of lists and fractions, and orders that expr leaves to chance.
func grammar(kind string) (leaves, branches []string) {
	switch kind {
	case "top": // expr 1.17.8 leaves something on its stack after these, which is seen from outside only
		return nil, []string{"findLast(<li>, # > 1)", "findLast(<lo>, .b)", "findLastIndex(<li>, # == <k>)", "findLastIndex(<ls>, # != <s>)"}
	case "k":
		return []string{"0", "1", "2", "3"}, nil
	case "i":
		return []string{"unmapped.i", "unmapped.j", "status_id", "1", "-3", "0x1f", "unmapped.o.n", "unmapped[\"i\"]"}, []string{
			"(<i> + <i>)", "(<i> - <i>)", "(<i> * <k>)", "(<i> % 7)", "-<i>", "+<i>", "abs(<i>)", "len(<li>)", "len(<s>)", "len(<o>)", "int(<n>)", "int(string(<i>))",
			"count(<lo>, .b)", "count(<li>, # > <k>)", "sum(<li>)", "sum(<lo>, .n)", "(find(<li>, # > 3) ?? <i>)", "(findIndex(<li>, # < <i>) ?? -1)",
			"(first(<li>) ?? 1)", "(last(unmapped.li) ?? 2)", "(get(<li>, <i>) ?? <i>)", "(<b> ? <i> : <i>)",
			"(if <b> { <i> } else { <i> })", "(let @ = <i>; @ + @)", "bitand(<i>, <i>)", "bitor(<i>, <i>)", "bitxor(<i>, <i>)", "bitnand(<i>, <i>)", "bitnot(<i>)", "bitshl(<i>, <k>)",
			"bitshr(<i>, <k>)", "bitushr(<i>, 3)", "indexOf(<s>, <s>)", "lastIndexOf(<s>, <s>)", "reduce(<li>, #acc + #, <i>)", "reduce(<lo>, #acc + .n * #index, 0)",
			"reduce(concat([<i>], <li>), #acc - #)", "max(<i>, <i>, <i>)", "min(<i>, <i>)", "(<lo> | map(.n) | sum())", "(unmapped.o?.n ?? <i>)", "[<i>, <i>][<i> > 0 ? 0 : 1]",
			"(unmapped.z ?? <i>)", "{\"a\": <i>}.a", "<o>.n", "len(groupBy(<li>, # % 3))", "(unmapped.lo[5:][0]?.n ?? 1)",
		}
	case "n":
		return []string{"unmapped.f", "unmapped.g", "1.5", "2e1", ".5", "unmapped.i"}, []string{
			"(<n> + <n>)", "(<n> - <i>)", "(<n> * <n>)", "(<n> / 4)", "(<i> / 3)", "(<k> ** <k>)", "(2 ^ <k>)", "-<n>", "<i>", "float(<i>)", "float(\"1.25\")", "abs(<n>)", "ceil(<n>)",
			"floor(<n>)", "round(<n>)", "max(<n>, <i>)", "min(<n>, unmapped.f)", "mean(<li>)", "mean(<n>, <n>)", "median(<li>)", "median(<li>, <n>)", "max(<li>, 1.5)", "min(unmapped.lf, [<n>])",
			"sum(unmapped.lf)", "mean(unmapped.lf)", "median(unmapped.lf)", "fromJSON(toJSON(<n>))", "<k> ** 2 ** <k>",
		}
	case "s":
		return []string{"unmapped.s", "unmapped.t", "message", "'abc'", "`a,b`", "\"h\\u00e9\"", "\"\"", "unmapped.o.s"}, []string{
			"(<s> + <s>)", "lower(<s>)", "upper(<s>)", "trim(<s>)", "trim(<s>, \"a \")", "trimPrefix(<s>, <s>)", "trimSuffix(<s>, <s>)", "trimPrefix(<s>)", "trimSuffix(<s>)", "replace(<s>, <s>, \"-\")",
			"replace(<s>, \"X\", <s>, <k>)", "repeat(<s>, <k>)", "join(<ls>, <s>)", "join(<ls>)", "string(<i>)", "string(<s>)", "string(<b>)", "toBase64(<s>)", "fromBase64(toBase64(<s>))", "type(<li>)", "type(<b>)", "type(unmapped.f)", "type(<s>)", "type(unmapped.i)", "type(<o>)",
			"<s>[<k>:]", "<s>[:<k>]", "<s>[-2:]", "<s>[<i>:<i>]", "(first(<ls>) ?? <s>)", "(last(split(<s>, \",\")) ?? \"\")", "(<b> ? <s> : <s>)", "(let @ = <s>; @ + @)", "(<s> | upper() | trim())",
			"fromJSON(toJSON(<s>))", "reduce(<ls>, #acc + #, \"\")", "(find(<lo>, .b)?.s ?? <s>)", "get(<o>, \"s\")", "<o>[\"s\"]", "(max(<k>) | string())", "(unmapped.z?.y?.x ?? <s>)",
		}
	case "b":
		return []string{"unmapped.p", "unmapped.q", "is_mfa", "true", "false"}, []string{
			"(<b> and <b>)", "(<b> && <b>)", "(<b> or <b>)", "(<b> || <b>)", "not <b>", "!<b>", "(<n> < <n>)", "(<i> <= <n>)", "(<n> > <i>)", "(<i> >= <i>)", "(<n> == <i>)", "(<i> != <i>)", "(<s> == <s>)",
			"(<s> < <s>)", "(<s> >= <s>)", "(<b> == <b>)", "(<i> < <i> < <i>)", "(<i> in <li>)", "(<s> in <ls>)", "(<s> not in <ls>)", "(<s> in [\"a\", \"b\", <s>])", "(\"s\" in <o>)", "(<s> in <o>)",
			"(<i> in <k>..5)", "(<s> contains <s>)", "(<s> not contains <s>)", "(<s> startsWith <s>)", "(<s> endsWith <s>)", "(<s> matches \"^[a-c]+$\")", "(<s> matches \"(?i)A.c\")",
			"(<s> not matches unmapped.t)", "hasPrefix(<s>, <s>)", "hasSuffix(<s>, <s>)", "any(<li>, # > <i>)", "all(<lo>, .n < <i>)", "none(<ls>, # == <s>)", "one(<lo>, .b)", "any(<lo>, any(.l, # == <i>))",
			"(<li> == <li>)", "(<ls> != <ls>)", "(unmapped.o == {\"n\": <i>, \"s\": <s>, \"b\": <b>, \"l\": <li>})", "(unmapped.o == get(unmapped.lo, 0))", "(<o> == nil)", "(nil != <s>)", "(get(unmapped.li, <i>) == nil)", "(unmapped.z == nil)", "(<b> ? <b> : <b>)", "(let @ = <b>; not @)",
			"(if <b> { <b> } else if <b> { <b> } else { <b> })", "all(resources, .uid != <s>)", "(get(<o>, \"none\") == nil)", "(duration(\"90s\") < duration(\"1m\"))", "(<b> and (let @ = <i>; @ > 1))",
			"(date(\"2026-03-01\") < date(\"2026-03-01T01:00:00Z\"))", "(date(\"2026-03-01\") + duration(\"1h\") == date(\"2026-03-01 01:00:00\"))",
			"(date(\"02.03.2026\", \"02.01.2006\") - date(\"2026-03-01\") == duration(\"24h\"))", "(date(\"2026-07-01 12:00\", \"2006-01-02 15:04\", \"Europe/Zurich\") == date(\"2026-07-01T10:00:00Z\"))",
			"(duration(\"1h30m\") > duration(\"89m59.9s\"))", "all(map(<li>, # * 2), # % 2 == 0)", "(toJSON(<i>) == string(<i>))", "((<i> | string() | len()) > 1)",
		}
	case "li":
		return []string{"unmapped.li", "[1, 2, 3]", "[]", "(1..4)", "unmapped.o.l", "[4, -1, 4]"}, []string{
			"[<i>, <i>]", "filter(<li>, # > <i>)", "map(<li>, # + <i>)", "map(<lo>, .n)", "map(<ls>, len(#))", "map(<li>, #index)", "sort(<li>)", "sort(<li>, \"desc\")", "reverse(<li>)", "uniq(<li>)",
			"concat(<li>, <li>)", "flatten([<li>, [<i>]])", "flatten(map(<lo>, .l))", "take(<li>, <k>)", "<li>[<k>:]", "<li>[:<i>]", "<li>[<i>:<i>]", "(<k>..<i>)", "(<b> ? <li> : <li>)",
			"(let @ = <li>; concat(@, @))", "sortBy(<li>, -#)", "sortBy(take(<li>, 9), # % 5, \"desc\")", "map(1..3, let @ = #; @ * @)", "(<li> | filter(# > 0) | map(# + 1))", "fromJSON(toJSON(unmapped.li))",
			"(groupBy(<li>, # % 2)[1] ?? [])", "((groupBy(<lo>, .s)[\"a\"] ?? []) | map(.n))", "sort(values(groupBy(<li>, #)) | map(len(#)))", "reduce(<li>, concat(#acc, [# + #index]), [])",
			"map(<li>, reduce(1..3, #acc + #, 0))", "sort(values({\"x\": <i>, \"y\": <i>}))", "map(filter(<lo>, .b), .n)", "map(map(<lo>, .l), len(#))", "map(<li>, findIndex([1, 2], # == 2))",
		}
	case "ls":
		return []string{"unmapped.ls", "['a', 'b']", "[]", "map(resources, .uid)"}, []string{
			"[<s>, <s>]", "split(<s>, \",\")", "split(<s>, <s>)", "split(<s>, \"X\", <k>)", "splitAfter(<s>, \",\")", "splitAfter(<s>, \"X\", 2)", "filter(<ls>, # != <s>)", "map(<ls>, upper(#))",
			"map(<lo>, .s)", "map(<li>, string(#))", "sort(<ls>)", "sort(<ls>, \"desc\")", "uniq(<ls>)", "reverse(<ls>)", "concat(<ls>, <ls>)", "sort(keys(<o>))", "take(<ls>, <k>)", "<ls>[<k>:]",
			"sortBy(take(<ls>, 9), len(#))", "sortBy(<ls>, #, \"desc\")", "sort(keys(groupBy(<lo>, .s)))", "map(sort(keys(<o>)), # + <s>)", "map(sortBy(toPairs(<o>), #[0]), #[0])",
			"fromJSON(toJSON(unmapped.ls))", "(<b> ? <ls> : <ls>)", "flatten([<ls>, <s>])",
		}
	case "lo":
		return []string{"unmapped.lo", "[{\"n\": 1, \"s\": \"a\", \"b\": true, \"l\": [1]}]", "[unmapped.o]"}, []string{
			"filter(<lo>, .n > <i>)", "filter(<lo>, .b)", "map(<lo>, #)", "sortBy(<lo>, .n)", "sortBy(<lo>, .s, \"desc\")", "reverse(<lo>)", "uniq(<lo>)", "take(<lo>, 2)", "(<b> ? <lo> : <lo>)", "(let @ = <lo>; @)",
		}
	case "o":
		return []string{"unmapped.o", "{\"n\": 3, \"s\": \"b\", \"b\": false, \"l\": []}"}, []string{
			"{\"n\": <i>, \"s\": <s>, \"b\": <b>, \"l\": <li>}", "{n: <i>, (\"s\"): <s>, b: <b>, l: <li>}", "(first(<lo>) ?? <o>)", "fromPairs(toPairs(<o>))", "(<b> ? <o> : <o>)",
			"fromPairs([[\"n\", <i>], [\"s\", <s>], [\"b\", <b>], [\"l\", <li>]])",
		}
	}
	return []string{"unmapped.i", "message", "true", "1.5"}, []string{
		"<i>", "<n>", "<s>", "<b>", "<li>", "<ls>", "<lo>", "<o>", "[<v>, <v>]", "{\"a\": <v>, \"b\": [<v>]}", "groupBy(<lo>, .b)", "groupBy(<ls>, len(#))", "reduce(<li>, ({\"a\": #acc, \"b\": #}), nil)",
		"find(<lo>, .n == <i>)", "findIndex(<li>, # == <i>)", "first(<ls>)", "last(unmapped.lo)", "get(<li>, <i>)", "max(<li>)", "min(<li>)", "sortBy(toPairs(<o>), #[0])",
		"fromJSON(toJSON(unmapped))",
	}
}
