package main

import (
	"context"
	"fmt"
	"time"
)

// groups are the consumer groups of the pipeline, with what each reads.
func (w *world) groups() map[string][]string {
	t := w.kafka.Topics()
	return map[string][]string{
		prefix + ".router":        {t.Events, t.Outcomes},
		prefix + ".correlator":    {t.Correlate},
		t.Alert + "-consumer":     {t.Alert},
		t.Block + "-consumer":     {t.Block},
		t.Remediate + "-consumer": {t.Remediate},
	}
}

// settle waits until everything that was sent has come to its end: published, read, decided, recorded, carried out and told. It returns what has not
// within a time, and "" where all has.
func (w *world) settle(ctx context.Context, want want, within time.Duration) string {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for quiet := 0; quiet < 2; { // a last outcome may be on its way: twice in a row is quiet
		open, err := w.waits(ctx, want)
		if err != nil {
			open = err.Error()
		}
		if open == "" {
			quiet++
		} else {
			quiet = 0
		}
		if ctx.Err() != nil {
			return open
		}
		pause(ctx, time.Second)
	}
	return ""
}

// waits says what is not at its end.
func (w *world) waits(ctx context.Context, want want) (string, error) {
	for group, topics := range w.groups() {
		lag, err := w.kafka.Lag(ctx, group, topics...)
		if err != nil {
			return "", err
		}
		for topic, partitions := range lag {
			n := int64(0)
			for _, l := range partitions {
				n += l
			}
			if n > 0 {
				return fmt.Sprintf("group %s has %d messages of %s to read", group, n, topic), nil
			}
		}
	}
	commands, outcomes, err := w.open(ctx)
	if err != nil {
		return "", err
	}
	if commands > 0 || outcomes > 0 {
		return fmt.Sprintf("%d commands are not done, %d outcomes not published", commands, outcomes), nil
	}
	if w.settled { // looked at below, which takes time
		return "", nil
	}
	events, err := w.uids(ctx, w.kafka.Topics().Events)
	if err != nil {
		return "", err
	}
	missing := 0
	for uid := range want.sent {
		if events[uid] == 0 {
			missing++
		}
	}
	if missing > 0 {
		return fmt.Sprintf("%d of %d events are not published", missing, len(want.sent)), nil
	}
	w.settled = true
	return "", nil
}
