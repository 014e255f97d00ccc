package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"

	"github.com/segmentio/kafka-go"
)

// A Writer publishes messages. It is safe for concurrent use, and one Writer for many goroutines gives the largest batches. Whoever made it
// closes it.
//
// It does not use kafka-go's Writer: that one waits a fixed time for company before it sends, holds the next batch of a partition back only
// for ten tries, sleeps regardless of ctx, and fails a whole call for one message too large.
type Writer struct {
	c     *Client
	start func(func(context.Context)) // has it run until it returns, or end is called
	end   context.CancelFunc          // nil, as start: nothing was written yet
	wg    sync.WaitGroup

	mu      sync.Mutex
	lanes   map[topicPartition]*lane
	senders map[int]*sender // by the id of their broker
	closed  bool
}

type topicPartition struct {
	topic     string
	partition int
}

func (tp topicPartition) String() string { return fmt.Sprintf("%s/%d", tp.topic, tp.partition) }

// NewWriter makes a writer; it connects when there is something to write.
func (c *Client) NewWriter() *Writer {
	return &Writer{c: c, lanes: map[topicPartition]*lane{}, senders: map[int]*sender{}}
}

// A Rejection is a message that Kafka will never take.
type Rejection struct {
	Index int // among the messages of the call
	Topic string
	Key   []byte
	Err   error
}

// A RejectedError tells which messages of a call were rejected. All others are in Kafka. Publish returns it marked permanent.
type RejectedError struct{ Rejected []Rejection }

func (e *RejectedError) Error() string {
	var b strings.Builder
	for i, r := range e.Rejected {
		if i == 3 {
			fmt.Fprintf(&b, "; and %d more", len(e.Rejected)-i)
			break
		}
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "message %d for %s with key %.64q: %v", r.Index, r.Topic, r.Key, r.Err)
	}
	return b.String()
}

// ErrTooLarge says that a message is larger than MaxMessage, or than its topic takes.
const ErrTooLarge = kafkaError("the message is too large")

// Publish writes msgs and returns when all in-sync replicas have all of them. Messages with the same key go to the same partition (as Java
// clients spread them), in their order, also across calls that follow each other; messages without a key all go to one partition, chosen by
// chance. Whatever fails is tried again until ctx ends; then some of the messages may be in Kafka, and some may be twice if the call is
// repeated. Messages that Kafka will never take give a permanent *RejectedError, after all others have been written. The messages must not
// be changed until Publish returns.
func (w *Writer) Publish(ctx context.Context, msgs ...Message) error { return w.Start(ctx, msgs...)() }

// Start is Publish that does not wait: when it returns, msgs have their places behind those of the calls before it. wait returns what Publish would, when Publish
// would; the messages must not be changed before.
func (w *Writer) Start(ctx context.Context, msgs ...Message) (wait func() error) {
	if len(msgs) == 0 {
		return func() error { return nil }
	}
	call := &call{done: make(chan struct{}), abandoned: ctx.Done(), left: len(msgs)}
	byLane, err := w.assign(ctx, msgs, call)
	if err == nil {
		err = w.enqueue(byLane) //nolint:contextcheck // a lane outlives the call, until Close
	}
	return func() error {
		if err != nil {
			return err
		}
		return call.wait(ctx)
	}
}

// Close ends the writer; calls of Publish in course return an error.
func (w *Writer) Close() {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		if w.end != nil {
			w.end()
		}
	}
	w.mu.Unlock()
	w.wg.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.lanes { // what has not left will not
		closeAll(l.queue)
		l.queue = nil
		w.c.health.gone(l.who)
	}
}

// assign finds the partition of every message. What is malformed is rejected here.
func (w *Writer) assign(ctx context.Context, msgs []Message, call *call) (map[topicPartition]*share, error) {
	var (
		byLane = map[topicPartition]*share{}
		topics = map[string]topicShape{}
		chance = rand.Int() //nolint:gosec // spreads load, guards nothing
		hash   kafka.Murmur2Balancer
	)
	for i := range msgs {
		m := &msgs[i]
		it := item{index: i, msg: m, call: call, size: m.Size()}
		switch {
		case !ValidTopic(m.Topic):
			it.reject(fmt.Errorf("topic %q: not a name for a topic", m.Topic))
			continue
		case it.size > MaxMessage:
			it.reject(fmt.Errorf("%w: %d bytes", ErrTooLarge, it.size))
			continue
		}
		shape, known := topics[m.Topic]
		if !known {
			var err error
			if shape, err = w.shape(ctx, m.Topic); err != nil {
				return nil, err
			}
			topics[m.Topic] = shape
		}
		p := shape.numbers[chance%len(shape.numbers)]
		if len(m.Key) > 0 {
			p = hash.Balance(kafka.Message{Key: m.Key}, shape.numbers...)
		}
		tp := topicPartition{m.Topic, p}
		if byLane[tp] == nil {
			byLane[tp] = &share{leader: shape.leaders[p]}
		}
		byLane[tp].items = append(byLane[tp].items, it)
	}
	return byLane, nil
}

// enqueue hands the items to the lanes of their partitions. It holds the lock for all of them, so that two calls are in the same order on
// every partition.
func (w *Writer) enqueue(byLane map[topicPartition]*share) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return fmt.Errorf("publish: %w", io.ErrClosedPipe)
	}
	if w.end == nil {
		var ctx context.Context
		ctx, w.end = context.WithCancel(context.Background())
		w.start = func(f func(context.Context)) { w.wg.Go(func() { f(ctx) }) }
	}
	for tp, of := range byLane {
		l := w.lanes[tp]
		if l == nil {
			l = &lane{c: w.c, tp: tp, who: "write " + tp.String()}
			w.lanes[tp] = l
		}
		if l.state != waiting { // what waits stays where it is: it goes its own way if the broker leads it no more
			l.sender = w.sender(of.leader)
		}
		w.put(l, of.items)
	}
	for _, s := range w.senders {
		w.dispatch(s)
	}
	return nil
}

func (w *Writer) sender(broker int) *sender {
	s := w.senders[broker]
	if s == nil {
		s = &sender{}
		w.senders[broker] = s
	}
	return s
}

// rejects tells whether Kafka refuses a batch for what is in it: no retry will mend that, but the other messages may be fine.
func rejects(err error) bool {
	return errors.Is(err, kafka.MessageSizeTooLarge) || errors.Is(err, kafka.RecordListTooLarge) ||
		errors.Is(err, kafka.InvalidRecord) || errors.Is(err, kafka.InvalidTimestamp)
}
