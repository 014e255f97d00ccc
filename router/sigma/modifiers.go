package sigma

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/netip"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/riposte-security/riposte/router/rule/yamltree"
)

// An op is what a match asks of a value.
type op string

const (
	opPattern op = "a pattern"
	opRegexp  op = "re"
	opCIDR    op = "cidr"
	opCompare op = "a comparison"
	opExists  op = "exists"
	opNull    op = "null"
	opField   op = "fieldref"
	opPart    op = "a part of a time"
	opList    op = "a list"
)

// A match is one thing that is asked of a field.
type match struct {
	op      op
	pattern pattern
	text    string // opRegexp: the expression with its flags; opCIDR: the network; opField: the other field; opPart: which part;
	// opList: the name of the list
	order  string // opCompare, opPart: < <= > >=, or == for a part
	number string
	want   bool // opExists
	cased  bool
	front  bool // opField: something may stand before, or behind, the other's value
	back   bool
}

// odd tells whether also something else than a usual text may match: see place.
func (m match) odd() bool {
	switch m.op {
	case opPattern:
		return m.pattern.odd()
	case opRegexp:
		re, err := regexp.Compile(m.text)
		return err == nil && slices.ContainsFunc([]string{"", "0", "1", "12345", "1.5", "true", "false"}, re.MatchString)
	case opCIDR, opPart:
		return false
	case opCompare, opExists, opNull, opField, opList:
	}
	return true
}

// A chain is the modifiers of one item, sorted by what they do.
type chain struct {
	names   []string
	regexp  bool
	flags   string
	cased   bool
	all     bool
	negate  bool
	order   string
	part    string
	special string // cidr exists fieldref
}

// parseChain checks modifiers one by one; the first that is unknown, or does not go with the others, is an error.
func parseChain(modifiers []string) (chain, error) {
	c := chain{}
	orders := map[string]string{"lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
	for _, m := range modifiers {
		m = strings.TrimSpace(m)
		c.names = append(c.names, m)
		switch m {
		case "contains", "startswith", "endswith", "windash", "base64", "base64offset", "wide", "utf16", "utf16le", "utf16be", "expand":
		case "re":
			c.regexp = true
		case "i", "m", "s":
			if !c.regexp {
				return c, fmt.Errorf("modifier %s: only behind re", m)
			}
			c.flags += m
		case "cased":
			c.cased = true
		case "all":
			c.all = true
		case "neq":
			c.negate = true
		case "lt", "lte", "gt", "gte":
			c.order = orders[m]
		case "minute", "hour", "day", "week", "month", "year":
			c.part = m
		case "cidr", "exists", "fieldref":
			if c.special != "" {
				return c, fmt.Errorf("modifiers %s and %s do not go together", c.special, m)
			}
			c.special = m
		default:
			return c, fmt.Errorf("unknown modifier %q", m)
		}
	}
	return c, c.check()
}

// check refuses modifiers that do not go together.
func (c chain) check() error {
	kinds := 0
	for _, is := range []bool{c.regexp, c.order != "" || c.part != "", c.special != ""} {
		if is {
			kinds++
		}
	}
	encoded := slices.ContainsFunc(c.names, func(m string) bool {
		return slices.Contains([]string{"base64", "base64offset", "wide", "utf16", "utf16le", "utf16be", "windash"}, m)
	})
	around := slices.ContainsFunc(c.names, func(m string) bool { return slices.Contains([]string{"contains", "startswith", "endswith"}, m) })
	switch {
	case kinds > 1, kinds == 1 && encoded, around && (c.order != "" || c.part != "" || c.special == "cidr" || c.special == "exists"):
		return fmt.Errorf("modifiers %s do not go together", strings.Join(c.names, ", "))
	case slices.Contains(c.names, "expand") && (c.order != "" || c.part != "" || c.special == "exists"):
		return fmt.Errorf("modifiers %s do not go together", strings.Join(c.names, ", "))
	}
	return nil
}

// apply puts values through the modifiers of an item.
func (r *reader) apply(it *item, values []*yamltree.Node, modifiers []string) {
	c, err := parseChain(modifiers)
	if err != nil {
		r.fail(it.at, "%v", err)
		return
	}
	it.all, it.negate = c.all, c.negate
	const most = 20_000 // values of an item
	for _, v := range values {
		matches, err := r.value(v, c)
		if err != nil {
			r.fail(v, "%v", err)
			continue
		}
		if it.values = append(it.values, matches); len(it.values) > most {
			r.fail(v, "more than %d values", most)
			return
		}
	}
}

// value makes matches of one value: usually one.
func (r *reader) value(n *yamltree.Node, c chain) ([]match, error) {
	if n == nil || yamltree.IsNull(n) {
		if len(c.names) > 0 && !slices.Equal(c.names, []string{"neq"}) {
			return nil, fmt.Errorf("null takes no modifiers")
		}
		return []match{{op: opNull}}, nil
	}
	text, ok := scalar(n)
	if !ok {
		return nil, fmt.Errorf("a text, a number or a boolean is expected")
	}
	switch {
	case c.special == "exists":
		b, err := strconv.ParseBool(strings.ToLower(text))
		if err != nil {
			return nil, fmt.Errorf("exists: true or false is expected")
		}
		return []match{{op: opExists, want: b}}, nil
	case c.special == "fieldref":
		return []match{fieldMatch(text, c)}, nil
	case c.part != "" || c.order != "":
		if _, err := strconv.ParseFloat(text, 64); err != nil {
			return nil, fmt.Errorf("%s: a number is expected, not %q", c.names[len(c.names)-1], text)
		}
		m := match{op: opCompare, order: c.order, number: text}
		if c.part != "" {
			m.op, m.text = opPart, c.part
			if m.order == "" {
				m.order = "=="
			}
		}
		return []match{m}, nil
	}
	texts := []string{text}
	if slices.Contains(c.names, "expand") {
		if name, ok := r.list(text, c); ok {
			return []match{{op: opList, text: name}}, nil
		}
		var err error
		if texts, err = r.expand(text); err != nil {
			return nil, err
		}
	}
	var out []match
	for _, t := range texts {
		m, err := c.textMatches(t)
		if err != nil {
			return nil, err
		}
		out = append(out, m...)
	}
	return out, nil
}

func fieldMatch(text string, c chain) match {
	m := match{op: opField, text: text, cased: c.cased}
	for _, name := range c.names {
		m.front = m.front || name == "endswith" || name == "contains"
		m.back = m.back || name == "startswith" || name == "contains"
	}
	return m
}

// textMatches makes matches of a text.
func (c chain) textMatches(text string) ([]match, error) {
	switch {
	case c.special == "cidr":
		network, err := parseNetwork(text)
		if err != nil {
			return nil, err
		}
		return []match{{op: opCIDR, text: network}}, nil
	case c.regexp:
		expression, err := c.expression(text)
		if err != nil {
			return nil, err
		}
		return []match{{op: opRegexp, text: expression}}, nil
	}
	patterns := []pattern{parsePattern(text)}
	for _, name := range c.names {
		next, err := modify(patterns, name)
		if err != nil {
			return nil, err
		}
		patterns = next
	}
	out := make([]match, len(patterns))
	for i, p := range patterns {
		for _, t := range p {
			if !utf8.ValidString(t.text) {
				return nil, fmt.Errorf("%s: what comes of it is no text; base64 is missing behind", strings.Join(c.names, ", "))
			}
		}
		out[i] = match{op: opPattern, pattern: p, cased: c.cased}
	}
	return out, nil
}

// expression checks a regular expression and puts its flags in front.
func (c chain) expression(text string) (string, error) {
	for _, name := range c.names {
		switch name {
		case "startswith":
			text = "^(?:" + text + ")"
		case "endswith":
			text = "(?:" + text + ")$"
		}
	}
	if c.flags != "" {
		text = "(?" + c.flags + ")" + text
	}
	if _, err := syntax.Parse(text, syntax.Perl); err != nil {
		return "", fmt.Errorf("re: %w; expressions are those of RE2, which has no look-around and no back references", err)
	}
	return text, nil
}

// parseNetwork reads a network; bits below its mask are cleared. An address alone is a network of one.
func parseNetwork(text string) (string, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(a, a.BitLen()).String(), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return "", fmt.Errorf("cidr: %q is no network such as 10.0.0.0/8", text)
	}
	return p.Masked().String(), nil
}

// modify puts patterns through one modifier that changes texts; others leave them as they are.
func modify(patterns []pattern, name string) ([]pattern, error) {
	var out []pattern
	for _, p := range patterns {
		switch name {
		case "contains":
			out = append(out, p.before().after())
		case "startswith":
			out = append(out, p.after())
		case "endswith":
			out = append(out, p.before())
		case "windash":
			all := dashes(p)
			if all == nil {
				return nil, fmt.Errorf("windash: too many dashes, there would be more than %d variants", mostDashes)
			}
			out = append(out, all...)
		case "base64", "base64offset", "wide", "utf16", "utf16le", "utf16be":
			text, ok := p.plain()
			if !ok {
				return nil, fmt.Errorf("%s: a value with wildcards cannot be encoded", name)
			}
			for _, e := range encode(text, name) {
				out = append(out, literal(e))
			}
		default:
			out = append(out, p)
		}
	}
	return out, nil
}

// mostDashes is how many variants windash may make of a value: four dashes.
const mostDashes = 625

// dashes replaces the dashes and slashes that begin an option by every other one.
func dashes(p pattern) []pattern {
	re := regexp.MustCompile(`(?:^|[^\pL\pN_])([-/–—―])[\pL\pN_]`)
	choices := []string{"-", "/", "–", "—", "―"}
	return p.replace(re, choices, mostDashes)
}

func encode(s, name string) []string {
	switch name {
	case "base64":
		return []string{base64.StdEncoding.EncodeToString([]byte(s))}
	case "base64offset":
		return offsets(s)
	}
	var order binary.AppendByteOrder = binary.LittleEndian
	if name == "utf16be" {
		order = binary.BigEndian
	}
	var b []byte
	if name == "utf16" {
		b = []byte{0xff, 0xfe} // the byte order mark
	}
	for _, u := range utf16.Encode([]rune(s)) {
		b = order.AppendUint16(b, u)
	}
	return []string{string(b)}
}

// offsets are the three forms that a text can have within a longer one in Base64, cut to the characters that it alone decides.
func offsets(s string) []string {
	out := make([]string, 0, 3)
	for i := range 3 {
		e := base64.StdEncoding.EncodeToString([]byte(strings.Repeat(" ", i) + s))
		start := [...]int{0, 2, 3}[i]
		end := len(e) - [...]int{0, 3, 2}[(len(s)+i)%3]
		if start < end {
			out = append(out, e[start:end])
		}
	}
	return out
}
