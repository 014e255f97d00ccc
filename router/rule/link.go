package rule

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/riposte-security/riposte/router/correlate"
	"github.com/riposte-security/riposte/router/rule/predicate"
	"github.com/riposte-security/riposte/router/rule/yamltree"
	"github.com/riposte-security/riposte/schemas"
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
	named := map[string]bool{} // though something may be wrong with the correlation that names it
	for _, j := range l.jobs {
		if j.correlation == nil {
			continue
		}
		for _, id := range j.d.current.Correlation.Rules {
			named[id] = named[id] || id != j.d.current.ID
		}
		j.d.source = &source{file: j.d.file, lines: j.d.lines}
		j.link(byID)
	}
	l.chains()
	for _, j := range l.jobs {
		if j.correlation != nil {
			j.checkLists()
			problem(j.d.source)
		}
	}
	for _, j := range l.jobs {
		if r := j.d.current; j.correlation == nil && !named[r.ID] {
			src := &source{file: j.d.file, lines: j.d.lines}
			src.fail(j.node, "a rule needs then, unless a correlation names it among its rules")
			problem(src)
		}
	}
}

func (j *linkJob) link(byID map[string]*Rule) {
	r := j.d.current
	c := r.Correlation
	j.evidence(c)
	c.Form = c.form()
	if len(c.Rules) == 0 {
		if f, ok := j.feed(predicate.Scope{Classes: r.Classes}, 0, ""); ok {
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
		case of.Correlation != nil && !j.counts(i, of.Correlation):
			continue
		}
		if f, ok := j.feed(of.counts(), i, id); ok {
			of.feeds = append(of.feeds, f)
			r.over = append(r.over, of)
		}
	}
}

// counts tells whether the correlation can count what another finds, and says why not.
func (j *linkJob) counts(i int, of *Correlation) bool {
	c := j.d.current.Correlation
	switch {
	case c.Type == "" || of.Type == "": // that has been said
		return false
	case !c.Counts():
		what := string(c.Type)
		if c.Measured() {
			what += " with an upper bound"
		}
		j.d.fail(j.rules[i], "%s cannot count what the correlation %q finds, as that may come at any time; at_least, more_than, temporal and temporal_ordered can",
			what, c.Rules[i])
		return false
	case c.Within > 0 && c.Within < of.Within: // none at all has been said
		j.d.fail(j.rules[i], "within must be %s at least, that of the correlation %q, which is found to hold somewhere in such a time", schemas.Duration(of.Within), c.Rules[i])
		return false
	}
	return true
}

// counts is what the group and the value of a correlation that counts the rule may name: of a correlation, what does not depend on which of its
// events came first.
func (r *Rule) counts() predicate.Scope {
	if r.Correlation == nil {
		return predicate.Scope{Classes: r.Classes}
	}
	return r.Correlation.keys("unmapped.correlation.group")
}

// chains sees to correlations that count others: none counts itself in the end, and each waits for what those it counts wait for.
func (l *loader) chains() {
	const open, done = 1, 2
	state := map[*Rule]int{}
	var visit func(j *linkJob)
	jobs := map[*Rule]*linkJob{}
	for _, j := range l.jobs {
		if j.correlation != nil {
			jobs[j.d.current] = j
		}
	}
	visit = func(j *linkJob) {
		r := j.d.current
		state[r] = open
		var over []*correlate.Spec
		for _, o := range r.over {
			of := jobs[o]
			if of == nil {
				continue
			}
			if state[o] == open {
				j.d.fail(j.node, "the correlation counts itself, by way of %q", o.ID)
				continue
			}
			if state[o] == 0 {
				visit(of)
			}
			over = append(over, &o.Correlation.Spec)
		}
		r.Correlation.Over(over...)
		if h := r.Correlation.Horizon(); h > correlate.MaxHorizon {
			j.d.fail(j.node, "with the correlations that it counts it looks back %s; %s is possible", schemas.Duration(h), schemas.Duration(correlate.MaxHorizon))
		}
		state[r] = done
	}
	for _, j := range l.jobs {
		if j.correlation == nil || state[j.d.current] != 0 {
			continue
		}
		visit(j)
	}
}

// feed compiles group_by and value against the events of one of the rules.
func (j *linkJob) feed(scope predicate.Scope, part int, id string) (feed, bool) {
	r, ok := j.d.current, true
	f := feed{to: r, part: part}
	compile := func(n *yamltree.Node, what string) *predicate.Program {
		text, _ := j.d.text(n, what)
		p, problems := j.compile(scope, text)
		for _, e := range problems {
			line, column := j.d.at(n, e.Offset)
			message := e.Message
			if len(scope.Paths) > 0 {
				message, _, _ = strings.Cut(message, " in this class")
				message += fmt.Sprintf("; of what the correlation %q finds, only its group_by can be named", id)
			} else if id != "" {
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

// compile compiles an expression over what is counted.
func (j *linkJob) compile(s predicate.Scope, text string) (*predicate.Program, []*predicate.Error) {
	if len(s.Paths) == 0 {
		return j.d.opts.Language.Compile(text, s.Classes, predicate.WantAny)
	}
	return j.d.opts.Language.CompileIn(s, text, predicate.WantAny)
}

// form is Spec.Form. What rules hold for is not part of it: an edited predicate is for the events that come from then on, and what was counted
// before stays counted until its window is over.
func (c *Correlation) form() string {
	value := []string{c.Value}
	if c.Valued() && c.Type != correlate.NewValue && c.Type != correlate.ValueCount { // those compare texts
		value = append(value, string(c.Type))
	}
	text := fmt.Appendf(nil, "%q %q %q", c.Rules, value, c.GroupBy)
	for _, name := range slices.Sorted(maps.Keys(c.Aliases)) {
		for _, id := range slices.Sorted(maps.Keys(c.Aliases[name])) {
			text = fmt.Appendf(text, " %q", []string{name, id, c.Aliases[name][id]})
		}
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// checkLists refuses lists that a test brings along and neither the correlation nor a rule that it counts asks for.
func (j *linkJob) checkLists() {
	var uses []string
	for _, of := range j.d.current.counted(nil) {
		uses = append(uses, of.uses.Lists...)
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
