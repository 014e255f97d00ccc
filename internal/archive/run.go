package archive

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/internal/kafka"
)

const (
	// tickEvery is how often the age of open segments is looked at.
	tickEvery = 500 * time.Millisecond
	// lagEvery is how often Kafka is asked how much is not archived yet.
	lagEvery = 15 * time.Second
	// finishWithin is how long writing what is open may take at the end. What is not written is read again at the next start.
	finishWithin = 10 * time.Second
)

// from says where to read a partition from: at the last record that is archived, to see that Kafka still has the same there.
func (a *Archiver) from(ctx context.Context, topic string, partition int, next int64) (int64, error) {
	p := part{topic, partition}
	committed, err := a.kafka.Committed(ctx, a.cfg.Group, topic)
	var begin int64
	if err == nil {
		begin, err = a.take(ctx, p, next, committed[topic][partition])
	}
	if err != nil {
		a.failed(ctx, err)
		return 0, err
	}
	a.cond.OK()
	return begin, nil
}

// take begins to work on a partition, and returns the offset to read it from.
func (a *Archiver) take(ctx context.Context, p part, next, committed int64) (int64, error) {
	head, err := a.resume(ctx, p.topic, p.partition, committed)
	if err != nil {
		return 0, err
	}
	begin := a.begin(head, next, committed)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.chains[p] = a.newChain(p, head, begin)
	return begin, nil
}

// begin is where reading begins, when next is where the group would go on.
func (a *Archiver) begin(head Head, next, committed int64) int64 {
	if committed > head.Next { // an offset is committed after its segment is written
		a.log.Error().Str("topic", head.Topic).Int("partition", head.Partition).Int64("archived", head.Next).Int64("committed", committed).
			Msg("the end of the archive is missing; archiving again what Kafka still has")
		next = head.Next
	}
	if head.last < 0 {
		return next
	}
	return min(next, head.last)
}

// failed notes an error of the store, the key or Kafka. One that no retry will mend ends Run.
func (a *Archiver) failed(ctx context.Context, err error) {
	switch {
	case fault.IsPermanent(err):
		a.fail(err)
	case ctx.Err() == nil:
		a.cond.Failed(err)
	}
}

func (a *Archiver) handle(ctx context.Context, batch []kafka.Message) error {
	c := a.chain(part{batch[0].Topic, batch[0].Partition})
	if c == nil {
		return fmt.Errorf("archive: %s partition %d was not begun", batch[0].Topic, batch[0].Partition)
	}
	if err := c.acquire(ctx); err != nil {
		return err
	}
	defer c.release()
	for i := range batch {
		if err := c.add(ctx, &batch[i]); err != nil {
			a.failed(ctx, err)
			return err
		}
	}
	return nil
}

// hold keeps the offsets of what is open from being committed.
func (a *Archiver) hold(topic string, partition int) (int64, bool) {
	c := a.chain(part{topic, partition})
	if c == nil {
		return 0, false
	}
	at := c.held.Load()
	return at, at >= 0
}

// released forgets a partition that was given away.
func (a *Archiver) released(topic string, partition int) {
	p := part{topic, partition}
	c := a.chain(p)
	if c == nil {
		return
	}
	close(c.gone)
	c.lock <- struct{}{}
	defer c.release()
	a.mu.Lock()
	defer a.mu.Unlock()
	if c.spool != nil {
		a.begun[p] = begun{c.head.Next, c.spool.since}
	}
	c.drop()
	delete(a.chains, p)
}

// since is when a segment that is begun now was begun.
func (a *Archiver) since(p part, start int64) time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	b, ok := a.begun[p]
	delete(a.begun, p)
	if ok && b.start == start {
		return b.since
	}
	return a.now()
}

func (a *Archiver) chain(p part) *chain {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.chains[p]
}

func (a *Archiver) all() []*chain {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := make([]*chain, 0, len(a.chains))
	for _, c := range a.chains {
		all = append(all, c)
	}
	return all
}

// tick writes segments that are old enough, until ctx ends.
func (a *Archiver) tick(ctx context.Context) {
	tick, lag := time.NewTicker(tickEvery), time.NewTicker(lagEvery)
	defer tick.Stop()
	defer lag.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-lag.C:
			if by, err := a.kafka.Lag(ctx, a.cfg.Group, a.topics...); err == nil { // else it is known the next time
				a.metrics.behind(by)
			}
		case <-tick.C:
			a.writeOld(ctx)
		}
	}
}

func (a *Archiver) writeOld(ctx context.Context) {
	for _, c := range a.all() {
		if err := c.writeOld(ctx); err != nil {
			a.failed(ctx, err)
			return // the next tick tries again
		}
	}
}

// writeOld writes what is open if it is old enough. A chain that somebody works on is left for the next time, and so is one that is given away.
func (c *chain) writeOld(ctx context.Context) error {
	if !c.tryAcquire() {
		return nil
	}
	defer c.release()
	if c.spool == nil || (c.seg == nil && c.a.now().Sub(c.spool.since) < c.a.cfg.Segment.Age) {
		return nil
	}
	ctx, cancel := c.whileHere(ctx)
	defer cancel()
	if err := c.flush(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	return nil
}

// finish writes what is open, as it stands: whatever writes next goes on after it.
func (a *Archiver) finish(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishWithin)
	defer cancel()
	var errs []error
	for _, c := range a.all() {
		c.lock <- struct{}{}
		if err := c.flush(ctx); err != nil && fault.IsPermanent(err) {
			errs = append(errs, err)
		} else if err != nil {
			a.log.Warn().Err(err).Str("topic", c.topic).Int("partition", c.partition).Msg("what is not archived is read again at the next start")
		}
		c.drop()
		c.release()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.chains)
	return errors.Join(errs...)
}
