package kafka

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/produce"
)

const (
	// replicasTime is how long a broker is told to wait for the other replicas. By kafka-go's default it is half a second, which is too little for a cluster that
	// is busy: it says that they have not followed, keeps the messages, and they are written again and again.
	replicasTime = requestTimeout / 2
	// leastProduceVersion is the first of the protocol that takes record batches (Kafka 0.11); kafka-go asks for no later one than 8.
	leastProduceVersion = 3
)

// A parcel is a batch for one partition.
type parcel struct {
	tp    topicPartition
	items []item
}

// A consignment is a request that writes parcels, made by our own hands: kafka-go's Client knows one partition only, and what it needs for a message costs more
// than all the rest of a producer. Connections, TLS, SASL and the way to the leader are kafka-go's (protocol.RawExchanger).
type consignment struct {
	*produce.Request // says where it goes; its records are none

	wire    []byte // all of it, but for the version
	version int16
}

// Required implements protocol.RawExchanger: it is, always.
func (x *consignment) Required(versions map[protocol.ApiKey]int16) bool {
	x.version = versions[protocol.Produce]
	return true
}

// RawExchange implements protocol.RawExchanger.
func (x *consignment) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	if err := atLeast("produce", x.version, leastProduceVersion); err != nil {
		return nil, err
	}
	binary.BigEndian.PutUint16(x.wire[versionAt:], uint16(x.version)) //nolint:gosec // 3 to 8
	if _, err := rw.Write(x.wire); err != nil {
		return nil, err
	}
	answer, err := readAnswer(rw, nil)
	if err != nil {
		return nil, err
	}
	return x.read(answer)
}

// versionAt is where the version of the protocol stands in a request.
const versionAt = 6

// request makes a request (https://kafka.apache.org/protocol#The_Messages_Produce, versions 3 to 8, which are the same but for their number).
func (p *press) request(clientID string, req *produce.Request, parcels []parcel) {
	const word = 4
	now := time.Now()
	w := appendInt32(p.wire[:0], 0) // the length, below
	w = binary.BigEndian.AppendUint16(w, uint16(protocol.Produce))
	w = append(w, 0, 0) // the version
	w = appendInt32(w, requestID)
	w = appendText(w, clientID)
	w = append(w, 0xff, 0xff)                              // no transaction
	w = binary.BigEndian.AppendUint16(w, uint16(req.Acks)) //nolint:gosec // the bits
	w = appendInt32(w, int(req.Timeout))
	w = appendInt32(w, len(req.Topics))
	for _, t := range req.Topics {
		w = appendText(w, t.Topic)
		w = appendInt32(w, len(t.Partitions))
		for _, of := range t.Partitions {
			w = appendInt32(w, int(of.Partition))
			at := len(w)
			p.wire = appendInt32(w, 0)
			for _, one := range parcels {
				if (one.tp == topicPartition{t.Topic, int(of.Partition)}) {
					p.batch(one.items, now)
				}
			}
			w = p.wire
			binary.BigEndian.PutUint32(w[at:], uint32(len(w)-at-word)) //nolint:gosec // bounded as its batch
		}
	}
	binary.BigEndian.PutUint32(w, uint32(len(w)-word)) //nolint:gosec // bounded by bundleBytes and MaxMessage
	p.wire = w
}

// read reads the answer.
func (x *consignment) read(answer []byte) (*produce.Response, error) {
	const logStarts, errors = 5, 8
	c := cursor{data: answer}
	c.int32() // the id, which was compared
	res := &produce.Response{}
	for range c.count() {
		t := produce.ResponseTopic{Topic: c.text()}
		for range c.count() {
			p := produce.ResponsePartition{Partition: c.int32(), ErrorCode: c.int16(), BaseOffset: c.int64(), LogAppendTime: c.int64()}
			if x.version >= logStarts {
				p.LogStartOffset = c.int64()
			}
			if x.version >= errors {
				for range c.count() {
					c.int32()
					c.text()
				}
				p.ErrorMessage = c.text()
			}
			t.Partitions = append(t.Partitions, p)
		}
		res.Topics = append(res.Topics, t)
	}
	if c.failed {
		return nil, errCut
	}
	return res, nil
}

// produce writes parcels in one request, and tells for each what became of it. All partitions must have the same leader, and none may be there twice.
func (c *Client) produce(ctx context.Context, parcels ...parcel) []error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	req := &consignment{Request: &produce.Request{Acks: int16(kafka.RequireAll), Timeout: int32(replicasTime / time.Millisecond)}}
	topics := map[string]int{} // where they are in the request
	for _, p := range parcels {
		at, known := topics[p.tp.topic]
		if !known {
			at = len(req.Topics)
			topics[p.tp.topic] = at
			req.Topics = append(req.Topics, produce.RequestTopic{Topic: p.tp.topic})
		}
		req.Topics[at].Partitions = append(req.Topics[at].Partitions, produce.RequestPartition{Partition: int32(p.tp.partition)}) //nolint:gosec // a broker gave it
	}
	errs := make([]error, len(parcels))
	p, _ := c.presses.Get().(*press)
	if p == nil {
		p = &press{}
	}
	p.request(c.cfg.ClientID, req.Request, parcels)
	req.wire = p.wire
	res, err := c.api.Transport.RoundTrip(ctx, c.api.Addr, req)
	if err == nil {
		c.presses.Put(p) // otherwise, a connection may still read it
	}
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
