package http

import (
	"context"
	"sync/atomic"

	"github.com/riposte-security/riposte/producers"
)

const (
	writers     = 4       // batches on their way to Kafka at the same time
	queueLength = 1024    // requests that wait for one
	maxBatch    = 1000    // records a call
	maxSize     = 8 << 20 // bytes of the requests in a batch, about
)

// A request is the records of one HTTP request on their way to Kafka.
type request struct {
	records  []producers.Record
	count    int
	size     int
	rejected map[int]error // by index; to be read after done
	err      error
	done     chan struct{}
	taken    atomic.Bool // by a writer, or by the handler that no longer waits for it
}

// abandon is called when nobody waits for the request any more. If no writer has it yet, none will, and its memory is free.
func (r *request) abandon() {
	if r.taken.CompareAndSwap(false, true) {
		r.records = nil
	}
}

// write gathers what waits into batches: while one is on its way to Kafka the next one grows, so that many small requests become few writes
// without any of them waiting for company.
func (s *source) write(ctx context.Context, emit func(context.Context, []producers.Record) error) error {
	for {
		var first *request
		select {
		case <-ctx.Done():
			return nil
		case first = <-s.queue:
		}
		batch := []*request{first}
		n, size := first.count, first.size
	more:
		for n < maxBatch && size < maxSize {
			select {
			case r := <-s.queue:
				batch = append(batch, r)
				n += r.count
				size += r.size
			default:
				break more
			}
		}
		if err := publish(ctx, emit, batch); err != nil {
			if ctx.Err() != nil {
				return nil //nolint:nilerr // ctx has ended
			}
			return err
		}
	}
}

// publish emits the records of all requests, at most maxBatch at a time, and tells each what became of it.
func publish(ctx context.Context, emit func(context.Context, []producers.Record) error, batch []*request) error {
	type place struct {
		r     *request
		index int
	}
	var records []producers.Record
	var from []place
	for _, r := range batch {
		if !r.taken.CompareAndSwap(false, true) { // it was told to come again
			continue
		}
		for i, rec := range r.records {
			records = append(records, rec)
			from = append(from, place{r, i})
		}
	}
	var err error
	for at := 0; at < len(records) && err == nil; at += maxBatch {
		told := producers.WithReport(ctx, func(i int, reason error) {
			p := from[at+i]
			if p.r.rejected == nil {
				p.r.rejected = map[int]error{}
			}
			p.r.rejected[p.index] = reason
		})
		err = emit(told, records[at:min(at+maxBatch, len(records))])
	}
	for _, r := range batch {
		r.err = err
		close(r.done)
	}
	return err
}
