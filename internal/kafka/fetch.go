package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

const (
	// fetchBytes is what a broker hands over at most in one answer, a larger first batch apart; leastFetch is the least that it is asked for.
	fetchBytes = 1 << 20
	leastFetch = 32 << 10
	// pageBytes is what the messages of an answer should have together: compressed ones become ten times as many bytes, and a partition has several answers
	// in memory.
	pageBytes = 2 << 20
	// fetchWait is how long a broker waits for something to hand over.
	fetchWait = 500 * time.Millisecond
)

// A page is the answer to one fetch.
type page struct {
	messages []Message
	next     int64 // offset to go on from
	end      int64 // high watermark
	bytes    int   // of the messages
}

// sized is how much to ask for next, after an answer to so much has become a page: about as much as makes a page of pageBytes.
func (p page) sized(asked int) int {
	if p.bytes > pageBytes || p.bytes > pageBytes/4 && asked < fetchBytes {
		asked = int(int64(asked) * pageBytes / int64(p.bytes))
	} else {
		asked *= 2
	}
	return min(max(asked, leastFetch), fetchBytes)
}

// fetch reads up to so many bytes from offset on, waiting a moment if there is nothing. An offset that is not there any more, or not yet, is
// kafka.OffsetOutOfRange. It stays below kafka-go's Reader, which jumps to another offset by itself, without a word.
func (c *Client) fetch(ctx context.Context, tp topicPartition, offset int64, most int) (page, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchWait+requestTimeout)
	defer cancel()
	res, err := c.api.Fetch(ctx, &kafka.FetchRequest{
		Topic: tp.topic, Partition: tp.partition, Offset: offset, MinBytes: 1, MaxBytes: int64(most), MaxWait: fetchWait,
	})
	if err != nil {
		return page{}, err
	}
	if res.Error != nil {
		return page{}, fmt.Errorf("fetch %s: %w", tp, res.Error)
	}
	p := page{next: offset, end: res.HighWatermark}
	seen := false
	for _, batch := range batches(res.Records) {
		_, control := batch.(*protocol.ControlBatch) // a mark of a transaction, not a message
		for {
			r, err := batch.ReadRecord()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return page{}, fmt.Errorf("fetch %s: %w", tp, err)
			}
			seen = true
			m, err := message(tp, r)
			if err != nil {
				return page{}, err
			}
			if m.Offset < p.next { // batches are handed over whole
				continue
			}
			p.next = m.Offset + 1
			if !control {
				p.messages = append(p.messages, m)
				p.bytes += m.Size()
			}
		}
	}
	if seen && p.next == offset {
		// The batch that holds offset has nothing from there on: the topic is compacted, and its tail was removed.
		p.next++
	}
	return p, nil
}

// batches returns the record batches of a fetch one by one: read as one stream, kafka-go leaves control batches out, and a partition that
// ends in one would be asked for it for ever.
func batches(r kafka.RecordReader) []kafka.RecordReader {
	if s, ok := r.(*protocol.RecordStream); ok {
		return s.Records
	}
	return []kafka.RecordReader{r}
}

func message(tp topicPartition, r *kafka.Record) (Message, error) {
	m := Message{Topic: tp.topic, Partition: tp.partition, Offset: r.Offset, Time: r.Time}
	var err error
	if m.Key, err = readBytes(r.Key); err != nil {
		return m, fmt.Errorf("%s offset %d: key: %w", tp, r.Offset, err)
	}
	if m.Value, err = readBytes(r.Value); err != nil {
		return m, fmt.Errorf("%s offset %d: value: %w", tp, r.Offset, err)
	}
	if len(r.Headers) > 0 {
		m.Headers = make([]Header, len(r.Headers))
		for i, h := range r.Headers {
			m.Headers[i] = Header{Key: h.Key, Value: h.Value}
		}
	}
	return m, nil
}

func readBytes(b kafka.Bytes) ([]byte, error) {
	if b == nil {
		return nil, nil
	}
	data, err := kafka.ReadAll(b)
	return data, errors.Join(err, b.Close())
}

// bounds returns the first offset of a partition and the one after its last.
func (c *Client) bounds(ctx context.Context, tp topicPartition) (first, end int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	res, err := c.api.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{
		tp.topic: {kafka.FirstOffsetOf(tp.partition), kafka.LastOffsetOf(tp.partition)},
	}})
	if err != nil {
		return 0, 0, err
	}
	for _, p := range res.Topics[tp.topic] {
		if p.Partition == tp.partition && p.Error != nil {
			return 0, 0, fmt.Errorf("offsets of %s: %w", tp, p.Error)
		}
		if p.Partition == tp.partition {
			return p.FirstOffset, p.LastOffset, nil
		}
	}
	return 0, 0, fmt.Errorf("offsets of %s: %w", tp, protocol.ErrNoPartition)
}

// offsetAt returns the offset of the first message of a partition that came in at a time or after it; -1 if there is none.
func (c *Client) offsetAt(ctx context.Context, tp topicPartition, at time.Time) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	res, err := c.api.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{
		tp.topic: {kafka.TimeOffsetOf(tp.partition, at)},
	}})
	if err != nil {
		return 0, err
	}
	for _, p := range res.Topics[tp.topic] {
		if p.Partition != tp.partition {
			continue
		}
		if p.Error != nil {
			return 0, fmt.Errorf("offsets of %s: %w", tp, p.Error)
		}
		for offset := range p.Offsets {
			return offset, nil
		}
		return -1, nil
	}
	return 0, fmt.Errorf("offsets of %s: %w", tp, protocol.ErrNoPartition)
}
