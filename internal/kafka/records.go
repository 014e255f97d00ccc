package kafka

import (
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/segmentio/kafka-go/compress"
)

// The layout of a record batch: https://kafka.apache.org/documentation/#recordbatch.
const (
	batchPrefix  = 12 // its first offset and its length, which counts from there on
	batchHead    = 49 // of what the length counts: all before the records
	magicAt      = 16
	magicBatch   = 2 // the only format that Kafka 4 takes; topics of before 3.0 may have older ones
	compressions = 7
	appendTime   = 1 << 3 // the broker's time stands for that of each record
	controlBatch = 1 << 5 // marks of transactions, no messages
	leastRecord  = 7      // bytes
)

var errChecksum = errors.New("the checksum is another: it was changed on the way, or on a disk")

// records reads record batches until there is enough for a page, and returns what is left of them. The last of an answer may be there in part: it comes whole the
// next time. So does one that cannot be read, where others are before it.
func (p *page) records(tp topicPartition, data []byte) (rest []byte, err error) {
	for len(data) > magicAt && (len(p.messages) == 0 || len(p.text)+p.batchBytes <= pageBytes) {
		c := cursor{data: data}
		base, size := c.int64(), int(c.int32())
		if size > len(data)-batchPrefix {
			return nil, nil
		}
		if err := p.read(tp, base, c.take(size), data[magicAt]); err != nil {
			if len(p.messages) > 0 {
				return nil, nil
			}
			return nil, fmt.Errorf("batch at offset %d: %w", base, err)
		}
		data = data[c.at:]
	}
	if len(data) <= magicAt {
		return nil, nil
	}
	return data, nil
}

// read reads a batch in the format that magic names; what is not whole is not taken over.
func (p *page) read(tp topicPartition, base int64, data []byte, magic byte) error {
	before, n := *p, len(p.messages)
	read := p.batch
	if magic < magicBatch {
		read = p.older
	}
	err := read(tp, base, data)
	if err != nil {
		*p = before
		p.messages = p.messages[:n]
	}
	return err
}

// batch reads one batch.
func (p *page) batch(tp topicPartition, base int64, data []byte) error {
	if len(data) < batchHead {
		return fmt.Errorf("it has %d bytes", len(data))
	}
	c := cursor{data: data}
	c.int32() // the epoch of its leader
	if magic := c.int8(); magic != magicBatch {
		return fmt.Errorf("unknown format %d", magic)
	}
	crc := c.uint32()
	if crc32.Checksum(data[c.at:], crc32.MakeTable(crc32.Castagnoli)) != crc {
		return errChecksum
	}
	attributes := c.int16()
	last := base + int64(c.int32())
	times := batchTimes{first: c.int64(), all: -1}
	if most := c.int64(); attributes&appendTime != 0 {
		times.all = most
	}
	const producer = 8 + 2 + 4
	c.take(producer)
	count := int(c.int32())
	if last < p.next || attributes&controlBatch != 0 {
		p.next = max(p.next, last+1)
		return nil
	}
	plain, err := p.plain(compress.Compression(attributes&compressions), data[c.at:])
	if errors.Is(err, errBomb) {
		// Whoever may write to the topic could stop everybody else's messages with it. It stays in the topic.
		p.pass(tp, max(base, p.next), last, err)
		return nil
	}
	if err != nil {
		return err
	}
	if count < 0 || count > len(plain)/leastRecord {
		return fmt.Errorf("%d records in %d bytes", count, len(plain))
	}
	r := cursor{data: plain}
	for range count {
		m := Message{Topic: tp.topic, Partition: tp.partition}
		if err := p.record(&r, base, times, &m); err != nil {
			return err
		}
		p.took(m)
	}
	p.next = max(p.next, last+1)
	return nil
}

// batchTimes are what the times of records are told by, in milliseconds: the first of the batch, or one for all, unless that is negative.
type batchTimes struct{ first, all int64 }

var errRecord = errors.New("a record that ends too early")

// record reads the next record.
func (p *page) record(c *cursor, base int64, times batchTimes, m *Message) error {
	end := int(c.varint()) + c.at
	c.int8() // attributes, of which there are none yet
	at := times.first + c.varint()
	if times.all >= 0 {
		at = times.all
	}
	m.Time = time.UnixMilli(at)
	m.Offset = base + c.varint()
	m.Key, m.Value = c.bytes(), c.bytes()
	n := int(c.varint())
	if c.failed || n < 0 || n > len(c.data) {
		return errRecord
	}
	from := len(p.headers)
	for range n {
		name := c.bytes()
		h := Header{Key: p.name(name), Value: c.bytes()}
		if c.failed {
			return errRecord
		}
		p.headers = append(p.headers, h)
	}
	if n > 0 {
		m.Headers = p.headers[from:len(p.headers):len(p.headers)]
	}
	if c.at != end {
		return errRecord
	}
	return nil
}
