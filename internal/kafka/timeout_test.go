package kafka

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/produce"
)

// A wire notes what is asked of brokers, and answers nothing.
type wire struct{ timeout time.Duration }

func (w *wire) RoundTrip(ctx context.Context, _ net.Addr, req kafka.Request) (kafka.Response, error) {
	if p, ok := req.(*produce.Request); ok {
		w.timeout = time.Duration(p.Timeout) * time.Millisecond
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

// TestReplicasHaveTime: what kafka-go tells brokers by default, to wait half a second for the replicas, is too little for a cluster that is busy: it says
// that the request has timed out, keeps the messages, and they are written again and again.
func TestReplicasHaveTime(t *testing.T) {
	t.Parallel()
	c, err := New(Config{Brokers: []string{"127.0.0.1:1"}}, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{}
	c.api.Transport = w
	ctx, cancel := context.WithCancel(t.Context())
	l := &lane{c: c, tp: topicPartition{"t", 0}}
	done := make(chan error, 1)
	go func() { done <- l.produce(ctx, []item{{msg: &Message{Topic: "t", Value: []byte("x")}}}) }()
	time.AfterFunc(10*time.Millisecond, cancel)
	if err := <-done; err == nil {
		t.Error("written nowhere")
	}
	if w.timeout < requestTimeout/4 || w.timeout >= requestTimeout {
		t.Errorf("a broker is told to wait %s for the replicas; a request has %s", w.timeout, requestTimeout)
	}
}
