package kafka

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

func place() topicPartition { return topicPartition{"t", 3} }

// batchOf writes a record batch as kafka-go writes them for a broker.
func batchOf(t testing.TB, version int8, how kafka.Compression, base int64, records ...kafka.Record) []byte {
	t.Helper()
	var b bytes.Buffer
	set := protocol.RecordSet{Version: version, Attributes: protocol.Attributes(how), Records: protocol.NewRecordReader(records...)}
	if _, err := set.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	out := b.Bytes()[4:] // without the length of the set
	if version == magicBatch || how != 0 {
		binary.BigEndian.PutUint64(out, uint64(base))
	}
	return out
}

func at(ms int64) time.Time { return time.UnixMilli(ms) }

func some() []kafka.Record {
	long := strings.Repeat(`{"what":"an event has"}`, 5000)
	return []kafka.Record{
		{Offset: 0, Time: at(1700000000000), Key: kafka.NewBytes([]byte("k")), Value: kafka.NewBytes([]byte(long)), Headers: []kafka.Header{{Key: "ce_id", Value: []byte("1")}, {Key: "x"}}},
		{Offset: 1, Time: at(1700000000007), Value: kafka.NewBytes([]byte{})},
		{Offset: 2, Time: at(1600000000000), Key: kafka.NewBytes([]byte{}), Value: kafka.NewBytes([]byte(long + long)), Headers: []kafka.Header{{Key: "ce_id", Value: []byte("2")}}},
		{Offset: 3, Time: at(1700000000009)},
	}
}

// want are the messages of some, from an offset on.
func want(base, from int64) (out []Message) {
	for i, r := range some() {
		m := Message{Topic: "t", Partition: 3, Offset: base + int64(i), Time: r.Time}
		m.Key, _ = protocol.ReadAll(r.Key)
		m.Value, _ = protocol.ReadAll(r.Value)
		for _, h := range r.Headers {
			m.Headers = append(m.Headers, Header{Key: h.Key, Value: h.Value})
		}
		if m.Offset >= from {
			out = append(out, m)
		}
	}
	return out
}

func diff(a, b []Message) string { return cmp.Diff(a, b, cmp.Comparer(bytes.Equal)) }

func TestRecords(t *testing.T) {
	t.Parallel()
	for how := range kafka.Zstd + 1 {
		data := append(batchOf(t, magicBatch, how, 100, some()...), batchOf(t, magicBatch, how, 104, some()...)...)
		for _, from := range []int64{100, 102, 104, 107, 108} {
			for _, cut := range []int{0, 1, 70, len(data) / 2} { // the last batch may be there in part
				p := page{memory: &memory{}, next: from}
				if _, err := p.records(place(), data[:len(data)-cut]); err != nil {
					t.Fatal(how, err)
				}
				expected, next := append(want(100, from), want(104, from)...), int64(108)
				if cut > 0 {
					expected, next = want(100, from), max(104, from)
				}
				if d := diff(p.messages, expected); d != "" || p.next != next {
					t.Errorf("%v, from %d, %d bytes cut: next %d, %d expected: %s", how, from, cut, p.next, next, d)
				}
			}
		}
	}
}

// TestMemoryIsUsedAgain: what was cloned of a page stays as it was, whatever the memory becomes.
func TestMemoryIsUsedAgain(t *testing.T) {
	t.Parallel()
	c := &Client{}
	for how := range kafka.Zstd + 1 {
		p := page{memory: c.memory(), next: 5}
		answer := batchOf(t, magicBatch, how, 5, some()...)
		if _, err := p.records(place(), answer); err != nil {
			t.Fatal(err)
		}
		clear(answer)
		if d := diff(p.messages, want(5, 5)); d != "" {
			t.Error(how, d)
		}
		own := owned(p.messages)
		c.release(p)
		clear(p.text[:cap(p.text)])
		clear(p.headers)
		if d := diff(own, want(5, 5)); d != "" {
			t.Error(how, d)
		}
	}
}

func TestOldRecords(t *testing.T) {
	t.Parallel()
	old := func() []kafka.Record {
		records := some()
		for i := range records {
			records[i].Headers = nil // which there were not
		}
		return records
	}
	expected := want(0, 1)
	for i := range expected {
		expected[i].Headers = nil
	}
	for _, how := range []kafka.Compression{0, kafka.Gzip, kafka.Snappy} {
		p := page{memory: &memory{}, next: 1}
		if _, err := p.records(place(), batchOf(t, 1, how, 3, old()...)); err != nil {
			t.Fatal(how, err)
		}
		if d := diff(p.messages, expected); d != "" || p.next != 4 {
			t.Error(how, p.next, d)
		}
	}
}

// TestPages: an answer becomes several pages where it is large, and one that has no whole batch is an error, since the same would be asked for again.
func TestPages(t *testing.T) {
	t.Parallel()
	var data []byte
	const batches = 40 // of 345 kB
	for i := range int64(batches) {
		data = append(data, batchOf(t, magicBatch, kafka.Lz4, 4*i, some()...)...)
	}
	c := &Client{}
	x := exchange{records: data}
	var got []Message
	pages, next := 0, int64(2)
	for more := true; more; pages++ {
		var p page
		var err error
		if p, more, err = c.page(&x, place(), next); err != nil {
			t.Fatal(err)
		}
		got, next = append(got, owned(p.messages)...), p.next
		c.release(p)
	}
	var expected []Message
	for i := range int64(batches) {
		expected = append(expected, want(4*i, 2)...)
	}
	if d := diff(got, expected); d != "" || next != 4*batches {
		t.Error(next, d)
	}
	if pages < 5 || pages > 8 {
		t.Errorf("%d pages", pages)
	}
	x.records = data[:len(data)/batches-10]
	if _, _, err := c.page(&x, place(), 0); !errors.Is(err, errCut) {
		t.Error(err)
	}
}

// changed sets a field of a batch and makes its checksum anew.
func changed(batch []byte, at int, by ...byte) []byte {
	const crcAt, after = 17, 21
	out := bytes.Clone(batch)
	copy(out[at:], by)
	binary.BigEndian.PutUint32(out[crcAt:], crc32.Checksum(out[after:], crc32.MakeTable(crc32.Castagnoli)))
	return out
}

const attributesAt, countAt, firstRecord = 21, 57, 61

// TestMarksAndTimes: marks of transactions are passed over, and where the broker's time stands for all it is theirs.
func TestMarksAndTimes(t *testing.T) {
	t.Parallel()
	plain := batchOf(t, magicBatch, 0, 10, some()...)
	p := page{memory: &memory{}, next: 10}
	if _, err := p.records(place(), changed(plain, attributesAt, 0, controlBatch)); err != nil || len(p.messages) > 0 || p.next != 14 {
		t.Error(len(p.messages), p.next, err)
	}
	p = page{memory: &memory{}, next: 10}
	if _, err := p.records(place(), changed(plain, attributesAt, 0, appendTime)); err != nil {
		t.Fatal(err)
	}
	for _, m := range p.messages {
		if m.Time != at(1700000000009) {
			t.Error(m.Offset, m.Time)
		}
	}
}

func TestBadRecords(t *testing.T) {
	t.Parallel()
	plain := batchOf(t, magicBatch, 0, 10, some()...)
	flipped := bytes.Clone(plain)
	flipped[len(flipped)-1] ^= 1
	packed := batchOf(t, magicBatch, kafka.Lz4, 10, some()...)
	for name, c := range map[string]struct {
		data []byte
		says string
	}{
		"checksum":        {flipped, "checksum"},
		"count":           {changed(plain, countAt, 0x7f, 0xff, 0xff, 0xff), "records in"},
		"more records":    {changed(plain, countAt, 0, 0, 0, 5), "ends too early"},
		"negative count":  {changed(plain, countAt, 0xff, 0xff, 0xff, 0xff), "records in"},
		"record length":   {changed(plain, firstRecord, 1), "ends too early"},
		"compression":     {changed(plain, attributesAt, 0, 6), "compression 6"},
		"not compressed":  {changed(plain, attributesAt, 0, 4), "zstd"},
		"cut compression": {changed(packed, len(packed)-40, make([]byte, 40)...), "lz4"},
		"format":          {changed(plain, magicAt, 9), "format 9"},
		"length":          {changed(plain, 8, 0, 0, 0, 3), "it has 3 bytes"},
	} {
		p := page{memory: &memory{}, next: 10}
		if _, err := p.records(place(), c.data); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBombs: a batch that becomes too large stops nobody's messages behind it.
func TestBombs(t *testing.T) {
	t.Parallel()
	bomb := batchOf(t, magicBatch, kafka.Zstd, 10, kafka.Record{Value: kafka.NewBytes(make([]byte, maxPlain+1))}, kafka.Record{Offset: 1})
	if len(bomb) > 100<<10 {
		t.Fatal("no bomb: ", len(bomb))
	}
	p := page{memory: &memory{}, next: 11}
	if _, err := p.records(place(), append(bomb, batchOf(t, magicBatch, kafka.Zstd, 12, some()...)...)); err != nil {
		t.Fatal(err)
	}
	if d := diff(p.messages, want(12, 12)); d != "" {
		t.Error(d)
	}
	if len(p.gaps) != 1 || p.gaps[0].First != 11 || p.gaps[0].Last != 11 || !errors.Is(p.gaps[0].Reason, errBomb) ||
		p.gaps[0].Cause() != "unreadable" || p.gaps[0].Messages() != 1 {
		t.Errorf("gaps %v", p.gaps)
	}
}

// TestCutAnswers: an answer that is cut anywhere, or says that it has more than it has, is an error and nothing else.
func TestCutAnswers(t *testing.T) {
	t.Parallel()
	batch := batchOf(t, magicBatch, 0, 10, some()...)
	word := func(b []byte, n uint32) []byte { return binary.BigEndian.AppendUint32(b, n) }
	head := word(word(nil, requestID), 0)
	head = append(head, 0, 0, 0, 0, 0, 0)       // error, session
	head = append(word(head, 1), 0, 1, 't')     // topics
	head = append(word(word(head, 1), 3), 0, 0) // partitions, error
	head = append(head, make([]byte, 24)...)    // ends
	head = word(head, 0xffffffff)               // aborted
	head = word(head, 0xffffffff)               // replica
	whole := append(word(head, uint32(len(batch))), batch...)
	x := exchange{version: 11, answer: whole}
	if err := x.read(); err != nil || !bytes.Equal(x.records, batch) {
		t.Fatal(err)
	}
	for n := range len(whole) {
		x.answer = whole[:n]
		if err := x.read(); err == nil {
			t.Fatalf("cut at %d: no error", n)
		}
	}
	x.answer = changedAt(whole, 29, 0, 1)
	if err := x.read(); !errors.Is(err, kafka.OffsetOutOfRange) {
		t.Error(err)
	}
}

func changedAt(b []byte, at int, by ...byte) []byte {
	out := bytes.Clone(b)
	copy(out[at:], by)
	return out
}

func FuzzRecords(f *testing.F) {
	for how := range kafka.Zstd + 1 {
		f.Add(batchOf(f, magicBatch, how, 10, some()[1:2]...))
	}
	f.Add(batchOf(f, 1, 0, 0, kafka.Record{Value: kafka.NewBytes([]byte("old"))}))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, d := range [][]byte{data, resealed(data)} {
			p := page{memory: &memory{}, next: 10}
			_, _ = p.records(place(), d) // it may fail, but no message lies before what was asked for
			for _, m := range p.messages {
				if m.Offset < 10 {
					t.Fatal(m.Offset)
				}
			}
			owned(p.messages)
		}
	})
}

// resealed has the right checksum, so that what lies behind it is looked at.
func resealed(data []byte) []byte {
	if len(data) < firstRecord || data[magicAt] != magicBatch {
		return data
	}
	size := int(binary.BigEndian.Uint32(data[8:]))
	if size < batchHead || size > len(data)-batchPrefix {
		return data
	}
	return append(changed(data[:batchPrefix+size], 0), data[batchPrefix+size:]...)
}

// FuzzAnswers: whatever a broker answers, it is read or refused.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 't', 0, 0, 0, 1}, int16(8))
	f.Add([]byte{0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff}, int16(3))
	f.Fuzz(func(t *testing.T, data []byte, version int16) {
		if res, err := (&consignment{version: version}).read(data); err == nil {
			outcomes(res)
		}
		x := exchange{version: version, answer: data, from: 5}
		if err := x.read(); err == nil && (x.to < 5 || len(x.records) > len(data)) {
			t.Fatal(x.to, len(x.records))
		}
	})
}
