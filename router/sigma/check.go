package sigma

import (
	"errors"
	"fmt"

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
	for _, d := range im.documents {
		for _, r := range d.outputs {
			if r.Correlate != nil {
				continue
			}
			if r.To == "" { // only a correlation wants it
				r.To = rule.LogReceiver
			}
			_, err := rule.Parse(o, d.file, []byte(r.YAML()))
			if problems, ok := errors.AsType[rule.Problems](err); ok {
				d.fail(d.at, "the rule that it would make is refused: %s", problems[0].Message)
			} else if err != nil {
				return fmt.Errorf("sigma: %w", err)
			}
		}
	}
	return nil
}
