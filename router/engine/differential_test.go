package engine_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/router/engine"
	"github.com/riposte-security/riposte/router/rule"
	"github.com/riposte-security/riposte/router/rule/predicate"
	"github.com/riposte-security/riposte/schemas"
)

// plainly evaluates every rule, one after the other, on the decoded event.
func plainly(rules []*rule.Rule, ev schemas.Event, outcomes bool) ([]int, error) {
	decoded, err := predicate.Decode(ev.Data)
	if err != nil {
		return nil, err
	}
	class := ev.Class
	if class == engine.ClassInData {
		c, _ := decoded["class_uid"].(int64)
		if f, ok := decoded["class_uid"].(float64); ok {
			c = int64(f)
		}
		class = int(c)
	}
	var out []int
	for i, r := range rules {
		if r.Outcomes != outcomes || len(r.ClassUIDs()) > 0 && !slices.Contains(r.ClassUIDs(), class) {
			continue
		}
		if holds, err := r.Match(decoded); err == nil && holds {
			out = append(out, i)
		}
	}
	return out, nil
}

// generated makes a set of so many rules; a predicate that the type check refuses is made again.
func generated(t testing.TB, tp *tape, n, depth int) []*rule.Rule {
	t.Helper()
	l, err := rule.NewLanguage()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for i := 0; i < n; {
		when := tp.predicate(depth)
		head := tp.pick("", "", "class: api_activity\n", "class: [authentication, base_event]\n", "on: outcomes\n")
		if _, problems := l.Compile(when, nil, predicate.WantBool); len(problems) > 0 {
			if tp.random == nil && len(tp.bytes) == 0 {
				t.Skip("no choices left")
			}
			continue
		}
		text := one(fmt.Sprintf("r%d", i), head, when)
		if _, err := rule.Parse(rule.Options{Language: l}, "r.yaml", []byte(text)); err != nil {
			continue // a field of another class
		}
		b.WriteString(text)
		i++
	}
	rules, err := rule.Parse(rule.Options{Language: l}, "r.yaml", []byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

// same holds the engine to plain evaluation on one document, and tells how many rules hold.
func same(t testing.TB, e *engine.Engine, doc string) int {
	t.Helper()
	n := 0
	for _, class := range []int{engine.ClassInData, schemas.ClassAPIActivity} {
		for _, outcomes := range []bool{false, true} {
			ev := schemas.Event{Data: []byte(doc), Class: class}
			want, wrong := plainly(e.Rules(), ev, outcomes)
			got, err := e.Match(ev, outcomes, nil)
			if (err == nil) != (wrong == nil) {
				t.Fatalf("%q: %v, plain evaluation: %v", doc, err, wrong)
			}
			if !slices.Equal(got, want) {
				for _, i := range append(slices.Clone(got), want...) {
					if slices.Contains(got, i) != slices.Contains(want, i) {
						t.Errorf("%s (%v)\n  holds: %v, by plain evaluation: %v\n  on %s", e.Rules()[i].When, e.Rules()[i].Classes, slices.Contains(got, i), slices.Contains(want, i), doc)
						return n
					}
				}
			}
			n += len(got)
		}
	}
	return n
}

// TestSameAsPlain holds the engine to the evaluation of every rule, on generated rules and events.
func TestSameAsPlain(t *testing.T) {
	t.Parallel()
	const size, events = 100, 120
	sets, matches := 24, 0
	if testing.Short() {
		sets = 4 // one of each kind
	}
	for n := range uint64(sets) {
		tp := &tape{random: rand.New(rand.NewPCG(n, 5))}
		tp.choose()
		e := engine.New(generated(t, tp, size, int(n)%4), zerolog.Nop())
		for range events {
			matches += same(t, e, tp.event())
		}
		if t.Failed() {
			return
		}
	}
	pairs := sets * size * events
	t.Logf("%d pairs of rule and event compared, %d matches", pairs, matches)
	if matches < pairs/20 {
		t.Errorf("only %d matches", matches)
	}
}

// TestSameOnEdges holds the engine to plain evaluation where chance hardly leads.
func TestSameOnEdges(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		when string
		docs []string // those on which the rule holds come first
		hold int
	}{
		{`any(unmapped.l, #.a == "x" and #.b == "y")`, []string{`{"l":[{"a":"x","b":"y"}]}`, `{"l":[{"a":"x","b":"z"},{"a":"z","b":"y"}]}`}, 1},
		{`any(unmapped.l, # startsWith "a" and # endsWith "c")`, []string{`{"l":["x","abc"]}`, `{"l":["ax","xc"]}`}, 1},
		{`none(unmapped.l, #.a == "x" and #.b == "y")`, []string{`{"l":[{"a":"x"},{"b":"y"}]}`, `{}`, `{"l":[{"a":"x","b":"y"}]}`}, 2},
		{`all(unmapped.l, # == "x" or # == "y")`, []string{`{"l":["x","y"]}`, `{"l":[]}`, `{"l":["x","z"]}`}, 2},
		{`unmapped.a matches "(?i)task"`, []string{`{"a":"TASK"}`, `{"a":"TA\u017fK"}`, `{"a":"taſ\u212a"}`, `{"a":"tas"}`}, 3},
		{`lower(unmapped.a) == "k"`, []string{`{"a":"K"}`, `{"a":"\u212a"}`, `{"a":"x"}`}, 2},
		{`lower(unmapped.a) contains "i̇"`, []string{`{"a":"xİx"}`, `{"a":"xIx"}`}, 0},
		{`unmapped.a == 9223372036854775807`, []string{`{"a":9223372036854775807}`, `{"a":9223372036854775808}`, `{"a":9223372036854775806}`, `{"a":9.223372036854775807e18}`}, 1},
		{`unmapped.a in [1, 2.5]`, []string{`{"a":1.0}`, `{"a":10e-1}`, `{"a":2.50}`, `{"a":"1"}`, `{"a":2}`}, 3},
		{`unmapped.a == "1e400"`, []string{`{"a":1e400}`, `{"a":"1e400"}`, `{"a":1e40}`}, 2},
		{`lower(unmapped.a) == "1e400"`, []string{`{"a":1E400}`, `{"a":1e401}`}, 1},
		{`unmapped.a > 1.5 and unmapped.a <= 3`, []string{`{"a":2}`, `{"a":3.0}`, `{"a":1.5}`, `{"a":"2"}`, `{"a":18446744073709551616}`}, 2},
		{`10 > unmapped.a`, []string{`{"a":-18446744073709551616}`, `{"a":9.99}`, `{"a":10}`, `{}`}, 2},
		{`"x" in unmapped.a`, []string{`{"a":["y","x"]}`, `{"a":{"x":null}}`, `{"a":"x"}`, `{"a":[["x"]]}`}, 2},
		{`unmapped.a[0].b == "x"`, []string{`{"a":[{"b":"x"}]}`, `{"a":{"0":{"b":"x"}}}`, `{"a":[{},{"b":"x"}]}`, `{"a":{"1":{"b":"x"}}}`}, 2},
		{`any(values(unmapped, "a.b"), # == "x")`, []string{`{"a":{"b":"x"}}`, `{"a":[[{"b":["y",["x"]]}]]}`, `{"a":[{"b":{"x":1}}]}`}, 2},
		{`cidr(unmapped.a, "10.0.0.0/8")`, []string{`{"a":"10.255.0.1"}`, `{"a":"::ffff:10.1.1.1"}`, `{"a":"11.0.0.1"}`, `{"a":"10.0.0.0/8"}`}, 2},
		{`cidr(unmapped.a, "fe80::/10", "0.0.0.0/0")`, []string{`{"a":"fe80::1%eth0"}`, `{"a":"192.0.2.1"}`, `{"a":"2001:db8::1"}`}, 2},
		{`unmapped.a == "x"`, []string{`{"a":"y","a":"x"}`, `{"\u0061":"x"}`, `{"a":"x","a":"y"}`, `{"a":"x","\u0061":"y"}`}, 2},
		{`unmapped.a.b == "x"`, []string{`{"a":{"b":"y"},"a":{"b":"x"}}`, `{"a":{"b":"x"},"a":{}}`, `{"a":{"b":"x"},"a":null}`}, 1},
		{"unmapped.a == \"a�\"", []string{"{\"a\":\"a\xff\"}", `{"a":"a\ud800"}`, `{"a":"a"}`}, 2},
		{`unmapped.b == nil and unmapped.a != nil`, []string{`{"a":0,"b":null}`, `{"a":[]}`, `{"a":null}`, `{"a":1,"b":false}`}, 2},
		{`not unmapped.a`, []string{`{}`, `{"a":"true"}`, `{"a":false}`, `{"a":true}`}, 3},
		{`unmapped.a ? unmapped.b == 1 : unmapped.b == 2`, []string{`{"a":true,"b":1}`, `{"b":2}`, `{"a":true,"b":2}`}, 2},
		{`glob(unmapped.a, "a*b?c")`, []string{`{"a":"a--bXc"}`, `{"a":"abéc"}`, `{"a":"abc"}`}, 2},
		{`unmapped.a contains ""`, []string{`{"a":""}`, `{"a":"x"}`, `{"a":1}`, `{}`}, 2},
		{`unmapped.a not in ["x"]`, []string{`{}`, `{"a":"y"}`, `{"a":"x"}`}, 2},
	} {
		e := engine.New(rules(t, one("r", "", c.when)), zerolog.Nop())
		for i, doc := range c.docs {
			if n := same(t, e, `{"class_uid":6003,"unmapped":`+doc+`}`); (n > 0) != (i < c.hold) {
				t.Errorf("%s on %s holds: %v", c.when, doc, n > 0)
			}
		}
	}
	e := engine.New(rules(t, one("r", "", "true")), zerolog.Nop())
	for _, doc := range []string{`[]`, `"x"`, `{`, ``, `{} {}`, `{"a":01}`, "{\"a\":\"\n\"}", `null`} {
		same(t, e, doc)
	}
}

// FuzzSameAsPlain lets the fuzzer choose the rules and the event.
func FuzzSameAsPlain(f *testing.F) {
	f.Add([]byte("some choices to begin with"), `{"class_uid": 6003, "unmapped": {"a": "abc", "l": [1, {"a": "x"}]}}`)
	f.Add([]byte{200, 3, 9, 81, 27, 5, 16, 4}, `{"class_uid": 0, "message": "\u0041", "unmapped": {"a": 1, "a": "a"}}`)
	f.Fuzz(func(t *testing.T, choices []byte, doc string) {
		e := engine.New(generated(t, &tape{bytes: choices}, 3, 3), zerolog.Nop())
		same(t, e, doc)
	})
}
