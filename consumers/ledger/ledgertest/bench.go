package ledgertest

import (
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/schemas"
)

// Bench measures commands a second through a ledger, as a lane drives it: entered in batches, claimed by as many as are free, saved once
// before the effect and once after it, with an outcome for Kafka. Nothing is done in between: what is measured is the ledger alone.
func Bench(b *testing.B, fresh func(b *testing.B) ledger.Ledger) {
	b.Helper()
	for _, c := range []struct {
		name    string
		lane    schemas.Lane
		workers int
		target  func(n int) string
	}{
		{"alerts, 1 worker", schemas.LaneAlert, 1, strconv.Itoa},
		{"alerts, 8 workers", schemas.LaneAlert, 8, strconv.Itoa},
		{"alerts, 32 workers", schemas.LaneAlert, 32, strconv.Itoa},
		{"alerts, 96 workers", schemas.LaneAlert, 96, strconv.Itoa},
		{"targets, 8 workers", schemas.LaneRemediate, 8, strconv.Itoa},
		{"one hot target, 8 workers", schemas.LaneRemediate, 8, func(int) string { return "hot" }},
	} {
		b.Run(c.name, func(b *testing.B) {
			l := fresh(b)
			cmds := make([]schemas.Command, b.N)
			for i := range cmds {
				cmds[i] = command(i, c.target(i))
				cmds[i].Lane = c.lane
			}
			b.ResetTimer()
			start := time.Now()
			for from := 0; from < len(cmds); from += 500 {
				if _, err := l.Enter(b.Context(), noon(), cmds[from:min(len(cmds), from+500)]); err != nil {
					b.Fatal(err)
				}
			}
			entered := time.Since(start)
			start = time.Now()
			work(b, l, c.lane, c.workers)
			b.ReportMetric(float64(b.N)/entered.Seconds(), "entered/s")
			b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "done/s")
		})
	}
}

// work claims and finishes b.N commands with so many workers.
func work(b *testing.B, l ledger.Ledger, lane schemas.Lane, workers int) {
	b.Helper()
	var done atomic.Int64
	slots, freed := make(chan struct{}, workers), make(chan struct{}, 1)
	var busy sync.WaitGroup
	defer busy.Wait()
	for claimed := 0; claimed < b.N; {
		slots <- struct{}{}
		free := 1
		for more := true; more; {
			select {
			case slots <- struct{}{}:
				free++
			default:
				more = false
			}
		}
		entries, err := l.Claim(b.Context(), noon(), ledger.Claim{Owner: owner, Lanes: []schemas.Lane{lane}, N: free, Lease: lease})
		if err != nil {
			b.Error(err)
			return
		}
		claimed += len(entries)
		for range free - len(entries) {
			<-slots
		}
		if len(entries) == 0 {
			<-freed
			continue
		}
		for _, e := range entries {
			busy.Go(func() {
				defer func() {
					<-slots
					select {
					case freed <- struct{}{}:
					default:
					}
				}()
				if err := step(b, l, e); err != nil {
					b.Error(err)
				}
				done.Add(1)
			})
		}
	}
	busy.Wait()
	if done.Load() != int64(b.N) {
		b.Errorf("%d of %d done", done.Load(), b.N)
	}
}

// step takes one command through the states of an alert.
func step(b *testing.B, l ledger.Ledger, e ledger.Entry) error {
	b.Helper()
	e.Plan = &schemas.Plan{Summary: "say so", Calls: []schemas.Call{{Service: "log", Operation: "Write"}}}
	e.Applied, e.Due = true, noon().Add(lease)
	if err := l.Save(b.Context(), noon(), e); err != nil {
		return fmt.Errorf("before: %w", err)
	}
	e.State, e.Due = schemas.StateVerified, time.Time{}
	e.Outcome = schemas.Outcome{State: e.State, Time: noon()}
	return l.Save(b.Context(), noon(), e, ledger.Message{Topic: "outcomes", Key: []byte("k"), Value: make([]byte, 1000)})
}
