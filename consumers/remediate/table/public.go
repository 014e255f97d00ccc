package table

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/riposte-security/riposte/consumers/iampolicy"
)

// defaultStatement is the Sid of what a topic's policy has when nobody has changed it.
const defaultStatement = "__default_statement_ID"

// An access is the policy of a thing, and those of its statements that allow something to everybody, each in one form.
type access struct {
	Policy string   `json:"policy"`
	Public []string `json:"public,omitempty"`
}

func accessOf(policy string) (access, error) {
	p, err := iampolicy.Open(policy)
	a := access{Policy: policy}
	for _, s := range p.All {
		if iampolicy.Public(s) {
			a.Public = append(a.Public, string(iampolicy.Compact(s)))
		}
	}
	return a, err
}

// sameAccess compares what the rows here are about; the rest of the policy may change as it likes.
func sameAccess(a, b access) bool { return slices.Equal(a.Public, b.Public) }

// private is the Want of a row that takes statements for everybody out. rest is the policy when nothing else is left in it.
func private(rest func(input) string) func(input, access) (access, error) {
	return func(in input, now access) (access, error) {
		if len(now.Public) == 0 {
			return now, nil
		}
		text, err := now.with(nil)
		if text == "" && rest != nil {
			text = rest(in)
		}
		return access{Policy: text}, err
	}
}

// with is the policy with these statements for everybody in the place of those that it has.
func (a access) with(public []string) (string, error) {
	p, err := iampolicy.Open(a.Policy)
	if err != nil {
		return "", err
	}
	statements := slices.DeleteFunc(slices.Clone(p.All), iampolicy.Public)
	for _, s := range public {
		statements = append(statements, json.RawMessage(s))
	}
	return p.Text(statements), nil
}

// towards is the policy that makes to of a, which has just been read: as to has it written, if nothing else was changed since; else a's own with the statements for
// everybody of to.
func (a access) towards(to access) string {
	others := func(x access) string {
		text, err := x.with(nil)
		if err != nil {
			return x.Policy
		}
		return text
	}
	was, rest := others(to), others(a)
	if was == rest || was == "" && strings.Contains(rest, defaultStatement) || iampolicy.SameStatements(was, rest) {
		return to.Policy
	}
	text, err := a.with(to.Public)
	if err != nil || text == "" {
		return to.Policy
	}
	return text
}
