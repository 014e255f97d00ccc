package app

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// What follows says what a Sigma detection means on a raw record, as directly as it can be said and without anything of router/sigma: maps,
// strings, one regular expression a value. Converted rules are held against it.

// sigmaHolds tells whether the condition of a rule holds on a record.
func sigmaHolds(t testing.TB, ruleText string, record map[string]any) bool {
	t.Helper()
	var doc struct {
		Detection map[string]any `yaml:"detection"`
	}
	if err := yaml.Unmarshal([]byte(ruleText), &doc); err != nil {
		t.Fatal(err)
	}
	words := strings.Fields(strings.NewReplacer("(", " ( ", ")", " ) ").Replace(doc.Detection["condition"].(string)))
	p := &evaluation{t: t, detection: doc.Detection, record: record, words: words}
	return p.or()
}

type evaluation struct {
	t         testing.TB
	detection map[string]any
	record    map[string]any
	words     []string
}

func (p *evaluation) next() string {
	if len(p.words) == 0 {
		return ""
	}
	w := p.words[0]
	p.words = p.words[1:]
	return w
}

func (p *evaluation) is(w string) bool {
	if len(p.words) > 0 && p.words[0] == w {
		p.words = p.words[1:]
		return true
	}
	return false
}

func (p *evaluation) or() bool {
	v := p.and()
	for p.is("or") {
		w := p.and()
		v = v || w
	}
	return v
}

func (p *evaluation) and() bool {
	v := p.not()
	for p.is("and") {
		w := p.not()
		v = v && w
	}
	return v
}

func (p *evaluation) not() bool {
	if p.is("not") {
		return !p.not()
	}
	switch w := p.next(); w {
	case "(":
		v := p.or()
		p.next()
		return v
	case "1", "all":
		p.next()
		pattern := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(p.next()), `\*`, ".*") + "$")
		some, all := false, true
		for name, d := range p.detection {
			if name == "condition" || !pattern.MatchString(name) && (pattern.String() != "^them$" || strings.HasPrefix(name, "_")) {
				continue
			}
			v := p.detect(d)
			some, all = some || v, all && v
		}
		return w == "1" && some || w == "all" && all
	default:
		return p.detect(p.detection[w])
	}
}

func (p *evaluation) detect(d any) bool {
	switch x := d.(type) {
	case map[string]any:
		for key, v := range x {
			if !p.item(key, v) {
				return false
			}
		}
		return true
	case []any:
		return slices.ContainsFunc(x, p.detect)
	}
	return p.item("|contains", d)
}

func (p *evaluation) item(key string, v any) bool {
	parts := strings.Split(key, "|")
	field, modifiers := parts[0], parts[1:]
	values, ok := v.([]any)
	if !ok {
		values = []any{v}
	}
	has := func(m string) bool { return slices.Contains(modifiers, m) }
	one := func(v any) bool { return p.value(field, modifiers, v) }
	if field == "" {
		one = func(v any) bool { return p.value(field, append(modifiers, "contains"), v) }
	}
	holds := slices.ContainsFunc(values, one)
	if has("all") {
		holds = !slices.ContainsFunc(values, func(v any) bool { return !one(v) })
	}
	return holds != has("neq")
}

// leaves are the texts of a value: those of all that is in it.
func leaves(v any) []string {
	switch x := v.(type) {
	case nil:
		return nil
	case string:
		return []string{x}
	case []any:
		var out []string
		for _, e := range x {
			out = append(out, leaves(e)...)
		}
		return out
	case map[string]any:
		var out []string
		for _, e := range x {
			out = append(out, leaves(e)...)
		}
		return out
	}
	if n, ok := v.(json.Number); ok && strings.ContainsAny(n.String(), ".eE") {
		v, _ = n.Float64() // 1.50 and 1.5 are one number
	}
	b, _ := json.Marshal(v)
	return []string{string(b)}
}

// lookup is everything that a dotted name stands for.
func lookup(v any, name string) (out []any) {
	switch x := v.(type) {
	case []any:
		for _, e := range x {
			out = append(out, lookup(e, name)...)
		}
	case map[string]any:
		for key, e := range x {
			if key == name {
				out = append(out, e)
			} else if rest, ok := strings.CutPrefix(name, key+"."); ok {
				out = append(out, lookup(e, rest)...)
			}
		}
	}
	return out
}

func (p *evaluation) value(field string, modifiers []string, v any) bool {
	found := []any{p.record}
	if field != "" {
		found = lookup(p.record, field)
	}
	var texts []string
	for _, f := range found {
		texts = append(texts, leaves(f)...)
	}
	has := func(m string) bool { return slices.Contains(modifiers, m) }
	want := fmt.Sprint(v)
	switch {
	case v == nil:
		return len(texts) == 0
	case has("exists"):
		return (len(found) > 0) == (want == "true")
	case has("fieldref"):
		return p.reference(texts, modifiers, want)
	case want == "*":
		return len(texts) > 0
	}
	return slices.ContainsFunc(texts, p.test(modifiers, want))
}

func (p *evaluation) reference(texts, modifiers []string, other string) bool {
	var values []string
	for _, f := range lookup(p.record, other) {
		values = append(values, leaves(f)...)
	}
	if len(texts) == 0 || len(values) == 0 {
		return false
	}
	a, b := strings.ToLower(texts[0]), strings.ToLower(values[0])
	switch {
	case slices.Contains(modifiers, "startswith"):
		return strings.HasPrefix(a, b)
	case slices.Contains(modifiers, "endswith"):
		return strings.HasSuffix(a, b)
	case slices.Contains(modifiers, "contains"):
		return strings.Contains(a, b)
	}
	return a == b
}

// test is what is asked of one text.
func (p *evaluation) test(modifiers []string, want string) func(string) bool {
	has := func(m string) bool { return slices.Contains(modifiers, m) }
	switch {
	case has("cidr"):
		network := netip.MustParsePrefix(want)
		return func(s string) bool {
			a, err := netip.ParseAddr(s)
			return err == nil && network.Contains(a.Unmap())
		}
	case has("lt"), has("lte"), has("gt"), has("gte"):
		bound, _ := strconv.ParseFloat(want, 64)
		return func(s string) bool {
			n, err := strconv.ParseFloat(s, 64)
			return err == nil && (has("lt") && n < bound || has("lte") && n <= bound || has("gt") && n > bound || has("gte") && n >= bound)
		}
	case has("re"):
		flags := ""
		for _, f := range []string{"i", "m", "s"} {
			if has(f) {
				flags += f
			}
		}
		if flags != "" {
			want = "(?" + flags + ")" + want
		}
		return regexp.MustCompile(want).MatchString
	}
	var expressions []*regexp.Regexp
	for _, w := range p.variants(modifiers, want) {
		expressions = append(expressions, wildcards(w, modifiers))
	}
	return func(s string) bool {
		return slices.ContainsFunc(expressions, func(re *regexp.Regexp) bool { return re.MatchString(s) })
	}
}

// variants are the values that an encoding makes of one; the result is Sigma's notation again.
func (p *evaluation) variants(modifiers []string, want string) []string {
	escape := strings.NewReplacer("*", `\*`, "?", `\?`)
	out := []string{want}
	for _, m := range modifiers {
		switch m {
		case "wide":
			var b strings.Builder
			for _, c := range out[0] { // the tests use ASCII
				b.WriteRune(c)
				b.WriteByte(0)
			}
			out = []string{b.String()}
		case "base64":
			out = []string{escape.Replace(base64.StdEncoding.EncodeToString([]byte(out[0])))}
		case "windash":
			var all []string
			for _, dash := range []string{"-", "/", "–", "—", "―"} {
				all = append(all, strings.Replace(out[0], "-", dash, 1))
			}
			out = all
		}
	}
	return out
}

// wildcards is a value as a regular expression: written anew for each character.
func wildcards(want string, modifiers []string) *regexp.Regexp {
	has := func(m string) bool { return slices.Contains(modifiers, m) }
	var b strings.Builder
	if b.WriteString("(?s)"); !has("cased") {
		b.WriteString("(?i)")
	}
	if b.WriteString("^"); has("contains") || has("endswith") {
		b.WriteString(".*")
	}
	escaped := false
	for i, c := range want {
		switch {
		case escaped:
			escaped = false
			b.WriteString(regexp.QuoteMeta(string(c)))
		case c == '\\' && i+1 < len(want) && strings.ContainsRune(`\*?`, rune(want[i+1])):
			escaped = true
		case c == '*':
			b.WriteString(".*")
		case c == '?':
			b.WriteString(".")
		default:
			b.WriteString(regexp.QuoteMeta(string(c)))
		}
	}
	if has("contains") || has("startswith") {
		b.WriteString(".*")
	}
	b.WriteString("$")
	return regexp.MustCompile(b.String())
}
