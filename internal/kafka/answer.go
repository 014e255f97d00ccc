package kafka

import (
	"errors"
	"fmt"
	"io"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/fetch"
)

const (
	// maxAnswer bounds the answer to a fetch: a broker hands over what it was asked for, or one batch that is larger, which it has taken itself.
	maxAnswer = 128 << 20
	// leastFetchVersion is the first of the protocol whose records have headers (Kafka 0.11); kafka-go asks for no later one than 11.
	leastFetchVersion = 4
	// requestID names a request to a broker: there is one at a time on a connection.
	requestID = 1
)

// An exchange is a fetch whose answer is taken as it stands on the wire: kafka-go's own reading of records costs more than all that the router does with an
// event. Connections, TLS, SASL and the way to the leader are kafka-go's (protocol.RawExchanger).
type exchange struct {
	*fetch.Request

	clientID string
	version  int16
	// answer is where the answer goes, and has it when the exchange has succeeded. After one that failed, or was given up, it may still be written to.
	answer []byte
	// records are what is left of the answer: its record batches.
	records []byte
	// from is what was asked for, and to what to go on from: the offset behind the last batch that is whole.
	from, to int64
	told     int64 // before which gaps are known
	anew     bool  // the partition is read from its beginning: what was done before it says nothing any more
}

// Required implements protocol.RawExchanger: it is, always.
func (x *exchange) Required(versions map[protocol.ApiKey]int16) bool {
	x.version = versions[protocol.Fetch]
	return true
}

// RawExchange implements protocol.RawExchanger.
func (x *exchange) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	if err := atLeast("fetch", x.version, leastFetchVersion); err != nil {
		return nil, err
	}
	if err := protocol.WriteRequest(rw, x.version, requestID, x.clientID, x.Request); err != nil {
		return nil, err
	}
	var err error
	if x.answer, err = readAnswer(rw, x.answer); err != nil {
		return nil, err
	}
	return &fetch.Response{}, nil // what it says is in answer
}

// atLeast refuses a broker that is older than our own hands can talk to.
func atLeast(what string, version, least int16) error {
	if version < least {
		return fmt.Errorf("the broker's %s has version %d, at least %d is needed: Kafka 0.11", what, version, least)
	}
	return nil
}

// readAnswer reads the answer to the one request that is on its way, into memory that may be too small.
func readAnswer(r io.Reader, into []byte) ([]byte, error) {
	const word = 4
	var head [word]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	c := cursor{data: head[:]}
	size := int(c.int32())
	if size < word || size > maxAnswer {
		return nil, fmt.Errorf("an answer of %d bytes, at most %d are allowed", size, maxAnswer)
	}
	if cap(into) < size {
		into = make([]byte, size)
	}
	into = into[:size]
	if _, err := io.ReadFull(r, into); err != nil {
		return nil, err
	}
	c = cursor{data: into}
	if id := c.int32(); id != requestID {
		return nil, fmt.Errorf("an answer to request %d", id)
	}
	return into, nil
}

// errCut says that an answer ends before what it announces.
var errCut = errors.New("the broker's answer ends too early")

// read finds the record batches in the answer, and where they end
// (https://kafka.apache.org/protocol#The_Messages_Fetch, versions 4 to 11).
func (x *exchange) read() error {
	c := cursor{data: x.answer}
	c.int32() // the id, which was compared
	c.int32() // how long the request was throttled
	const sessions, logStarts, replicas = 7, 5, 11
	if x.version >= sessions {
		if code := c.int16(); code != 0 {
			return kafka.Error(code)
		}
		c.int32()
	}
	if topics := c.int32(); topics < 1 {
		return protocol.ErrNoTopic
	}
	c.take(int(c.int16())) // its name
	if partitions := c.int32(); partitions < 1 {
		return protocol.ErrNoPartition
	}
	c.int32() // its number
	code := c.int16()
	c.int64() // the end of the partition
	c.int64() // and of what transactions have done
	if x.version >= logStarts {
		c.int64()
	}
	const aborted = 16
	if n := int(c.int32()); n > 0 {
		c.take(min(n, maxAnswer) * aborted)
	}
	if x.version >= replicas {
		c.int32()
	}
	if code != 0 {
		return kafka.Error(code)
	}
	if n := int(c.int32()); n > 0 {
		x.records = c.take(n)
	}
	if x.to = behind(x.records, x.from); c.failed || len(x.records) > 0 && x.to == x.from {
		return errCut
	}
	return nil
}

// behind is the offset behind the last batch that is there as a whole.
func behind(records []byte, from int64) int64 {
	const delta = 4 + 1 + 4 + 2 // before what is to be added to the first offset of a batch, to have the last
	for c := (cursor{data: records}); len(records)-c.at > magicAt; {
		magic := records[c.at+magicAt]
		last, size := c.int64(), c.int32()
		batch := cursor{data: c.take(int(size))}
		if c.failed {
			break
		}
		if magic >= magicBatch { // the offset of an older one is that of its last message
			batch.take(delta)
			last += int64(batch.int32())
		}
		from = max(from, last+1)
	}
	return from
}
