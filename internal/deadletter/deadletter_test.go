package deadletter

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/kafka"
)

func client(t *testing.T) *kafka.Client {
	t.Helper()
	c, err := kafka.New(kafka.Config{Brokers: []string{"127.0.0.1:1"}}, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// A topic is what lies on the topic of dead letters.
type topic struct {
	*kafka.Client
	messages []kafka.Message
}

func (p *topic) ReadSince(ctx context.Context, _ string, since time.Time, fn func(context.Context, kafka.Message) error) error {
	for _, m := range p.messages {
		if m.Time.Before(since) {
			continue
		}
		if err := fn(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

func (p *topic) Publish(_ context.Context, msgs ...kafka.Message) error {
	for _, m := range msgs {
		m.Offset, m.Time = int64(len(p.messages)), at(len(p.messages))
		p.messages = append(p.messages, m)
	}
	return nil
}

func at(n int) time.Time { return time.Unix(int64(1_800_000_000+n), 0).UTC() }

// TestRoundTrip: what a stage could not read comes back as it was, and is counted once more the next time.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	c := client(t)
	original := kafka.Message{
		Topic: "riposte.events", Partition: 3, Offset: 42, Key: []byte("k"), Value: []byte("\x00\xffno JSON"),
		Headers: []kafka.Header{{Key: "ce_source", Value: []byte("//x")}, {Key: "topic", Value: []byte("theirs")}, {Key: "ce_source", Value: []byte("again")}},
	}
	p := &topic{Client: c}
	if err := p.Publish(t.Context(), c.DeadLetter(original, kafka.Failure{Stage: "router", Reason: "no", Rule: "r"})); err != nil {
		t.Fatal(err)
	}
	letters, limited, err := List(t.Context(), p, Filter{})
	if err != nil || limited || len(letters) != 1 {
		t.Fatalf("%+v, %t, %v", letters, limited, err)
	}
	l := letters[0]
	if l.ID != "0-0" || l.Stage != "router" || l.Reason != "no" || l.Rule != "r" || l.Attempts != 1 || l.Partition != 3 || l.Offset != 42 || !l.Whole() {
		t.Errorf("%+v", l)
	}
	back := l.Message(c.Topics())
	if back.Header(kafka.HeaderAttempts) != "1" {
		t.Errorf("attempts %q", back.Header(kafka.HeaderAttempts))
	}
	back.Headers = back.Headers[1:]
	want := original
	want.Partition, want.Offset = 0, 0
	if diff := cmp.Diff(want, back); diff != "" {
		t.Error(diff)
	}
	again := read(c.DeadLetter(l.Message(c.Topics()), kafka.Failure{Stage: "router", Reason: "no"}))
	if once := again.Message(c.Topics()); again.Attempts != 2 || once.Header(kafka.HeaderAttempts) != "2" || len(again.Headers) != len(original.Headers)+1 {
		t.Errorf("%+v", again)
	}
}

// TestTheirsAreNotOurs: headers of the original are not taken for those of whoever made the letter, whatever their names; and the letter is no mark.
func TestTheirsAreNotOurs(t *testing.T) {
	t.Parallel()
	c := client(t)
	p := &topic{Client: c}
	original := kafka.Message{Topic: "riposte.block", Value: []byte("x"), Headers: []kafka.Header{{Key: headerOf, Value: []byte("0-0")}, {Key: headerDone, Value: []byte(Dropped)}}}
	for _, name := range ownHeaders() {
		original.Headers = append(original.Headers, kafka.Header{Key: name, Value: []byte("7")})
	}
	original.Headers = append(original.Headers, kafka.Header{Key: "\xff", Value: []byte("\xfe\x00")}, kafka.Header{Key: "empty", Value: []byte{}})
	for n := range 2 {
		original.Offset = int64(n)
		if err := p.Publish(t.Context(), c.DeadLetter(original, kafka.Failure{Reason: "no"})); err != nil {
			t.Fatal(err)
		}
	}
	letters, _, err := List(t.Context(), p, Filter{})
	if err != nil || len(letters) != 2 {
		t.Fatalf("%+v, %v", letters, err)
	}
	l := letters[0]
	if l.Producer != "" || l.Rule != "" || l.Stage != "" || !l.Whole() || l.Attempts != 8 || l.Attrs != nil {
		t.Errorf("%+v", l)
	}
	if diff := cmp.Diff(original.Headers, l.Headers); diff != "" {
		t.Error(diff)
	}
}

// TestKeepsItsIdentity: an event whose identity is its place comes back as the same, and other JSON as it was.
func TestKeepsItsIdentity(t *testing.T) {
	t.Parallel()
	c := client(t)
	original := kafka.Message{Topic: c.Topics().Events, Partition: 2, Offset: 9, Value: []byte(`{"kind":"x"}`)}
	first, err := original.Event()
	if err != nil {
		t.Fatal(err)
	}
	l := read(c.DeadLetter(original, kafka.Failure{Stage: "router", Reason: "its target is missing"}))
	for range 2 { // also when it was replayed before
		back := l.Message(c.Topics())
		back.Partition, back.Offset = 1, 100
		again, err := back.Event()
		if err != nil || again.UID != first.UID {
			t.Fatalf("%q, then %q, %v", first.UID, again.UID, err)
		}
		l = read(c.DeadLetter(back, kafka.Failure{Stage: "router", Reason: "its target is missing"}))
	}
	original.Topic = c.Topics().Block
	if back := read(c.DeadLetter(original, kafka.Failure{Reason: "no command"})).Message(c.Topics()); string(back.Value) != string(original.Value) {
		t.Errorf("%s", back.Value)
	}
}

// TestMadeAgain: a letter that its stage made twice, because it was interrupted, is one; after a replay it is another.
func TestMadeAgain(t *testing.T) {
	t.Parallel()
	c := client(t)
	p := &topic{Client: c}
	original := kafka.Message{Topic: "riposte.block", Partition: 1, Offset: 5, Value: []byte("x")}
	letter := c.DeadLetter(original, kafka.Failure{Stage: "consumer", Reason: "no"})
	other, replayed := original, original
	other.Offset = 6
	replayed.Headers = []kafka.Header{{Key: kafka.HeaderAttempts, Value: []byte("1")}}
	err := p.Publish(t.Context(), letter, letter, c.DeadLetter(other, kafka.Failure{Stage: "consumer", Reason: "no"}), c.DeadLetter(replayed, kafka.Failure{Stage: "consumer", Reason: "no"}),
		c.DeadLetter(original, kafka.Failure{Stage: "consumer", Reason: "no", Rule: "r"}), c.DeadLetter(original, kafka.Failure{Stage: "consumer", Reason: "another"}))
	if err != nil {
		t.Fatal(err)
	}
	letters, _, err := List(t.Context(), p, Filter{})
	if err != nil || len(letters) != 5 {
		t.Errorf("%d letters, %v: %+v", len(letters), err, letters)
	}
	// After something was done about it, the same is new.
	if err := Mark(t.Context(), p, p, letters[0], Dropped, "ann", ""); err != nil {
		t.Fatal(err)
	}
	if err := p.Publish(t.Context(), letter); err != nil {
		t.Fatal(err)
	}
	if letters, _, err = List(t.Context(), p, Filter{}); err != nil || len(letters) != 5 {
		t.Errorf("%d letters, %v: %+v", len(letters), err, letters)
	}
}

func TestLarge(t *testing.T) {
	t.Parallel()
	c := client(t)
	l := read(c.DeadLetter(kafka.Message{Topic: "riposte.events", Value: make([]byte, kafka.MaxMessage)}, kafka.Failure{Reason: "large"}))
	if l.Whole() || l.Length != kafka.MaxMessage || l.SHA256 == "" {
		t.Errorf("length %d, SHA-256 %q", l.Length, l.SHA256)
	}
}

// TestHostileHeaders: whoever may write to the topic may write anything.
func TestHostileHeaders(t *testing.T) {
	t.Parallel()
	for _, h := range [][2]string{{"attempts", "-5"}, {"attempts", "9999999999999999999999"}, {"offset", "x"}, {"attrs", "{"}, {"received", "soon"}, {"length", "-1"}} {
		l := read(kafka.Message{Headers: []kafka.Header{{Key: h[0], Value: []byte(h[1])}}})
		if l.Attempts < 1 || l.Reason != "" {
			t.Errorf("%v: %+v", h, l)
		}
	}
}

func TestFilterAndMarks(t *testing.T) {
	t.Parallel()
	c := client(t)
	p := &topic{Client: c}
	for _, f := range []struct{ topic, stage, reason string }{
		{"riposte.events", "router", "not JSON"}, {"riposte.block", "consumer", "unknown action"}, {"riposte.events", "router", "Too LARGE"},
	} {
		m := c.DeadLetter(kafka.Message{Topic: f.topic, Value: []byte("x")}, kafka.Failure{Stage: f.stage, Reason: f.reason})
		if err := p.Publish(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	ids := func(f Filter) string {
		t.Helper()
		letters, _, err := List(t.Context(), p, f)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, l := range letters {
			all = append(all, strings.TrimSpace(l.ID+" "+l.Done))
		}
		return strings.Join(all, ",")
	}
	for want, f := range map[string]Filter{
		"0-0,0-1,0-2": {}, "0-2": {Reason: "too large"}, "0-1": {Stage: "consumer"}, "0-0,0-2": {Topic: "riposte.events"}, "0-1,0-2": {Since: at(1)}, "0-0": {IDs: []string{"0-0"}}, "0-0,0-1": {Before: at(2)}, "": {IDs: []string{"7-7"}},
	} {
		if got := ids(f); got != want {
			t.Errorf("%+v: %q, %q expected", f, got, want)
		}
	}
	letters, _, err := List(t.Context(), p, Filter{IDs: []string{"0-1"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, done := range []string{Dropped, Replayed} { // who was first did it
		if err := Mark(t.Context(), p, p, letters[0], done, "ann", "why"); err != nil {
			t.Fatal(err)
		}
	}
	if got := ids(Filter{}); got != "0-0,0-2" {
		t.Errorf("after a mark: %q", got)
	}
	if got := ids(Filter{Done: true}); got != "0-0,0-1 dropped,0-2" {
		t.Errorf("with what was done: %q", got)
	}
}
