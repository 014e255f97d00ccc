package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/segmentio/kafka-go"

	"github.com/riposte-security/riposte/internal/fault"
)

// maxBatch is how many messages go to a partition in one request.
const maxBatch = 5000

// A call is one Publish.
type call struct {
	done      chan struct{}   // closed when no message is left
	abandoned <-chan struct{} // closed when the caller no longer waits

	mu       sync.Mutex
	left     int
	rejected []Rejection
	closed   bool // the writer was closed under it
}

// wait returns when no message is left, or ctx ends.
func (c *call) wait(ctx context.Context) error {
	select {
	case <-c.done:
	case <-ctx.Done():
		return fmt.Errorf("publish: %w", ctx.Err())
	}
	if c.closed {
		return fmt.Errorf("publish: %w", io.ErrClosedPipe)
	}
	if len(c.rejected) > 0 {
		return fault.Permanent(&RejectedError{Rejected: c.rejected})
	}
	return nil
}

// An item is one message of a call on its way.
type item struct {
	index int
	msg   *Message
	call  *call
	size  int
}

func (it item) settle(change func(*call)) {
	it.call.mu.Lock()
	defer it.call.mu.Unlock()
	if change != nil {
		change(it.call)
	}
	if it.call.left--; it.call.left == 0 {
		close(it.call.done)
	}
}

func (it item) reject(err error) {
	it.settle(func(c *call) {
		c.rejected = append(c.rejected, Rejection{Index: it.index, Topic: it.msg.Topic, Key: it.msg.Key, Err: err})
	})
}

func (it item) abandoned() bool {
	select {
	case <-it.call.abandoned:
		return true
	default:
		return false
	}
}

// A lane is what waits for one partition: one batch is on its way at a time, and what arrives meanwhile is the next. So a lone message waits for nobody, and a
// crowd shares the cost.
type lane struct {
	c   *Client
	tp  topicPartition
	who string // for the health of the client

	// What follows is its writer's to lock.

	queue  []item
	bytes  int // of queue
	sender *sender
	state  laneState
}

// laneState is what a lane is about.
type laneState int8

const (
	idle    laneState = iota
	waiting           // among those from which its sender takes
	busy              // with a batch on its way
)

// take removes the next batch from the queue. Items that nobody waits for any more are left out.
func (l *lane) take() (batch []item, bytes int) {
	n := 0
	for _, it := range l.queue {
		if len(batch) == maxBatch || (len(batch) > 0 && bytes+it.size > MaxMessage) {
			break
		}
		n++
		l.bytes -= it.size
		if !it.abandoned() {
			batch = append(batch, it)
			bytes += it.size
		}
	}
	if l.queue = l.queue[n:]; len(l.queue) == 0 {
		l.queue = nil
	}
	return batch, bytes
}

func closeAll(items []item) {
	for _, it := range items {
		it.settle(func(c *call) { c.closed = true })
	}
}

// write writes batch, however long it takes, and settles its items. A batch that is refused for its contents is written again one by one.
func (l *lane) write(ctx context.Context, batch []item) {
	err := fault.Retry(ctx, func(err error) { l.c.health.failed(l.who, err) }, func() error {
		live := batch[:0]
		for _, it := range batch {
			if !it.abandoned() {
				live = append(live, it)
			}
		}
		if batch = live; len(batch) == 0 {
			return nil
		}
		err := l.c.produce(ctx, parcel{tp: l.tp, items: batch})[0]
		if rejects(err) {
			return fault.Permanent(err)
		}
		if err != nil {
			l.c.refresh()
		}
		return err
	})
	if err != nil && ctx.Err() == nil {
		l.c.health.ok(l.who) // a refusal is an answer
	}
	switch {
	case err == nil && len(batch) == 0: // nobody waits for it any more
		l.c.health.gone(l.who)
	case err == nil:
		l.c.health.ok(l.who)
		for _, it := range batch {
			it.settle(nil)
		}
	case ctx.Err() != nil:
		closeAll(batch)
	case len(batch) > 1:
		for i := range batch {
			l.write(ctx, batch[i:i+1:i+1])
		}
	case errors.Is(err, kafka.MessageSizeTooLarge), errors.Is(err, kafka.RecordListTooLarge):
		batch[0].reject(fmt.Errorf("%w for its topic: %w", ErrTooLarge, err))
	default:
		batch[0].reject(err)
	}
}
