package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/riposte-security/riposte/internal/kafka"
)

type replayCmd struct {
	person
	Topic     string        `arg:"" help:"Topic to read."`
	To        string        `help:"Topic to write to; the same if absent."`
	Partition []int         `help:"Only these partitions."`
	Offsets   string        `placeholder:"FROM-TO" help:"Only these offsets of one partition, both inclusive: 100-250."`
	Since     time.Duration `placeholder:"DURATION" help:"Only what came in this time: 2h."`
	Until     time.Duration `placeholder:"DURATION" help:"With --since: only what came before this time ago: 1h."`
	Act       bool          `help:"Let responses to it act by themselves, as to what is new."`
	Yes       bool          `short:"y" help:"Do not ask."`
}

// byHand tells whether a person may put messages onto a topic.
func byHand(t kafka.Topics, topic string) bool { return topic != t.DeadLetter && topic != t.Control }

// replayBatch is how many messages are published at once.
const replayBatch = 500

// A span is what of a topic is to come again.
type span struct {
	partitions   []int
	from, to     int64 // offsets; to is exclusive, -1 for all
	since, until time.Time
}

// Run has what is in a range of a topic come again.
func (c *replayCmd) Run(ctx context.Context, a *App) error {
	what, err := c.span(time.Now())
	if err != nil {
		return misuse{err}
	}
	s, err := a.newStack(ctx, "", orEmbedded)
	if err != nil {
		return err
	}
	defer s.close()
	to := c.To
	if to == "" {
		to = c.Topic
	}
	topics := s.kafka.Topics()
	switch {
	case !byHand(topics, to):
		return misuse{fmt.Errorf("replay: nothing is put onto %s by hand", to)}
	case !c.Act && slices.Contains(topics.All(), to) && !topics.HasEvents(to):
		return misuse{fmt.Errorf("replay: what comes again onto %s acts by itself, if it is not known there: only events can be marked. Say so with --act", to)}
	}
	if _, err := s.kafka.Ends(ctx, to); err != nil { // nobody makes a topic because its name was misspelt
		return fmt.Errorf("replay: %w", err)
	}
	n := 0
	if err := what.read(ctx, s.kafka, c.Topic, func(context.Context, kafka.Message) error { n++; return nil }); err != nil {
		return ended(ctx, err)
	}
	if n == 0 {
		fmt.Fprintln(a.Out, "nothing there")
		return nil
	}
	if goes, err := c.confirm(a, n, to); err != nil || !goes {
		return err
	}
	return c.replay(ctx, a, s, what, to)
}

// span reads the flags.
func (c *replayCmd) span(now time.Time) (span, error) {
	w := span{partitions: c.Partition, to: -1}
	if c.Until > 0 && c.Since <= c.Until {
		return w, errors.New("replay: --since further back than --until expected")
	}
	if c.Since > 0 {
		w.since = now.Add(-c.Since)
	}
	if c.Until > 0 {
		w.until = now.Add(-c.Until)
	}
	if c.Offsets == "" {
		return w, nil
	}
	first, last, ok := strings.Cut(c.Offsets, "-")
	var err1, err2 error
	w.from, err1 = strconv.ParseInt(first, 10, 64)
	w.to, err2 = strconv.ParseInt(last, 10, 64)
	if !ok || err1 != nil || err2 != nil || w.from < 0 || w.to < w.from || len(c.Partition) != 1 {
		return w, errors.New("replay: --offsets 100-250 with one --partition expected")
	}
	w.to++
	return w, nil
}

// read hands over what is in the span now.
func (w span) read(ctx context.Context, k *kafka.Client, topic string, fn func(context.Context, kafka.Message) error) error {
	return k.ReadWithin(ctx, topic, func(partition int, first, end int64) (int64, int64) {
		switch {
		case len(w.partitions) > 0 && !slices.Contains(w.partitions, partition):
			return end, end
		case w.to >= 0:
			return w.from, w.to
		}
		return first, end
	}, func(ctx context.Context, m kafka.Message) error {
		if m.Time.Before(w.since) || !w.until.IsZero() && !m.Time.Before(w.until) {
			return nil
		}
		return fn(ctx, m)
	})
}

func (c *replayCmd) confirm(a *App, n int, to string) (bool, error) {
	if c.Yes {
		return true, nil
	}
	acts := "responses to them wait for an approval"
	if c.Act {
		acts = "RESPONSES TO THEM ACT"
	}
	return a.confirm("replay", fmt.Sprintf("put %d messages onto %s again; %s?", n, to, acts))
}

// replay publishes. What can be no event is left where it is, and counted.
func (c *replayCmd) replay(ctx context.Context, a *App, s *stack, what span, to string) error {
	by := ""
	if !c.Act {
		by = "by " + c.name() + " at " + time.Now().UTC().Format(time.RFC3339)
		if c.Reason != "" {
			by += ": " + c.Reason
		}
	}
	w := s.kafka.NewWriter()
	defer w.Close()
	topics := s.kafka.Topics()
	events := topics.HasEvents(c.Topic) || topics.HasEvents(to)
	var batch []kafka.Message
	put, unreadable := 0, 0
	flush := func(ctx context.Context) error {
		if err := w.Publish(ctx, batch...); err != nil {
			return fmt.Errorf("replay onto %s, after %d messages: %w", to, put, err)
		}
		put += len(batch)
		batch = batch[:0]
		return nil
	}
	err := what.read(ctx, s.kafka, c.Topic, func(ctx context.Context, m kafka.Message) error {
		again := kafka.Message{Topic: to, Key: m.Key, Value: m.Value, Headers: m.Headers}
		if events {
			ev, err := m.Event() // its identity is that of the first time, also where it comes from its place on the topic
			if err != nil {
				unreadable++
				return nil //nolint:nilerr // counted; its dead letter has the reason
			}
			ev.Replay = by
			again = kafka.EventMessage(to, ev)
		}
		if batch = append(batch, again); len(batch) == replayBatch {
			return flush(ctx)
		}
		return nil
	})
	if err == nil {
		err = flush(ctx)
	}
	if err != nil {
		return ended(ctx, err)
	}
	fmt.Fprintf(a.Out, "%d messages of %s are on %s again\n", put, c.Topic, to)
	if unreadable > 0 {
		fmt.Fprintf(a.Out, "%d are no events, and were left out\n", unreadable)
	}
	return nil
}
