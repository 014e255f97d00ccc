package main

import (
	"context"
	"fmt"
	"time"
)

// linkKinds is what happens to connections, and to the answers of the recorder.
func linkKinds() []kind {
	const soon, late = 2 * time.Second, 10 * time.Second
	delay := toxic("latency", map[string]any{"latency": 150, "jitter": 100})
	trickle := toxic("bandwidth", map[string]any{"rate": 40}) // kB a second
	silence := toxic("timeout", map[string]any{"timeout": 0}) // nothing passes, nothing is closed
	return []kind{
		{"cut the way to a broker", 2, soon, late, onLink(aBroker, cut)},
		{"delay the way to a broker", 1, soon, late, onLink(aBroker, delay)},
		{"silence the way to a broker", 2, soon, 2 * late, onLink(aBroker, silence)},
		{"trickle to a broker", 1, soon, late, onLink(aBroker, trickle)},
		{"cut the way to PostgreSQL", 2, soon, late, onLink(toPostgres, cut)},
		{"delay the way to PostgreSQL", 1, soon, late, onLink(toPostgres, delay)},
		{"silence the way to PostgreSQL", 2, soon, late, onLink(toPostgres, silence)},
		{"cut the way to the recorder", 2, soon, late, onLink(toRecorder, cut)},
		{"silence the way to the recorder", 1, soon, 2 * late, onLink(toRecorder, silence)},
		{"the recorder takes longer than a lease", 2, soon, late, onRecorder(func(r *recorder, on bool) { r.slow.Store(int64(choose(on, slowAnswer, 0))) })},
		{"the recorder refuses", 2, soon, late, onRecorder(refuse)},
		{"the recorder hangs up without an answer", 2, soon, late / 2, onRecorder(func(r *recorder, on bool) { r.mute.Store(on) })},
	}
}

// slowAnswer is longer than a lease, and shorter than any caller waits.
const slowAnswer = 7 * time.Second

func choose[T any](is bool, a, b T) T {
	if is {
		return a
	}
	return b
}

func aBroker(w *world, f fault) string {
	return fmt.Sprintf("kafka-%d", 1+f.pick%len(w.cluster.Brokers))
}
func toPostgres(*world, fault) string { return linkPostgres }
func toRecorder(*world, fault) string { return linkRecorder }

func onLink(which func(*world, fault) string, do func(context.Context, *links, string, time.Duration) error) func(context.Context, *world, fault) (string, error) {
	return func(ctx context.Context, w *world, f fault) (string, error) {
		name := which(w, f)
		w.links.busy[name].Lock()
		defer w.links.busy[name].Unlock()
		return name, do(ctx, w.links, name, f.span)
	}
}

// cut breaks off what is open, and lets nobody in for a while.
func cut(ctx context.Context, l *links, name string, span time.Duration) error {
	l.cut(name)
	pause(ctx, span)
	return l.mend(name)
}

// toxic makes a link bad for a while.
func toxic(kind string, attributes map[string]any) func(context.Context, *links, string, time.Duration) error {
	return func(ctx context.Context, l *links, name string, span time.Duration) error {
		err := l.poison(name, kind, attributes)
		pause(ctx, span)
		l.cure(ctx, name)
		return err
	}
}

// refuse has the recorder refuse calls. The pauses between the tries of a command begin with 0.2 s and grow to 2 s, each less up to a fifth: so many may one
// command have.
func refuse(r *recorder, on bool) {
	r.refuses.Store(on)
	if on {
		r.refusing = time.Now()
		return
	}
	const growing, least = 5, 1600 * time.Millisecond
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mayRefuse += growing + int(time.Since(r.refusing)/least)
}

func onRecorder(set func(r *recorder, on bool)) func(context.Context, *world, fault) (string, error) {
	return func(ctx context.Context, w *world, f fault) (string, error) {
		w.recorder.busy.Lock()
		defer w.recorder.busy.Unlock()
		set(w.recorder, true)
		pause(ctx, f.span)
		set(w.recorder, false)
		return linkRecorder, nil
	}
}
