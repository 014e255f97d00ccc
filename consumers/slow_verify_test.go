package consumers

import (
	"testing"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/schemas"
)

// TestSlowVerificationIsKnown: while a target is read for longer than a moment, the ledger says so, and whoever takes over reads it again instead of acting
// on it again.
func TestSlowVerificationIsKnown(t *testing.T) {
	t.Parallel()
	b := newBench(t, enforcing())
	b.world.value["x"] = "bad"
	b.world.onCall = func(step string) {
		if step != "verify" {
			return
		}
		await.Until(t, "the ledger knows of the verification", func() bool {
			es, err := b.ledger.List(t.Context(), ledger.Filter{States: []schemas.State{schemas.StateVerifying}})
			if err != nil {
				t.Error(err)
			}
			return len(es) == 1 && es[0].Applied
		})
	}
	c := b.command(1)
	b.enters(c)
	b.round()
	b.state(c, schemas.StateVerified, "set good")
}
