package kafka

import (
	"encoding/binary"
	"hash/crc32"
	"time"

	"github.com/klauspost/compress/s2"
	"github.com/segmentio/kafka-go/compress"
)

// blockBytes is what is compressed at a time. Kafka's own clients take half as much; of twice as much, Snappy makes a tenth less.
const blockBytes = 64 << 10

// A press makes record batches, in memory that it uses again.
type press struct {
	plain, wire []byte
}

// batch appends items to what is to go over the wire, as one batch. Those without a time are of now.
func (p *press) batch(items []item, now time.Time) {
	first := timeOf(items[0].msg, now)
	last := first
	p.plain = p.plain[:0]
	for i, it := range items {
		at := timeOf(it.msg, now)
		last = max(last, at)
		p.plain = appendRecord(p.plain, it.msg, int64(i), at-first)
	}
	const none = -1
	from := len(p.wire)
	w := binary.BigEndian.AppendUint64(p.wire, 0) // a broker gives the offset
	w = binary.BigEndian.AppendUint32(w, 0)       // the length, below
	w = appendInt32(w, none)                      // the leader's epoch
	w = append(w, magicBatch)
	checksum := len(w)
	w = binary.BigEndian.AppendUint32(w, 0)
	w = binary.BigEndian.AppendUint16(w, uint16(compress.Snappy))
	w = appendInt32(w, len(items)-1)
	w = appendInt64(w, first)
	w = appendInt64(w, last)
	w = appendInt64(w, none) // the producer,
	w = append(w, 0xff, 0xff)
	w = appendInt32(w, none) // and its count
	w = appendInt32(w, len(items))
	w = snappied(w, p.plain)
	const word = 4
	binary.BigEndian.PutUint32(w[from+batchPrefix-word:], uint32(len(w)-from-batchPrefix)) //nolint:gosec // bounded by maxBatch and MaxMessage
	binary.BigEndian.PutUint32(w[checksum:], crc32.Checksum(w[checksum+word:], crc32.MakeTable(crc32.Castagnoli)))
	p.wire = w
}

func timeOf(m *Message, now time.Time) int64 {
	if m.Time.IsZero() {
		return now.UnixMilli()
	}
	return m.Time.UnixMilli()
}

// appendRecord appends a message, the nth of its batch, since is how many milliseconds it is behind the first.
func appendRecord(to []byte, m *Message, nth, since int64) []byte {
	size := 1 + varintSize(since) + varintSize(nth) + bytesSize(len(m.Key), m.Key == nil) + bytesSize(len(m.Value), m.Value == nil) + varintSize(int64(len(m.Headers)))
	for _, h := range m.Headers {
		size += bytesSize(len(h.Key), false) + bytesSize(len(h.Value), h.Value == nil)
	}
	to = binary.AppendVarint(to, int64(size))
	to = append(to, 0) // attributes
	to = binary.AppendVarint(to, since)
	to = binary.AppendVarint(to, nth)
	to = appendBytes(to, m.Key)
	to = appendBytes(to, m.Value)
	to = binary.AppendVarint(to, int64(len(m.Headers)))
	for _, h := range m.Headers {
		to = binary.AppendVarint(to, int64(len(h.Key)))
		to = append(to, h.Key...)
		to = appendBytes(to, h.Value)
	}
	return to
}

// appendBytes appends bytes with their length before them; -1 where there are none.
func appendBytes(to, b []byte) []byte {
	if b == nil {
		return binary.AppendVarint(to, -1)
	}
	return append(binary.AppendVarint(to, int64(len(b))), b...)
}

func bytesSize(n int, none bool) int {
	if none {
		return 1
	}
	return varintSize(int64(n)) + n
}

// varintSize is how many bytes binary.AppendVarint appends.
func varintSize(v int64) int {
	const perByte = 7
	n := 1
	for u := uint64(v)<<1 ^ uint64(v>>63); u >= 1<<perByte; u >>= perByte { //nolint:gosec // the zigzag encoding
		n++
	}
	return n
}

// snappied appends data compressed: see xerial.
func snappied(to, data []byte) []byte {
	const version, compatible = 1, 1
	to = append(to, xerial...)
	to = appendInt32(to, version)
	to = appendInt32(to, compatible)
	for len(data) > 0 {
		block := data[:min(blockBytes, len(data))]
		data = data[len(block):]
		at := len(to)
		to = appendInt32(to, 0)
		begin := len(to)
		to = append(to, make([]byte, s2.MaxEncodedLen(len(block)))...)
		n := len(s2.EncodeSnappy(to[begin:], block))
		to = to[:begin+n]
		binary.BigEndian.PutUint32(to[at:], uint32(n)) //nolint:gosec // below blockBytes and what it may grow by
	}
	return to
}

func appendInt32(to []byte, v int) []byte {
	return binary.BigEndian.AppendUint32(to, uint32(v)) //nolint:gosec // the bits
}

func appendInt64(to []byte, v int64) []byte {
	return binary.BigEndian.AppendUint64(to, uint64(v)) //nolint:gosec // the bits
}

// appendText appends a text with its length in two bytes before it.
func appendText(to []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(to, uint16(len(s))), s...) //nolint:gosec // names of topics and clients
}
