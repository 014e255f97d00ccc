package syslog

import (
	"context"
	"time"

	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/batch"
)

// weight is the room that a record takes.
func weight(r producers.Record) int64 { return int64(min(len(r.Data)+256, queueBytes)) }

// push queues a record, and waits for room if there is none: that is what makes a stream's sender wait. When work ends first, the record is
// lost, and counted.
func (s *source) push(work context.Context, r producers.Record) error {
	if err := s.room.Acquire(work, weight(r)); err != nil {
		s.lost.Add(1)
		return err
	}
	select {
	case s.queue <- r:
		return nil
	case <-work.Done():
		s.room.Release(weight(r))
		s.lost.Add(1)
		return work.Err()
	}
}

// offer queues a record if there is room; else it is dropped, and counted.
func (s *source) offer(r producers.Record) {
	if !s.room.TryAcquire(weight(r)) {
		s.dropped.Add(1)
		return
	}
	select {
	case s.queue <- r:
	default:
		s.room.Release(weight(r))
		s.dropped.Add(1)
	}
}

// write publishes what is queued until work ends, or reading is over and the queue empty. While one batch is on its way the next one grows.
func (s *source) write(work context.Context, read <-chan struct{}, emit batch.Emit) error {
	if err := s.publish(work, emit); err != nil {
		return err
	}
	for {
		select {
		case <-work.Done():
			return nil
		case r := <-s.queue:
			s.gather(r)
		case <-read:
			select {
			case r := <-s.queue:
				s.gather(r)
			default:
				return nil
			}
		}
		if err := s.publish(work, emit); err != nil {
			return err
		}
	}
}

// gather takes what is queued already, up to a batch.
func (s *source) gather(r producers.Record) {
	s.rest = append(s.rest, r)
	for size := len(r.Data); len(s.rest) < batch.Records && size < batch.Bytes; {
		select {
		case r = <-s.queue:
			s.rest = append(s.rest, r)
			size += len(r.Data)
		default:
			return
		}
	}
}

// publish emits the batch. If that fails it stays, for the next run.
func (s *source) publish(work context.Context, emit batch.Emit) error {
	if len(s.rest) == 0 {
		return nil
	}
	if err := emit(work, s.rest); err != nil {
		if work.Err() != nil {
			return nil //nolint:nilerr // the batch is told of as unpublished
		}
		return err
	}
	for _, r := range s.rest {
		s.room.Release(weight(r))
	}
	s.rest = nil // the records belong to whoever they were given to
	return nil
}

// report tells every now and then how much was dropped.
func (s *source) report(work context.Context) error {
	tick := time.NewTicker(reportEvery)
	defer tick.Stop()
	for {
		select {
		case <-work.Done():
			return nil
		case <-tick.C:
			s.tell(work)
		}
	}
}

func (s *source) tell(ctx context.Context) {
	if n := s.dropped.Swap(0); n > 0 {
		producers.Dropped(ctx, n, "queue_full")
		s.log.Warn().Int64("datagrams", n).Msg("syslog datagrams were dropped: they come faster than Kafka takes them")
	}
	if n := s.refused.Swap(0); n > 0 {
		producers.Dropped(ctx, n, "refused")
		s.log.Warn().Int64("senders", n).Msg("syslog senders were refused: their address is not allowed, their handshake failed, or there are too many connections")
	}
	if n := s.lost.Swap(0); n > 0 {
		producers.Dropped(ctx, n, "shutdown")
		s.log.Error().Int64("records", n).Msg("syslog messages were read but could not be queued before the end: they are lost")
	}
}
