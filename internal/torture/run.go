package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// warm events go first, so that every process has the connections that it needs when what each holds is looked at.
	warm    = 500
	warmFor = 2 * time.Second
	// loadShare is the part of the time for which events are sent; in what is left, faults go on while the last of them are worked on.
	loadShare = 0.9
	// patience is how long after the last fault everything may take to come to its end. It is long: what is lost does not come, however long one waits.
	patience = 5 * time.Minute
	// idle is how long a connection that is no longer used may stay open.
	idle = 100 * time.Second
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
	if err := w.feeder.run(ctx, min(warm, o.events), warmFor); err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	if open := w.settle(ctx, w.feeder.load.want, patience); open != "" {
		return nil, fmt.Errorf("not ready: %s", open)
	}
	w.settled = false
	before, err := w.holdings(ctx)
	if err != nil {
		return nil, err
	}
	kinds, faults := schedule(o.seed, o.faults, o.duration)
	began := time.Now()
	t := &tormentor{w: w, kinds: kinds, began: began}
	tormented := make(chan struct{})
	go func() { // waited for below
		defer close(tormented)
		t.run(ctx, faults)
	}()
	within := time.Duration(float64(o.duration) * loadShare)
	err = w.feeder.run(ctx, o.events-min(warm, o.events), within)
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
		Faults: count(t.done), Happened: t.done, Before: before, Result: reconcile(e),
	}
	var over, back []string
	if r.After, over, err = w.leaked(ctx, before, idle); err != nil {
		return nil, err
	}
	if r.Commits, back, err = w.backwards(ctx); err != nil {
		return nil, err
	}
	if r.Commits == 0 {
		r.Result.wrong(wentBack, "no commit was found at all")
	}
	for kind, all := range map[string][]string{died: w.fleet.died, leaks: over, wentBack: back} {
		for _, what := range all {
			r.Result.wrong(kind, "%s", what)
		}
	}
	for _, h := range t.done {
		if h.Error != "" {
			r.Result.wrong(faultFailures, "%s on %s: %s", h.Kind, h.On, h.Error)
		}
	}
	w.disk(ctx, r)
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
	if e.told, err = w.outcomes(ctx); err != nil {
		return err
	}
	if e.dead, err = w.deadLetters(ctx); err != nil {
		return err
	}
	w.recorder.mu.Lock()
	defer w.recorder.mu.Unlock()
	e.effects, e.broken, e.refused, e.mayRefuse = w.recorder.effects, w.recorder.broken, w.recorder.refused, w.recorder.mayRefuse
	return nil
}

// disk adds what became of a full disk to a report.
func (w *world) disk(ctx context.Context, r *report) {
	w.said("filling the disk of the embedded broker")
	f, wrong, err := w.fillDisk(ctx)
	switch {
	case errors.Is(err, errNoDisk):
		r.Notes = append(r.Notes, fmt.Sprintf("not done here: the disk of the embedded broker is not filled: %v", err))
		return
	case err != nil:
		wrong = append(wrong, err.Error())
	}
	r.Disk = &f
	if err == nil && f.Refused == 0 {
		wrong = append(wrong, "nothing was refused: the disk was not full")
	}
	r.Faults["fill the disk of the embedded broker, and kill -9 it"]++
	for _, what := range wrong {
		r.Result.wrong(fullDisk, "%s", what)
	}
}
