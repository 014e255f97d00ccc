package kafka

import (
	"errors"
	"hash/crc32"
	"time"

	"github.com/segmentio/kafka-go/compress"
)

// errMessage says that a message of an older format is not what its lengths say.
var errMessage = errors.New("a message that ends too early")

// older reads one message as Kafka wrote them before 0.11, and kept them until 4.0 (https://kafka.apache.org/documentation/#messageset). One that is compressed has
// a set of messages in it.
func (p *page) older(tp topicPartition, offset int64, data []byte) error {
	m, how, err := oldMessage(data)
	if err != nil {
		return err
	}
	m.Topic, m.Partition, m.Offset = tp.topic, tp.partition, offset
	if how == compress.None {
		p.took(m)
		return nil
	}
	plain, err := p.plain(how, m.Value)
	if errors.Is(err, errBomb) {
		p.pass(tp, p.next, offset, err)
		return nil
	}
	if err != nil {
		return err
	}
	var inner []Message
	for c := (cursor{data: plain}); c.at < len(plain); {
		at, size := c.int64(), c.int32()
		one, how, err := oldMessage(c.take(int(size)))
		if err != nil {
			return err
		}
		if how != compress.None {
			return errors.New("a compressed message in another")
		}
		one.Topic, one.Partition, one.Offset = tp.topic, tp.partition, at
		inner = append(inner, one)
	}
	// Their offsets count from the first of them on in the later of the two formats, and the outer one has that of the last.
	var shift int64
	if n := len(inner); n > 0 && data[magicAt-batchPrefix] > 0 {
		shift = offset - inner[n-1].Offset
	}
	for _, one := range inner {
		one.Offset += shift
		p.took(one)
	}
	p.next = max(p.next, offset+1) // the tail of what was in it may be gone, the topic being compacted
	return nil
}

func oldMessage(data []byte) (m Message, how compress.Compression, err error) {
	c := cursor{data: data}
	crc := c.uint32()
	if c.failed || crc32.ChecksumIEEE(data[c.at:]) != crc {
		return m, 0, errChecksum
	}
	magic := c.int8()
	how = compress.Compression(c.int8() & compressions)
	if magic > 0 {
		m.Time = time.UnixMilli(c.int64())
	}
	m.Key, m.Value = c.sized(), c.sized()
	if c.failed || magic >= magicBatch || magic < 0 {
		return m, 0, errMessage
	}
	return m, how, nil
}
