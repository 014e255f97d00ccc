package archive

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/internal/kafka"
)

// A chain is the end of one partition's chain while this member has the partition.
type chain struct {
	part

	a    *Archiver
	gone chan struct{} // closed when the partition is given away
	lock chan struct{} // holds a token while somebody works on what follows

	head  Head
	begin int64 // where reading began
	spool *spool
	seg   *segment // of the spool, decided and not stored yet
	line  []byte

	held atomic.Int64 // the offset that must not be committed; -1: none
}

// begun remembers since when a segment has been open, for a member that is given the same partition again: rebalances must not keep segments
// open for ever.
type begun struct {
	start int64
	since time.Time
}

func (a *Archiver) newChain(p part, head Head, begin int64) *chain {
	c := &chain{part: p, a: a, gone: make(chan struct{}), lock: make(chan struct{}, 1), head: head, begin: begin}
	c.held.Store(-1)
	return c
}

// acquire waits for the chain, unless ctx ends before.
func (c *chain) acquire(ctx context.Context) error {
	select {
	case c.lock <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// tryAcquire takes the chain if nobody has it.
func (c *chain) tryAcquire() bool {
	select {
	case c.lock <- struct{}{}:
		return true
	default:
		return false
	}
}

// whileHere is a context that ends when the partition is given away as well.
func (c *chain) whileHere(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() { // ends with the context
		select {
		case <-c.gone:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

func (c *chain) release() { <-c.lock }

// errRemade says that Kafka has something else where an archived record was.
const errRemade = sentinel("the topic is not the one that was archived: archive it to another place")

// add takes a message into the chain. One that it has already is passed over.
func (c *chain) add(ctx context.Context, m *kafka.Message) error {
	m = bounded(m)
	at := fmt.Sprintf("%s partition %d", c.topic, c.partition)
	for {
		switch {
		case m.Offset < c.begin:
			return fault.Permanent(fmt.Errorf("archive: %s begins anew at offset %d, archived up to %d: %w", at, m.Offset, c.head.last, errRemade))
		case m.Offset == c.head.last:
			return c.compare(m.Offset, leafHash(appendLine(nil, m)))
		case m.Offset < c.head.last, c.spool != nil && m.Offset <= c.spool.last:
			return nil
		}
		if c.seg == nil && (c.spool == nil || !c.full(1)) {
			break
		}
		if err := c.flush(ctx); err != nil {
			return err
		}
	}
	c.line = appendLine(c.line[:0], m)
	if c.spool != nil && c.full(int64(len(c.line))+1) {
		if err := c.flush(ctx); err != nil {
			return err
		}
		return c.add(ctx, m)
	}
	if c.spool == nil {
		s, err := c.a.newSpool(c.a.since(c.part, c.head.Next))
		if err != nil {
			return err
		}
		c.spool = s
	}
	if err := c.spool.add(m, c.line); err != nil {
		return err
	}
	c.held.Store(c.head.Next)
	return nil
}

// full tells whether a line of so many bytes more would be too much.
func (c *chain) full(more int64) bool {
	limit := c.a.cfg.Segment
	return c.spool.count > 0 && (c.spool.count >= limit.Records || c.spool.bytes+more > limit.Bytes)
}

// compare holds the record that Kafka has at the end of the chain against the one that is archived.
func (c *chain) compare(offset int64, leaf Hash) error {
	if offset != c.head.last || leaf == c.head.lastLeaf {
		return nil
	}
	return fault.Permanent(fmt.Errorf("archive: %s partition %d offset %d: %w", c.topic, c.partition, offset, errRemade))
}

// flush writes what is open as a segment. Where another writer has written one there, it goes on after that.
func (c *chain) flush(ctx context.Context) error {
	if c.spool == nil {
		return nil
	}
	if c.seg == nil {
		select {
		case c.a.turns <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		seg, err := c.a.build(ctx, place{c.topic, c.partition, c.head.Next}, c.spool, c.head.Manifest, nil)
		<-c.a.turns
		if err != nil {
			return err
		}
		c.seg = seg
	}
	err := c.a.put(ctx, c.seg)
	if err == errTaken { //nolint:errorlint // put returns it as it is
		return c.yield(ctx)
	}
	if err != nil {
		return err
	}
	c.a.cond.OK()
	c.head = headOf(c.seg.manifest)
	c.a.metrics.written(c.seg)
	c.a.log.Info().Str("segment", c.seg.manifest.place().String()).Int64("last", c.head.last).Int64("records", c.seg.manifest.Count).
		Str("manifest", c.head.Manifest.String()).Msg("archived")
	c.drop()
	return nil
}

// yield takes over what another writer has decided, and keeps open what comes after it.
func (c *chain) yield(ctx context.Context) error {
	head, err := c.a.resume(ctx, c.topic, c.partition, c.head.Next)
	if err != nil {
		return err
	}
	if head.Next <= c.head.Next {
		return fmt.Errorf("archive: %s partition %d: what another writer has written at offset %d is gone", c.topic, c.partition, c.head.Next)
	}
	before := c.head
	c.head = head
	rest, err := c.a.cut(ctx, c.spool, head.Next, c.compare)
	if err != nil {
		c.head = before
		return err
	}
	c.spool = nil // closed by cut
	c.drop()
	if c.spool = rest; rest != nil {
		c.held.Store(c.head.Next)
	}
	return nil
}

// drop forgets what is open.
func (c *chain) drop() {
	if c.seg != nil {
		c.seg.close()
	}
	if c.spool != nil {
		c.spool.close()
	}
	c.seg, c.spool = nil, nil
	c.held.Store(-1)
}
