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

// A wire notes what is written to brokers, and answers with one error after the other; when there are no more, with none, or not at all.
type wire struct {
	errors  []kafka.Error
	silent  bool
	timeout time.Duration // that the last request gave a broker
	asked   int
}

func (w *wire) RoundTrip(ctx context.Context, _ net.Addr, req kafka.Request) (kafka.Response, error) {
	w.timeout = time.Duration(req.(*consignment).Timeout) * time.Millisecond
	w.asked++
	if w.silent {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	var code kafka.Error
	if len(w.errors) > 0 {
		code, w.errors = w.errors[0], w.errors[1:]
	}
	return &produce.Response{Topics: []produce.ResponseTopic{{Topic: "t", Partitions: []produce.ResponsePartition{{ErrorCode: int16(code)}}}}}, nil
}

func laneOn(t *testing.T, w *wire) *lane {
	t.Helper()
	c, err := New(Config{Brokers: []string{"127.0.0.1:1"}}, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	c.api.Transport = w
	return &lane{c: c, tp: topicPartition{"t", 0}, who: "write t/0"}
}

// TestReplicasHaveTime: what kafka-go tells brokers by default, to wait half a second for the replicas, is too little for a cluster that is busy: it says
// that the request has timed out, keeps the messages, and they are written again and again.
func TestReplicasHaveTime(t *testing.T) {
	t.Parallel()
	w := &wire{silent: true}
	l := laneOn(t, w)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- l.c.produce(ctx, parcel{l.tp, []item{{msg: &Message{Topic: "t", Value: []byte("x")}}}})[0]
	}()
	time.AfterFunc(10*time.Millisecond, cancel)
	if err := <-done; err == nil {
		t.Error("written nowhere")
	}
	if w.timeout < requestTimeout/4 || w.timeout >= requestTimeout {
		t.Errorf("a broker is told to wait %s for the replicas; a request has %s", w.timeout, requestTimeout)
	}
}

// TestOnlyAllReplicasAreSuccess: too few replicas, a leader that has moved and an answer that took too long are no success, and no refusal: the batch is
// written again until a broker says that all replicas have it.
func TestOnlyAllReplicasAreSuccess(t *testing.T) {
	t.Parallel()
	w := &wire{errors: []kafka.Error{
		kafka.NotEnoughReplicas, kafka.NotEnoughReplicasAfterAppend, kafka.NotLeaderForPartition, kafka.LeaderNotAvailable, kafka.RequestTimedOut,
	}}
	failures := len(w.errors)
	l := laneOn(t, w)
	call := &call{done: make(chan struct{}), left: 1}
	l.write(t.Context(), []item{{msg: &Message{Topic: "t", Value: []byte("x")}, call: call}})
	<-call.done
	if w.asked != failures+1 || len(call.rejected) > 0 || call.closed {
		t.Errorf("%d requests for %d failures, then success; rejected: %v", w.asked, failures, call.rejected)
	}
}
