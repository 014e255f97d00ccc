// Package producers turns records into OCSF events on the events topic: a source hands over records, a format turns each into events, and
// the loop publishes them before the source may acknowledge anything upstream.
package producers

import (
	"context"
	"time"

	"github.com/riposte-security/riposte/schemas"
)

// A Record is one unit that a source hands over, with what is known about it apart from its bytes.
type Record struct {
	Data     []byte
	Origin   string            // what it came from: fingerprint of a file, bucket/key/etag, topic and partition, name of a listener
	Position string            // where in there: byte offset, index, Kafka offset. Origin and Position together name the record for ever
	Received time.Time         // when riposte, or the container it lay in, got it
	Attrs    map[string]string // what else is known, see the Attr constants
}

// Attributes that sources and unpack set on records.
const (
	AttrHeader  = "header"  // the header line of the file the record came from, for line formats
	AttrAccount = "account" // AWS account, where the container or the object key tells
	AttrRegion  = "region"  // AWS region, likewise
	AttrPeer    = "peer"    // network address of the sender
	AttrFile    = "file"    // path or object key, for error messages
	AttrID      = "id"      // id that the sender gave (CloudEvents id, Idempotency-Key, EventBridge id)
	AttrSource  = "source"  // CloudEvents source that the sender gave
	AttrTime    = "time"    // CloudEvents time that the sender gave, RFC 3339

	AttrAttempts = "attempts" // how often the record became a dead letter before
)

// A Source yields batches of records until ctx ends or it is exhausted, and then returns nil. When emit returns nil the batch is durable
// in Kafka and may be acknowledged upstream; when emit fails, Run returns that error without acknowledging. Batches are at most some
// thousand records; emit may be called from several goroutines at once, all of which have ended when Run returns.
type Source interface {
	Run(ctx context.Context, emit func(ctx context.Context, records []Record) error) error
}

// A Listener is a Source that takes what comes to an address of its own, which nobody else in the same process may listen on.
type Listener interface {
	// Listens returns the network, tcp or udp, and the address, host:port.
	Listens() (network, address string)
}

// A Format turns one record into the events it holds. It is a pure function: no I/O, no clock. The same record gives the same events with
// the same uids. A record that it can never read is a permanent error (fault.Permanent). It is safe for concurrent use.
type Format interface {
	Parse(r Record) ([]schemas.Event, error)
}
