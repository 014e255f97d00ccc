// Package batch gathers the records of a source into batches worth a call, and says what to do once they are in Kafka.
package batch

import (
	"context"

	"github.com/riposte-security/riposte/producers"
)

// The size of a batch: it is emitted when it has reached either.
const (
	Records = 1000
	Bytes   = 4 << 20
)

// Emit is what a source is given to hand over its records.
type Emit = func(ctx context.Context, records []producers.Record) error

// A Batch is filled by one goroutine at a time.
type Batch struct {
	emit    Emit
	records []producers.Record
	bytes   int
	then    []func()
}

// New returns an empty batch that goes to emit.
func New(emit Emit) *Batch { return &Batch{emit: emit} }

// Add puts a record into the batch, and flushes it if it is full.
func (b *Batch) Add(ctx context.Context, r producers.Record) error {
	b.records = append(b.records, r)
	b.bytes += len(r.Data)
	if len(b.records) >= Records || b.bytes >= Bytes {
		return b.Flush(ctx)
	}
	return nil
}

// Then has fn called when all that was added so far is in Kafka.
func (b *Batch) Then(fn func()) {
	if len(b.records) == 0 && len(b.then) == 0 {
		fn()
		return
	}
	b.then = append(b.then, fn)
}

// Flush emits what the batch holds. If that fails, the batch is as it was, and the source is to give up.
func (b *Batch) Flush(ctx context.Context) error {
	if len(b.records) > 0 {
		if err := b.emit(ctx, b.records); err != nil {
			return err
		}
	}
	b.records, b.bytes = nil, 0
	for _, fn := range b.then {
		fn()
	}
	b.then = nil
	return nil
}
