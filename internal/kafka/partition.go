package kafka

import (
	"context"
	"errors"
	"sync"

	"github.com/segmentio/kafka-go"

	"github.com/riposte-security/riposte/internal/fault"
)

// A partition is one partition of a generation.
type partition struct {
	m      *member
	tp     topicPartition
	offset int64 // where to read on; kafka.FirstOffset if the group has none yet
	done   *offsets
	placed bool           // offset is where Group.From wants to begin
	again  bool           // what is asked for next is behind where the group was: it begins anew
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
		if x.anew { // all that was handed over before is done
			p.done.anew(p.tp)
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
		p.again = true
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
	x, err := p.m.c.ask(ctx, old, p.tp, p.offset, fetchBytes)
	if err == nil {
		x.anew, p.again = p.again, false
	}
	return x, err
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
