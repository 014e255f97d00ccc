package producers

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/internal/obs"
	"github.com/riposte-security/riposte/schemas"
)

// A Publisher writes messages to Kafka. Publish returns nil when all of them are durable; it tries until ctx ends. Messages that Kafka will
// never take come back as a *kafka.RejectedError, with all others written.
type Publisher interface {
	Publish(ctx context.Context, msgs ...kafka.Message) error
}

// A Producer is one source with the format of its records, and where the events go.
type Producer struct {
	Name       string // of the configuration; events carry it as their source, "riposte/NAME"
	Source     Source
	Format     Format
	Publisher  Publisher
	Events     string // topic of the events
	DeadLetter string // topic of what is no event
	Log        zerolog.Logger
	Metrics    *Metrics // may be nil
}

// steady is how long a source must have run for its next failure to count as the first in a row.
const steady = time.Minute

// Run moves the source's records into Kafka until ctx ends, the source is exhausted, or it fails permanently, which is the only error that
// Run returns. Any other failure starts the source anew, with growing pauses.
func Run(ctx context.Context, p Producer) error {
	if p.Name == "" || p.Source == nil || p.Format == nil || p.Publisher == nil || p.Events == "" || p.DeadLetter == "" {
		return fault.Permanent(errors.New("producer: name, source, format, publisher and topics are required"))
	}
	log := p.Log.With().Str("producer", p.Name).Logger()
	l := &loop{Producer: p, health: obs.NewCondition(log, "source of "+p.Name)}
	ctx = p.Metrics.withDrops(ctx, p.Name)
	for {
		again := false
		err := fault.Retry(ctx, l.health.Failed, func() error {
			start := time.Now()
			p.Metrics.started(p.Name)
			err := p.Source.Run(ctx, l.emit)
			if ctx.Err() != nil {
				return nil //nolint:nilerr // ctx has ended: how the source did no longer matters
			}
			p.Metrics.ended(p.Name, err)
			if err != nil && !fault.IsPermanent(err) && time.Since(start) >= steady {
				l.health.Failed(err)
				again = true
				return nil
			}
			return err
		})
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // as above
		case err != nil:
			return fmt.Errorf("producer %s: %w", p.Name, err)
		case !again:
			log.Info().Msg("the source is exhausted")
			return nil
		}
	}
}

type loop struct {
	Producer
	health *obs.Condition
}

// parsed is what became of one record.
type parsed struct {
	events []schemas.Event
	err    error
}

// atOnce is how many records are published in one call, while those behind them are parsed.
const atOnce = 2000

// emit publishes the events of a batch, with the dead letters of records that gave none, and returns when all is durable.
func (l *loop) emit(ctx context.Context, records []Record) error {
	if len(records) == 0 {
		return nil
	}
	var (
		events, letters int
		sending         sync.WaitGroup
		failed          error
	)
	for from := 0; from < len(records); from += atOnce {
		part := records[from:min(from+atOnce, len(records))]
		results := l.parse(ctx, part)
		err := ctx.Err() // then not all of them were parsed
		if err != nil {
			err = fmt.Errorf("producer %s: %w", l.Name, err)
		}
		sending.Wait() // what is in Kafka keeps the order of the records
		if failed == nil {
			failed = err
		}
		if failed != nil {
			break
		}
		sending.Go(func() {
			var e, d int
			e, d, failed = l.send(ctx, records, part, from, results)
			events, letters = events+e, letters+d
		})
	}
	if sending.Wait(); failed != nil {
		return failed
	}
	l.health.OK()
	l.Metrics.add(l.Name, len(records), events, letters)
	return nil
}

// send publishes what became of a part of the records, which begins at from, and counts events and dead letters.
func (l *loop) send(ctx context.Context, records, part []Record, begin int, results []parsed) (events, letters int, err error) {
	msgs := make([]kafka.Message, 0, len(part))
	from := make([]int, 0, len(part)) // record of each message
	for i, r := range results {
		m, err := l.messages(r)
		if err != nil {
			m = []kafka.Message{l.deadLetter(part[i], err)}
			letters++
			Report(ctx, begin+i, err)
		} else {
			events += len(m)
		}
		for range m {
			from = append(from, begin+i)
		}
		msgs = append(msgs, m...)
	}
	refused, err := l.publish(ctx, records, msgs, from)
	return events - refused, letters + refused, err
}

// parse runs the format over the records, on all processors if there are many.
func (l *loop) parse(ctx context.Context, records []Record) []parsed {
	results := make([]parsed, len(records))
	const chunk = 64
	var g errgroup.Group
	g.SetLimit(max(1, runtime.GOMAXPROCS(0)))
	for from := 0; from < len(records); from += chunk {
		to := min(from+chunk, len(records))
		work := func() error {
			for i := from; i < to && ctx.Err() == nil; i++ {
				results[i].events, results[i].err = ParseRecord(l.Format, records[i])
			}
			return nil
		}
		if len(records) <= chunk {
			_ = work() // it has no errors
		} else {
			g.Go(work)
		}
	}
	_ = g.Wait()
	return results
}

// ParseRecord is f.Parse, except that a record with AttrProblem is its problem, and that a format which fails over a record in a way that
// would end the process gives an error instead: one hostile record must not stop a pipeline for good.
func ParseRecord(f Format, r Record) (events []schemas.Event, err error) {
	if why, ok := r.Attrs[AttrProblem]; ok {
		return nil, fault.Permanent(errors.New(why))
	}
	defer func() {
		if v := recover(); v != nil {
			events, err = nil, fault.Permanent(fmt.Errorf("the format failed: %v\n%s", v, debug.Stack()))
		}
	}()
	return f.Parse(r)
}

// messages turns the events of one record into messages. If one of them cannot be one, none is.
func (l *loop) messages(r parsed) ([]kafka.Message, error) {
	if r.err != nil {
		return nil, r.err
	}
	msgs := make([]kafka.Message, 0, len(r.events))
	for _, e := range r.events {
		e.Source = "riposte/" + l.Name
		m := kafka.EventMessage(l.Events, e)
		if n := m.Size(); n > kafka.MaxMessage {
			return nil, fmt.Errorf("the event %s has %d bytes; a message has at most %d", e.UID, n, kafka.MaxMessage)
		}
		msgs = append(msgs, m)
	}
	return msgs, nil
}

// publish writes msgs; records whose messages Kafka refuses become dead letters. refused counts the messages.
func (l *loop) publish(ctx context.Context, records []Record, msgs []kafka.Message, from []int) (refused int, err error) {
	err = l.Publisher.Publish(ctx, msgs...)
	var rejected *kafka.RejectedError
	if !errors.As(err, &rejected) {
		return 0, wrapPublish(l.Name, err)
	}
	letters := make([]kafka.Message, 0, len(rejected.Rejected))
	for _, r := range rejected.Rejected {
		i := from[r.Index]
		if msgs[r.Index].Topic == l.DeadLetter {
			return 0, wrapPublish(l.Name, fmt.Errorf("dead letter: %w", r.Err))
		}
		letters = append(letters, l.deadLetter(records[i], r.Err))
		Report(ctx, i, r.Err)
	}
	return len(letters), wrapPublish(l.Name, l.Publisher.Publish(ctx, letters...))
}

func wrapPublish(name string, err error) error {
	if err != nil {
		return fmt.Errorf("producer %s: publish: %w", name, err)
	}
	return nil
}
