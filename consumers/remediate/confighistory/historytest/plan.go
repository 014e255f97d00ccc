package historytest

import (
	"strings"
	"testing"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// Plan holds the plan of an action to its calls, by name and in their order, to a part of what it says, and to whether it asks a person. With calls "error"
// there is to be none, but an error for good that says so.
func Plan(t *testing.T, a consumers.Action, cmd schemas.Command, calls, says string, asks bool) {
	t.Helper()
	p, err := a.Plan(t.Context(), cmd)
	if calls == "error" {
		if !fault.IsPermanent(err) || !strings.Contains(err.Error(), says) {
			t.Errorf("%+v, %v", p, err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	var made []string
	for _, c := range p.Calls {
		made = append(made, c.Operation)
	}
	if strings.Join(made, " ") != calls || !strings.Contains(p.Summary, says) || (p.Approval != "") != asks {
		t.Errorf("%v, approval %q\n%s", made, p.Approval, p.Summary)
	}
}
