//go:build integration

package consumers

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/consumers/ledger/postgres"
	"github.com/riposte-security/riposte/consumers/ledger/sqlite"
	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/internal/servers"
	"github.com/riposte-security/riposte/schemas"
)

// BenchmarkCommands measures commands a second through whole consumers: claimed, planned, guarded, applied by an action that does nothing, verified, and their
// outcomes handed to Kafka, which here takes them at once. One target holds 50,000 commands of its own all the while. Budgets are off, since they would stop
// it; every other guard is asked.
func BenchmarkCommands(b *testing.B) {
	const hot = 50_000
	for _, db := range []struct {
		name string
		open func(b *testing.B) func() ledger.Ledger
	}{{"sqlite", openSQLite}, {"postgres", openPostgres}} {
		for _, replicas := range []int{1, 3} {
			for _, lane := range []schemas.Lane{schemas.LaneAlert, schemas.LaneRemediate} {
				b.Run(fmt.Sprintf("%s/%s/%d_replicas", db.name, lane, replicas), func(b *testing.B) {
					open := db.open(b)
					backlog(b, open(), lane, hot, b.N)
					sink := &sink{want: int64(b.N), all: make(chan struct{})}
					ctx, cancel := context.WithCancel(b.Context())
					var running sync.WaitGroup
					b.ResetTimer()
					start := time.Now()
					for i := range replicas {
						s := replica(b, i, open(), lane, sink)
						running.Go(func() {
							if err := s.Run(ctx); err != nil {
								b.Error(err)
							}
						})
					}
					<-sink.all
					b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "commands/s")
					b.ReportMetric(float64(sink.hot.Load())/time.Since(start).Seconds(), "hot/s")
					b.StopTimer()
					cancel()
					running.Wait()
				})
			}
		}
	}
}

func openSQLite(b *testing.B) func() ledger.Ledger {
	b.Helper()
	path := filepath.Join(b.TempDir(), "ledger.db")
	return func() ledger.Ledger {
		return opened(b, func(ctx context.Context) (ledger.Ledger, error) { return sqlite.Open(ctx, path) })
	}
}

func openPostgres(b *testing.B) func() ledger.Ledger {
	b.Helper()
	url := servers.Schema(b, servers.DirectPostgres(b))
	return func() ledger.Ledger {
		return opened(b, func(ctx context.Context) (ledger.Ledger, error) { return postgres.Open(ctx, url) })
	}
}

func opened(b *testing.B, open func(ctx context.Context) (ledger.Ledger, error)) ledger.Ledger {
	b.Helper()
	l, err := open(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := l.Close(); err != nil {
			b.Error(err)
		}
	})
	return l
}

// backlog enters what there is to do: so many commands on one target, and then others, each on its own.
func backlog(b *testing.B, l ledger.Ledger, lane schemas.Lane, hot, others int) {
	b.Helper()
	now := time.Now().UTC()
	batch := make([]schemas.Command, 0, 500)
	for i := range hot + others {
		target := "hot"
		if i >= hot {
			target = fmt.Sprint("target-", i)
		}
		c := schemas.Command{
			Rule: "a-rule", RuleHash: "cafe", Step: string(lane) + ":nothing", Lane: lane, Action: "nothing", Severity: "high", Source: trusted,
			Target: schemas.Target{Type: "thing", Account: "111122223333", ID: target}, Event: json.RawMessage(`{"class_uid":6003}`),
			EventUID: fmt.Sprint("event-", i), EventTime: now, Created: now,
		}
		if target == "hot" {
			c.Lane = schemas.LaneRemediate // alerts have no target to themselves
			c.Step = "remediate:nothing"
		}
		c.ID = schemas.CommandID(c.Rule, c.Step, c.EventUID, c.Target)
		if batch = append(batch, c); len(batch) == cap(batch) || i == hot+others-1 {
			if _, err := l.Enter(b.Context(), now, batch); err != nil {
				b.Fatal(err)
			}
			batch = batch[:0]
		}
	}
}

// replica is one of several consumers on a ledger.
func replica(b *testing.B, i int, l ledger.Ledger, lane schemas.Lane, s *sink) *Service {
	b.Helper()
	client, err := kafka.New(kafka.Config{Brokers: []string{"127.0.0.1:1"}}, zerolog.Nop())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(client.Close)
	cfg := enforcing()
	cfg.Workers, cfg.Budgets = 64, nil
	svc, err := New(cfg, []schemas.Lane{lane}, Deps{
		Ledger: l, Broker: quiet{client}, Writer: s, Owner: fmt.Sprint("replica-", i), Log: zerolog.Nop(),
		Actions: map[Name]Action{{lane, "nothing"}: nothing{}},
	})
	if err != nil {
		b.Fatal(err)
	}
	return svc
}

// quiet is a broker from which nothing comes.
type quiet struct{ *kafka.Client }

func (quiet) Consume(ctx context.Context, _ kafka.Group, _ kafka.Handler) error {
	<-ctx.Done()
	return nil
}

func (quiet) Follow(ctx context.Context, _ string, caughtUp func(), _ func(context.Context, kafka.Message) error) error {
	caughtUp()
	<-ctx.Done()
	return nil
}

// sink takes outcomes, until all that are awaited have come.
type sink struct {
	want        int64
	others, hot atomic.Int64
	all         chan struct{}
}

func (s *sink) Publish(_ context.Context, msgs ...kafka.Message) error {
	others := int64(0)
	for _, m := range msgs {
		if strings.HasSuffix(string(m.Key), ":hot") {
			s.hot.Add(1)
		} else {
			others++
		}
	}
	if n := s.others.Add(others); n >= s.want && n-others < s.want {
		close(s.all)
	}
	return nil
}

// nothing is an action that says that it did what was to be done.
type nothing struct{}

func (nothing) Plan(context.Context, schemas.Command) (schemas.Plan, error) {
	return schemas.Plan{Summary: "nothing", Before: json.RawMessage(`{}`), After: json.RawMessage(`{}`),
		Calls: []schemas.Call{{Service: "none", Operation: "Nothing"}}}, nil
}
func (nothing) Apply(context.Context, schemas.Command, schemas.Plan) error { return nil }
func (nothing) Verify(context.Context, schemas.Command, schemas.Plan) (schemas.Outcome, error) {
	return schemas.Outcome{}, nil
}
func (nothing) Undo(context.Context, schemas.Command, schemas.Plan, bool) error { return nil }
