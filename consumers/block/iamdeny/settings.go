package iamdeny

import (
	"fmt"
	"slices"
	"strings"

	"github.com/riposte-security/riposte/consumers/remediate/attribute"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// Scope are the settings that say which actions on which resources are denied.
type Scope struct {
	Actions   attribute.Strings `json:"actions"`
	Resources attribute.Strings `json:"resources"`
}

// ScopeSettings describes Scope.
func ScopeSettings() []schemas.Setting {
	return []schemas.Setting{
		{Name: "actions", Type: "list", Default: "*", Help: "what is denied, as IAM writes it: iam:*, s3:DeleteObject"},
		{Name: "resources", Type: "list", Default: "*", Help: "on which resources, as ARNs"},
	}
}

const mostPatterns = 50 // IAM's own limits on the size of inline policies come before it

// Statement checks the scope and returns what it denies; the rest is for the caller to set. The words are for people.
func (s Scope) Statement() (Statement, string, error) {
	st := Statement{Actions: sorted(s.Actions), Resources: sorted(s.Resources)}
	if len(st.Actions) > mostPatterns || len(st.Resources) > mostPatterns {
		return st, "", fault.Permanent(fmt.Errorf("with: at most %d actions and resources", mostPatterns))
	}
	for _, a := range st.Actions {
		if service, name, ok := strings.Cut(a, ":"); a != "*" && (!ok || service == "" || name == "" || strings.ContainsAny(a, " \t\n")) {
			return st, "", fault.Permanent(fmt.Errorf("with.actions: %q: an action such as s3:DeleteObject, or *, expected", a))
		}
	}
	for _, r := range st.Resources {
		if r != "*" && !strings.HasPrefix(r, "arn:") {
			return st, "", fault.Permanent(fmt.Errorf("with.resources: %q: an ARN or * expected", r))
		}
	}
	what := "everything"
	if !slices.Equal(st.Actions, []string{"*"}) {
		what = strings.Join(st.Actions, ", ")
	}
	if !slices.Equal(st.Resources, []string{"*"}) {
		what += " on " + strings.Join(st.Resources, ", ")
	}
	return st, what, nil
}

// sorted is a list in one order, whatever that of the rule; all where it is empty.
func sorted(s []string) []string {
	if len(s) == 0 {
		return []string{"*"}
	}
	s = slices.Clone(s)
	slices.Sort(s)
	return slices.Compact(s)
}
