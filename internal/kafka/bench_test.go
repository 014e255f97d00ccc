package kafka_test

import (
	"bytes"
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/broker"
	"github.com/riposte-security/riposte/internal/kafka"
)

// BenchmarkThroughput writes messages of 500 bytes, a thousand a call, and then consumes them. Both rates are reported.
func BenchmarkThroughput(b *testing.B) {
	br, err := broker.Start(b.Context(), broker.Options{DataDir: b.TempDir(), Log: zerolog.Nop()})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = br.Close() }()
	c, err := kafka.New(kafka.Config{Brokers: []string{br.Addr()}}, zerolog.Nop())
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	if err := c.EnsureTopics(b.Context()); err != nil {
		b.Fatal(err)
	}
	topic := c.Topics().Events
	value := bytes.Repeat([]byte(`{"k":"v"} `), 50)
	const call = 1000
	msgs := make([]kafka.Message, call)
	w := c.NewWriter()
	defer w.Close()
	began := time.Now()
	for b.Loop() {
		for i := range msgs {
			msgs[i] = kafka.Message{Topic: topic, Key: []byte{byte(i), byte(i >> 8)}, Value: value}
		}
		if err := w.Publish(b.Context(), msgs...); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*call/time.Since(began).Seconds(), "written/s")

	began = time.Now()
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	var n atomic.Int64
	var took time.Duration // read after Consume has ended
	want := int64(b.N) * call
	err = c.Consume(ctx, kafka.Group{ID: "g", Topics: []string{topic}}, func(_ context.Context, batch []kafka.Message) error {
		if n.Add(int64(len(batch))) == want {
			took = time.Since(began)
			cancel()
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(want)/took.Seconds(), "read/s")
}
