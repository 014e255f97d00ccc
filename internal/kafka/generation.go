package kafka

import (
	"context"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

const commitEvery = 100 * time.Millisecond

// generation works on the partitions that were assigned until ctx or ended is done, and commits what was finished.
func (m *member) generation(ctx, ended context.Context, gen *kafka.Generation) {
	// Reading stops at once; handlers have some time to finish.
	reading, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(ended, stop)()
	handling, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(reading, func() {
		grace := rebalanceGrace
		if ctx.Err() != nil {
			grace = m.g.Grace
		}
		select {
		case <-handling.Done():
		case <-time.After(grace):
			cancel()
		}
	})()

	var (
		work sync.WaitGroup
		done = newOffsets()
		n    int
	)
	for topic, assigned := range gen.Assignments {
		for _, a := range assigned {
			n++
			p := &partition{m: m, tp: topicPartition{topic, a.ID}, offset: a.Offset, done: done}
			done.begin(p.tp, a.Offset)
			work.Go(func() { p.run(reading, handling) })
		}
	}
	m.log.Info().Int32("generation", gen.ID).Int("partitions", n).Msg("joined the group")
	finished := make(chan struct{})
	go func() { work.Wait(); close(finished) }()
	m.commitUntil(finished, gen, done)
	if m.g.Released == nil {
		return
	}
	for topic, assigned := range gen.Assignments {
		for _, a := range assigned {
			m.g.Released(topic, a.ID)
		}
	}
}

// commitUntil commits every 100 ms what was finished meanwhile, and a last time when all work has ended.
func (m *member) commitUntil(finished <-chan struct{}, gen *kafka.Generation, done *offsets) {
	tick := time.NewTicker(commitEvery)
	defer tick.Stop()
	for last := false; !last; {
		select {
		case <-tick.C:
		case <-finished:
			last = true
		}
		dirty := done.take(m.g.Hold)
		if len(dirty) == 0 {
			continue
		}
		err := gen.CommitOffsets(dirty)
		if err == nil {
			continue
		}
		done.putBack(dirty)
		if last {
			m.log.Warn().Err(err).Msg("last offsets of a generation not committed; the messages will be handled again")
		} else {
			m.log.Debug().Err(err).Msg("offsets not committed; will be tried again")
		}
	}
}

// offsets collects what was finished and not yet committed.
type offsets struct {
	mu        sync.Mutex
	dirty     map[string]map[int]int64
	committed map[topicPartition]int64 // handed out by take, and not put back
}

func newOffsets() *offsets {
	return &offsets{dirty: map[string]map[int]int64{}, committed: map[topicPartition]int64{}}
}

// begin notes what has been committed before: nothing before that will be.
func (o *offsets) begin(tp topicPartition, committed int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.committed[tp] = max(0, committed)
}

// anew forgets what was finished and committed of a partition whose end has come to lie before that.
func (o *offsets) anew(tp topicPartition) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.dirty[tp.topic], tp.partition)
	o.committed[tp] = 0
}

// mark notes that everything before next is done.
func (o *offsets) mark(tp topicPartition, next int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.dirty[tp.topic] == nil {
		o.dirty[tp.topic] = map[int]int64{}
	}
	o.dirty[tp.topic][tp.partition] = max(next, o.dirty[tp.topic][tp.partition])
}

// take removes what may be committed now; of a partition that is on hold, that is what lies before the hold.
func (o *offsets) take(hold func(topic string, partition int) (int64, bool)) map[string]map[int]int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	dirty := map[string]map[int]int64{}
	for topic, partitions := range o.dirty {
		for p, next := range partitions {
			upTo := next
			if hold != nil {
				if at, held := hold(topic, p); held && at < next {
					upTo = at
				}
			}
			tp := topicPartition{topic, p}
			if upTo > o.committed[tp] {
				if dirty[topic] == nil {
					dirty[topic] = map[int]int64{}
				}
				dirty[topic][p] = upTo
				o.committed[tp] = upTo
			}
			if upTo == next {
				delete(partitions, p)
			}
		}
	}
	return dirty
}

func (o *offsets) putBack(dirty map[string]map[int]int64) {
	for topic, partitions := range dirty {
		for p, next := range partitions {
			tp := topicPartition{topic, p}
			o.mu.Lock()
			stands := o.committed[tp] == next // or the partition was begun anew since
			if stands {
				delete(o.committed, tp)
			}
			o.mu.Unlock()
			if stands {
				o.mark(tp, next)
			}
		}
	}
}
