package producers

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/internal/obs"
	"github.com/riposte-security/riposte/schemas"
)

// A Publisher writes messages to Kafka. When Start returns, they have their places behind those of the calls before it; wait returns nil when all of them are
// durable, which is tried until ctx ends. Messages that Kafka will never take come back as a *kafka.RejectedError, with all others written.
type Publisher interface {
	Start(ctx context.Context, msgs ...kafka.Message) (wait func() error)
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
	l := &loop{Producer: p, source: "riposte/" + p.Name, health: obs.NewCondition(log, "source of "+p.Name)}
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

	source string // of the events
	health *obs.Condition
}

// parsed is what became of one record.
type parsed struct {
	msgs []kafka.Message
	err  error
}

const (
	atOnce = 2000 // records are published in one call,
	ahead  = 3    // so many of which are on their way while the records behind them are parsed
)

// emit publishes the events of a batch, with the dead letters of records that gave none, and returns when all is durable.
func (l *loop) emit(ctx context.Context, records []Record) error {
	if len(records) == 0 {
		return nil
	}
	var (
		counted tally
		sent    []*part
		failed  error
	)
	for from := 0; from < len(records) && failed == nil; from += atOnce {
		if len(sent) == ahead {
			failed = l.settle(ctx, sent[0], &counted)
			sent = sent[1:]
		}
		if failed != nil {
			break
		}
		p := &part{records: records[from:min(from+atOnce, len(records))], begin: from}
		if failed = l.send(ctx, p); failed == nil {
			sent = append(sent, p)
		}
	}
	for _, p := range sent {
		if err := l.settle(ctx, p, &counted); failed == nil {
			failed = err
		}
	}
	if failed != nil {
		return failed
	}
	l.health.OK()
	l.Metrics.add(l.Name, len(records), counted.events, counted.letters)
	return nil
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
			var maker kafka.EventMaker
			msgs := make([]kafka.Message, 0, to-from) // of most records comes one
			for i := from; i < to && ctx.Err() == nil; i++ {
				at := len(msgs)
				msgs, results[i].err = l.messages(msgs, &maker, records[i])
				results[i].msgs = msgs[at:len(msgs):len(msgs)]
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

// messages appends the messages of a record's events. If one of them cannot be one, none is.
func (l *loop) messages(to []kafka.Message, maker *kafka.EventMaker, r Record) ([]kafka.Message, error) {
	events, err := ParseRecord(l.Format, r)
	if err != nil {
		return to, err
	}
	msgs := to
	for _, e := range events {
		e.Source = l.source
		m := maker.Message(l.Events, e)
		if n := m.Size(); n > kafka.MaxMessage {
			return to, fmt.Errorf("the event %s has %d bytes; a message has at most %d", e.UID, n, kafka.MaxMessage)
		}
		msgs = append(msgs, m)
	}
	return msgs, nil
}
