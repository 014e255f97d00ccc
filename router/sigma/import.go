package sigma

import (
	"path/filepath"
	"regexp"
	"slices"
	"sort"

	"github.com/riposte-security/riposte/router/rule"
	"github.com/riposte-security/riposte/router/rule/yamltree"
)

// A File is a Sigma file: its name, for messages, and its text.
type File struct {
	Name string
	Text []byte
}

// An Imported is a Sigma document that was converted.
type Imported struct {
	File string
	Line int
	// Rules are what it became: one rule, or two of a condition with an aggregation; none of a filter, which is part of the rules it is for.
	Rules []Rule
}

// A Result is what came of an import.
type Result struct {
	Imported []Imported
	// Refused are the reasons for documents that were not converted, several of one document where there are several.
	Refused rule.Problems
	// Lists are the named lists that the rules ask: placeholders whose values were not given.
	Lists []string
	// Documents is how many documents there were, and RefusedDocuments how many of them were refused.
	Documents, RefusedDocuments int
}

// Import converts Sigma files. Correlations and filters may name rules of other files. A document with anything that cannot be converted is
// refused as a whole, and so is a correlation over a rule that was refused.
func Import(o Options, files []File) (Result, error) {
	var res Result
	im := importer{Options: o, byName: map[string]*document{}, ids: map[string]*document{}}
	for _, f := range files {
		bodies, problems := rule.Documents(f.Name, string(f.Text))
		if len(problems) > 0 {
			res.Refused = append(res.Refused, problems...)
			res.Documents++
			res.RefusedDocuments++
		}
		for _, body := range bodies {
			im.add(f.Name, body)
		}
	}
	im.link()
	im.convert()
	if err := im.check(); err != nil {
		return res, err
	}
	im.orphans()
	for _, d := range im.documents {
		res.Documents++
		if len(d.problems) > 0 {
			res.RefusedDocuments++
			res.Refused = append(res.Refused, d.problems...)
			continue
		}
		res.Lists = append(res.Lists, d.lists...)
		line, _ := yamltree.Place(d.at)
		res.Imported = append(res.Imported, Imported{File: d.file, Line: line, Rules: d.outputs})
	}
	slices.Sort(res.Lists)
	res.Lists = slices.Compact(res.Lists)
	sort.SliceStable(res.Refused, func(i, j int) bool {
		a, b := res.Refused[i], res.Refused[j]
		if a.File != b.File {
			return a.File < b.File
		}
		return a.Line < b.Line
	})
	return res, nil
}

type importer struct {
	Options
	documents []*document
	order     []*document          // as they are converted
	byName    map[string]*document // by name and by id
	ids       map[string]*document // by the id of what is made
}

func (im *importer) add(file string, body *yamltree.Node) {
	d := &document{reader: &reader{file: file, placeholders: im.Placeholders}, at: body}
	d.read()
	im.documents = append(im.documents, d)
	if d.members == nil {
		return
	}
	id := d.head.ident()
	if !regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`).MatchString(id) {
		d.fail(d.members["id"], "id %q: up to 128 letters, digits, dots, dashes and underscores are expected", id)
	}
	if other, ok := im.ids[id]; ok && d.filter == nil {
		line, _ := yamltree.Place(other.at)
		d.fail(either(d.members["id"], body), "the id %q is taken by the rule at %s:%d", id, other.file, line)
		return
	}
	im.ids[id] = d
	for _, name := range []string{d.head.name, d.head.id} {
		if name != "" && im.byName[name] == nil {
			im.byName[name] = d
		}
	}
}

// link finds the rules that correlations and filters name.
func (im *importer) link() {
	for _, d := range im.documents {
		if d.correl == nil {
			continue
		}
		for _, ref := range d.correl.rules {
			o, ok := im.byName[ref.name]
			if !ok || o.filter != nil || o == d {
				d.fail(ref.at, "correlation: there is no rule %q among the imported ones", ref.name)
				continue
			}
			d.base = append(d.base, o)
		}
	}
	im.sort()
	for _, d := range im.documents {
		if d.correl != nil && !d.correl.generate {
			for _, o := range d.base {
				o.quiet = true
			}
		}
		if d.filter != nil {
			im.linkFilter(d)
		}
	}
	for _, d := range im.documents { // who wants alerts of a rule has them, whoever else does not
		if d.correl != nil && d.correl.generate {
			for _, o := range d.base {
				o.quiet = false
			}
		}
	}
}

// sort finds the order in which documents can be converted: a correlation after what it counts. One that counts itself is refused.
func (im *importer) sort() {
	const open, done = 1, 2
	state := map[*document]int{}
	var visit func(d *document)
	visit = func(d *document) {
		state[d] = open
		for i := 0; i < len(d.base); i++ {
			o := d.base[i]
			switch state[o] {
			case open:
				d.fail(d.correl.at, "correlation: it counts itself, by way of %q", o.head.title)
				d.base = slices.Delete(d.base, i, i+1)
				i--
			case 0:
				visit(o)
			}
		}
		state[d] = done
		im.order = append(im.order, d)
	}
	for _, d := range im.documents {
		if state[d] == 0 {
			visit(d)
		}
	}
}

// convert makes rules of the documents.
func (im *importer) convert() {
	for _, d := range im.order {
		im.document(d)
	}
}

// orphans looks for rules without alerts of their own that no correlation is left for: those that stand beside theirs in a file are refused with
// it, and others are rules of their own. A correlation comes before what it counts, which is an orphan with it.
func (im *importer) orphans() {
	for _, d := range slices.Backward(im.order) {
		if !d.quiet || len(d.problems) > 0 {
			continue
		}
		var refused *document
		used := false
		for _, c := range im.documents {
			if c.correl == nil || !slices.Contains(c.base, d) {
				continue
			}
			if used = used || len(c.problems) == 0; len(c.problems) > 0 && c.file == d.file {
				refused = c
			}
		}
		switch {
		case used:
		case refused != nil:
			line, _ := yamltree.Place(refused.at)
			d.fail(d.at, "this rule is only for the correlation at line %d, which was refused", line)
			d.outputs = nil
		default:
			d.quiet = false
			if len(d.outputs) > 0 {
				d.outputs[0] = im.alerting(d, d.outputs[0])
			}
		}
	}
}

func (im *importer) document(d *document) {
	switch {
	case len(d.problems) > 0:
	case d.rule != nil:
		im.ruleOf(d)
	case d.correl != nil:
		for i, o := range d.base {
			if len(o.problems) > 0 {
				d.fail(d.correl.rules[i].at, "correlation: the rule %q was refused: %s", d.correl.rules[i].name, o.problems[0].Message)
			} else if len(o.outputs) == 0 {
				d.fail(d.correl.rules[i].at, "correlation: the rule %q is made of this one", d.correl.rules[i].name)
			}
		}
		if len(d.problems) > 0 {
			return
		}
		r := d.rule0(d.head.ident())
		r.Correlate = d.correlate(d.correl, d.base)
		d.outputs = []Rule{im.alerting(d, r)}
	}
	if len(d.problems) > 0 {
		d.outputs = nil
	}
}

// alerting gives a rule its step, unless only a correlation wants it.
func (im *importer) alerting(d *document, r Rule) Rule {
	if !d.quiet {
		if r.To = im.To; r.To == "" {
			r.To = rule.LogReceiver
		}
	}
	return r
}

// rule0 is a rule with all but what it asks for.
func (d *document) rule0(id string) Rule {
	h := d.head
	return Rule{
		ID: id, Title: h.title, Severity: h.severity(), Description: h.description, Author: h.author, Status: h.status, Created: h.date, Modified: h.modified,
		References: h.references, Tags: h.tags, FalsePositives: h.falsePositives, From: filepath.Base(d.file),
	}
}

// primary is the id of the rule that stands for the document.
func (d *document) primary() string { return d.head.ident() }

// ruleOf converts a rule.
func (im *importer) ruleOf(d *document) {
	s, ok := sourceOf(d.rule.logsource)
	if !ok {
		d.fail(either(d.members["logsource"], d.at), "no format has events of this log source: %s", d.rule.logsource)
		return
	}
	e := &emitter{source: s, r: d.reader}
	id := d.head.ident()
	var whole term
	var correl *correlation
	for _, c := range d.rule.conditions {
		if c.aggregation != "" {
			if correl = d.aggregation(c, d.rule.timeframe, d.rule.at); correl == nil {
				return
			}
			if len(d.rule.conditions) > 1 {
				d.fail(d.rule.at, "condition: an aggregation in a list of conditions is not supported")
			}
		}
		whole = either0(whole, e.node(c.tree))
	}
	for _, f := range d.filters {
		if len(f.problems) > 0 {
			d.fail(d.at, "its filter at %s:%d was refused", f.file, f.problems[0].Line)
		}
		for _, c := range f.filter.conditions {
			whole = join("and", whole, e.node(c.tree))
		}
	}
	r := d.rule0(id)
	r.Class = s.class
	r.When = e.when(whole)
	if correl == nil {
		d.outputs = []Rule{im.alerting(d, r)}
		return
	}
	d.aggregated(im, r, correl)
}

func either0(a, b term) term {
	if a.op == "" && a.text == "" {
		return b
	}
	return join("or", a, b)
}

// aggregated makes two rules of one with an aggregation: what counts, and the correlation, which has the id.
func (d *document) aggregated(im *importer, r Rule, c *correlation) {
	base := r
	base.ID += "-events"
	r.When, r.Class = nil, nil
	c.rules = []reference{{name: base.ID}}
	r.Correlate = d.correlate(c, []*document{d})
	r.Correlate.Rules = []string{base.ID}
	d.counts = c
	base.Severity = "informational"
	d.outputs = []Rule{im.alerting(d, r), base}
}

// when writes the predicate: the guard of the log source, and the condition.
func (e *emitter) when(t term) []string {
	if e.each != "" {
		t = anyOf(e.each, t)
	}
	var guards []term
	for _, g := range e.guard {
		guards = append(guards, term{text: g})
	}
	return join("and", append(guards, t)...).lines()
}
