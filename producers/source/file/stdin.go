package file

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/unpack"
)

type record = producers.Record

// linger is how long a record from standard input waits for company.
const linger = 20 * time.Millisecond

// readStdin reads standard input to its end. What comes from a pipe cannot be read twice: its origin is made up. When ctx ends, the input is
// closed if it can be; a read that goes on regardless ends with the process.
func (s *source) readStdin(ctx context.Context, emit emitFunc) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if c, ok := s.stdin.(io.Closer); ok {
		stop := context.AfterFunc(ctx, func() { _ = c.Close() })
		defer stop()
	}
	records, done := make(chan record, batchRecords), make(chan error, 1)
	go func() {
		base := record{Origin: "stdin:" + uuid.NewString()}
		done <- unpack.Unpack(ctx, s.stdin, base, unpack.Options{MaxRecord: s.MaxRecord}, func(it unpack.Item) error {
			it.Record.Received = time.Now()
			select {
			case records <- it.Record:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		close(records)
	}()
	for {
		batch, open := gather(ctx, records)
		if len(batch) > 0 {
			if err := emit(ctx, batch); err != nil {
				return err
			}
		}
		if ctx.Err() != nil {
			return nil
		}
		if !open {
			if err := <-done; err != nil {
				return fmt.Errorf("standard input: %w", err)
			}
			return nil
		}
	}
}

// gather takes what is there, up to a batch, and a little of what follows. open is false at the end.
func gather(ctx context.Context, records <-chan record) (batch []record, open bool) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	size := 0
	for len(batch) < batchRecords && size < batchBytes {
		select {
		case <-ctx.Done():
			return batch, true
		case r, ok := <-records:
			if !ok {
				return batch, false
			}
			batch = append(batch, r)
			size += len(r.Data)
			if len(batch) == 1 {
				timer.Reset(linger)
			}
		case <-timer.C:
			if len(batch) > 0 {
				return batch, true
			}
			timer.Reset(time.Hour)
		}
	}
	return batch, true
}
