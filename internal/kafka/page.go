package kafka

import (
	"bytes"

	"github.com/klauspost/compress/zstd"
)

// A page is a part of the answer to a fetch. Its messages lie in memory that is used again once it is released.
type page struct {
	*memory

	next int64 // offset to go on from
	gaps []Gap // messages that are there, but cannot be read
	// batchBytes is what the last batch became when it was decompressed. A page ends where another like it would not fit.
	batchBytes int
}

// took takes over a message that is not before what was asked for: batches are handed over whole.
func (p *page) took(m Message) {
	if m.Offset < p.next {
		return
	}
	p.next = m.Offset + 1
	p.messages = append(p.messages, m)
}

// pass passes over messages that nobody can read.
func (p *page) pass(tp topicPartition, first, last int64, reason error) {
	p.gaps = append(p.gaps, Gap{Topic: tp.topic, Partition: tp.partition, First: first, Last: last, Reason: reason})
	p.next = max(p.next, last+1)
}

// memory is what pages are made of.
type memory struct {
	text     []byte // of batches, decompressed
	messages []Message
	headers  []Header
	names    map[string]string // of headers: there are few
	zstd     *zstd.Decoder     // has no goroutine of its own, being used for whole texts alone
}

// maxNames bounds the names of headers that are kept.
const maxNames = 256

// name is the name of a header as a string, made once.
func (m *memory) name(of []byte) string {
	if s, ok := m.names[string(of)]; ok {
		return s
	}
	if m.names == nil || len(m.names) == maxNames {
		m.names = map[string]string{}
	}
	s := string(of)
	m.names[s] = s
	return s
}

// memory gives what a page is made in.
func (c *Client) memory() *memory {
	m, _ := c.pages.Get().(*memory)
	if m == nil {
		m = &memory{}
	}
	m.text, m.messages, m.headers = m.text[:0], m.messages[:0], m.headers[:0]
	return m
}

// release gives back what the messages of a page lie in: whoever still has one of them must not look at it any more.
func (c *Client) release(p page) {
	const most = 4 * pageBytes // what a single large answer took is not kept
	if p.memory == nil || cap(p.text) > most {
		return
	}
	c.pages.Put(p.memory)
}

// owned makes the messages of a page their own masters: each lies in memory of its own.
func owned(lent []Message) []Message {
	if len(lent) == 0 {
		return nil
	}
	own := make([]Message, len(lent))
	for i := range lent {
		own[i] = lent[i].Clone()
	}
	return own
}

// Clone gives a copy that shares no memory with m.
func (m *Message) Clone() Message {
	own := *m
	own.Key, own.Value, own.Headers = bytes.Clone(m.Key), bytes.Clone(m.Value), nil
	if len(m.Headers) > 0 {
		own.Headers = make([]Header, len(m.Headers))
		for i, h := range m.Headers {
			own.Headers[i] = Header{Key: h.Key, Value: bytes.Clone(h.Value)}
		}
	}
	return own
}
