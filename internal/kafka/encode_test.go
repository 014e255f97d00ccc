package kafka

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/produce"
)

// carried are parcels of the messages of some, of which one has no time.
func carried() ([]parcel, []Message) {
	sent := want(0, 0)
	sent[3].Time = time.Time{}
	items := make([]item, len(sent))
	for i := range sent {
		items[i] = item{msg: &sent[i]}
	}
	return []parcel{{topicPartition{"t", 3}, items}, {topicPartition{"u", 0}, items[:1]}, {topicPartition{"t", 1}, items[1:2]}}, sent
}

// TestEncode: what a batch was made of is read from it again.
func TestEncode(t *testing.T) {
	t.Parallel()
	parcels, sent := carried()
	now := at(1700000000123)
	sent[3].Time = now
	var p press
	for range 2 { // in memory that was used before
		p.wire = p.wire[:0]
		p.batch(parcels[0].items, now)
		got := page{memory: &memory{}}
		if rest, err := got.records(place(), p.wire); err != nil || len(rest) > 0 {
			t.Fatal(err, rest)
		}
		if d := diff(got.messages, sent); d != "" {
			t.Error(d)
		}
	}
	for _, v := range []int64{0, 1, -1, 63, 64, -64, -65, 8191, 8192, 1 << 40, -1 << 62} {
		if n := len(appendRecord(nil, &Message{}, 0, v)); n != varintSize(v)+6 {
			t.Errorf("%d: %d bytes", v, n)
		}
	}
}

// TestProduce: kafka-go reads the request as what was to be written, and its answer is read as it was given, in every version.
func TestProduce(t *testing.T) {
	t.Parallel()
	for version := int16(leastProduceVersion); version <= 8; version++ {
		parcels, sent := carried()
		w := &exchanging{t: t, version: version}
		c := laneOn(t, nil).c
		c.api.Transport = w
		errs := c.produce(t.Context(), parcels...)
		if len(errs) != len(parcels) || errs[0] != nil || !errors.Is(errs[1], kafka.NotEnoughReplicas) || !errors.Is(errs[2], protocol.ErrNoPartition) {
			t.Errorf("version %d: %v", version, errs)
		}
		for _, at := range []string{"t/3", "u/0", "t/1"} {
			expected := map[string][]Message{"t/3": sent, "u/0": sent[:1], "t/1": sent[1:2]}[at]
			if d := cmp.Diff(w.got[at], expected, cmp.Comparer(bytes.Equal), cmpopts.IgnoreFields(Message{}, "Topic", "Partition", "Offset", "Time")); d != "" {
				t.Errorf("version %d, %s: %s", version, at, d)
			}
		}
	}
}

// exchanging is a broker that reads a request by kafka-go, and says of u/0 that there are too few replicas, and of t/1 nothing.
type exchanging struct {
	t       *testing.T
	version int16
	got     map[string][]Message
	answer  bytes.Buffer
}

func (w *exchanging) RoundTrip(_ context.Context, _ net.Addr, req kafka.Request) (kafka.Response, error) {
	x := req.(protocol.RawExchanger)
	if !x.Required(map[protocol.ApiKey]int16{protocol.Produce: w.version}) {
		w.t.Error("it is kafka-go's to write")
	}
	return x.RawExchange(w)
}

func (w *exchanging) Write(request []byte) (int, error) {
	version, id, client, req, err := protocol.ReadRequest(bytes.NewReader(request))
	if err != nil || version != w.version || client == "" {
		w.t.Fatalf("version %d, client %q, error %v", version, client, err)
	}
	w.got = map[string][]Message{}
	for _, topic := range req.(*produce.Request).Topics {
		for _, p := range topic.Partitions {
			at := topicPartition{topic.Topic, int(p.Partition)}.String()
			w.got[at] = w.read(p.RecordSet.Records)
		}
	}
	return len(request), protocol.WriteResponse(&w.answer, version, id, &produce.Response{Topics: []produce.ResponseTopic{
		{Topic: "t", Partitions: []produce.ResponsePartition{{Partition: 3, BaseOffset: 7, RecordErrors: []produce.ResponseError{{BatchIndex: 1, BatchIndexErrorMessage: "x"}}}}},
		{Topic: "u", Partitions: []produce.ResponsePartition{{ErrorCode: int16(kafka.NotEnoughReplicas), ErrorMessage: "too few"}}},
	}})
}

func (w *exchanging) Read(b []byte) (int, error) { return w.answer.Read(b) }

func (w *exchanging) read(records protocol.RecordReader) (out []Message) {
	for {
		r, err := records.ReadRecord()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			w.t.Fatal(err)
		}
		m := Message{}
		m.Key, _ = protocol.ReadAll(r.Key)
		m.Value, _ = protocol.ReadAll(r.Value)
		for _, h := range r.Headers {
			m.Headers = append(m.Headers, Header{Key: h.Key, Value: h.Value})
		}
		out = append(out, m)
	}
}
