package consumers

import (
	"context"
	"testing"
	"time"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/schemas"
)

// breaksOff is a ledger to which a state cannot be saved before work is broken off.
type breaksOff struct {
	ledger.Ledger
	at   schemas.State
	stop func()
}

func (b *breaksOff) Save(ctx context.Context, now time.Time, e ledger.Entry, publish ...ledger.Message) error {
	if stop := b.stop; stop != nil && e.State == b.at {
		b.stop = nil
		stop()
		return ctx.Err()
	}
	return b.Ledger.Save(ctx, now, e, publish...)
}

// TestBrokenOffAtTheEnd: work that is broken off when all that is left is to write down how it ended is gone about again. The ledger has neither an end that
// nobody was told, nor an effect that is brought about anew.
func TestBrokenOffAtTheEnd(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		at    schemas.State
		left  schemas.State
		after time.Duration // that passes before the work that is broken off
	}{
		{schemas.StateInForce, schemas.StateRetrying, 0},
		{schemas.StateExpired, schemas.StateInForce, 4 * time.Hour},
	} {
		t.Run(string(c.at), func(t *testing.T) {
			t.Parallel()
			b, w := newWall(t)
			broken := &breaksOff{Ledger: b.ledger, at: c.at}
			s := b.service(b.cfg, broken, w)
			cmd := b.command(1, block(4*time.Hour))
			b.enters(cmd)
			if c.after > 0 {
				b.round()
				b.clock.Add(c.after)
			}
			published := len(b.published())
			claimed, err := b.ledger.Claim(t.Context(), b.clock.Now(), ledger.Claim{Owner: s.d.Owner, Lanes: b.lanes, N: 1, Lease: b.cfg.Lease})
			if err != nil || len(claimed) != 1 {
				t.Fatal(claimed, err)
			}
			ctx, cancel := context.WithCancelCause(t.Context())
			broken.stop = func() { cancel(errStopped) }
			s.work(ctx, claimed[0], func() {})
			if broken.stop != nil {
				t.Fatal("nothing was broken off")
			}
			b.state(cmd, c.left, "")
			if n := len(b.published()); n != published {
				t.Errorf("%d outcomes of what has not ended", n-published)
			}
			writes := len(w.writes)
			b.round()
			want, value := c.at, "good"
			if c.at == schemas.StateExpired {
				value = ""
			}
			b.state(cmd, want, "")
			b.value(value)
			if n := len(b.published()); n != published+1 {
				t.Errorf("%d outcomes; one expected", n-published)
			}
			if n := len(w.writes) - writes; n > 1 {
				t.Errorf("%d more writes: %v", n, w.writes)
			}
		})
	}
}
