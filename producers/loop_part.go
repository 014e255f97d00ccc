package producers

import (
	"context"
	"errors"
	"fmt"

	"github.com/riposte-security/riposte/internal/kafka"
)

// A part is of the records of a batch, and what is published of them in one call.
type part struct {
	all        []Record
	begin, end int

	msgs    []kafka.Message
	from    []int // the record of each message
	letters int   // how many of them are dead letters
	wait    func() error
}

func (p *part) records() []Record { return p.all[p.begin:p.end] }

// A tally counts what is durable.
type tally struct{ events, letters int }

// send has what became of the records of a part on its way.
func (l *loop) send(ctx context.Context, p *part, results []parsed) {
	p.msgs = make([]kafka.Message, 0, len(results))
	p.from = make([]int, 0, len(results))
	for i, r := range results {
		if r.err != nil {
			r.msgs = []kafka.Message{l.deadLetter(p.all[p.begin+i], r.err)}
			p.letters++
			Report(ctx, p.begin+i, r.err)
		}
		for range r.msgs {
			p.from = append(p.from, p.begin+i)
		}
		p.msgs = append(p.msgs, r.msgs...)
	}
	p.wait = l.Publisher.Start(ctx, p.msgs...)
}

// settle waits until a part is durable, and counts it; records whose messages Kafka refuses become dead letters.
func (l *loop) settle(ctx context.Context, p *part, counted *tally) error {
	err := p.wait()
	var rejected *kafka.RejectedError
	if !errors.As(err, &rejected) {
		counted.events += len(p.msgs) - p.letters
		counted.letters += p.letters
		return wrapPublish(l.Name, err)
	}
	letters := make([]kafka.Message, 0, len(rejected.Rejected))
	for _, r := range rejected.Rejected {
		i := p.from[r.Index]
		if p.msgs[r.Index].Topic == l.DeadLetter {
			return wrapPublish(l.Name, fmt.Errorf("dead letter: %w", r.Err))
		}
		letters = append(letters, l.deadLetter(p.all[i], r.Err))
		Report(ctx, i, r.Err)
	}
	counted.letters += p.letters + len(letters)
	counted.events += len(p.msgs) - p.letters - len(letters)
	return wrapPublish(l.Name, l.Publisher.Start(ctx, letters...)())
}

func wrapPublish(name string, err error) error {
	if err != nil {
		return fmt.Errorf("producer %s: publish: %w", name, err)
	}
	return nil
}
