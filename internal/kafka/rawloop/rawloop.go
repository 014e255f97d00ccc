//go:build integration

// Package rawloop is what the router is measured against: a loop on bare kafka-go that reads a topic as a member of a group, writes every so-manieth
// message to another topic, commits what it has written, and does nothing else. It is as fast as kafka-go is known to get: a connection with ReadBatch for
// each partition, writes in batches, and commits of all partitions in one request, off the path.
package rawloop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

// Config is what to read and write.
type Config struct {
	Broker, Group, From, To string
	// Every so-manieth message is written; the first of each partition is.
	Every int64
}

// Run goes on until ctx ends, and then returns nil. Any error of a read, a write or a commit ends it.
func Run(ctx context.Context, c Config) error {
	group, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID: c.Group, Brokers: []string{c.Broker}, Topics: []string{c.From}, HeartbeatInterval: 500 * time.Millisecond, StartOffset: kafka.FirstOffset,
	})
	if err != nil {
		return fmt.Errorf("group: %w", err)
	}
	defer group.Close() //nolint:errcheck // it is the end
	gen, err := group.Next(ctx)
	for errors.Is(err, kafka.GroupCoordinatorNotAvailable) || errors.Is(err, kafka.NotCoordinatorForGroup) { // as a broker says that has not had a group yet
		gen, err = group.Next(ctx)
	}
	if err != nil {
		return fmt.Errorf("join: %w", err)
	}
	w := &kafka.Writer{
		Addr: kafka.TCP(c.Broker), Topic: c.To, Balancer: kafka.Murmur2Balancer{}, RequiredAcks: kafka.RequireAll, Compression: kafka.Snappy,
		BatchTimeout: time.Millisecond, BatchSize: 1000,
	}
	defer w.Close() //nolint:errcheck // it is the end
	l := &loop{Config: c, w: w, done: map[int]int64{}}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	for _, p := range gen.Assignments[c.From] {
		all.Go(func() {
			if err := l.partition(ctx, p.ID, max(0, p.Offset)); err != nil && ctx.Err() == nil {
				cancel(fmt.Errorf("partition %d: %w", p.ID, err))
			}
		})
	}
	all.Go(func() {
		if err := l.commit(ctx, gen); err != nil {
			cancel(fmt.Errorf("commit: %w", err))
		}
	})
	all.Wait()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

type loop struct {
	Config

	w    *kafka.Writer
	mu   sync.Mutex
	done map[int]int64 // offset to go on from, by partition
}

// partition reads one partition by a connection of its own, or one after the other: now and then, ReadBatch stumbles over the end of what there is, and its
// connection is of no more use.
func (l *loop) partition(ctx context.Context, id int, offset int64) error {
	for {
		next, err := l.read(ctx, id, offset)
		if !errors.Is(err, io.ErrNoProgress) || ctx.Err() != nil {
			return err
		}
		offset = next
	}
}

// read reads one partition from an offset on, and gives the offset to go on from.
func (l *loop) read(ctx context.Context, id int, offset int64) (next int64, err error) {
	conn, err := l.dial(ctx, id)
	if err != nil {
		return offset, err
	}
	defer conn.Close() //nolint:errcheck // only read
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if _, err := conn.Seek(offset, kafka.SeekAbsolute); err != nil {
		return offset, err
	}
	for ctx.Err() == nil {
		batch := conn.ReadBatchWith(kafka.ReadBatchConfig{MinBytes: 1, MaxBytes: 2 << 20, MaxWait: 500 * time.Millisecond})
		var out []kafka.Message
		for {
			m, err := batch.ReadMessage()
			if err != nil {
				break // the end of the batch; Close tells whether it was another
			}
			if m.Offset%l.Every == 0 {
				out = append(out, kafka.Message{Key: m.Key, Value: m.Value})
			}
			offset = m.Offset + 1
		}
		stumbled := batch.Close()
		if stumbled != nil && !errors.Is(stumbled, io.EOF) && !errors.Is(stumbled, io.ErrNoProgress) && !timeout(stumbled) {
			return offset, stumbled
		}
		if len(out) > 0 {
			if err := l.w.WriteMessages(ctx, out...); err != nil {
				return offset, fmt.Errorf("write: %w", err)
			}
		}
		l.mu.Lock()
		l.done[id] = offset
		l.mu.Unlock()
		if errors.Is(stumbled, io.ErrNoProgress) {
			return offset, stumbled
		}
	}
	return offset, nil
}

// dial connects to the leader of a partition. Right after a topic was made, a broker may say that it does not lead what it leads.
func (l *loop) dial(ctx context.Context, id int) (*kafka.Conn, error) {
	for {
		conn, err := kafka.DialLeader(ctx, "tcp", l.Broker, l.From, id)
		if err == nil {
			if _, err = conn.ReadLastOffset(); err == nil {
				return conn, nil
			}
			_ = conn.Close() // it is of no use
		}
		if !errors.Is(err, kafka.NotLeaderForPartition) && !errors.Is(err, kafka.LeaderNotAvailable) || ctx.Err() != nil {
			return nil, err
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// timeout: a fetch that found nothing within its wait.
func timeout(err error) bool {
	var n net.Error
	return errors.Is(err, kafka.RequestTimedOut) || errors.As(err, &n) && n.Timeout()
}

// commit commits every 100 ms what was written.
func (l *loop) commit(ctx context.Context, gen *kafka.Generation) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		l.mu.Lock()
		done := l.done
		l.done = map[int]int64{}
		l.mu.Unlock()
		if len(done) == 0 {
			continue
		}
		if err := gen.CommitOffsets(map[string]map[int]int64{l.From: done}); err != nil && ctx.Err() == nil {
			return err
		}
	}
}

// FromArgs reads a Config from the arguments of a process: broker, group, from, to, every.
func FromArgs(args []string) (Config, error) {
	const n = 5
	if len(args) != n {
		return Config{}, fmt.Errorf("%d arguments expected: broker, group, from, to, every", n)
	}
	every, err := strconv.ParseInt(args[n-1], 10, 64)
	if err != nil {
		return Config{}, fmt.Errorf("every: %w", err)
	}
	return Config{Broker: args[0], Group: args[1], From: args[2], To: args[3], Every: every}, nil
}
