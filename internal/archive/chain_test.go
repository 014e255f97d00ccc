package archive

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/riposte-security/riposte/internal/kafka"
)

// TestRebalancesDoNotKeepSegmentsOpen gives a partition away and back, again and again: the segment is written when it is old enough all the same.
func TestRebalancesDoNotKeepSegmentsOpen(t *testing.T) {
	key, _ := newKey(t)
	s := newMemStore()
	p := testPart()
	a := newArchiver(t, s, key, SegmentConfig{Age: time.Minute})
	clock := at()
	a.now = func() time.Time { return clock }
	for range 7 {
		if err := feed(t.Context(), a, p, 0, 20); err != nil {
			t.Fatal(err)
		}
		if held, ok := a.hold(p.topic, p.partition); len(s.files) == 0 && (!ok || held != 0) {
			t.Errorf("held at %d, %t", held, ok)
		}
		a.writeOld(t.Context())
		a.released(p.topic, p.partition)
		clock = clock.Add(11 * time.Second)
	}
	if diff := cmp.Diff(messages(p, 0, 20), records(t, s, p)); diff != "" {
		t.Errorf("what was archived (-want +got):\n%s", diff)
	}
	if err := feed(t.Context(), a, p, 0, 20); err != nil {
		t.Fatal(err)
	}
	if _, ok := a.hold(p.topic, p.partition); ok {
		t.Error("an offset is held, though everything is archived")
	}
}

// TestBeginsLate archives a partition whose beginning Kafka has no longer, with offsets beyond those that are looked for from a committed one.
func TestBeginsLate(t *testing.T) {
	key, keys := newKey(t)
	s := newMemStore()
	p := testPart()
	const first = 3 * maxRecords
	for _, end := range []int64{first + 10, first + 25, first + 30} {
		a := newArchiver(t, s, key, SegmentConfig{Records: 10})
		committed := int64(-1)
		if end > first+10 {
			committed = end - 5
		}
		from, err := a.take(t.Context(), p, max(first, committed), committed)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.handle(t.Context(), messages(p, from, end)); err != nil {
			t.Fatal(err)
		}
		if err := a.finish(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(messages(p, first, first+30), records(t, s, p)); diff != "" {
		t.Errorf("what was archived (-want +got):\n%s", diff)
	}
	if r, found := problems(t, s, Verification{Keys: keys}); len(found) > 0 || r.Absent != first || r.Records != 30 {
		t.Errorf("%+v %q", r, found)
	}
}

// TestEndLost has the newest segments removed: what Kafka still has is archived again.
func TestEndLost(t *testing.T) {
	key, keys := newKey(t)
	s := newMemStore()
	p := testPart()
	write(t, newArchiver(t, s, key, SegmentConfig{Records: 10}), p, 40)
	for name := range s.files {
		if strings.Contains(name, "00000020") || strings.Contains(name, "00000030") {
			delete(s.files, name)
		}
	}
	a := newArchiver(t, s, key, SegmentConfig{Records: 10})
	if err := feed(t.Context(), a, p, 40, 45); err != nil {
		t.Fatal(err)
	}
	if err := a.finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(messages(p, 0, 45), records(t, s, p)); diff != "" {
		t.Errorf("what was archived (-want +got):\n%s", diff)
	}
	if _, found := problems(t, s, Verification{Keys: keys}); len(found) > 0 {
		t.Errorf("problems %q", found)
	}
}

// TestUnfinished verifies an archive whose writer has died in the middle of a segment: that is no tampering, but only for what the writer has signed.
func TestUnfinished(t *testing.T) {
	key, keys := newKey(t)
	stranger, _ := newKey(t)
	p := testPart()
	for name, c := range map[string]struct {
		signer Signer
		well   bool
	}{"ours": {key, true}, "a stranger's": {stranger, false}} {
		t.Run(name, func(t *testing.T) {
			s := newMemStore()
			write(t, newArchiver(t, s, key, SegmentConfig{Records: 10}), p, 20)
			half := newMemStore()
			maps.Copy(half.files, s.files)
			a := newArchiver(t, half, key, SegmentConfig{Records: 10})
			if _, err := a.take(t.Context(), p, 20, 20); err != nil {
				t.Fatal(err)
			}
			a.signer = c.signer
			if err := a.handle(t.Context(), messages(p, 19, 30)); err != nil {
				t.Fatal(err)
			}
			if err := a.finish(t.Context()); err != nil {
				t.Fatal(err)
			}
			delete(half.files, place{p.topic, p.partition, 20}.name(manifestSuffix))
			r, found := problems(t, half, Verification{Keys: keys})
			if c.well != (len(found) == 0) || c.well != (len(r.Unfinished) == 1) {
				t.Errorf("%+v %q", r, found)
			}
			_, err := newArchiver(t, half, key, SegmentConfig{}).take(t.Context(), p, 20, 20)
			if c.well != (err == nil) || (!c.well && !errors.Is(err, errUnknownKey)) {
				t.Errorf("the next writer: %v", err)
			}
		})
	}
}

// TestFind finds messages, the newest segments first, and nothing in a segment that was changed.
func TestFind(t *testing.T) {
	key, keys := newKey(t)
	s := newMemStore()
	p := testPart()
	write(t, newArchiver(t, s, key, SegmentConfig{Records: 10}), p, 35)
	search := Search{Store: s, Keys: keys, Topic: p.topic, Has: "bob-17", Most: 5, Match: func(*kafka.Message) bool { return true }}
	found, err := search.Find(t.Context())
	if diff := cmp.Diff(messages(p, 17, 18), found); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	search.Before = at().Add(16 * time.Second)
	if found, err := search.Find(t.Context()); err != nil || len(found) != 1 {
		t.Errorf("in a segment that began before: %d, %v", len(found), err)
	}
	search.After = at().Add(20 * time.Second)
	if found, err := search.Find(t.Context()); err != nil || len(found) != 0 {
		t.Errorf("in none of the time: %d, %v", len(found), err)
	}
	search.Before, search.After, search.Has = time.Time{}, time.Time{}, ""
	found, err = search.Find(t.Context())
	if diff := cmp.Diff(messages(p, 30, 35), found); err != nil || diff != "" {
		t.Errorf("the newest: %v (-want +got):\n%s", err, diff)
	}
	name := place{p.topic, p.partition, 30}.name(dataSuffix)
	s.files[name] = slices.Concat(s.files[name], []byte{0x5a, 0x2a, 0x4d, 0x18, 0, 0, 0, 0}) // an empty frame that decoders pass over
	if _, err := search.Find(t.Context()); !errors.Is(err, errForged) {
		t.Errorf("in a segment that was changed: %v", err)
	}
}

// A limpingStore fails at every third call, before it had its effect or after.
type limpingStore struct {
	Store

	calls int
}

func (l *limpingStore) Create(ctx context.Context, name string, content io.ReadSeeker, size int64, sum Hash) error {
	l.calls++
	switch l.calls % 6 {
	case 2:
		return errDead
	case 5:
		return errors.Join(errDead, l.Store.Create(ctx, name, content, size, sum))
	}
	return l.Store.Create(ctx, name, content, size, sum)
}

// TestStoreAwayForMoments has writes fail in the middle of batches, which come again whole, as Consume has it.
func TestStoreAwayForMoments(t *testing.T) {
	key, keys := newKey(t)
	s := newMemStore()
	p := testPart()
	a := newArchiver(t, &limpingStore{Store: s}, key, SegmentConfig{Records: 10})
	if _, err := a.take(t.Context(), p, 0, -1); err != nil {
		t.Fatal(err)
	}
	failures := 0
	for batch := range slices.Chunk(messages(p, 0, 200), 17) {
		for a.handle(t.Context(), batch) != nil {
			failures++
		}
	}
	for a.finish(t.Context()) != nil {
		failures++
	}
	if diff := cmp.Diff(messages(p, 0, 200), records(t, s, p)[:200]); diff != "" {
		t.Errorf("what was archived (-want +got):\n%s", diff)
	}
	if _, found := problems(t, s, Verification{Keys: keys}); len(found) > 0 || failures < 20 {
		t.Errorf("%d failures, problems %q", failures, found)
	}
}

// TestTooLarge archives what no topic should have taken: what it was, not all of it.
func TestTooLarge(t *testing.T) {
	key, keys := newKey(t)
	s := newMemStore()
	p := testPart()
	msgs := messages(p, 0, 5)
	msgs[2].Value = bytes.Repeat([]byte{0}, maxRecord+1)
	msgs[3].Value = bytes.Repeat([]byte{1}, maxRecord-100) // needs six bytes for each
	want := sumText(msgs[2].Value).String()
	for range 2 { // the second time it comes again, being compared
		a := newArchiver(t, s, key, SegmentConfig{Records: 3})
		if _, err := a.take(t.Context(), p, 0, -1); err != nil {
			t.Fatal(err)
		}
		if err := a.handle(t.Context(), msgs); err != nil {
			t.Fatal(err)
		}
		if err := a.finish(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	got := records(t, s, p)
	if len(got) != 5 || !strings.Contains(string(got[2].Value), want) || got[2].Header(headerLeftOut) != "true" || !bytes.Equal(got[3].Value, msgs[3].Value) {
		t.Errorf("%d records; in place of the large one %s", len(got), got[2].Value)
	}
	if r, found := problems(t, s, Verification{Keys: keys}); len(found) > 0 {
		t.Errorf("%+v %q", r, found)
	}
}

// TestInterruptedWhileBuilding has the partition given away while a segment is being built: nothing is lost, and the next try builds it.
func TestInterruptedWhileBuilding(t *testing.T) {
	key, _ := newKey(t)
	s := newMemStore()
	p := testPart()
	a := newArchiver(t, s, key, SegmentConfig{})
	if err := feed(t.Context(), a, p, -1, 20); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	c := a.chain(p)
	for range 3 {
		_, err := a.build(ended, place{p.topic, p.partition, 0}, c.spool, Hash{}, nil)
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("build: %v", err)
		}
	}
	if err := a.finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(messages(p, 0, 20), records(t, s, p)); diff != "" {
		t.Errorf("what was archived (-want +got):\n%s", diff)
	}
}
