package kafka_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/internal/broker"
	"github.com/riposte-security/riposte/internal/kafka"
)

// scenarios run on the embedded broker here, and on Apache Kafka under the integration tag.
func scenarios() map[string]func(*testing.T, []string) {
	return map[string]func(*testing.T, []string){
		"PublishAndConsume":                publishAndConsume,
		"HandlerErrors":                    handlerErrors,
		"EndWaitsForHandler":               endWaitsForHandler,
		"MembersComeAndGo":                 membersComeAndGo,
		"HoldKeepsOffsetBack":              holdKeepsOffsetBack,
		"Tail":                             tail,
		"ReadSince":                        readSince,
		"PublishRejectsOnlyWhatIsTooLarge": publishRejectsOnlyWhatIsTooLarge,
		"PublishWaitsForTheTopic":          publishWaitsForTheTopic,
		"Retention":                        retention,
	}
}

func TestOnEmbeddedBroker(t *testing.T) {
	for name, scenario := range scenarios() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := broker.Start(t.Context(), broker.Options{DataDir: t.TempDir(), Log: zerolog.Nop()})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := b.Close(); err != nil {
					t.Error(err)
				}
			})
			scenario(t, []string{b.Addr()})
		})
	}
}

func logger(t *testing.T) zerolog.Logger {
	return zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.InfoLevel).With().Timestamp().Logger()
}

// newClient returns a client with topics of its own, all of them made.
func newClient(t *testing.T, addrs []string) *kafka.Client {
	t.Helper()
	c, err := kafka.New(kafka.Config{
		Brokers: addrs, Prefix: fmt.Sprintf("t%d", time.Now().UnixNano()), Partitions: 3,
	}, logger(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if err := c.EnsureTopics(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c
}

func publish(t *testing.T, c *kafka.Client, topic string, from, to int) {
	t.Helper()
	w := c.NewWriter()
	defer w.Close()
	msgs := make([]kafka.Message, 0, to-from)
	for i := from; i < to; i++ {
		msgs = append(msgs, kafka.Message{
			Topic: topic, Key: fmt.Appendf(nil, "key-%d", i%17), Value: fmt.Appendf(nil, "%d", i),
			Headers: []kafka.Header{{Key: "n", Value: fmt.Appendf(nil, "%d", i)}},
		})
	}
	if err := w.Publish(t.Context(), msgs...); err != nil {
		t.Fatal(err)
	}
}

// seen collects values, and what came out of order within a key.
type seen struct {
	mu     sync.Mutex
	counts map[string]int
	last   map[string]int
	mixed  []string
}

func newSeen() *seen { return &seen{counts: map[string]int{}, last: map[string]int{}} }

func (s *seen) handle(_ context.Context, batch []kafka.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range batch {
		s.counts[string(m.Value)]++
		var n int
		if _, err := fmt.Sscan(string(m.Value), &n); err != nil {
			return err
		}
		if last, ok := s.last[string(m.Key)]; ok && n < last && s.counts[string(m.Value)] == 1 {
			s.mixed = append(s.mixed, fmt.Sprintf("%s: %d after %d", m.Key, n, last))
		}
		s.last[string(m.Key)] = n
	}
	return nil
}

func (s *seen) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.counts)
}

// consume runs a consumer until the function that it returns is called; that one reports how it ended.
func consume(t *testing.T, c *kafka.Client, g kafka.Group, h kafka.Handler) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Consume(ctx, g, h) }()
	var once sync.Once
	var err error
	stop = func() error {
		once.Do(func() {
			cancel()
			select {
			case err = <-done:
			case <-time.After(await.Long):
				t.Error("Consume did not end")
			}
		})
		return err
	}
	t.Cleanup(func() { _ = stop() })
	return stop
}

func publishAndConsume(t *testing.T, addrs []string) {
	c := newClient(t, addrs)
	if err := c.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	topic := c.Topics().Events
	const n = 5000
	publish(t, c, topic, 0, n)
	got := newSeen()
	start := time.Now()
	stop := consume(t, c, kafka.Group{ID: topic + ".g", Topics: []string{topic}}, got.handle)
	await.Until(t, "all messages", func() bool { return got.len() == n })
	t.Logf("%d messages, joining included, in %v", n, time.Since(start))
	stopped := time.Now()
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(stopped); d > 3*time.Second {
		t.Errorf("stopping took %v", d)
	}
	if len(got.mixed) > 0 {
		t.Errorf("out of order: %v", got.mixed[:1])
	}
	lag, err := c.Lag(t.Context(), topic+".g", topic)
	if err != nil {
		t.Fatal(err)
	}
	for p, l := range lag[topic] {
		if l != 0 {
			t.Errorf("partition %d: %d not committed", p, l)
		}
	}

	// A second run sees what is new, and nothing else.
	publish(t, c, topic, n, n+10)
	again := newSeen()
	stop = consume(t, c, kafka.Group{ID: topic + ".g", Topics: []string{topic}}, again.handle)
	await.Until(t, "the new messages", func() bool { return again.len() == 10 })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if again.len() != 10 {
		t.Errorf("%d messages instead of 10: some were handled again", again.len())
	}
	all := 0
	if err := c.ReadAll(t.Context(), topic, func(context.Context, kafka.Message) error { all++; return nil }); err != nil {
		t.Fatal(err)
	}
	if all != n+10 {
		t.Errorf("ReadAll: %d messages, %d expected", all, n+10)
	}
}

// newClientOf returns another client of the same cluster and topics.
func newClientOf(t *testing.T, c *kafka.Client) *kafka.Client {
	t.Helper()
	other, err := kafka.New(c.Config(), logger(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.Close)
	return other
}

// everything is what a topic holds.
func everything(t *testing.T, c *kafka.Client, topic string) (all []kafka.Message) {
	t.Helper()
	err := c.ReadAll(t.Context(), topic, func(_ context.Context, m kafka.Message) error {
		all = append(all, m)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
