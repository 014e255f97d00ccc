package rule

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"github.com/riposte-security/riposte/router/correlate"
	"github.com/riposte-security/riposte/router/rule/predicate"
	"github.com/riposte-security/riposte/router/rule/yamltree"
)

// A linkJob is what of a rule can only be checked when all rules are known.
type linkJob struct {
	d           decoder
	node        *yamltree.Node            // correlate; of a rule without then, the rule
	correlation map[string]*yamltree.Node // nil: the rule has no then, and is to be named by a correlation
	rules       []*yamltree.Node
	groupBy     []*yamltree.Node
	aliases     map[string]map[string]*yamltree.Node
	lists       []*yamltree.Node // names of those that its tests bring along
}

// A feed leads from a rule that holds to a correlation that counts it.
type feed struct {
	to      *Rule
	part    int // place among the correlation's rules
	groupBy []*predicate.Program
	value   *predicate.Program
}

// link joins correlations with the rules that they name.
func (l *loader) link(byID map[string]*Rule) {
	problem := func(s *source) { l.problems = append(l.problems, s.problems...) }
	for _, j := range l.jobs {
		if j.correlation == nil {
			continue
		}
		src := &source{file: j.d.file, lines: j.d.lines}
		j.d.source = src
		j.link(byID)
		j.checkLists(byID)
		problem(src)
	}
	for _, j := range l.jobs {
		if r := j.d.current; j.correlation == nil && !r.named() {
			src := &source{file: j.d.file, lines: j.d.lines}
			src.fail(j.node, "a rule needs then, unless a correlation names it among its rules")
			problem(src)
		}
	}
}

// named tells whether a correlation counts the rule's matches.
func (r *Rule) named() bool {
	return slices.ContainsFunc(r.feeds, func(f feed) bool { return f.to != r })
}

func (j *linkJob) link(byID map[string]*Rule) {
	r := j.d.current
	c := r.Correlation
	j.evidence(c)
	c.Form = c.form()
	if len(c.Rules) == 0 {
		if f, ok := j.feed(r.Classes, 0, ""); ok {
			r.feeds = append(r.feeds, f)
		}
		return
	}
	for i, id := range c.Rules {
		of, ok := byID[id]
		switch {
		case !ok:
			j.d.fail(j.rules[i], "there is no rule %q in this set%s", id, predicate.Suggest(id, slices.Sorted(maps.Keys(byID))))
			continue
		case of == r:
			j.d.fail(j.rules[i], "a correlation cannot count itself")
			continue
		case of.Correlation != nil:
			j.d.fail(j.rules[i], "%q is a correlation itself; correlations of correlations are not supported", id)
			continue
		}
		if f, ok := j.feed(of.Classes, i, id); ok {
			of.feeds = append(of.feeds, f)
		}
	}
}

// feed compiles group_by and value against the events of one of the rules.
func (j *linkJob) feed(classes []string, part int, id string) (feed, bool) {
	r, ok := j.d.current, true
	f := feed{to: r, part: part}
	compile := func(n *yamltree.Node, what string) *predicate.Program {
		text, _ := j.d.text(n, what)
		p, problems := j.d.opts.Language.Compile(text, classes, predicate.WantAny)
		for _, e := range problems {
			line, column := j.d.at(n, e.Offset)
			message := e.Message
			if id != "" {
				message += fmt.Sprintf(" (in events of the rule %q)", id)
			}
			j.d.failAt(line, column, "%s: %s", what, message)
		}
		if ok = ok && p != nil; p != nil {
			r.looksUp(p.Uses())
		}
		return p
	}
	for i, name := range r.Correlation.GroupBy {
		n := j.groupBy[i]
		if alias, is := j.aliases[name]; is {
			if n, is = alias[id]; !is {
				j.d.fail(j.groupBy[i], "the alias %q has no expression for the rule %q", name, id)
				ok = false
				continue
			}
		}
		f.groupBy = append(f.groupBy, compile(n, "group_by"))
	}
	if n, is := j.correlation["value"]; is && r.Correlation.Value != "" {
		f.value = compile(n, "value")
	}
	return f, ok
}

// form is Spec.Form. What rules hold for is not part of it: an edited predicate is for the events that come from then on, and what was counted
// before stays counted until its window is over.
func (c *Correlation) form() string {
	value := []string{c.Value}
	if c.Valued() && c.Type != correlate.NewValue && c.Type != correlate.ValueCount { // those compare texts
		value = append(value, string(c.Type))
	}
	text := fmt.Sprintf("%q %q %q", c.Rules, value, c.GroupBy)
	for _, name := range slices.Sorted(maps.Keys(c.Aliases)) {
		for _, id := range slices.Sorted(maps.Keys(c.Aliases[name])) {
			text += fmt.Sprintf(" %q", []string{name, id, c.Aliases[name][id]})
		}
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// checkLists refuses lists that a test brings along and neither the correlation nor a rule that it counts asks for.
func (j *linkJob) checkLists(byID map[string]*Rule) {
	uses := slices.Clone(j.d.current.uses.Lists)
	for _, id := range j.d.current.Correlation.Rules {
		if of := byID[id]; of != nil {
			uses = append(uses, of.uses.Lists...)
		}
	}
	for _, key := range j.lists {
		if name := key.Value; !slices.Contains(uses, name) {
			j.d.fail(key, "neither the rule nor those that it counts ask for a list %q%s", name, predicate.Suggest(name, uses))
		}
	}
}

// evidence finds the names of group_by that can stand in a finding's evidences: paths that OCSF has there and that are complete.
func (j *linkJob) evidence(c *Correlation) {
	var paths []string
	for _, name := range c.GroupBy {
		if _, ok := predicate.IsPath(name); ok && c.Aliases[name] == nil {
			paths = append(paths, name)
		}
	}
	c.evidence = j.d.opts.Language.Types.Complete("evidences", paths)
}
