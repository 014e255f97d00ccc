package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/riposte-security/riposte/internal/fault"
)

const commitEvery = 100 * time.Millisecond

// generation works on the partitions that were assigned until ctx or ended is done, and commits what was finished.
func (m *member) generation(ctx, ended context.Context, gen *kafka.Generation) {
	// Reading stops at once; handlers have some time to finish.
	reading, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(ended, stop)()
	handling, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(reading, func() {
		grace := rebalanceGrace
		if ctx.Err() != nil {
			grace = m.g.Grace
		}
		select {
		case <-handling.Done():
		case <-time.After(grace):
			cancel()
		}
	})()

	var (
		work sync.WaitGroup
		done = newOffsets()
		n    int
	)
	for topic, assigned := range gen.Assignments {
		for _, a := range assigned {
			n++
			p := &partition{m: m, tp: topicPartition{topic, a.ID}, offset: a.Offset, done: done}
			done.begin(p.tp, a.Offset)
			work.Go(func() { p.run(reading, handling) })
		}
	}
	m.log.Info().Int32("generation", gen.ID).Int("partitions", n).Msg("joined the group")
	finished := make(chan struct{})
	go func() { work.Wait(); close(finished) }()
	m.commitUntil(finished, gen, done)
	if m.g.Released == nil {
		return
	}
	for topic, assigned := range gen.Assignments {
		for _, a := range assigned {
			m.g.Released(topic, a.ID)
		}
	}
}

// commitUntil commits every 100 ms what was finished meanwhile, and a last time when all work has ended.
func (m *member) commitUntil(finished <-chan struct{}, gen *kafka.Generation, done *offsets) {
	tick := time.NewTicker(commitEvery)
	defer tick.Stop()
	for last := false; !last; {
		select {
		case <-tick.C:
		case <-finished:
			last = true
		}
		dirty := done.take(m.g.Hold)
		if len(dirty) == 0 {
			continue
		}
		err := gen.CommitOffsets(dirty)
		if err == nil {
			continue
		}
		done.putBack(dirty)
		if last {
			m.log.Warn().Err(err).Msg("last offsets of a generation not committed; the messages will be handled again")
		} else {
			m.log.Debug().Err(err).Msg("offsets not committed; will be tried again")
		}
	}
}

// offsets collects what was finished and not yet committed.
type offsets struct {
	mu        sync.Mutex
	dirty     map[string]map[int]int64
	committed map[topicPartition]int64 // handed out by take, and not put back
}

func newOffsets() *offsets {
	return &offsets{dirty: map[string]map[int]int64{}, committed: map[topicPartition]int64{}}
}

// begin notes what has been committed before: nothing before that will be.
func (o *offsets) begin(tp topicPartition, committed int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.committed[tp] = max(0, committed)
}

// mark notes that everything before next is done.
func (o *offsets) mark(tp topicPartition, next int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.dirty[tp.topic] == nil {
		o.dirty[tp.topic] = map[int]int64{}
	}
	o.dirty[tp.topic][tp.partition] = max(next, o.dirty[tp.topic][tp.partition])
}

// take removes what may be committed now; of a partition that is on hold, that is what lies before the hold.
func (o *offsets) take(hold func(topic string, partition int) (int64, bool)) map[string]map[int]int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	dirty := map[string]map[int]int64{}
	for topic, partitions := range o.dirty {
		for p, next := range partitions {
			upTo := next
			if hold != nil {
				if at, held := hold(topic, p); held && at < next {
					upTo = at
				}
			}
			tp := topicPartition{topic, p}
			if upTo > o.committed[tp] {
				if dirty[topic] == nil {
					dirty[topic] = map[int]int64{}
				}
				dirty[topic][p] = upTo
				o.committed[tp] = upTo
			}
			if upTo == next {
				delete(partitions, p)
			}
		}
	}
	return dirty
}

func (o *offsets) putBack(dirty map[string]map[int]int64) {
	for topic, partitions := range dirty {
		for p, next := range partitions {
			o.mu.Lock()
			delete(o.committed, topicPartition{topic, p})
			o.mu.Unlock()
			o.mark(topicPartition{topic, p}, next)
		}
	}
}

// A partition is one partition of a generation.
type partition struct {
	m      *member
	tp     topicPartition
	offset int64 // where to read on; kafka.FirstOffset if the group has none yet
	done   *offsets
	placed bool           // offset is where Group.From wants to begin
	spent  chan *exchange // whose memory may be used again
}

// run fetches in one goroutine, and in another makes messages of what a broker has handed over and handles them, an answer or two apart: what was just
// decompressed is looked at by the same processor.
func (p *partition) run(reading, handling context.Context) {
	const apart = 1
	answers := make(chan *exchange, apart)
	p.spent = make(chan *exchange, apart+2) // all that there are
	var reader sync.WaitGroup
	reader.Go(func() {
		defer close(answers)
		p.read(reading, answers)
	})
	defer reader.Wait()
	for x := range answers {
		if reading.Err() != nil {
			continue // drained, for whoever gets the partition next
		}
		if err := p.work(reading, handling, x); err != nil {
			if fault.IsPermanent(err) {
				p.m.fail(err)
			}
			<-reading.Done() // what follows must not overtake what failed
			continue
		}
		select {
		case p.spent <- x:
		default:
		}
	}
}

// read fetches from p.offset on and sends answers until ctx ends.
func (p *partition) read(ctx context.Context, answers chan<- *exchange) {
	who := "read " + p.tp.String() + " for " + p.m.g.ID
	defer p.m.c.health.gone(who)
	for ctx.Err() == nil {
		var x *exchange
		err := fault.Retry(ctx, func(err error) { p.m.c.health.failed(who, err) }, func() (err error) {
			if x, err = p.fetch(ctx); err != nil && ctx.Err() == nil {
				p.m.c.refresh()
			}
			return err
		})
		if err != nil {
			return // ctx has ended: nothing else stops Retry here
		}
		p.m.c.health.ok(who)
		p.offset = x.to
		select {
		case answers <- x:
		case <-ctx.Done():
			return
		}
	}
}

// work has the messages of an answer handled. The error is the handler's permanent one, or that reading has ended.
func (p *partition) work(reading, handling context.Context, x *exchange) error {
	todo := rest{from: x.from, records: x.records}
	failed := false
	err := fault.Retry(reading, func(err error) {
		if !failed && reading.Err() == nil {
			failed = true
			p.m.log.Warn().Err(err).Str("topic", p.tp.topic).Int("partition", p.tp.partition).Int64("offset", todo.from).
				Msg("handling failed; retrying")
		}
	}, func() error { return p.goThrough(reading, handling, x, &todo) })
	if failed && err == nil {
		p.m.log.Info().Str("topic", p.tp.topic).Int("partition", p.tp.partition).Int64("offset", x.to).Msg("handling goes on")
	}
	return err
}

// A rest is what of an answer is not done: from an offset on, which is in the first of its batches.
type rest struct {
	from    int64
	records []byte
}

// goThrough has a Taker take what of an answer is not done, page by page, and notes how far it has come. When reading ends, what was taken is brought to its end.
func (p *partition) goThrough(reading, handling context.Context, x *exchange, todo *rest) error {
	t, room, at := p.m.begin(), p.m.g.MaxBatch, *todo
	done := func() error {
		if at.from == todo.from {
			return nil
		}
		if err := t.Done(handling); err != nil {
			return err
		}
		p.done.mark(p.tp, at.from)
		t, room, *todo = p.m.begin(), p.m.g.MaxBatch, at
		return nil
	}
	for x.records = at.records; at.from < x.to && reading.Err() == nil; {
		at.records = x.records
		if len(x.records) == 0 { // what was taken does not wait for a broker
			if err := done(); err != nil {
				return err
			}
		}
		pg, err := p.page(reading, x, at.from)
		if err != nil {
			if err := done(); err != nil {
				return err
			}
			pg, err = p.pageAtLast(reading, x, at.from)
		}
		if err != nil {
			break // reading has ended
		}
		err = func() error {
			defer p.m.c.release(pg)
			for messages := pg.messages; len(messages) > 0 && reading.Err() == nil; {
				n := min(room, len(messages))
				enough, err := t.Take(handling, messages[:n])
				if err != nil {
					return err
				}
				room -= n
				if messages = messages[n:]; len(messages) > 0 {
					at.from = messages[0].Offset
				} else {
					at = rest{pg.next, x.records}
				}
				if enough || room == 0 {
					if err := done(); err != nil {
						return err
					}
				}
			}
			if len(pg.messages) == 0 {
				at = rest{pg.next, x.records}
			}
			return nil
		}()
		if err != nil {
			return err
		}
	}
	if err := done(); err != nil {
		return err
	}
	if at.from < x.to {
		return reading.Err()
	}
	return nil
}

// pageAtLast makes the next page of an answer, however often it has to be tried.
func (p *partition) pageAtLast(ctx context.Context, x *exchange, next int64) (pg page, err error) {
	who := "take what was read of " + p.tp.String() + " for " + p.m.g.ID
	err = fault.Retry(ctx, func(err error) { p.m.c.health.failed(who, err) }, func() error {
		pg, err = p.page(ctx, x, next)
		return err
	})
	p.m.c.health.settle(who, err)
	return pg, err
}

// page makes the next page of an answer. What could not be read, or is not there though it was seen at first, is asked for again.
func (p *partition) page(ctx context.Context, x *exchange, next int64) (page, error) {
	if len(x.records) == 0 {
		again, err := p.m.c.ask(ctx, nil, p.tp, next, fetchBytes) // others may go back to what was there
		if errors.Is(err, kafka.OffsetOutOfRange) {
			return p.gone(ctx, next, x.to)
		}
		if err == nil && len(again.records) == 0 {
			err = fmt.Errorf("read %s: nothing is at offset %d, where there was something", p.tp, next)
		}
		if err != nil {
			p.m.c.refresh()
			return page{}, err
		}
		x.answer, x.records = again.answer, again.records
	}
	pg, _, err := p.m.c.page(x, p.tp, next)
	if err != nil {
		return page{}, err
	}
	if n := len(pg.messages); n > 0 && pg.messages[n-1].Offset >= x.to { // of an answer that goes further than the first
		pg.messages = slices.DeleteFunc(pg.messages, func(m Message) bool { return m.Offset >= x.to })
	}
	pg.next = min(pg.next, x.to)
	for _, g := range pg.gaps {
		if g.Last >= x.told { // or it is read again
			p.lost(g)
			x.told = g.Last + 1
		}
	}
	return pg, nil
}

// gone is a page without messages, up to the first that retention has left, or to the end of what was handed over.
func (p *partition) gone(ctx context.Context, next, to int64) (page, error) {
	first, end, err := p.m.c.bounds(ctx, p.tp)
	switch {
	case err != nil:
		return page{}, err
	case next > end: // the next answer begins anew, and says so
		return page{memory: p.m.c.memory(), next: to}, nil
	case first <= next: // the bounds moved meanwhile
		return page{}, kafka.OffsetOutOfRange
	}
	pg := page{memory: p.m.c.memory(), next: min(first, to)}
	p.lost(Gap{Topic: p.tp.topic, Partition: p.tp.partition, First: next, Last: pg.next - 1, Reason: errRetention})
	return pg, nil
}

// fetch gets the next answer; where the offset is out of range it finds out what happened, and says so.
func (p *partition) fetch(ctx context.Context) (*exchange, error) {
	if p.offset < 0 {
		first, _, err := p.m.c.bounds(ctx, p.tp)
		if err != nil {
			return nil, err
		}
		p.offset = first
	}
	if p.m.g.From != nil && !p.placed {
		from, err := p.m.g.From(ctx, p.tp.topic, p.tp.partition, p.offset)
		if err != nil {
			return nil, err
		}
		p.offset, p.placed = min(from, p.offset), true
	}
	x, err := p.ask(ctx)
	if !errors.Is(err, kafka.OffsetOutOfRange) {
		return x, err
	}
	first, end, boundsErr := p.m.c.bounds(ctx, p.tp)
	if boundsErr != nil {
		return nil, boundsErr
	}
	switch {
	case p.offset < first:
		p.lost(Gap{Topic: p.tp.topic, Partition: p.tp.partition, First: p.offset, Last: first - 1, Reason: errRetention})
	case p.offset > end:
		p.m.log.Error().Str("topic", p.tp.topic).Int("partition", p.tp.partition).Int64("offset", p.offset).Int64("end", end).
			Msg("the partition ends before the committed offset: it was made anew or lost its end; reading it from its beginning")
	default:
		return nil, err // the bounds moved meanwhile
	}
	p.offset = first
	return p.ask(ctx)
}

func (p *partition) ask(ctx context.Context) (*exchange, error) {
	var old *exchange
	select {
	case old = <-p.spent:
	default:
	}
	return p.m.c.ask(ctx, old, p.tp, p.offset, fetchBytes)
}

// errRetention is why most gaps are there.
var errRetention = errors.New("messages were removed by retention before this group read them")

// lost tells of messages that the group will never see.
func (p *partition) lost(g Gap) {
	g.say(p.m.log)
	if p.m.g.Lost != nil {
		p.m.g.Lost(g)
	}
}
