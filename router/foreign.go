package router

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/riposte-security/riposte/internal/kafka"
)

const (
	foreignTimeout = 15 * time.Second // for making a topic
	foreignAgain   = time.Minute      // after which one that could not be made is tried again
)

// foreign are the topics that rules publish to. They are made when they are needed; one that cannot be made must not hold up the commands
// of the same events.
type foreign struct {
	kafka *kafka.Client

	mu     sync.Mutex
	topics map[string]time.Time // zero: it is there; else when it could not be made
}

// ensure returns nil when the topic is there. The lock is held meanwhile: who else needs a topic waits for the same thing.
func (f *foreign) ensure(ctx context.Context, topic string, now time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	failed, known := f.topics[topic]
	if known && failed.IsZero() {
		return nil
	}
	if known && now.Sub(failed) < foreignAgain {
		return fmt.Errorf("topic %s could not be made at %s", topic, failed.UTC().Format(time.RFC3339))
	}
	trying, cancel := context.WithTimeout(ctx, foreignTimeout)
	defer cancel()
	if err := f.kafka.EnsureTopics(trying, topic); err != nil {
		if ctx.Err() == nil {
			f.topics[topic] = now
		}
		return err
	}
	f.topics[topic] = time.Time{}
	return nil
}
