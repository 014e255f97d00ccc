package main

import (
	"context"
	"fmt"
	"time"
)

// processKinds is what happens to riposte's own processes.
func processKinds() []kind {
	const soon, session, lease = 2 * time.Second, 7 * time.Second, 13 * time.Second
	return []kind{
		{"kill -9 a router", 5, 0, soon, onOne(router, false, kill)},
		{"kill -9 a consumer", 5, 0, soon, onOne(consumer, false, kill)},
		{"kill -9 a producer", 4, 0, soon, onOne(producer, false, kill)},
		{"stop a router past its session", 2, session, lease, onOne(router, true, freeze)},
		{"stop a consumer past its session and leases", 3, session, lease, onOne(consumer, true, freeze)},
		{"stop a producer", 1, session, lease, onOne(producer, true, freeze)},
		{"end a router, and start it later", 1, soon, session, onOne(router, false, restart)},
		{"end a consumer, and start it later", 1, soon, session, onOne(consumer, false, restart)},
		{"one more router for a while", 1, session, lease, oneMore(router)},
		{"one more consumer for a while", 1, session, lease, oneMore(consumer)},
	}
}

// onOne does something to a process of a role; all says that also one that is never killed may be meant.
func onOne(as role, all bool, do func(context.Context, *member, time.Duration) error) func(context.Context, *world, fault) (string, error) {
	return func(ctx context.Context, w *world, f fault) (string, error) {
		of := w.fleet.of(as, all)
		m := of[f.pick%len(of)]
		m.busy.Lock()
		defer m.busy.Unlock()
		return m.name, do(ctx, m, f.span)
	}
}

// kill ends a process with SIGKILL, and starts it again a little later.
func kill(ctx context.Context, m *member, span time.Duration) error {
	m.kill()
	pause(ctx, span)
	return m.start()
}

// freeze stops a process as it stands: to all others it is gone, and it does not know.
func freeze(ctx context.Context, m *member, span time.Duration) error {
	if err := m.pause(); err != nil {
		return err
	}
	pause(ctx, span)
	return m.resume()
}

// restart ends a process as an operator does.
func restart(ctx context.Context, m *member, span time.Duration) error {
	err := m.stop()
	pause(ctx, span)
	if again := m.start(); err == nil {
		err = again
	}
	return err
}

// oneMore has one more process share the work for a while.
func oneMore(as role) func(context.Context, *world, fault) (string, error) {
	return func(ctx context.Context, w *world, f fault) (string, error) {
		like := w.fleet.of(as, true)[0]
		m := w.fleet.add(fmt.Sprintf("extra-%s-%d", as, f.pick), extra, false, like.args...)
		err := m.start()
		pause(ctx, f.span)
		if ended := m.stop(); err == nil {
			err = ended
		}
		return m.name, err
	}
}
