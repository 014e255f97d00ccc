package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/consumers/ledger/open"
	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/internal/sign"
	"github.com/riposte-security/riposte/schemas"
)

// switchFlags are what stop and resume share.
type switchFlags struct {
	deskFlags
	person
	Lane []schemas.Lane `enum:"alert,block,remediate" help:"Only these lanes; block and remediate if absent."`
	All  bool           `help:"All lanes, alerts as well."`
}

type (
	stopCmd   struct{ switchFlags }
	resumeCmd struct{ switchFlags }
)

// reach is how long each way to the consumers has.
const reach = 5 * time.Second

// Run stops all effects: what is under way is broken off within a second, in every process, and what is queued waits.
func (c *stopCmd) Run(ctx context.Context, a *App) error {
	return c.turn(ctx, a, consumers.ControlStop)
}

// Run lets effects happen again, and says what will.
func (c *resumeCmd) Run(ctx context.Context, a *App) error {
	if err := c.preview(ctx, a); err != nil {
		return err
	}
	return c.turn(ctx, a, consumers.ControlResume)
}

func (c *switchFlags) lanes() []schemas.Lane {
	switch {
	case c.All:
		return schemas.Lanes()
	case len(c.Lane) > 0:
		return c.Lane
	}
	return schemas.EffectLanes()
}

// turn goes both ways, through the ledger and through Kafka: either one will do, in case the other is what is broken.
func (c *switchFlags) turn(ctx context.Context, a *App, what string) error {
	m := consumers.Control{Type: what, Lanes: c.lanes(), By: c.name(), Reason: c.Reason, At: time.Now().UTC()}
	cfg, _, err := a.find()
	if err != nil {
		return err
	}
	url, err := a.ledgerURL(cfg, c.Data)
	if err != nil {
		return err
	}
	byLedger := within(ctx, reach, func(ctx context.Context) error {
		l, err := open.Existing(ctx, url)
		if err != nil {
			return err
		}
		defer l.Close() //nolint:errcheck // what was written is durable already
		return l.Turn(ctx, m.Switches()...)
	})
	var byKafka error = errNoKafka
	if !cfg.Kafka.IsZero() {
		byKafka = within(ctx, reach, func(ctx context.Context) error { return a.publishControl(ctx, m) })
	}
	if byLedger != nil && byKafka != nil {
		return fmt.Errorf("%s: neither way works: ledger: %w; kafka: %w", what, byLedger, byKafka)
	}
	done := map[string]string{consumers.ControlStop: "stopped", consumers.ControlResume: "resumed"}[what]
	for _, lane := range m.Lanes {
		fmt.Fprintf(a.Out, "lane %s %s by %s\n", lane, done, clean(m.By))
	}
	if byLedger != nil {
		fmt.Fprintf(a.Err, "riposte: the ledger does not know of it yet (%v); consumers note it when they read the message\n", byLedger)
	}
	if byKafka != nil && !errors.Is(byKafka, errNoKafka) {
		fmt.Fprintf(a.Err, "riposte: Kafka does not know of it (%v); consumers see it in the ledger\n", byKafka)
	}
	return nil
}

// errNoKafka is that of a configuration without Kafka: `riposte up` has one of its own, and shares the ledger's file.
const errNoKafka = sentinel("no broker is configured")

func (a *App) publishControl(ctx context.Context, m consumers.Control) error {
	s, err := a.newStack(ctx, "", nil)
	if err != nil {
		return err
	}
	defer s.close()
	value, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("control message: %w", err)
	}
	w := s.kafka.NewWriter()
	defer w.Close()
	topic := s.kafka.Topics().Control
	signature, err := a.signs(sign.Message(topic, nil, "", value))
	if err != nil {
		return err
	}
	return w.Publish(ctx, kafka.Message{Topic: topic, Value: value, Headers: signatureHeader(signature)})
}

// preview says what waits, and so will run.
func (c *resumeCmd) preview(ctx context.Context, a *App) error {
	return a.withDesk(ctx, c.deskFlags, func(d ledger.Desk) error {
		stopped, err := d.Switches(ctx)
		if err != nil {
			return err
		}
		for _, w := range stopped {
			if w.Stopped && slices.Contains(c.lanes(), w.Lane) {
				fmt.Fprintf(a.Out, "lane %s was stopped at %s by %s: %s\n", w.Lane, w.At.Format(time.RFC3339), clean(w.By), clean(w.Reason))
			}
		}
		states := []schemas.State{schemas.StatePending, schemas.StateRunning, schemas.StateRetrying, schemas.StateVerifying}
		entries, err := d.List(ctx, ledger.Filter{Lanes: c.lanes(), States: states, Limit: 1000})
		if err != nil {
			return err
		}
		ending, err := d.List(ctx, ledger.Filter{Lanes: c.lanes(), States: []schemas.State{schemas.StateInForce}, Limit: 100_000})
		if err != nil {
			return err
		}
		now := time.Now()
		for _, e := range ending {
			if !e.Ends.IsZero() && e.Ends.Before(now) {
				entries = append(entries, e)
			}
		}
		if len(entries) == 0 {
			fmt.Fprintln(a.Out, "nothing waits")
			return nil
		}
		fmt.Fprintf(a.Out, "these will run now, unless their event has become too old (respond_within):\n")
		return a.printEntries(entries, false)
	})
}

// within gives f some time.
func within(ctx context.Context, d time.Duration, f func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	return f(ctx)
}
