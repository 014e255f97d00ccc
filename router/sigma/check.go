package sigma

import (
	"errors"
	"fmt"
	"strings"

	"github.com/riposte-security/riposte/router/rule"
)

// check holds the rules that were made against what `rules check` asks of them. One that does not pass is refused with its reason: nothing is
// written that a router would not load.
func (im *importer) check() error {
	o := im.Check
	if o.Language == nil {
		l, err := rule.NewLanguage()
		if err != nil {
			return fmt.Errorf("sigma: %w", err)
		}
		o.Language = l
	}
	// Those over single events come first: a correlation is checked together with the rules that it is over.
	for _, d := range im.order {
		if len(d.outputs) == 0 || d.correl != nil && d.refusedBase() {
			continue
		}
		rules, err := rule.Parse(o, d.file, []byte(strings.Join(d.set(map[*document]bool{}), "---\n")))
		if problems, ok := errors.AsType[rule.Problems](err); ok {
			d.fail(d.at, "the rule that it would make is refused: %s", problems[0].Message)
			d.outputs = nil
		} else if err != nil {
			return fmt.Errorf("sigma: %w", err)
		}
		for _, r := range rules {
			d.lists = append(d.lists, r.Uses().Lists...)
		}
	}
	return nil
}

// refusedBase refuses a correlation whose rules were refused in the end.
func (d *document) refusedBase() bool {
	for i, o := range d.base {
		if len(o.problems) > 0 {
			d.fail(d.correl.rules[i].at, "correlation: the rule %q was refused: %s", d.correl.rules[i].name, o.problems[0].Message)
			d.outputs = nil
			return true
		}
	}
	return false
}

// set is the rules of a document and of those that it is over, as files.
func (d *document) set(seen map[*document]bool) []string {
	if seen[d] {
		return nil
	}
	alone := len(seen) == 0
	seen[d] = true
	var out []string
	for _, o := range d.base {
		out = append(out, o.set(seen)...)
	}
	for i, r := range d.outputs {
		if r.To == "" && alone && i == 0 { // what counts it is not there: it needs a step
			r.To = rule.LogReceiver
		}
		out = append(out, r.YAML())
	}
	return out
}
