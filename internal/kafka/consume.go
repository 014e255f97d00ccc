package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"github.com/segmentio/kafka-go"

	"github.com/riposte-security/riposte/internal/fault"
)

const (
	heartbeatEvery = 500 * time.Millisecond // also how fast a rebalance is noticed
	watchEvery     = 5 * time.Second        // how often new partitions are looked for
	// rebalanceGrace is how long a handler may go on when its partition may be somebody else's soon.
	rebalanceGrace = time.Second
	// coordinatorPatience is how long a coordinator may take to start before Kafka counts as away.
	coordinatorPatience = 5 * time.Second
	// leaveTimeout is how long leaving the group may take before its connections are cut.
	leaveTimeout = 2 * time.Second
)

// A Group says what to consume, and as whom.
type Group struct {
	// ID is the name of the consumer group: its members share the partitions, and its offsets are kept by the broker.
	ID string
	// Topics are consumed together; they must exist, or Consume waits until they do.
	Topics []string
	// MaxBatch is how many messages a handler gets at most; 1000 if zero.
	MaxBatch int
	// Grace is how long a handler may go on after ctx has ended; 5 s if zero.
	Grace time.Duration
	// Hold, if set, keeps the offset to commit of a partition from passing the one that it returns, while held is true: a handler that has
	// returned nil, but still owes something for messages from there on, has them again after a crash.
	Hold func(topic string, partition int) (offset int64, held bool)
	// From, if set, is asked where to begin to read a partition that this member is given, once for every time that it is given: next is the
	// committed offset, or the first of the partition where there is none. What lies before next is handed to the handler again; it stays
	// committed. An error is retried.
	From func(ctx context.Context, topic string, partition int, next int64) (int64, error)
	// Released, if set, is told of every partition that this member no longer has, after its last commit; it may be given the same one again,
	// from the committed offset on.
	Released func(topic string, partition int)
	// Lost, if set, is told of messages that were removed before the group could read them, or that nobody should. It is logged as an error in any case.
	Lost func(Gap)
	// Begin, if set, makes what messages go to in the place of the handler: for those of one partition, MaxBatch at most, or as many as a broker has handed over.
	Begin func() Taker
}

// A Taker works on messages of one partition, in their order, in several goes. After an error, the same messages come again, to another Taker.
type Taker interface {
	// Take takes messages that are lent: what they lie in is used again when it has returned. enough asks for Done before there are more.
	Take(ctx context.Context, batch []Message) (enough bool, err error)
	// Done brings to its end what follows from all that was taken. When it returns nil, that is done, and its offset will be committed.
	Done(ctx context.Context) error
}

// Take implements Taker: what is handled is done.
func (h Handler) Take(ctx context.Context, batch []Message) (enough bool, err error) {
	return true, h(ctx, owned(batch))
}

// Done implements Taker.
func (Handler) Done(context.Context) error { return nil }

// A Gap is a range of offsets that a group never saw, both inclusive.
type Gap struct {
	Topic       string
	Partition   int
	First, Last int64
	// Reason is that retention removed them, or that they are in a batch that no memory holds.
	Reason error
}

// Messages is how many they are at most: transactions' marks are among them.
func (g Gap) Messages() float64 { return float64(g.Last - g.First + 1) }

// Cause is the reason as a metric has it: retention, or unreadable.
func (g Gap) Cause() string {
	if errors.Is(g.Reason, errRetention) {
		return "retention"
	}
	return "unreadable"
}

func (g Gap) say(log zerolog.Logger) {
	log.Error().Str("topic", g.Topic).Int("partition", g.Partition).Int64("first", g.First).Int64("last", g.Last).Msg(g.Reason.Error())
}

// A Handler works on messages of one partition, in their order. When it returns nil they are done, and their offset will be committed. An
// error that is not permanent brings the same messages again after a while; a permanent one ends Consume. When its ctx ends the
// handler should stop and return an error, unless it can finish at once.
type Handler func(ctx context.Context, batch []Message) error

// Consume joins the group and hands the messages of every partition that it is given to handle: batches of one partition one after the
// other, partitions in parallel. Offsets of finished batches are committed together every 100 ms, when a partition is given away, and
// at the end. A group that has no offset yet begins at the first message. Kafka being away is waited out. When ctx ends, handlers may finish
// within Group.Grace, offsets are committed, the group is left, and Consume returns nil. It returns an error only if the group makes no
// sense or a handler failed permanently.
func (c *Client) Consume(ctx context.Context, g Group, handle Handler) error {
	if g.ID == "" || len(g.Topics) == 0 || handle == nil && g.Begin == nil {
		return fault.Permanent(errors.New("consume: a group needs an id, topics and a handler"))
	}
	g.MaxBatch = cmp.Or(g.MaxBatch, 1000)
	g.Grace = cmp.Or(g.Grace, 5*time.Second)
	if err := c.WaitTopics(ctx, g.Topics...); err != nil {
		if ctx.Err() != nil {
			return nil // asked to end before there was anything to consume
		}
		return fmt.Errorf("group %s: %w", g.ID, err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	m := &member{c: c, g: g, begin: g.Begin, fail: cancel, who: "group " + g.ID, sticky: &sticky{}, conns: conns{open: map[net.Conn]struct{}{}}}
	m.log = c.log.With().Str("group", g.ID).Logger()
	if m.begin == nil {
		m.begin = func() Taker { return handle }
	}
	if err := m.run(ctx); err != nil {
		return fmt.Errorf("group %s: %w", g.ID, err)
	}
	if err := context.Cause(ctx); fault.IsPermanent(err) {
		return fmt.Errorf("group %s: %w", g.ID, err)
	}
	return nil
}

// A member is one Consume in its group.
type member struct {
	c     *Client
	g     Group
	log   zerolog.Logger
	begin func() Taker
	fail  func(error) // ends the whole Consume
	who   string
	conns conns
	busy  atomic.Int32 // generations at work

	sticky *sticky

	starting time.Time // since when the group's coordinator is said to start; zero: it is not
}

// joinFailed notes that joining the group failed. A broker that is asked for a group for the first time, or has just started, has to set the
// coordinator up: that is no failure to speak of unless it lasts.
func (m *member) joinFailed(err error, now time.Time) {
	if !errors.Is(err, kafka.GroupCoordinatorNotAvailable) && !errors.Is(err, kafka.GroupLoadInProgress) {
		m.starting = time.Time{}
		m.c.health.failed(m.who, err)
		return
	}
	if m.starting.IsZero() {
		m.starting = now
		m.log.Info().Msg("waiting for the group coordinator")
	}
	if now.Sub(m.starting) > coordinatorPatience {
		m.c.health.failed(m.who, err)
	}
}

func (m *member) run(ctx context.Context) error {
	dialer := m.c.dialer
	dialer.DialFunc = m.conns.dial
	group, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID: m.g.ID, Brokers: m.c.cfg.Brokers, Dialer: &dialer, Topics: m.g.Topics,
		GroupBalancers:    []kafka.GroupBalancer{m.sticky, spread{}}, // the second joins members of older versions
		HeartbeatInterval: min(heartbeatEvery, m.c.cfg.SessionTimeout/4), JoinGroupBackoff: time.Second,
		SessionTimeout: m.c.cfg.SessionTimeout, RebalanceTimeout: m.c.cfg.SessionTimeout,
		WatchPartitionChanges: true, PartitionWatchInterval: watchEvery, StartOffset: kafka.FirstOffset,
	})
	if err != nil {
		return fault.Permanent(err)
	}
	defer m.c.health.gone(m.who)
	defer m.leave(group)
	for {
		gen, err := group.Next(ctx)
		switch {
		case ctx.Err() != nil:
			return nil // asked to end
		case errors.Is(err, kafka.RebalanceInProgress): // somebody else joins as well; kafka-go tries again
		case err != nil:
			m.joinFailed(err, time.Now()) // kafka-go waits, and tries again
		default:
			m.starting = time.Time{}
			m.c.health.ok(m.who)
			m.sticky.note(gen)
			m.busy.Add(1)
			gen.Start(func(ended context.Context) {
				defer m.busy.Add(-1)
				m.generation(ctx, ended, gen)
				<-ended.Done() // to return earlier would end the generation, and join again
			})
		}
	}
}

// leave ends the generation in course and leaves the group. kafka-go may be in the middle of a request that a broker answers only after
// seconds; once the handlers are done, its connections are cut.
func (m *member) leave(group *kafka.ConsumerGroup) {
	left := make(chan struct{})
	go func() {
		defer close(left)
		if err := group.Close(); err != nil {
			m.log.Warn().Err(err).Msg("leaving the group failed; its other members wait until the session times out")
		}
	}()
	for {
		select {
		case <-left:
			return
		case <-time.After(leaveTimeout):
			if m.busy.Load() == 0 {
				m.conns.cut()
			}
		}
	}
}

// conns are the connections of one member, so that they can be cut.
type conns struct {
	mu   sync.Mutex
	off  bool
	open map[net.Conn]struct{}
}

func (c *conns) dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: dialTimeout}
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.off {
		return nil, errors.Join(net.ErrClosed, conn.Close())
	}
	t := &trackedConn{Conn: conn, all: c}
	c.open[t] = struct{}{}
	return t, nil
}

func (c *conns) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off = true
	for t := range c.open {
		_ = t.(*trackedConn).Conn.Close() // it is being thrown away
	}
}

type trackedConn struct {
	net.Conn

	all *conns
}

// Close closes the connection and forgets it.
func (t *trackedConn) Close() error {
	t.all.mu.Lock()
	delete(t.all.open, t)
	t.all.mu.Unlock()
	return t.Conn.Close()
}
