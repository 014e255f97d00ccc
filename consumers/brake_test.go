package consumers

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/schemas"
)

// turn is one way to stop or resume.
type turn func(b *bench, stop bool)

func byLedger(b *bench, stop bool) {
	for _, lane := range []schemas.Lane{schemas.LaneBlock, schemas.LaneRemediate} {
		err := b.ledger.Turn(b.t.Context(), ledger.Switch{Lane: lane, Stopped: stop, By: "ann", Reason: "it blocks customers", At: b.tick()})
		if err != nil {
			b.t.Fatal(err)
		}
	}
}

func byMessage(b *bench, stop bool) {
	text := `{"type":"resume"}`
	if stop {
		text = `{"type":"stop","reason":"it blocks customers"}`
	}
	b.broker.control <- kafka.Message{Topic: "riposte.control", Value: []byte(text), Time: b.tick()}
}

func byFile(b *bench, stop bool) {
	var err error
	if stop {
		err = os.WriteFile(b.cfg.StopFile, nil, 0o600)
	} else {
		err = os.Remove(b.cfg.StopFile)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// stopped counts the lanes that are stopped in this process.
func (b *bench) stopped() int {
	b.brake.mu.Lock()
	defer b.brake.mu.Unlock()
	return len(b.brake.stopped)
}

// tick is a time after all that came before.
func (b *bench) tick() time.Time {
	b.clock.Add(time.Millisecond)
	return b.clock.Now()
}

// TestKillSwitch: effects stop, those under way too, and queued work waits; alerts are sent.
func TestKillSwitch(t *testing.T) {
	t.Parallel()
	for name, turn := range map[string]turn{"ledger": byLedger, "message": byMessage, "file": byFile} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := enforcing()
			cfg.StopFile = filepath.Join(t.TempDir(), "STOP")
			b := newBench(t, cfg)
			begun, broken := make(chan struct{}, 10), make(chan struct{}, 10)
			slow := &stuck{world: b.world, begun: begun, broken: broken}
			slow.sticks.Store(true)
			b.Service = b.service(cfg, b.ledger, slow)
			stop := b.start()
			defer stop()
			under := b.command(1)
			b.send(schemas.LaneRemediate, message(t, under))
			b.await(begun)
			turn(b, true)
			b.await(broken) // its context ended
			b.eventually("what was under way was given back", func() bool { return b.get(under).State == schemas.StateRetrying })
			b.state(under, schemas.StateRetrying, "effects are stopped")
			if got := b.stopped(); got != 2 {
				t.Errorf("%d lanes are stopped", got)
			}
			queued := b.command(2, func(c *schemas.Command) { c.Target.ID = "y" })
			alert := b.command(3, func(c *schemas.Command) { c.Lane, c.Action = schemas.LaneAlert, "bell" })
			b.send(schemas.LaneRemediate, message(t, queued))
			b.send(schemas.LaneAlert, message(t, alert))
			b.eventually("the alert is sent", func() bool { return b.get(alert).State == schemas.StateVerified })
			b.state(queued, schemas.StatePending, "")
			slow.sticks.Store(false)
			turn(b, false)
			for _, cmd := range []schemas.Command{under, queued} {
				b.eventually("it goes on", func() bool { return b.get(cmd).State == schemas.StateVerified })
			}
			b.eventually("both turns are made known, each once a lane", func() bool { return fmt.Sprint(b.notices()) == "[switch switch switch switch]" })
		})
	}
}

// stuck is an action whose Apply hangs until its context ends.
type stuck struct {
	*world
	sticks        atomic.Bool
	begun, broken chan struct{}
}

func (s *stuck) Apply(ctx context.Context, cmd schemas.Command, p schemas.Plan) error {
	if !s.sticks.Load() {
		return s.world.Apply(ctx, cmd, p)
	}
	s.begun <- struct{}{}
	<-ctx.Done()
	s.broken <- struct{}{}
	return ctx.Err()
}

// notices returns the kinds of the notices that were published, each event once.
func (b *bench) notices() []string {
	b.t.Helper()
	kinds, seen := []string{}, map[string]bool{}
	for _, m := range b.broker.on(b.broker.Topics().Outcomes) {
		var doc struct {
			Metadata struct{ UID string }
			Unmapped struct {
				Riposte struct{ Notice struct{ Kind string } }
			}
		}
		if err := json.Unmarshal(m.Value, &doc); err != nil {
			b.t.Fatal(err)
		}
		if k := doc.Unmapped.Riposte.Notice.Kind; k != "" && !seen[doc.Metadata.UID] {
			seen[doc.Metadata.UID] = true
			kinds = append(kinds, k)
		}
	}
	return kinds
}

// TestStoppedBeforeTheStart: what was stopped while nobody ran stays so.
func TestStoppedBeforeTheStart(t *testing.T) {
	t.Parallel()
	b := newBench(t, enforcing())
	cmd := b.command(1)
	b.enters(cmd)
	byLedger(b, true)
	stop := b.start()
	defer stop()
	b.eventually("the switch is seen", func() bool { return b.stopped() == 2 })
	b.state(cmd, schemas.StatePending, "")
	b.value("")
	byLedger(b, false)
	b.eventually("it runs", func() bool { return b.get(cmd).State == schemas.StateVerified })
}

func TestControlMessages(t *testing.T) {
	t.Parallel()
	b := newBench(t, enforcing())
	look := make(chan struct{}, 1)
	for _, text := range []string{``, `stop`, `[]`, `{"type":"reload"}`, `{"type":"stop","lanes":["fast"]}`, `{"type":1}`} {
		if err := b.control(t.Context(), kafka.Message{Value: []byte(text), Time: b.tick()}, look); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	switches := func() []ledger.Switch {
		all, err := b.ledger.Switches(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	if all := switches(); len(all) != 0 {
		t.Errorf("nonsense turned %+v", all)
	}
	far := b.clock.Now().Add(1000 * time.Hour).Format(time.RFC3339)
	at := b.tick()
	m := kafka.Message{Value: []byte(`{"type":"stop","lanes":["block"],"by":"eve","at":"` + far + `"}`), Time: at}
	if err := b.control(t.Context(), m, look); err != nil {
		t.Fatal(err)
	}
	all := switches()
	if len(all) != 1 || all[0].Lane != schemas.LaneBlock || !all[0].Stopped || !all[0].At.Equal(at) {
		t.Errorf("a stop from the future: %+v; that of its message's time expected", all)
	}
}
