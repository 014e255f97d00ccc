package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/produce"
)

const (
	// replicasTime is how long a broker is told to wait for the other replicas. By kafka-go's default it is half a second, which is too little for a cluster that
	// is busy: it says that they have not followed, keeps the messages, and they are written again and again.
	replicasTime = requestTimeout / 2
	// written is how messages are compressed.
	written = protocol.Attributes(kafka.Snappy)
)

// A parcel is a batch for one partition.
type parcel struct {
	tp    topicPartition
	items []item
}

// produce writes parcels in one request, and tells for each what became of it. All partitions must have the same leader, and none may be there twice. kafka-go's
// Client.Produce knows one partition only.
func (c *Client) produce(ctx context.Context, parcels ...parcel) []error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	req := &produce.Request{Acks: int16(kafka.RequireAll), Timeout: int32(replicasTime / time.Millisecond)}
	topics := map[string]int{} // where they are in the request
	now := time.Now()
	for _, p := range parcels {
		at, known := topics[p.tp.topic]
		if !known {
			at = len(req.Topics)
			topics[p.tp.topic] = at
			req.Topics = append(req.Topics, produce.RequestTopic{Topic: p.tp.topic})
		}
		req.Topics[at].Partitions = append(req.Topics[at].Partitions, produce.RequestPartition{
			Partition: int32(p.tp.partition), //nolint:gosec // a broker gave it
			RecordSet: protocol.RecordSet{Attributes: written, Records: records(p.items, now)},
		})
	}
	errs := make([]error, len(parcels))
	res, err := c.api.Transport.RoundTrip(ctx, c.api.Addr, req)
	answers := map[topicPartition]error{}
	if err == nil {
		answers = outcomes(res)
	}
	for i, p := range parcels {
		one, answered := answers[p.tp]
		switch {
		case err != nil:
			errs[i] = fmt.Errorf("produce: %w", err)
		case !answered:
			errs[i] = fmt.Errorf("produce: nothing is said about %s: %w", p.tp, protocol.ErrNoPartition)
		case one != nil:
			errs[i] = fmt.Errorf("produce: %w", one)
		}
	}
	return errs
}

// outcomes are what a broker says of each partition.
func outcomes(res kafka.Response) map[topicPartition]error {
	answer, ok := res.(*produce.Response)
	if !ok {
		return nil
	}
	of := map[topicPartition]error{}
	for _, t := range answer.Topics {
		for _, p := range t.Partitions {
			var err error
			if p.ErrorCode != 0 {
				err = kafka.Error(p.ErrorCode)
			}
			if err != nil && p.ErrorMessage != "" {
				err = fmt.Errorf("%w: %s", err, p.ErrorMessage)
			}
			of[topicPartition{t.Topic, int(p.Partition)}] = err
		}
	}
	return of
}

// records are the items as kafka-go writes them. Those without a time are of now.
func records(items []item, now time.Time) protocol.RecordReader {
	all := make([]protocol.Record, len(items))
	for i, it := range items {
		r := protocol.Record{Time: it.msg.Time}
		if r.Time.IsZero() {
			r.Time = now
		}
		if it.msg.Key != nil {
			r.Key = protocol.NewBytes(it.msg.Key)
		}
		if it.msg.Value != nil {
			r.Value = protocol.NewBytes(it.msg.Value)
		}
		if len(it.msg.Headers) > 0 {
			r.Headers = make([]protocol.Header, len(it.msg.Headers))
		}
		for h, of := range it.msg.Headers {
			r.Headers[h] = protocol.Header{Key: of.Key, Value: of.Value}
		}
		all[i] = r
	}
	return protocol.NewRecordReader(all...)
}
