package kafka

import (
	"context"
	"errors"
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
	placed bool      // offset is where Group.From wants to begin
	answer *exchange // nil: there is none
}

// A chunk is what a handler gets in one go.
type chunk struct {
	messages []Message
	next     int64
	last     *page // whose last messages these are, if they are
}

// run reads in one goroutine and handles in another, a few chunks apart.
func (p *partition) run(reading, handling context.Context) {
	chunks := make(chan chunk, 1)
	var reader sync.WaitGroup
	reader.Go(func() {
		defer close(chunks)
		p.read(reading, chunks)
	})
	defer reader.Wait()
	for c := range chunks {
		if reading.Err() != nil {
			continue // drained, for whoever gets the partition next
		}
		if err := p.handle(reading, handling, c); err != nil {
			if fault.IsPermanent(err) {
				p.m.fail(err)
			}
			<-reading.Done() // what follows must not overtake what failed
			continue
		}
		p.done.mark(p.tp, c.next)
		if c.last != nil {
			p.m.c.release(*c.last)
		}
	}
}

// handle hands c to the handler until it succeeds, fails permanently, or reading is over.
func (p *partition) handle(reading, handling context.Context, c chunk) error {
	if len(c.messages) == 0 {
		return nil
	}
	failed := false
	err := fault.Retry(reading, func(err error) {
		if !failed && reading.Err() == nil {
			failed = true
			p.m.log.Warn().Err(err).Str("topic", p.tp.topic).Int("partition", p.tp.partition).Int64("offset", c.messages[0].Offset).
				Int("messages", len(c.messages)).Msg("handling failed; retrying")
		}
	}, func() error { return p.m.handle(handling, c.messages) })
	if failed && err == nil {
		p.m.log.Info().Str("topic", p.tp.topic).Int("partition", p.tp.partition).Int64("offset", c.messages[0].Offset).
			Msg("handling goes on")
	}
	return err
}

// read fetches from p.offset on and sends chunks until ctx ends.
func (p *partition) read(ctx context.Context, chunks chan<- chunk) {
	who := "read " + p.tp.String() + " for " + p.m.g.ID
	defer p.m.c.health.gone(who)
	for ctx.Err() == nil {
		var pg page
		err := fault.Retry(ctx, func(err error) { p.m.c.health.failed(who, err) }, func() error {
			var err error
			if pg, err = p.page(ctx); err != nil && ctx.Err() == nil {
				p.m.c.refresh()
			}
			return err
		})
		if err != nil {
			return // ctx has ended: nothing else stops Retry here
		}
		p.m.c.health.ok(who)
		messages := pg.messages
		if !p.m.g.Lend {
			messages = owned(messages)
			p.m.c.release(pg)
		}
		for from := 0; from < len(messages) || (from == 0 && pg.next > p.offset); from += p.m.g.MaxBatch {
			c := chunk{messages: messages[from:min(from+p.m.g.MaxBatch, len(messages))], next: pg.next}
			if from+p.m.g.MaxBatch < len(messages) {
				c.next = c.messages[len(c.messages)-1].Offset + 1
			} else if p.m.g.Lend {
				c.last = &pg
			}
			select {
			case chunks <- c:
			case <-ctx.Done():
				return
			}
		}
		p.offset = pg.next
	}
}

// page gives the next page.
func (p *partition) page(ctx context.Context) (page, error) {
	if p.answer == nil || len(p.answer.records) == 0 {
		if err := p.fetch(ctx); err != nil {
			return page{}, err
		}
	}
	pg, _, err := p.m.c.page(p.answer, p.tp, p.offset)
	if err != nil {
		return page{}, err
	}
	for _, g := range pg.gaps {
		p.lost(g)
	}
	return pg, nil
}

// fetch gets the next answer; where the offset is out of range it finds out what happened, and says so.
func (p *partition) fetch(ctx context.Context) error {
	if p.offset < 0 {
		first, _, err := p.m.c.bounds(ctx, p.tp)
		if err != nil {
			return err
		}
		p.offset = first
	}
	if p.m.g.From != nil && !p.placed {
		from, err := p.m.g.From(ctx, p.tp.topic, p.tp.partition, p.offset)
		if err != nil {
			return err
		}
		p.offset, p.placed = min(from, p.offset), true
	}
	err := p.ask(ctx)
	if !errors.Is(err, kafka.OffsetOutOfRange) {
		return err
	}
	first, end, boundsErr := p.m.c.bounds(ctx, p.tp)
	if boundsErr != nil {
		return boundsErr
	}
	switch {
	case p.offset < first:
		p.lost(Gap{Topic: p.tp.topic, Partition: p.tp.partition, First: p.offset, Last: first - 1, Reason: errRetention})
	case p.offset > end:
		p.m.log.Error().Str("topic", p.tp.topic).Int("partition", p.tp.partition).Int64("offset", p.offset).Int64("end", end).
			Msg("the partition ends before the committed offset: it was made anew or lost its end; reading it from its beginning")
	default:
		return err // the bounds moved meanwhile
	}
	p.offset = first
	return p.ask(ctx)
}

func (p *partition) ask(ctx context.Context) (err error) {
	p.answer, err = p.m.c.ask(ctx, p.answer, p.tp, p.offset, fetchBytes)
	return err
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
