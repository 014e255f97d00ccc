package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

const (
	// loadShare is the part of the time for which events are sent; in what is left, faults go on while the last of them are worked on.
	loadShare = 0.9
	// patience is how long after the last fault everything may take to come to its end. It is long: what is lost does not come, however long one waits.
	patience = 5 * time.Minute
)

// run starts the fleet, sends the load, inflicts the faults, waits for the end and reconciles.
func (w *world) run(ctx context.Context, o options) (*report, error) {
	if err := w.kafka.EnsureTopics(ctx, decidedTopic); err != nil {
		return nil, err
	}
	for _, m := range w.fleet.all() {
		if err := m.start(); err != nil {
			return nil, err
		}
	}
	w.said("waiting until everything is ready")
	if err := w.fleet.ready(ctx); err != nil {
		return nil, err
	}
	kinds := slices.Concat(processKinds(), serverKinds(), linkKinds())
	began := time.Now()
	t := &tormentor{w: w, kinds: kinds, began: began}
	tormented := make(chan struct{})
	go func() { // waited for below
		defer close(tormented)
		t.run(ctx, draw(o.seed, kinds, o.faults, o.duration))
	}()
	within := time.Duration(float64(o.duration) * loadShare)
	err := w.feeder.run(ctx, o.events, within)
	loaded := time.Since(began)
	<-tormented
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	w.said("%6.1fs  all is sent and the faults are over; waiting for the rest", time.Since(began).Seconds())
	e := evidence{want: w.feeder.load.finish()}
	e.notReady = w.settle(ctx, e.want, patience)
	settled := time.Since(began)
	if err := w.collect(ctx, &e); err != nil {
		return nil, err
	}
	r := &report{
		Seed: o.seed, Began: began.UTC(), Took: time.Since(began).Seconds(), Load: loaded.Seconds(), Settle: (settled - loaded).Seconds(),
		Events: o.events, Offered: float64(o.events) / within.Seconds(), Machine: where(), Brokers: o.brokers,
		Faults: count(t.done), Happened: t.done, Result: reconcile(e),
	}
	for _, d := range w.fleet.died {
		r.Result.wrong(died, "%s", d)
	}
	for _, h := range t.done {
		if h.Error != "" {
			r.Result.wrong(faultFailures, "%s on %s: %s", h.Kind, h.On, h.Error)
		}
	}
	r.OK = r.Result.ok()
	return r, nil
}

// collect gathers what there is to reconcile.
func (w *world) collect(ctx context.Context, e *evidence) (err error) {
	if e.events, err = w.uids(ctx, w.kafka.Topics().Events); err != nil {
		return err
	}
	if e.decided, err = w.uids(ctx, decidedTopic); err != nil {
		return err
	}
	if e.rows, err = w.ledger(ctx); err != nil {
		return err
	}
	if e.dead, err = w.deadLetters(ctx); err != nil {
		return err
	}
	w.recorder.mu.Lock()
	defer w.recorder.mu.Unlock()
	e.effects, e.broken = w.recorder.effects, w.recorder.broken
	return nil
}
