package kafka

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/internal/broker"
	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/producers"
)

func build(t *testing.T, conf string) *source {
	t.Helper()
	n, err := config.Parse("t.yaml", []byte(conf))
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(n, producers.SourceDeps{Name: "p", Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	return s.(*source) //nolint:forcetypeassert // it is
}

func zip(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

type taken struct {
	mu   sync.Mutex
	recs []producers.Record
	fail error
}

func (k *taken) emit(_ context.Context, batch []producers.Record) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fail != nil {
		return k.fail
	}
	k.recs = append(k.recs, batch...)
	return nil
}

func (k *taken) data() (all []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, r := range k.recs {
		all = append(all, string(r.Data))
	}
	slices.Sort(all)
	return all
}

// TestReads reads a topic on the embedded broker; what is not taken comes again, and what was committed does not.
func TestReads(t *testing.T) {
	b, err := broker.Start(t.Context(), broker.Options{Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}()
	c, err := kafka.New(kafka.Config{Brokers: []string{b.Addr()}, Prefix: "other", Partitions: 1}, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.EnsureTopics(t.Context()); err != nil {
		t.Fatal(err)
	}
	topic := c.Topics().Events
	w := c.NewWriter()
	defer w.Close()
	at := time.UnixMilli(1772000000000).UTC()
	err = w.Publish(t.Context(),
		kafka.Message{Topic: topic, Time: at, Value: []byte(`{"n":1}`), Headers: []kafka.Header{{Key: "ce_id", Value: []byte("i1")}, {Key: "ce_source", Value: []byte("theirs")}}},
		kafka.Message{Topic: topic, Time: at, Value: []byte("{\"n\":2}\n{\"n\":3}\n"), Headers: []kafka.Header{{Key: "ce_id", Value: []byte("i2")}, {Key: "ce_type", Value: []byte("t")}}},
		kafka.Message{Topic: topic, Time: at, Key: []byte("k")},
		kafka.Message{Topic: topic, Time: at, Value: zip(t, `{"Records":[{"n":4},{"n":5}]}`)},
	)
	if err != nil {
		t.Fatal(err)
	}
	conf := "brokers: [" + b.Addr() + "]\ntopics: [" + topic + "]\ngroup: g"
	k := &taken{fail: errors.New("away")}
	run := func(until func() bool) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), await.Long)
		defer cancel()
		done := make(chan error, 1)
		go func() { done <- build(t, conf).Run(ctx, k.emit) }()
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for !until() {
			select {
			case <-tick.C:
			case <-ctx.Done():
				t.Fatal("too late", k.data())
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	start := time.Now()
	run(func() bool { return time.Since(start) > 500*time.Millisecond }) // nothing is committed
	k.fail = nil
	run(func() bool { return len(k.data()) == 5 })
	if err := w.Publish(t.Context(), kafka.Message{Topic: topic, Value: []byte(`{"n":6}`)}); err != nil {
		t.Fatal(err)
	}
	run(func() bool { return len(k.data()) >= 6 })
	if diff := cmp.Diff([]string{`{"n":1}`, `{"n":2}`, `{"n":3}`, `{"n":4}`, `{"n":5}`, `{"n":6}`}, k.data()); diff != "" {
		t.Error(diff)
	}
	for i, want := range []string{"i1 0/0", "i2 1/0", "i2#2 1/8", " 3/12"} {
		r := k.recs[i]
		if got := r.Attrs[producers.AttrID] + " " + r.Position; got != want || !r.Received.Equal(at) || !strings.HasSuffix(r.Origin, ":"+topic+":0") || !strings.HasPrefix(r.Origin, "kafka:") {
			t.Errorf("%d: %q %+v", i, got, r)
		}
	}
	if k.recs[0].Attrs[producers.AttrSource] != "theirs" || k.recs[1].Attrs["ce_type"] != "t" {
		t.Error(k.recs[0].Attrs, k.recs[1].Attrs)
	}
}

// TestRoundAndRound refuses to read what the producer itself has published.
func TestRoundAndRound(t *testing.T) {
	s := build(t, "brokers: [h:1]\ntopics: [t]")
	m := kafka.Message{Topic: "t", Value: []byte("{}"), Headers: []kafka.Header{{Key: "ce_source", Value: []byte("riposte/p")}}}
	if err := s.message(t.Context(), "c", &m, nil); !fault.IsPermanent(err) {
		t.Error(err)
	}
}

func TestSettings(t *testing.T) {
	for conf, want := range map[string]string{
		"{}": "topics", "topics: [a]": "brokers", "topics: ['a b']\nbrokers: [h:1]": "topic", "topics: [t]\nbrokers: [h]": "brokers",
		"topics: [t]\nbrokers: [h:1]\nsasl: {mechanism: x}": "mechanism", "topics: [t]\nbrokers: [h:1]\ntls: {ca: x}": "tls",
		"topics: [t]\nbrokers: [h:1]\nmax_record: 1": "max_record", "topics: [t]\nbrokers: [h:1]\ngroup: ''": "group", "topics: [t]\nbrokers: [h:1]\nprefix: x": "prefix",
	} {
		n, err := config.Parse("t.yaml", []byte(conf))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := New(n, producers.SourceDeps{Name: "p"}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", conf, err)
		}
	}
	s := build(t, "topics: [t]\nbrokers: [h:1]\nsasl: {mechanism: plain, username: u, password: geheim}\ntls: {enabled: true}")
	if s.Group != "riposte-p" || s.SASL.Password != "geheim" || !s.TLS.Enabled {
		t.Errorf("%+v", s.settings)
	}
}
