package consumers

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/consumers/guard"
	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/schemas"
)

func TestStartSaysWhatWillBeChanged(t *testing.T) {
	t.Parallel()
	cfg := Defaults()
	cfg.Lanes = map[schemas.Lane]LaneConfig{schemas.LaneRemediate: {Mode: guard.Enforce, Workers: 3}}
	cfg.Actions = map[string]ActionConfig{"set": {Mode: guard.DryRun}}
	cfg.Accounts = map[string]ModeConfig{"111122223333": {Mode: guard.DryRun}}
	b := newBench(t, cfg)
	var log bytes.Buffer
	b.d.Log = zerolog.New(&log)
	for _, lane := range schemas.Lanes() {
		b.announce(lane)
	}
	for _, want := range []string{
		"lane alert: enforce, 8 workers", "lane block: dry_run, 8 workers", "lane remediate: enforce, 3 workers",
		`"action.set":"dry_run"`, `"account.111122223333":"dry_run"`,
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("no %s in:\n%s", want, &log)
		}
	}
}

func TestPruneThatFailsIsTold(t *testing.T) {
	t.Parallel()
	b := newBench(t, enforcing())
	var log bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	b.Service = b.service(enforcing(), noPrune{b.ledger}, b.world)
	b.d.Log = zerolog.New(writerThatEnds{&log, cancel})
	b.housekeep(ctx)
	if !strings.Contains(log.String(), "could not be forgotten") {
		t.Errorf("the log is %q", &log)
	}
}

type noPrune struct{ ledger.Ledger }

func (noPrune) Prune(context.Context, time.Time, int) (int, error) { return 0, errAway }

// A writerThatEnds ends what is tested as soon as it has said something.
type writerThatEnds struct {
	*bytes.Buffer
	end context.CancelFunc
}

func (w writerThatEnds) Write(b []byte) (int, error) {
	defer w.end()
	return w.Buffer.Write(b)
}
