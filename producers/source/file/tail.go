package file

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/riposte-security/riposte/producers/unpack"
)

// rested is after how long without a read it is asked whether the file is still the same.
const rested = time.Second

const (
	errTruncated = fileError("the file was truncated")
	errParked    = fileError("the file has not changed for a while")
	errTurn      = fileError("other files wait to be read")
)

type fileError string

func (e fileError) Error() string { return string(e) }

// grow reads a file that may grow, until it was rotated away or has not changed for a while.
func (r *reader) grow(ctx context.Context) error {
	f, err := os.Open(r.file.path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	r.readable(r.file.path)
	r.f, r.file.id = f, idOf(r.file.path, info) // which may be another than was listed
	r.head = func() ([]byte, error) {
		head := make([]byte, unpack.FingerprintBytes)
		n, err := f.ReadAt(head, 0)
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return head[:n], err
	}
	head, err := r.head()
	if err != nil {
		return err
	}
	if unpack.Compressed(head) {
		if time.Since(info.ModTime()) < 2*r.Poll { // perhaps still being written
			return nil
		}
		return r.whole(ctx)
	}
	r.entry, r.twin = r.cp.find(r.file.id, r.file.path, head, r.copyOf)
	if r.replaced(info.Size()) {
		r.entry, r.twin = &entry{ID: r.file.id, Path: r.file.path, Size: -1, Seen: time.Now()}, true
	}
	err = r.unpack(ctx, &tail{r: r, ctx: ctx, off: r.entry.Offset, began: time.Now(), since: time.Now()})
	if errors.Is(err, errTurn) {
		return nil // a later look finds that there is more
	}
	if errors.Is(err, errTruncated) {
		r.log.Info().Str("file", r.file.path).Int64("read", r.entry.Offset).Msg("the file was truncated; reading from its beginning")
		return nil // the next look finds it as a new file
	}
	if err != nil && !errors.Is(err, errParked) {
		return err
	}
	if info, err = f.Stat(); err != nil {
		return err
	}
	r.finished(info)
	return nil
}

// tail is an io.Reader over a growing file: at its end it waits. Its ctx lives as long as the one call of unpack that it is made for.
type tail struct {
	r     *reader
	ctx   context.Context //nolint:containedctx // io.Reader has no other way
	off   int64
	began time.Time
	since time.Time // when there was last something to read
	idle  bool      // the last read came to the end
	told  bool      // unpack knows that there is nothing to read for now
}

func (t *tail) Read(p []byte) (int, error) {
	for {
		if t.r.crowded.Load() && time.Since(t.began) > t.r.turn {
			if err := t.r.drain(t.ctx); err != nil {
				return 0, err
			}
			return 0, errTurn
		}
		n, err := t.r.f.ReadAt(p, t.off)
		if n > 0 {
			if (t.idle || time.Since(t.since) > rested) && !t.same() { // Kafka may have been away for as long as it takes to rotate
				if err := t.r.drain(t.ctx); err != nil { // what was read before is whole
					return 0, err
				}
				return 0, errTruncated
			}
			t.off += int64(n)
			t.since, t.idle, t.told = time.Now(), false, false
			return n, nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		t.idle = true
		if err := t.r.drain(t.ctx); err != nil {
			return 0, err
		}
		if err := t.end(); err != nil {
			return 0, err
		}
		if !t.told && time.Since(t.since) > t.calm() { // what unpack holds back for more lines is due
			t.told = true
			return 0, unpack.ErrIdle
		}
	}
}

// calm is how long there must be nothing to read until what is held back for more lines is due.
func (t *tail) calm() time.Duration {
	if t.r.crowded.Load() {
		return crowdPoll
	}
	return max(t.r.Poll, time.Second)
}

// same tells whether the file still begins as it did.
func (t *tail) same() bool {
	if t.r.entry.Head == 0 {
		return true
	}
	head, err := t.r.head()
	return err == nil && t.r.entry.matches(head)
}

// end waits for a change, or says why there is nothing more to wait for.
func (t *tail) end() error {
	wake := t.r.wake.wait() // before looking, so that no change is missed
	info, err := t.r.f.Stat()
	switch {
	case err != nil:
		return err
	case info.Size() < t.off:
		return errTruncated
	case info.Size() > t.off:
		return nil
	}
	quiet := time.Since(t.since)
	if _, present := (*t.r.present.Load())[t.r.file.id]; !present && quiet > 2*t.r.Poll {
		return io.EOF // whoever had it open has had time to go over to the new file
	}
	pause := t.r.Poll
	if t.r.crowded.Load() {
		if t.told { // the rest of a line is read again when there is more: the entry's offset lies before it
			return errParked
		}
		pause = min(pause, crowdPoll/4)
	}
	if quiet > park && !t.pending() {
		return errParked
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-t.ctx.Done():
		return context.Cause(t.ctx)
	case <-wake:
	case <-timer.C:
	}
	return nil
}

// pending tells whether there is part of a record between what was handed over and the end.
func (t *tail) pending() bool {
	from := t.r.entry.Offset
	if t.off-from > 64 {
		return true
	}
	rest := make([]byte, t.off-from)
	if _, err := t.r.f.ReadAt(rest, from); err != nil && !errors.Is(err, io.EOF) {
		return true
	}
	return len(bytes.TrimSpace(rest)) > 0
}
