package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/segmentio/kafka-go"

	"github.com/riposte-security/riposte/internal/fault"
)

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
		messages := pg.messages
		if len(messages) == 0 {
			at = rest{pg.next, x.records}
		}
		for len(messages) > 0 && reading.Err() == nil {
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
			if !enough && room > 0 {
				continue
			}
			if err := done(); err != nil {
				return err
			}
		}
		p.m.c.release(pg) // not after an error: then it is the collector's
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
