package kafka

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/internal/broker"
)

// TestBehindRetention commits an offset, has retention remove more than that, and consumes again: the range that is gone is reported, and
// reading goes on behind it.
func TestBehindRetention(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, err := broker.Start(t.Context(), broker.Options{DataDir: dir, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(Config{Brokers: []string{b.Addr()}, Partitions: 1}, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.EnsureTopics(t.Context()); err != nil {
		t.Fatal(err)
	}
	topic := c.topics.Events
	w := c.NewWriter()
	defer w.Close()
	write := func(from, to int, at time.Time) {
		t.Helper()
		for i := from; i < to; i++ { // one batch each: retention removes whole batches
			if err := w.Publish(t.Context(), Message{Topic: topic, Value: fmt.Append(nil, i), Time: at}); err != nil {
				t.Fatal(err)
			}
		}
	}
	long := time.Now().Add(-30 * 24 * time.Hour) // longer than the topic keeps events
	write(0, 20, long)
	write(20, 25, time.Now())

	var (
		mu   sync.Mutex
		gaps []Gap
		got  []int64
	)
	run := func(hold int64, enough int) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), await.Long)
		defer cancel()
		g := Group{ID: "g", Topics: []string{topic}, Lost: func(g Gap) {
			mu.Lock()
			defer mu.Unlock()
			gaps = append(gaps, g)
		}}
		if hold > 0 {
			g.Hold = func(string, int) (int64, bool) { return hold, true }
		}
		n := 0
		err := c.Consume(ctx, g, func(_ context.Context, batch []Message) error {
			for _, m := range batch {
				got = append(got, m.Offset)
			}
			if n += len(batch); n == enough {
				cancel()
			}
			return nil
		})
		if err != nil || n != enough {
			t.Fatalf("%d messages, %d expected; error %v", n, enough, err)
		}
	}
	run(8, 25) // commits 8
	got = nil
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if b, err = broker.Start(t.Context(), broker.Options{DataDir: dir, Log: zerolog.Nop()}); err != nil { // applies retention
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	tp := topicPartition{topic, 0}
	for first := int64(0); first == 0; {
		if first, _, err = c.bounds(t.Context(), tp); err != nil {
			c.refresh()
		}
	}
	run(0, 5)
	if len(gaps) != 1 || gaps[0] != (Gap{Topic: topic, First: 8, Last: 19, Reason: errRetention}) || gaps[0].Cause() != "retention" || gaps[0].Messages() != 12 {
		t.Errorf("gaps %+v", gaps)
	}
	if len(got) != 5 || got[0] != 20 {
		t.Errorf("offsets %v", got)
	}

	// An offset past the end, as after the topic was made anew, starts over instead of waiting for ever.
	done := newOffsets()
	done.begin(tp, 1000)
	done.mark(tp, 1001)
	p := partition{m: &member{c: c, log: zerolog.Nop()}, tp: tp, offset: 1000, done: done}
	x, err := p.fetch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	pg, err := p.page(t.Context(), x, x.from)
	if err != nil || len(pg.messages) != 5 || pg.messages[0].Offset != 20 {
		t.Errorf("past the end: %d messages, error %v", len(pg.messages), err)
	}
	if !x.anew {
		t.Error("past the end: what is read is not marked as a beginning")
	}
	handedOut := done.take(nil)
	done.anew(tp)
	done.putBack(handedOut) // whose commit failed meanwhile
	done.mark(tp, 25)       // which is committed, though it is less than what was
	if dirty := done.take(nil); dirty[topic][0] != 25 {
		t.Errorf("past the end: %v is to be committed", dirty)
	}

	askedAgain(t, c, tp)
}

// askedAgain: what was changed on the way is asked for again, and so is what comes behind an answer that has less in it than it seemed. What was taken before that
// is done by then, and nothing is taken that the next answer has as well.
func askedAgain(t *testing.T, c *Client, tp topicPartition) {
	t.Helper()
	for what, of := range map[string]struct {
		spoil func(*exchange)
		took  string
		lost  int
	}{
		"as it is": {func(*exchange) {}, "20 21 | 22 23 | 24 |", 0},
		"changed":  {func(x *exchange) { x.records[len(x.records)-1] ^= 1 }, "20 21 | 22 23 | 24 |", 0},
		"at once":  {func(x *exchange) { x.records[magicAt+30] ^= 1 }, "20 21 | 22 23 | 24 |", 0},
		"less":     {func(x *exchange) { x.records = x.records[:2*len(x.records)/5] }, "20 21 | 22 23 | 24 |", 0},
		"less yet": {func(x *exchange) { x.records = x.records[:len(x.records)/5] }, "20 | 21 22 | 23 24 |", 0},
		"further":  {func(x *exchange) { x.records, x.to = x.records[:2*len(x.records)/5], 23 }, "20 21 | 22 |", 0},
		"removed":  {func(x *exchange) { x.records, x.from = nil, 3 }, "| 20 21 | 22 23 | 24 |", 1},
		"anew":     {func(x *exchange) { x.records, x.from, x.to = nil, 1000, 1005 }, "|", 0},
	} {
		var lost []Gap
		took := &took{}
		p := partition{
			m:  &member{c: c, log: zerolog.Nop(), begin: func() Taker { return took }, g: Group{MaxBatch: 2, Lost: func(g Gap) { lost = append(lost, g) }}},
			tp: tp, offset: 20, done: newOffsets(),
		}
		x, err := p.fetch(t.Context())
		if err != nil || x.from != 20 || x.to != 25 {
			t.Fatalf("%+v, error %v", x, err)
		}
		of.spoil(x)
		if err := p.work(t.Context(), t.Context(), x); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if got := strings.Join(took.did, " "); got != of.took {
			t.Errorf("%s: %s, expected %s", what, got, of.took)
		}
		if len(lost) != of.lost || of.lost == 1 && (lost[0] != Gap{Topic: tp.topic, First: 3, Last: 19, Reason: errRetention}) {
			t.Errorf("%s: gaps %+v", what, lost)
		}
		if marked := p.done.dirty[tp.topic][0]; marked != x.to {
			t.Errorf("%s: done up to %d, of %d", what, marked, x.to)
		}
	}
}

// took notes what it takes, and when that is done.
type took struct{ did []string }

func (d *took) Take(_ context.Context, batch []Message) (bool, error) {
	for _, m := range batch {
		d.did = append(d.did, fmt.Sprint(m.Offset))
	}
	return false, nil
}

func (d *took) Done(context.Context) error {
	d.did = append(d.did, "|")
	return nil
}
