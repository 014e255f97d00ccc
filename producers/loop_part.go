package producers

import (
	"context"
	"errors"
	"fmt"

	"github.com/riposte-security/riposte/internal/kafka"
)

// A part is of the records of a batch, and what is published of them in one call.
type part struct {
	records []Record
	begin   int // where they are in the batch

	msgs    []kafka.Message
	from    []int // the record of each message
	letters int   // how many of them are dead letters
	wait    func() error
}

// A tally counts what is durable.
type tally struct{ events, letters int }

// send has what becomes of the records of a part on its way.
func (l *loop) send(ctx context.Context, p *part) error {
	results := l.parse(ctx, p.records)
	if err := ctx.Err(); err != nil { // not all of them were parsed
		return fmt.Errorf("producer %s: %w", l.Name, err)
	}
	p.msgs = make([]kafka.Message, 0, len(results))
	p.from = make([]int, 0, len(results))
	for i, r := range results {
		if r.err != nil {
			r.msgs = []kafka.Message{l.refuse(ctx, p, i, r.err)}
			p.letters++
		}
		for range r.msgs {
			p.from = append(p.from, i)
		}
		p.msgs = append(p.msgs, r.msgs...)
	}
	p.wait = l.Publisher.Start(ctx, p.msgs...)
	return nil
}

// refuse makes the dead letter of a record of a part, and reports it.
func (l *loop) refuse(ctx context.Context, p *part, i int, why error) kafka.Message {
	Report(ctx, p.begin+i, why)
	return l.deadLetter(p.records[i], why)
}

// settle waits until a part is durable, and counts it; records whose messages Kafka refuses become dead letters.
func (l *loop) settle(ctx context.Context, p *part, counted *tally) error {
	err, letters := p.wait(), p.letters
	if rejected, ok := errors.AsType[*kafka.RejectedError](err); ok {
		var more []kafka.Message
		for _, r := range rejected.Rejected {
			if p.msgs[r.Index].Topic == l.DeadLetter {
				return wrapPublish(l.Name, fmt.Errorf("dead letter: %w", r.Err))
			}
			more = append(more, l.refuse(ctx, p, p.from[r.Index], r.Err))
		}
		letters += len(more)
		err = l.Publisher.Start(ctx, more...)()
	}
	counted.letters += letters
	counted.events += len(p.msgs) - letters
	return wrapPublish(l.Name, err)
}

func wrapPublish(name string, err error) error {
	if err != nil {
		return fmt.Errorf("producer %s: publish: %w", name, err)
	}
	return nil
}
