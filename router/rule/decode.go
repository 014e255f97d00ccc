package rule

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/riposte-security/riposte/router/correlate"
	"github.com/riposte-security/riposte/router/rule/predicate"
	"github.com/riposte-security/riposte/router/rule/yamltree"
	"github.com/riposte-security/riposte/schemas"
)

// longestID and longestTopic are how long the id of a rule and the name of a topic may be.
const (
	longestID    = 128
	longestTopic = 249
)

// plainName tells whether a name is of letters, digits, dots, dashes and underscores, and not longer than longest.
func plainName(name string, longest int) bool {
	odd := func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("._-", r)
	}
	return name != "" && len(name) <= longest && !strings.ContainsFunc(name, odd)
}

// A decoder reads one rule.
type decoder struct {
	*source
	opts    *Options
	current *Rule
	jobs    []*linkJob
	// Of a correlation, what its steps may name, and what their targets may: see scopes. nil: the event of the rule's classes.
	finding, keys *predicate.Scope
	scope         *predicate.Scope // of the expression that is being read
}

// rule reads one document. The rule is returned also if it has problems, so that its id counts; it is nil if the document is no rule at all.
func (d *decoder) rule(n *yamltree.Node) *Rule {
	m, ok := d.mapping(n, "a rule", ruleKeys()...)
	if !ok {
		return nil
	}
	line, _ := yamltree.Place(n)
	r := &Rule{File: d.file, Line: line}
	r.given, _ = d.opts.Sources.(*Given)
	d.current = r
	for _, key := range requiredKeys() {
		if v, ok := m[key]; !ok || v == nil || yamltree.IsNull(v) {
			if key != "when" && key != "then" {
				d.fail(n, "a rule needs %s", key)
			}
			delete(m, key)
		}
	}
	d.head(m)
	if v, ok := m["correlate"]; ok {
		d.correlation(v)
	}
	d.matches(n, m)
	d.selection(m)
	d.scopes()
	if v, ok := m["then"]; ok {
		d.scope = d.finding
		d.steps(v)
		d.scope = nil
	} else {
		d.jobs = append(d.jobs, &linkJob{d: *d, node: n}) // a correlation may name it
	}
	if v, ok := m["tests"]; ok {
		d.tests(v)
	}
	r.Hash = d.hash(n)
	return r
}

// head reads what describes the rule.
func (d *decoder) head(m map[string]*yamltree.Node) {
	r := d.current
	if v, ok := m["id"]; ok {
		if id, ok := d.text(v, "id"); ok {
			if !plainName(id, longestID) || strings.ContainsRune("._-", rune(id[0])) {
				d.fail(v, "id %q: up to 128 letters, digits, dots, dashes and underscores expected", id)
			}
			r.ID = id
		}
	}
	for key, to := range map[string]*string{
		"title": &r.Title, "description": &r.Description, "author": &r.Author, "status": nil, "created": nil, "modified": nil,
	} {
		v, ok := m[key]
		if !ok {
			continue
		}
		if text, ok := d.text(v, key); to != nil {
			*to = text
			if ok && key == "title" && strings.TrimSpace(text) == "" {
				d.fail(v, "a rule needs title")
			}
		}
	}
	for key, to := range map[string]*[]string{"tags": &r.Tags, "references": &r.References, "false_positives": nil} {
		if v, ok := m[key]; ok {
			if list := d.texts(v, key); to != nil {
				*to = list
			}
		}
	}
	if v, ok := m["severity"]; ok {
		r.Severity = d.oneOf(v, "severity", schemas.Severities()...)
	}
}

// matches sees to it that there is a predicate where there must be one: a correlation counts its own matches, or those of other rules.
func (d *decoder) matches(n *yamltree.Node, m map[string]*yamltree.Node) {
	when, ok := m["when"]
	c := d.current.Correlation
	switch counts := c != nil && len(c.Rules) > 0; {
	case !ok && !counts && c == nil:
		d.fail(n, "a rule needs when")
	case !ok && !counts && !c.Temporal(): // those need rules, which has been said
		d.fail(n, "a correlation needs when, or rules whose matches it counts")
	case ok && counts:
		d.fail(when, "this correlation counts the matches of rules; when is theirs")
		delete(m, "when")
	}
	if class, ok := m["class"]; ok && c != nil && len(c.Rules) > 0 {
		d.fail(class, "this correlation counts the matches of rules; class is theirs")
	}
}

// scopes finds what the steps of a correlation may name: the finding, with the values of its group in their places. Targets may name nothing but
// these: the id of a command must not depend on which of the events came first.
func (d *decoder) scopes() {
	c := d.current.Correlation
	if c == nil {
		return
	}
	d.finding = &predicate.Scope{Classes: []string{schemas.ClassName(schemas.ClassDetectionFinding)}, Paths: c.GroupBy}
	keys := c.keys()
	d.keys = &keys
}

// keys are what of a finding is the same whichever of the events came first, and more that is.
func (c *Correlation) keys(more ...string) predicate.Scope {
	if c.Type == correlate.NewValue {
		more = append(more, "unmapped.correlation.value")
	}
	return predicate.Scope{Paths: slices.Concat([]string{"finding_info.uid", "finding_info.title", "metadata.uid", "severity_id"}, more, c.GroupBy)}
}

// selection reads what decides which events the rule fires on, and how often.
func (d *decoder) selection(m map[string]*yamltree.Node) {
	r := d.current
	if v, ok := m["class"]; ok {
		if len(yamltree.Elements(v)) == 0 {
			d.fail(v, "class needs at least one class; a rule without it looks at all of them")
		}
		for _, e := range yamltree.Elements(v) {
			name, ok := d.text(e, "class")
			if !ok {
				continue
			}
			uid, ok := d.opts.Language.Types.Class(name)
			if !ok {
				d.fail(e, "unknown class %q%s", name, predicate.Suggest(name, d.opts.Language.Types.ClassNames()))
				continue
			}
			r.Classes = append(r.Classes, name)
			r.classUIDs = append(r.classUIDs, uid)
		}
	}
	if v, ok := m["on"]; ok {
		r.Outcomes = d.oneOf(v, "on", "events", "outcomes") == "outcomes"
	}
	if v, ok := m["accept"]; ok {
		r.Accept = d.oneOf(v, "accept", "any")
	}
	if v, ok := m["max_rate"]; ok {
		rate, ok := d.value(v).(int64)
		if !ok || rate < 1 || rate > 1_000_000 {
			d.fail(v, "max_rate must be a whole number of firings a second, 1 to 1000000")
		} else {
			r.MaxRate = int(rate)
		}
	}
	if v, ok := m["when"]; ok {
		r.When, r.when = d.expression(v, "when", predicate.WantBool)
		r.whenAt = d.places(v)
	} else { // it counts the matches of other rules, and has none of its own
		r.When = "false"
		r.when, _ = d.opts.Language.Compile(r.When, nil, predicate.WantBool)
	}
}

// expression reads a string that is an expr expression, and compiles it. The program is nil if there was a problem.
func (d *decoder) expression(n *yamltree.Node, what string, want predicate.Want) (string, *predicate.Program) {
	if b, ok := yamltree.Bool(n); ok { // true and false are expressions, too
		text := strconv.FormatBool(b)
		return text, d.compile(n, text, 0, want)
	}
	text, ok := d.text(n, what)
	if !ok {
		return "", nil
	}
	if strings.TrimSpace(text) == "" {
		d.fail(n, "%s is empty; an expression is expected", what)
		return "", nil
	}
	return text, d.compile(n, text, 0, want)
}

// compile compiles an expression that begins at an offset (in characters) of a YAML string.
func (d *decoder) compile(n *yamltree.Node, text string, offset int, want predicate.Want) *predicate.Program {
	var p *predicate.Program
	var problems []*predicate.Error
	if d.scope != nil {
		p, problems = d.opts.Language.CompileIn(*d.scope, text, want)
	} else {
		p, problems = d.opts.Language.Compile(text, d.current.Classes, want)
	}
	for _, e := range problems {
		line, column := d.at(n, offset+e.Offset)
		message := e.Message
		if d.scope != nil && d.scope == d.keys && strings.HasPrefix(message, "unknown ") {
			message, _, _ = strings.Cut(message, " in this class")
			message += "; the targets of a correlation follow from its group_by"
		}
		d.failAt(line, column, "%s", message)
	}
	if p != nil {
		d.current.looksUp(p.Uses())
	}
	return p
}

// looksUp notes what one of the rule's expressions looks up.
func (r *Rule) looksUp(u predicate.Uses) {
	for _, name := range u.Lists {
		if !slices.Contains(r.uses.Lists, name) {
			r.uses.Lists = append(r.uses.Lists, name)
		}
	}
	r.uses.Geo, r.uses.ASN = r.uses.Geo || u.Geo, r.uses.ASN || u.ASN
}

// hash identifies the rule's text apart from tests, layout and comments.
func (d *decoder) hash(n *yamltree.Node) string {
	var quiet source // what is wrong with the values has been said
	b, err := quiet.appendJSON(nil, n, "tests")
	if err != nil { // only .inf and .nan, which no field takes
		d.fail(n, "the rule holds a value that JSON cannot: %v", err)
		return ""
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}
