package consumers

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/schemas"
)

// A hung ledger does not answer while it is frozen: each call ends with what ends its context, or after its own patience.
type hung struct {
	ledger.Ledger
	frozen atomic.Bool
}

func (h *hung) hang(ctx context.Context) error {
	if !h.frozen.Load() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	<-ctx.Done()
	return ctx.Err()
}

func (h *hung) Claim(ctx context.Context, now time.Time, c ledger.Claim) ([]ledger.Entry, error) {
	if err := h.hang(ctx); err != nil {
		return nil, err
	}
	return h.Ledger.Claim(ctx, now, c)
}

func (h *hung) Save(ctx context.Context, now time.Time, e ledger.Entry, publish ...ledger.Message) error {
	if err := h.hang(ctx); err != nil {
		return err
	}
	return h.Ledger.Save(ctx, now, e, publish...)
}

func (h *hung) Outbox(ctx context.Context, now time.Time, limit int, lease time.Duration) ([]ledger.Message, error) {
	if err := h.hang(ctx); err != nil {
		return nil, err
	}
	return h.Ledger.Outbox(ctx, now, limit, lease)
}

// TestLedgerThatHangs: it is seen, work in course does not keep the service from ending, and what was not saved comes again.
func TestLedgerThatHangs(t *testing.T) {
	t.Parallel()
	b := newBench(t, enforcing())
	h := &hung{Ledger: b.ledger}
	b.Service = b.service(enforcing(), h, b.world)
	b.world.onCall = func(step string) {
		if step == "apply" {
			h.frozen.Store(true)
		}
	}
	cmd := b.command(1)
	b.enters(cmd)
	stop := b.start()
	b.eventually("the hang is seen", func() bool { return !b.Well() })
	began := time.Now()
	stop()
	if d := time.Since(began); d > grace+2*time.Second {
		t.Errorf("ending took %s", d)
	}
	b.world.onCall = nil
	h.frozen.Store(false)
	b.clock.Add(b.cfg.Lease)
	b.round()
	b.state(cmd, schemas.StateVerified, "")
	if !b.Well() {
		t.Error("the ledger is back, and that is not seen")
	}
}

// TestLeaseEndsThoughExtendHangs: nobody knows whether the lease was lengthened, so the action is told to stop before it is over.
func TestLeaseEndsThoughExtendHangs(t *testing.T) {
	t.Parallel()
	for name, heeds := range map[string]bool{"until its context ends": true, "for ever": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := enforcing()
			cfg.Lease = 1200 * time.Millisecond
			b := newBench(t, cfg)
			x := extendHangs{Ledger: b.ledger, heeds: heeds, free: make(chan struct{})}
			b.Service = b.service(cfg, x, b.world)
			b.d.Now = time.Now
			until := time.Now().Add(cfg.Lease)
			kept, release := b.keep(t.Context(), ledger.Entry{Command: b.command(1), Due: until})
			b.await(kept.Done())
			late := time.Since(until)
			close(x.free)
			release()
			if cause := context.Cause(kept); !errors.Is(cause, errLeaseLost) {
				t.Errorf("cause %v", cause)
			}
			if heeds && late > -cfg.Lease/6 || late > 150*time.Millisecond {
				t.Errorf("told %s after the lease was over", late)
			}
		})
	}
}

type extendHangs struct {
	ledger.Ledger
	heeds bool
	free  chan struct{}
}

func (x extendHangs) Extend(ctx context.Context, _ ledger.Entry, _ time.Time) error {
	if !x.heeds {
		ctx = context.WithoutCancel(ctx)
	}
	select {
	case <-ctx.Done():
	case <-x.free:
	}
	return errAway
}

// TestEndDoesNotSendTwice: what Kafka has when the service is told to end is marked as sent.
func TestEndDoesNotSendTwice(t *testing.T) {
	t.Parallel()
	b := newBench(t, enforcing())
	b.enters(b.command(1))
	b.round()
	ctx, cancel := context.WithCancel(t.Context())
	b.broker.reject = func(kafka.Message) error {
		cancel()
		return nil
	}
	if n, err := b.flush(ctx); err != nil || n != 1 {
		t.Errorf("%d published, error %v", n, err)
	}
	if left, err := b.ledger.Outbox(t.Context(), b.clock.Now().Add(time.Hour), 10, time.Second); err != nil || len(left) != 0 {
		t.Errorf("%d messages left, error %v", len(left), err)
	}
}
