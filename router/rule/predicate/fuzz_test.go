package predicate_test

import (
	"encoding/json"
	"testing"

	"github.com/riposte-security/riposte/router/rule/predicate"
)

// free are expressions over free-form values that touch every operator and function, with operands of every kind.
func free() []string {
	operands := []string{`unmapped.a`, `unmapped.b`, `unmapped.a.b`, `unmapped.a[0]`, `values(unmapped, "a.b")`, `nil`, `1`, `"x"`, `[1, "x", nil]`}
	var out []string
	for _, a := range operands {
		for _, b := range operands[:4] {
			for _, op := range []string{
				"==", "!=", "<", ">=", "+", "-", "*", "/", "%", "**", "in", "contains", "startsWith", "endsWith", "matches", "and", "or", "??", "..",
			} {
				out = append(out, "("+a+") "+op+" ("+b+")")
			}
			out = append(out, a+" ? "+b+" : "+a, "get("+a+", "+b+")", "unmapped["+b+"]", b+"["+a+":]", b+"[:"+a+"]", "cidr("+b+", "+b+")",
				"glob("+b+", "+b+")", `containsAny(`+b+`, ["a", "é"])`, "hour("+b+", "+b+")", "take("+b+", "+b+")", "replace("+b+","+b+","+b+")", "join("+b+","+b+")", "max("+a+", "+b+")")
		}
	}
	one := []string{
		"not %", "-%", "+%", "any(%, # == %)", "all(%, .a)", "none(%, #)", "one(%, #)", "count(%, # > 1)", "count(%)", "filter(%, .b)", "map(%, .a)",
		"sum(%)", "sum(%, .a)", "find(%, #)", "findLast(%, #)", "findIndex(%, #)", "findLastIndex(%, #)", "len(%)", "first(%)", "last(%)", "keys(%)",
		"values(%)", "uniq(%)", "concat(%, %)", "flatten(%)", "reverse(%)", "sort(%)", "lower(%)", "upper(%)", "trim(%)", "split(%, %)", "indexOf(%, %)",
		"lastIndexOf(%, %)", "hasPrefix(%, %)", "trimPrefix(%, %)", "private(%)", "weekday(%)", "abs(%)", "ceil(%)", "floor(%)", "round(%)", "min(%)",
		"mean(%)", "median(%)", "bitand(%, %)", "bitxor(%, %)", "int(%)", "float(%)", "string(%)", "type(%)", "toJSON(%)", "fromJSON(%)", "toBase64(%)",
		"fromBase64(%)", "urlDecode(%)", "let v = %; v.a", "[%, %]", `{"k": %}`, "%.x.y", "%[-1]",
	}
	for _, f := range one {
		for _, a := range operands[:4] {
			s := ""
			for _, r := range f {
				if r == '%' {
					s += a
				} else {
					s += string(r)
				}
			}
			out = append(out, s)
		}
	}
	return out
}

// FuzzEval: no expression over any event panics or fails, and every result can be written as JSON.
func FuzzEval(f *testing.F) {
	l := language(f)
	var programs []*predicate.Program
	var sources []string
	for _, s := range free() {
		p, problems := l.Compile(s, nil, predicate.WantAny)
		if len(problems) > 0 {
			continue // constants of types that do not go together
		}
		programs, sources = append(programs, p), append(sources, s)
	}
	if len(programs) < 500 {
		f.Fatalf("only %d expressions compile", len(programs))
	}
	for _, seed := range []string{
		event, `{}`, `{"unmapped": null}`, `{"unmapped": []}`, `{"unmapped": {"a": {"b": [1, {"c": null}]}, "b": "x"}}`,
		`{"unmapped": {"a": "(", "b": "(["}}`, `{"unmapped": {"a": -9223372036854775808, "b": -1}}`, `{"unmapped": {"a": [[[]]], "b": 18446744073709551615}}`,
		`{"unmapped": {"a": -9223372036854775810, "b": 10}}`, `{"unmapped": {"a": 9223372036854775807, "b": 9223372036854775800}}`,
		`{"unmapped": {"a": 1e308, "b": 1e308}}`, `{"unmapped": {"a": "10.0.0.0/8", "b": "::1%z"}}`, `{"unmapped": {"a": 9223372036854775807, "b": "Local"}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		env, err := predicate.Decode(data)
		if err != nil || len(data) > 4096 {
			return
		}
		for i, p := range programs {
			v, err := p.Eval(env)
			if err != nil {
				t.Fatalf("%s: %v", sources[i], err)
			}
			if _, err := json.Marshal(v); err != nil {
				t.Fatalf("%s: %v", sources[i], err)
			}
		}
	})
}

// FuzzCompile: no source text makes the compiler panic, and what compiles runs.
func FuzzCompile(f *testing.F) {
	l := language(f)
	for _, s := range free()[:40] {
		f.Add(s)
	}
	f.Add(`any(resources, .uid == "x" and let a = #index; a > 1)`)
	f.Add(`unmapped?.a?.b[1:2][0] ?? {"a": [1, 2.5e3, 0x1f, 'x']}`)
	f.Add("`raw` matches \"a|b\" ? nil : -1 ** 2")
	env, err := predicate.Decode([]byte(event))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, source string) {
		p, problems := l.Compile(source, nil, predicate.WantAny)
		if (p == nil) != (len(problems) > 0) {
			t.Fatalf("program %v, problems %v", p, problems)
		}
		if p == nil {
			return
		}
		if _, err := p.Eval(env); err != nil {
			t.Skip(err)
		}
	})
}
