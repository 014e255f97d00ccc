package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/internal/sign"
)

// at is when everything happens in these tests.
func at() time.Time { return time.Date(2026, 3, 6, 7, 8, 9, 0, time.UTC) }

func newKey(tb testing.TB) (Signer, Keys) {
	tb.Helper()
	key, err := sign.NewKey()
	if err != nil {
		tb.Fatal(err)
	}
	return &fileKey{key: key}, NewKeys(key.PublicKey())
}

// newArchiver makes an archiver whose Kafka is nowhere: tests hand it messages by themselves.
func newArchiver(tb testing.TB, s Store, key Signer, segment SegmentConfig) *Archiver {
	tb.Helper()
	client, err := kafka.New(kafka.Config{Brokers: []string{"127.0.0.1:1"}}, zerolog.Nop())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(client.Close)
	a, err := New(Config{To: "elsewhere", Key: KeyConfig{File: "key.pem"}, Segment: segment}, Deps{
		Kafka: client, Store: s, Signer: key, Scratch: tb.TempDir(), Writer: "riposte test", Log: zerolog.Nop(), Now: at,
	})
	if err != nil {
		tb.Fatal(err)
	}
	if err := a.open(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	a.fail = func(error) {}
	return a
}

// testPart is the partition of most tests.
func testPart() part { return part{"riposte.events", 3} }

// message makes the message at an offset: always the same.
func message(p part, offset int64) kafka.Message {
	value := fmt.Sprintf(`{"kind":"login_failed","user":"bob-%d","note":"a \"quoted\" line\nand another"}`, offset)
	return kafka.Message{
		Topic: p.topic, Partition: p.partition, Offset: offset, Time: at().Add(time.Duration(offset) * time.Second),
		Key: []byte("bob"), Value: []byte(value), Headers: []kafka.Header{{Key: "ce_id", Value: fmt.Append(nil, offset)}},
	}
}

func messages(p part, from, to int64) []kafka.Message {
	var all []kafka.Message
	for o := from; o < to; o++ {
		all = append(all, message(p, o))
	}
	return all
}

// feed does what Consume would: it gives the archiver the partition, and everything before end from where it wants to begin, in batches.
func feed(ctx context.Context, a *Archiver, p part, committed, end int64) error {
	from, err := a.take(ctx, p, max(0, committed), committed)
	if err != nil {
		return err
	}
	for batch := range slices.Chunk(messages(p, from, end), 7) {
		if err := a.handle(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}

// write archives a partition up to end, and closes the archiver.
func write(tb testing.TB, a *Archiver, p part, end int64) {
	tb.Helper()
	if err := feed(tb.Context(), a, p, -1, end); err != nil {
		tb.Fatal(err)
	}
	if err := a.finish(tb.Context()); err != nil {
		tb.Fatal(err)
	}
}

// problems verifies an archive.
func problems(tb testing.TB, s Store, v Verification) (Report, []string) {
	tb.Helper()
	var found []string
	v.Found = func(p Problem) { found = append(found, p.String()) }
	r, err := Verify(tb.Context(), s, v)
	if err != nil {
		tb.Fatal(err)
	}
	return r, found
}

// records reads all messages of a partition, in the order of the chain.
func records(tb testing.TB, s Store, p part) []kafka.Message {
	tb.Helper()
	var all []kafka.Message
	err := s.List(tb.Context(), place{p.topic, p.partition, 0}.folder(), "", func(name string, _ int64) error {
		if !strings.HasSuffix(name, dataSuffix) {
			return nil
		}
		r, err := s.Open(tb.Context(), name)
		if err != nil {
			return err
		}
		defer r.Close() //nolint:errcheck // read only
		dec, err := newDecoder(r)
		if err != nil {
			return err
		}
		defer dec.Close()
		lines := newLineReader(dec)
		for {
			text, err := lines.next()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			m, err := parseLine(text)
			if err != nil {
				return err
			}
			all = append(all, m)
		}
	})
	if err != nil {
		tb.Fatal(err)
	}
	return all
}

func TestRoundTrip(t *testing.T) {
	key, keys := newKey(t)
	s := FileStore(t.TempDir())
	p := testPart()
	write(t, newArchiver(t, s, key, SegmentConfig{Records: 10}), p, 35)
	if diff := cmp.Diff(messages(p, 0, 35), records(t, s, p)); diff != "" {
		t.Errorf("what was archived (-want +got):\n%s", diff)
	}
	r, found := problems(t, s, Verification{Keys: keys})
	if len(found) > 0 || r.Segments != 4 || r.Records != 35 || r.Partitions != 1 || len(r.Heads) != 1 || r.Heads[0].Next != 35 {
		t.Errorf("report %+v, problems %q", r, found)
	}
	// The next one goes on where this one ended.
	write(t, newArchiver(t, s, key, SegmentConfig{Records: 10}), p, 42)
	if diff := cmp.Diff(messages(p, 0, 42), records(t, s, p)); diff != "" {
		t.Errorf("what was archived then (-want +got):\n%s", diff)
	}
	r, found = problems(t, s, Verification{Keys: keys, Heads: r.Heads, Committed: map[string]map[int]int64{p.topic: {p.partition: 42}}})
	if len(found) > 0 || r.Records != 42 {
		t.Errorf("report %+v, problems %q", r, found)
	}
}

// A dying store loses heart after some calls.
type dyingStore struct {
	Store

	left  int
	after bool // the call that fails has had its effect
}

var errDead = errors.New("dead")

func (d *dyingStore) call(f func() error) error {
	d.left--
	switch {
	case d.left > 0:
		return f()
	case d.left == 0 && d.after:
		return errors.Join(f(), errDead)
	}
	return errDead
}

func (d *dyingStore) Create(ctx context.Context, name string, content io.ReadSeeker, size int64, sum Hash) error {
	return d.call(func() error { return d.Store.Create(ctx, name, content, size, sum) })
}

func (d *dyingStore) Open(ctx context.Context, name string) (r io.ReadCloser, err error) {
	err = d.call(func() error { r, err = d.Store.Open(ctx, name); return err })
	return r, err
}

func (d *dyingStore) List(ctx context.Context, prefix, after string, fn func(string, int64) error) error {
	return d.call(func() error { return d.Store.List(ctx, prefix, after, fn) })
}

// TestCrash dies at every call of the store, before it had its effect or after, starts again with segments of another size, dies again, and in the
// end finds every offset once.
func TestCrash(t *testing.T) {
	key, keys := newKey(t)
	p := testPart()
	sizes := []SegmentConfig{{Records: 10}, {Records: 4}, {Records: 25}}
	for _, after := range []bool{false, true} {
		for left := 1; ; left++ {
			s := newMemStore()
			deaths := 0
			for i, size := range sizes {
				a := newArchiver(t, &dyingStore{Store: s, left: left + i, after: after}, key, size)
				if err := feed(t.Context(), a, p, -1, 33); err != nil {
					deaths++
				}
				for _, c := range a.all() {
					c.drop() // what a process has in memory and scratch files is gone with it
				}
			}
			write(t, newArchiver(t, s, key, SegmentConfig{Records: 7}), p, 40)
			if diff := cmp.Diff(messages(p, 0, 40), records(t, s, p)); diff != "" {
				t.Fatalf("died at call %d (after %t): what was archived (-want +got):\n%s", left, after, diff)
			}
			if _, found := problems(t, s, Verification{Keys: keys}); len(found) > 0 {
				t.Fatalf("died at call %d (after %t): %q", left, after, found)
			}
			if deaths == 0 {
				break
			}
		}
	}
}

// TestTwoWriters has two archivers on one partition, each of which believes that it has it.
func TestTwoWriters(t *testing.T) {
	key, keys := newKey(t)
	p := testPart()
	s := FileStore(t.TempDir())
	one := newArchiver(t, s, key, SegmentConfig{Records: 10})
	two := newArchiver(t, s, key, SegmentConfig{Records: 6})
	for _, a := range []*Archiver{one, two} {
		if _, err := a.take(t.Context(), p, 0, -1); err != nil {
			t.Fatal(err)
		}
	}
	for from := int64(0); from < 60; from += 5 {
		for _, a := range []*Archiver{one, two} {
			if err := a.handle(t.Context(), messages(p, from, from+5)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, a := range []*Archiver{one, two} {
		if err := a.finish(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(messages(p, 0, 60), records(t, s, p)); diff != "" {
		t.Errorf("what was archived (-want +got):\n%s", diff)
	}
	if _, found := problems(t, s, Verification{Keys: keys}); len(found) > 0 {
		t.Errorf("problems: %q", found)
	}
}

// TestRemade has Kafka give something else where an archived record was.
func TestRemade(t *testing.T) {
	key, _ := newKey(t)
	p := testPart()
	s := FileStore(t.TempDir())
	write(t, newArchiver(t, s, key, SegmentConfig{Records: 10}), p, 20)
	for name, first := range map[string]kafka.Message{"another record": message(p, 19), "the beginning": message(p, 0)} {
		a := newArchiver(t, s, key, SegmentConfig{})
		from, err := a.take(t.Context(), p, 20, 20)
		if err != nil || from != 19 {
			t.Fatalf("from %d: %v", from, err)
		}
		first.Value = []byte("{}")
		if err := a.handle(t.Context(), []kafka.Message{first}); !errors.Is(err, errRemade) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFileStore(t *testing.T) {
	s := FileStore(t.TempDir())
	put := func(name string) error {
		return s.Create(t.Context(), name, strings.NewReader(name), int64(len(name)), sumText([]byte(name)))
	}
	names := []string{"a/b/c", "a/b.c", "a/b/d", "e"}
	for _, name := range names {
		if err := put(name); err != nil {
			t.Fatal(err)
		}
		if err := put(name); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s again: %v", name, err)
		}
	}
	for _, bad := range []string{"../x", "/x", "", "a//b", "a/../../b"} {
		if err := put(bad); err == nil || errors.Is(err, fs.ErrExist) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for _, c := range []struct {
		prefix, after string
		want          []string
	}{
		{"", "", []string{"a/b.c", "a/b/c", "a/b/d", "e"}}, {"a/b/", "", []string{"a/b/c", "a/b/d"}}, {"a/b", "a/b/c", []string{"a/b/d"}},
		{"", "a/b/d", []string{"e"}}, {"x/y", "", nil},
	} {
		var got []string
		if err := s.List(t.Context(), c.prefix, c.after, func(name string, _ int64) error { got = append(got, name); return nil }); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("prefix %q after %q (-want +got):\n%s", c.prefix, c.after, diff)
		}
	}
	if _, err := s.Open(t.Context(), "a/x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open: %v", err)
	}
}
