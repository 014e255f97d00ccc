package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/riposte-security/riposte/internal/kafka"
)

// Kafka keeps what groups commit in a topic of its own, in the order in which it was committed: key and value are Kafka's.
const (
	offsetsTopic = "__consumer_offsets"
	commitKey    = 1 // the newest version of keys of commits; older ones look the same, newer ones are of something else
)

const errShort = shortError("it ends early")

type shortError string

func (e shortError) Error() string { return string(e) }

// A commit is one that Kafka has taken.
type commit struct {
	group, topic string
	partition    int32
	offset       int64
}

// readCommit reads a message of the topic; ok is false for what is no commit, or takes one away.
func readCommit(key, value []byte) (c commit, ok bool, err error) {
	k, v := cursor{b: key}, cursor{b: value}
	if version := k.int16(); version > commitKey || value == nil {
		return c, false, k.err
	}
	c.group, c.topic, c.partition = k.text(), k.text(), k.int32()
	v.int16() // whatever the version, the offset comes first
	c.offset = v.int64()
	return c, true, errors.Join(k.err, v.err)
}

// backwards reads all commits and says which were lower than one before: a member that no longer had the partition made it.
func (w *world) backwards(ctx context.Context) (commits int, back []string, err error) {
	last := map[commit]int64{} // by commit without offset
	err = w.kafka.ReadAll(ctx, offsetsTopic, func(_ context.Context, m kafka.Message) error {
		c, ok, err := readCommit(m.Key, m.Value)
		if err != nil {
			return fmt.Errorf("%s: %w", offsetsTopic, err)
		}
		if !ok {
			return nil
		}
		commits++
		at := c
		at.offset = 0
		if before, known := last[at]; known && c.offset < before {
			back = append(back, fmt.Sprintf("group %s committed %d of %s/%d after %d", c.group, c.offset, c.topic, c.partition, before))
		}
		last[at] = c.offset
		return nil
	})
	return commits, back, err
}

// A cursor reads numbers and texts as Kafka writes them.
type cursor struct {
	b   []byte
	err error
}

func (c *cursor) take(n int) []byte {
	if n < 0 || n > len(c.b) {
		c.err = errShort
		return make([]byte, max(n, 0))
	}
	b := c.b[:n]
	c.b = c.b[n:]
	return b
}

func (c *cursor) int16() int16 { return int16(binary.BigEndian.Uint16(c.take(2))) } //nolint:gosec // that is how it is written
func (c *cursor) int32() int32 { return int32(binary.BigEndian.Uint32(c.take(4))) } //nolint:gosec // as above
func (c *cursor) int64() int64 { return int64(binary.BigEndian.Uint64(c.take(8))) } //nolint:gosec // as above
func (c *cursor) text() string { return string(c.take(int(c.int16()))) }
