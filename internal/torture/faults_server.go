package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/riposte-security/riposte/internal/servers"
)

// inSync is how long a cluster may take until every partition has all its replicas again. Nothing else happens to brokers before: two away at a time leave
// nobody to write to, which is a fault of its own and should not be the rule.
const inSync = 2 * time.Minute

// A machine can be killed and started again, and stopped as it stands.
type machine interface {
	Kill(ctx context.Context) error
	Revive(ctx context.Context) error
	Pause(ctx context.Context) error
	Resume(ctx context.Context) error
}

// serverKinds is what happens to Kafka and PostgreSQL.
func serverKinds() []kind {
	const soon, late = 2 * time.Second, 9 * time.Second
	return []kind{
		{"kill -9 a broker", 3, soon, late, onBroker(anyBroker, crash)},
		{"kill -9 the controller", 2, soon, late, onBroker(controller, crash)},
		{"kill -9 the coordinator of a group", 2, soon, late, onBroker(coordinator, crash)},
		{"kill -9 two brokers at once", 1, soon, late, twoBrokers},
		{"stop a broker", 2, soon, 2 * late, onBroker(anyBroker, suspend)},
		{"kill -9 PostgreSQL", 2, 0, soon, onDatabase(crash)},
		{"stop PostgreSQL", 2, soon, late, onDatabase(suspend)},
	}
}

// crash kills a machine, and starts it again later, whatever has happened meanwhile.
func crash(ctx context.Context, m machine, span time.Duration) error {
	if err := m.Kill(ctx); err != nil {
		return err
	}
	pause(ctx, span)
	return m.Revive(context.WithoutCancel(ctx))
}

// suspend stops a machine as it stands.
func suspend(ctx context.Context, m machine, span time.Duration) error {
	err := m.Pause(ctx)
	for tries := 0; err != nil && tries < 3; tries++ { // a busy machine may be unable to freeze a container at the moment
		pause(ctx, time.Second)
		err = m.Pause(ctx)
	}
	if err != nil {
		return err
	}
	pause(ctx, span)
	return m.Resume(context.WithoutCancel(ctx))
}

func onBroker(which func(context.Context, *world, fault) (int, error), do func(context.Context, machine, time.Duration) error) func(context.Context, *world, fault) (string, error) {
	return func(ctx context.Context, w *world, f fault) (string, error) {
		w.brokers.Lock()
		defer w.brokers.Unlock()
		id, err := which(ctx, w, f)
		for tries := 0; err != nil && tries < 20; tries++ { // whom it asked may be about to begin, or have been ended
			pause(ctx, time.Second)
			id, err = which(ctx, w, f)
		}
		if err != nil {
			return "", err
		}
		on := fmt.Sprintf("kafka-%d", id)
		if err := do(ctx, w.cluster.Brokers[id-1], f.span); err != nil {
			return on, err
		}
		return on, w.whole(ctx)
	}
}

// twoBrokers kills two brokers at a time: nothing can be written until one of them is back.
func twoBrokers(ctx context.Context, w *world, f fault) (string, error) {
	w.brokers.Lock()
	defer w.brokers.Unlock()
	first, second := f.pick%len(w.cluster.Brokers), (f.pick+1)%len(w.cluster.Brokers)
	on := fmt.Sprintf("kafka-%d, kafka-%d", first+1, second+1)
	errs := make([]error, 2)
	var both sync.WaitGroup
	both.Go(func() { errs[0] = crash(ctx, w.cluster.Brokers[first], f.span) })
	if first != second {
		both.Go(func() { errs[1] = crash(ctx, w.cluster.Brokers[second], f.span) })
	}
	both.Wait()
	if err := errors.Join(errs...); err != nil {
		return on, err
	}
	return on, w.whole(ctx)
}

// whole waits until every partition has all its replicas.
func (w *world) whole(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, inSync)
	defer cancel()
	for {
		n, err := w.kafka.UnderReplicated(ctx)
		if err == nil && n == 0 {
			return nil
		}
		if pause(ctx, 500*time.Millisecond); ctx.Err() != nil {
			return fmt.Errorf("%d partitions lack replicas, %s after the broker came back: %w", n, inSync, ctx.Err())
		}
	}
}

func anyBroker(_ context.Context, w *world, f fault) (int, error) {
	return 1 + f.pick%len(w.cluster.Brokers), nil
}

func controller(ctx context.Context, w *world, f fault) (int, error) {
	return w.cluster.Controller(ctx, w.cluster.Brokers[f.pick%len(w.cluster.Brokers)])
}

func coordinator(ctx context.Context, w *world, f fault) (int, error) {
	var names []string
	for g := range w.groups() {
		names = append(names, g)
	}
	slices.Sort(names)
	return w.kafka.Coordinator(ctx, names[f.pick%len(names)])
}

func onDatabase(do func(context.Context, machine, time.Duration) error) func(context.Context, *world, fault) (string, error) {
	return func(ctx context.Context, w *world, f fault) (string, error) {
		w.database.Lock()
		defer w.database.Unlock()
		if err := do(ctx, w.db, f.span); err != nil {
			return linkPostgres, err
		}
		return linkPostgres, answers(ctx, w.db)
	}
}

// answers waits until a database does.
func answers(ctx context.Context, db *servers.Database) error {
	ctx, cancel := context.WithTimeout(ctx, inSync)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, db.URL(db.Addr))
		if err == nil {
			return conn.Close(ctx)
		}
		if pause(ctx, 200*time.Millisecond); ctx.Err() != nil {
			return fmt.Errorf("postgres is not back: %w", err)
		}
	}
}
