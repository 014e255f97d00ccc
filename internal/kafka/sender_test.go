package kafka_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/internal/kafka"
)

// brokers are three that a test can have refuse, and move partitions between.
func brokers(t *testing.T, partitions int) (*kfake.Cluster, *kafka.Client, string) {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(3))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	c, err := kafka.New(kafka.Config{Brokers: cluster.ListenAddrs(), Partitions: partitions}, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if err := c.EnsureTopics(t.Context()); err != nil {
		t.Fatal(err)
	}
	return cluster, c, c.Topics().Events
}

// keyed returns a key for each of the partitions of a topic, on which it leaves messages of -1.
func keyed(t *testing.T, c *kafka.Client, topic string, partitions int) [][]byte {
	t.Helper()
	w := c.NewWriter()
	defer w.Close()
	var ms []kafka.Message
	for i := range 32 * partitions { // so many that they hash to every partition
		ms = append(ms, kafka.Message{Topic: topic, Key: fmt.Appendf(nil, "key-%d", i), Value: []byte("-1")})
	}
	if err := w.Publish(t.Context(), ms...); err != nil {
		t.Fatal(err)
	}
	keys := make([][]byte, partitions)
	for _, m := range everything(t, c, topic) {
		keys[m.Partition] = m.Key
	}
	return keys
}

// TestLeadersMove moves partitions from broker to broker under writers: each message arrives once, and each key keeps its order.
func TestLeadersMove(t *testing.T) {
	t.Parallel()
	const partitions, writers, calls, perCall = 6, 4, 25, 4
	large := strings.Repeat(" ", kafka.MaxMessage/3) // a call makes several batches, of which none may overtake another
	cluster, c, topic := brokers(t, partitions)
	w := c.NewWriter()
	defer w.Close()
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			for j := range calls {
				var ms []kafka.Message
				for k := range perCall {
					ms = append(ms, kafka.Message{Topic: topic, Key: fmt.Appendf(nil, "w%d", i), Value: fmt.Append(nil, perCall*j+k, large)})
				}
				if err := w.Publish(t.Context(), ms...); err != nil {
					t.Error(err)
				}
			}
		})
	}
	ctx, end := context.WithCancel(t.Context())
	defer end()
	seen := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: topic, Observe: true, Count: -1})
	var moving sync.WaitGroup
	moves := 0
	moving.Go(func() {
		for ; seen.Wait(ctx, 2*moves) == nil; moves++ { // after some requests each
			if err := cluster.MoveTopicPartition(topic, int32(moves%partitions), int32(moves/partitions%3)); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Wait()
	end()
	moving.Wait()
	if moves < 10 {
		t.Errorf("partitions moved %d times: too few to tell", moves)
	}
	next := map[string]int{}
	for _, m := range everything(t, c, topic) {
		if got, want := strings.TrimSpace(string(m.Value)), fmt.Sprint(next[string(m.Key)]); got != want {
			t.Fatalf("%s: message %s where %s comes next", m.Key, got, want)
		}
		next[string(m.Key)]++
	}
	for i := range writers {
		if n := next[fmt.Sprintf("w%d", i)]; n != calls*perCall {
			t.Errorf("writer %d: %d messages of %d", i, n, calls*perCall)
		}
	}
}

// TestSlowNeighbour has one partition take nothing for a while. What is for others in the same request, and all that comes for them later, does not wait for it; what it
// refused arrives in the end, once.
func TestSlowNeighbour(t *testing.T) {
	t.Parallel()
	const partitions, messages = 3, 20
	cluster, c, topic := brokers(t, partitions)
	keys := keyed(t, c, topic, partitions)
	for p := range int32(partitions) { // one request is for all of them
		if err := cluster.MoveTopicPartition(topic, p, 1); err != nil {
			t.Fatal(err)
		}
	}
	w := c.NewWriter()
	defer w.Close()
	refusing := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: topic, Partitions: []int32{0}, Err: kerr.NotEnoughReplicas, Count: -1})
	defer refusing.Remove()
	slow := make(chan error, 1)
	go func() {
		slow <- w.Publish(t.Context(), kafka.Message{Topic: topic, Key: keys[0], Value: []byte("0")}, kafka.Message{Topic: topic, Key: keys[1], Value: []byte("0")})
	}()
	await.Until(t, "a refusal", func() bool { return refusing.Hits() > 0 })
	others := make(chan error, 1)
	go func() {
		for n := range messages {
			err := w.Publish(t.Context(), kafka.Message{Topic: topic, Key: keys[1], Value: fmt.Append(nil, n+1)}, kafka.Message{Topic: topic, Key: keys[2], Value: fmt.Append(nil, n)})
			if err != nil {
				others <- err
				return
			}
		}
		others <- nil
	}()
	select {
	case err := <-others:
		if err != nil {
			t.Fatal(err)
		}
	case err := <-slow:
		t.Fatalf("published where nothing is taken: %v", err)
	case <-time.After(await.Long):
		t.Fatal("the partitions that take messages wait for the one that does not")
	}
	refusing.Remove()
	if err := <-slow; err != nil {
		t.Fatal(err)
	}
	count := map[int]int{}
	for _, m := range everything(t, c, topic) {
		if string(m.Value) != "-1" {
			count[m.Partition]++
		}
	}
	if count[0] != 1 || count[1] != messages+1 || count[2] != messages {
		t.Errorf("messages by partition: %v", count)
	}
}
