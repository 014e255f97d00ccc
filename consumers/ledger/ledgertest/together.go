package ledgertest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/schemas"
)

// savesTogether: a ledger may do what many workers save at one time in one go. What is wrong with one of them is nobody else's business.
func savesTogether(t *testing.T, db Database) {
	const n, lost, refused = 40, 3, 7
	l := db.Open(t)
	cmds := make([]schemas.Command, n)
	for i := range cmds {
		cmds[i] = command(i, fmt.Sprint("t", i))
	}
	enter(t, l, noon(), cmds...)
	es := claim(t, l, noon(), n)
	want(t, "claimed", len(es), n)
	for i := range es {
		es[i].State, es[i].Due, es[i].Applied = schemas.StateVerified, time.Time{}, true
		es[i].Outcome = schemas.Outcome{State: es[i].State, Time: noon()}
	}
	es[lost].Fence--               // somebody else has it
	es[refused].Attempts = 1 << 40 // PostgreSQL's integer takes no such number
	errs := saveAtOnce(t, l, es)
	wantErr(t, errs[lost], ledger.ErrFenced)
	for i, err := range errs {
		if i != lost && i != refused {
			must(t, err)
		}
	}
	posted := map[string]int{}
	for range 2 {
		msgs, err := l.Outbox(t.Context(), noon(), 2*n, lease)
		must(t, err)
		for _, m := range msgs {
			posted[string(m.Value)]++
		}
	}
	for i, e := range es {
		state, messages := e.State, 1
		if i == lost || (i == refused && errs[i] != nil) {
			state, messages = schemas.StateRunning, 0
		}
		want(t, fmt.Sprintf("state of %d", i), get(t, l, e.Command.ID).State, state)
		want(t, fmt.Sprintf("messages of %d", i), posted[e.Command.ID], messages)
	}
	if errors.Is(errs[refused], ledger.ErrFenced) {
		t.Errorf("what was refused is said to be fenced: %v", errs[refused])
	}
}

// saveAtOnce saves every entry, with a message, and returns what became of each.
func saveAtOnce(t *testing.T, l ledger.Ledger, es []ledger.Entry) []error {
	t.Helper()
	errs, begin := make([]error, len(es)), make(chan struct{})
	var g errgroup.Group
	for i, e := range es {
		g.Go(func() error {
			<-begin
			errs[i] = l.Save(t.Context(), noon(), e, ledger.Message{Topic: "outcomes", Value: []byte(e.Command.ID)})
			return nil
		})
	}
	close(begin)
	must(t, g.Wait())
	return errs
}
