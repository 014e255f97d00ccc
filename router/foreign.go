package router

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/internal/kafka"
)

const (
	foreignTimeout = 15 * time.Second // for which a refusal to make a topic may be one of a cluster that is starting
	foreignAgain   = time.Minute      // after which a topic that was refused is tried again
)

// A topicMaker is a kafka.Client, as far as it makes topics.
type topicMaker interface {
	EnsureTopics(ctx context.Context, extra ...string) error
}

// foreign are the topics that rules publish to. They are made when they are needed. One that the cluster refuses must not hold up the
// commands of the same events; that Kafka is away holds up everything, and is waited out.
type foreign struct {
	kafka   topicMaker
	timeout time.Duration

	mu     sync.Mutex
	topics map[string]refusal // the zero refusal: the topic is there
}

type refusal struct {
	at  time.Time
	err error
}

func newForeign(k topicMaker) *foreign {
	return &foreign{kafka: k, timeout: foreignTimeout, topics: map[string]refusal{}}
}

// ensure returns nil when the topic is there, a permanent error if the cluster does not make it, and ctx's when that ends. The lock is held
// meanwhile: who else needs a topic waits for the same thing.
func (f *foreign) ensure(ctx context.Context, topic string, now func() time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r, known := f.topics[topic]; known && (r.err == nil || now().Sub(r.at) < foreignAgain) {
		return r.err
	}
	for {
		err := f.try(ctx, topic)
		switch {
		case err == nil:
			f.topics[topic] = refusal{}
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("topic %s: %w", topic, ctx.Err())
		case fault.IsPermanent(err) || kafka.Refused(err):
			at := now()
			err = fault.Permanent(fmt.Errorf("topic %s could not be made at %s: %w", topic, at.UTC().Format(time.RFC3339), err))
			f.topics[topic] = refusal{at: at, err: err}
			return err
		}
	}
}

func (f *foreign) try(ctx context.Context, topic string) error {
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	return f.kafka.EnsureTopics(ctx, topic)
}
