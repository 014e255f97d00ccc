package archive

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/internal/broker"
	"github.com/riposte-security/riposte/internal/kafka"
)

// TestOnEmbeddedBroker is the scenario of archivers that come and go; under the integration tag it runs on Apache Kafka and S3.
func TestOnEmbeddedBroker(t *testing.T) {
	b, err := broker.Start(t.Context(), broker.Options{Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	comeAndGo(t, b.Addr(), newMemStore(), 2, 300)
}

// A town is archivers on one Kafka and one store.
type town struct {
	t      *testing.T
	client *kafka.Client
	store  Store
	key    Signer
	keys   Keys
	topics kafka.Topics
}

func newTown(t *testing.T, addr string, s Store) *town {
	t.Helper()
	client, err := kafka.New(kafka.Config{
		Brokers: []string{addr}, Prefix: fmt.Sprintf("t%d", time.Now().UnixNano()), Partitions: 3, SessionTimeout: 6 * time.Second,
	}, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if err := client.EnsureTopics(t.Context()); err != nil {
		t.Fatal(err)
	}
	key, keys := newKey(t)
	return &town{t: t, client: client, store: s, key: key, keys: keys, topics: client.Topics()}
}

// archiver runs one more member of the group, until stop is called, which says how it ended.
func (w *town) archiver(s Store, records int64) (stop func() error) {
	w.t.Helper()
	a, err := New(Config{To: "elsewhere", Key: KeyConfig{File: "key.pem"}, Segment: SegmentConfig{Records: records, Age: time.Second}}, Deps{
		Kafka: w.client, Store: s, Signer: w.key, Scratch: w.t.TempDir(), Writer: "riposte test",
		Log: zerolog.New(zerolog.NewTestWriter(w.t)).Level(zerolog.WarnLevel),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	return sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
}

// publish writes n events and some commands and outcomes.
func (w *town) publish(writer *kafka.Writer, n int) {
	w.t.Helper()
	var msgs []kafka.Message
	for i := range n {
		m := kafka.Message{Topic: w.topics.Events, Key: fmt.Append(nil, i), Value: event(i), Headers: []kafka.Header{{Key: "ce_source", Value: []byte("riposte/test")}}}
		switch i % 20 {
		case 3:
			m.Topic, m.Value = w.topics.Block, []byte(`{"id":"1","created":"2026-03-06T07:08:09Z"}`)
		case 5:
			m.Topic = w.topics.Outcomes
		case 7:
			m.Value, m.Key = []byte{0xff, 0, '\n'}, nil
		}
		msgs = append(msgs, m)
	}
	if err := writer.Publish(w.t.Context(), msgs...); err != nil {
		w.t.Fatal(err)
	}
}

// inKafka reads everything that there is to archive.
func (w *town) inKafka() map[part][]kafka.Message {
	w.t.Helper()
	all := map[part][]kafka.Message{}
	for _, topic := range Topics(w.topics) {
		if err := w.client.ReadAll(w.t.Context(), topic, func(_ context.Context, m kafka.Message) error {
			m.Time = m.Time.UTC()
			p := part{m.Topic, m.Partition}
			all[p] = append(all[p], m)
			return nil
		}); err != nil {
			w.t.Fatal(err)
		}
	}
	return all
}

// settled waits until everything in Kafka is archived and committed, and looks whether it is there, each offset once.
func (w *town) settled() {
	w.t.Helper()
	want := w.inKafka()
	ends, err := w.client.Ends(w.t.Context(), Topics(w.topics)...)
	if err != nil {
		w.t.Fatal(err)
	}
	group := Config{}.withDefaults(w.topics.Prefix()).Group
	await.Until(w.t, "everything is archived and committed", func() bool {
		ok, err := w.client.Reached(w.t.Context(), group, ends)
		return err == nil && ok
	})
	for p, msgs := range want {
		if diff := cmp.Diff(msgs, records(w.t, w.store, p)); diff != "" {
			w.t.Errorf("%v: archived (-want +got):\n%s", p, diff)
		}
	}
	r, found := problems(w.t, w.store, Verification{Keys: w.keys, Committed: ends})
	if len(found) > 0 || r.Absent > 0 {
		w.t.Errorf("report %+v, problems %q", r, found)
	}
	n := 0
	for _, msgs := range want {
		n += len(msgs)
	}
	w.t.Logf("%d records of %d partitions in %d segments", n, r.Partitions, r.Segments)
}

// comeAndGo has archivers of different settings come and go while messages arrive; some die in the middle of a write, and some believe that they have
// a partition that they have no longer.
func comeAndGo(t *testing.T, addr string, s Store, rounds, events int) {
	w := newTown(t, addr, s)
	writer := w.client.NewWriter()
	defer writer.Close()
	var stops []func() error
	for round := range rounds {
		w.publish(writer, events)
		stops = append(stops, w.archiver(s, int64(40+20*round)))
		if round == 1 { // one that dies somewhere, with all that it has open
			dying := w.archiver(&dyingStore{Store: s, left: 12 + rand.IntN(30), after: true}, 30)
			w.publish(writer, events)
			if err := dying(); err != nil {
				t.Logf("the dying one: %v", err)
			}
		}
		if round > 0 { // the oldest goes, while the newest comes
			if err := stops[0](); err != nil {
				t.Errorf("an archiver ended with: %v", err)
			}
			stops = slices.Delete(stops, 0, 1)
		}
	}
	w.publish(writer, events)
	w.settled()
	for _, stop := range stops {
		if err := stop(); err != nil {
			t.Errorf("an archiver ended with: %v", err)
		}
	}
	// A new one goes on without doubling anything.
	w.publish(writer, events)
	stop := w.archiver(s, 1000)
	w.settled()
	if err := stop(); err != nil {
		t.Error(err)
	}
}
