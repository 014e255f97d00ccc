package producers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/internal/obs"
	"github.com/riposte-security/riposte/schemas"
)

type fakeKafka struct {
	mu    sync.Mutex
	calls [][]kafka.Message
	fail  func(call int, msgs []kafka.Message) error
}

func (f *fakeKafka) Start(ctx context.Context, msgs ...kafka.Message) func() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, msgs)
	err := ctx.Err()
	if f.fail != nil {
		err = f.fail(len(f.calls), msgs)
	}
	return func() error { return err }
}

type sourceFunc func(ctx context.Context, emit func(context.Context, []Record) error) error

func (f sourceFunc) Run(ctx context.Context, emit func(context.Context, []Record) error) error {
	return f(ctx, emit)
}

type testFormat struct{}

func (testFormat) Parse(r Record) ([]schemas.Event, error) {
	switch {
	case bytes.HasPrefix(r.Data, []byte("bad")):
		return nil, fault.Permanent(errors.New("no such thing"))
	case bytes.HasPrefix(r.Data, []byte("panic")):
		return []schemas.Event{}[:len(r.Data)], nil
	case bytes.HasPrefix(r.Data, []byte("none")):
		return nil, nil
	}
	uid := schemas.DerivedUID(r.Origin, r.Position, "0")
	return []schemas.Event{{Data: r.Data, UID: uid, Key: "k", Class: schemas.ClassAPIActivity, Time: time.Unix(1, 0)}}, nil
}

func producer(k *fakeKafka, s Source) Producer {
	return Producer{Name: "p", Source: s, Format: testFormat{}, Publisher: k, Events: "ev", DeadLetter: "dl", Log: zerolog.Nop()}
}

func rec(i int, data string) Record {
	return Record{Data: []byte(data), Origin: "o", Position: fmt.Sprint(i), Attrs: map[string]string{"header": "h"}}
}

func TestBatchIsOneCall(t *testing.T) {
	k := &fakeKafka{}
	m, err := NewMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	var refused []string
	p := producer(k, sourceFunc(func(ctx context.Context, emit func(context.Context, []Record) error) error {
		var batch []Record
		for i := range 1000 {
			batch = append(batch, rec(i, fmt.Sprintf(`{"i":%d}`, i)))
		}
		batch[3] = rec(3, "bad")
		batch[5] = rec(5, "panic")
		batch[7] = rec(7, "none")
		batch[9] = rec(9, strings.Repeat("x", kafka.MaxMessage))
		batch[11] = Record{Data: []byte("head"), Attrs: map[string]string{AttrProblem: "too large", AttrLength: "99", AttrSHA256: "abc"}}
		return emit(WithReport(ctx, func(i int, _ error) { refused = append(refused, fmt.Sprint(i)) }), batch)
	}))
	p.Metrics = m
	if err := Run(context.Background(), p); err != nil {
		t.Fatal(err)
	}
	if len(k.calls) != 1 || len(k.calls[0]) != 999 {
		t.Fatalf("%d calls", len(k.calls))
	}
	if got := strings.Join(refused, " "); got != "3 5 9 11" {
		t.Errorf("reported: %s", got)
	}
	var letters []kafka.Message
	order := -1
	for _, m := range k.calls[0] {
		if m.Topic == "dl" {
			letters = append(letters, m)
			continue
		}
		var i int
		_, _ = fmt.Sscanf(string(m.Value), `{"i":%d}`, &i)
		if i <= order {
			t.Fatalf("%d behind %d", i, order)
		}
		order = i
		if m.Header("ce_source") != "riposte/p" || m.Header("ce_id") == "" || m.Header("ce_type") != "ocsf.api_activity" || m.Header("ce_specversion") != "1.0" {
			t.Fatal(m.Headers)
		}
	}
	for i, want := range []string{"no such thing", "the format failed", "a message has at most", "too large"} {
		if m := letters[i]; !strings.Contains(m.Header("reason"), want) || m.Header("stage") != "produce" || m.Size() > kafka.MaxMessage {
			t.Errorf("letter %d: %v", i, m.Headers)
		}
	}
	if m := letters[0]; string(m.Value) != "bad" || m.Header("origin") != "o" || m.Header("position") != "3" || m.Header("attrs") != `{"header":"h"}` {
		t.Errorf("%s %v", m.Value, m.Headers)
	}
	if m := letters[2]; len(m.Value) != DeadLetterBytes || m.Header("length") != fmt.Sprint(kafka.MaxMessage) || len(m.Header("sha256")) != 64 {
		t.Errorf("%d %v", len(m.Value), m.Headers)
	}
	if m := letters[3]; m.Header("length") != "99" || m.Header("sha256") != "abc" {
		t.Error(m.Headers)
	}
	if r, e, d := testutil.ToFloat64(m.records), testutil.ToFloat64(m.events), testutil.ToFloat64(m.deadLetters); r != 1000 || e != 995 || d != 4 {
		t.Error(r, e, d)
	}
}

// TestLargeBatch: what is published in several calls keeps the order of the records, and what is refused has its place among all of them.
func TestLargeBatch(t *testing.T) {
	const many = 5000
	k := &fakeKafka{}
	var refused []string
	p := producer(k, sourceFunc(func(ctx context.Context, emit func(context.Context, []Record) error) error {
		var batch []Record
		for i := range many {
			batch = append(batch, rec(i, fmt.Sprintf(`{"i":%d}`, i)))
		}
		batch[2003], batch[4400] = rec(2003, "bad"), rec(4400, "bad")
		return emit(WithReport(ctx, func(i int, _ error) { refused = append(refused, fmt.Sprint(i)) }), batch)
	}))
	if err := Run(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(refused, " "); got != "2003 4400" {
		t.Errorf("reported: %s", got)
	}
	next := 0
	for _, call := range k.calls {
		for _, m := range call {
			if m.Topic != "dl" && string(m.Value) != fmt.Sprintf(`{"i":%d}`, next) {
				t.Fatalf("%s where %d is due", m.Value, next)
			}
			next++
		}
	}
	if next != many || len(k.calls) != 3 {
		t.Errorf("%d messages in %d calls", next, len(k.calls))
	}
}

// slowKafka keeps what it is given on its way until it is let land.
type slowKafka struct {
	calls int
	land  chan error
}

func (k *slowKafka) Start(context.Context, ...kafka.Message) func() error {
	k.calls++
	return func() error { return <-k.land }
}

// TestPartsAhead: the parts of a batch do not wait for each other, but no more than a few are on their way; the batch is done when all of them are, and fails with
// any of them.
func TestPartsAhead(t *testing.T) {
	for _, fails := range []int{0, 1, 4, 5} { // the nth, if any
		synctest.Test(t, func(t *testing.T) {
			k := &slowKafka{land: make(chan error)}
			p := producer(nil, nil)
			p.Publisher = k
			l := &loop{Producer: p, health: obs.NewCondition(zerolog.Nop(), "source")}
			done := make(chan error, 1)
			go func() { done <- l.emit(t.Context(), make([]Record, 5*atOnce)) }()
			synctest.Wait()
			if k.calls != ahead {
				t.Fatalf("%d parts are on their way", k.calls)
			}
			landed := 0
			for ; landed < 5 && len(done) == 0; landed++ {
				var err error
				if landed+1 == fails {
					err = errors.New("refused")
				}
				k.land <- err
				synctest.Wait()
				if want := min(5, ahead+landed+1); fails == 0 && k.calls != want {
					t.Errorf("%d parts have left after %d have landed, not %d", k.calls, landed+1, want)
				}
				if len(done) > 0 && landed+1 < k.calls {
					t.Errorf("the batch is done with %d of %d parts", landed+1, k.calls)
				}
			}
			if err := <-done; (err == nil) != (fails == 0) {
				t.Errorf("part %d fails: %v", fails, err)
			}
		})
	}
}

func TestRejectedByKafka(t *testing.T) {
	k := &fakeKafka{}
	k.fail = func(call int, _ []kafka.Message) error {
		if call == 1 {
			return fault.Permanent(&kafka.RejectedError{Rejected: []kafka.Rejection{{Index: 1, Topic: "ev", Err: kafka.ErrTooLarge}}})
		}
		return nil
	}
	err := Run(context.Background(), producer(k, sourceFunc(func(ctx context.Context, emit func(context.Context, []Record) error) error {
		return emit(ctx, []Record{rec(0, "a"), rec(1, "b"), rec(2, "c")})
	})))
	if err != nil || len(k.calls) != 2 || len(k.calls[1]) != 1 || k.calls[1][0].Topic != "dl" || string(k.calls[1][0].Value) != "b" {
		t.Error(err, k.calls)
	}
}

func TestSourceIsRestarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		runs := 0
		p := producer(&fakeKafka{}, sourceFunc(func(ctx context.Context, emit func(context.Context, []Record) error) error {
			runs++
			if runs < 4 {
				return errors.New("away")
			}
			return emit(ctx, []Record{rec(0, "a")})
		}))
		p.Log = zerolog.New(&log)
		if err := Run(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		if runs != 4 || strings.Count(log.String(), "away; retrying") != 1 || strings.Count(log.String(), "is back") != 1 {
			t.Errorf("%d runs\n%s", runs, &log)
		}
	})
}

func TestPermanentErrorEnds(t *testing.T) {
	bad := errors.New("no such queue")
	err := Run(context.Background(), producer(&fakeKafka{}, sourceFunc(func(context.Context, func(context.Context, []Record) error) error {
		return fault.Permanent(bad)
	})))
	if !errors.Is(err, bad) || !fault.IsPermanent(err) {
		t.Error(err)
	}
}

func TestCancelEndsWithoutError(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	err := Run(ctx, producer(&fakeKafka{}, sourceFunc(func(ctx context.Context, emit func(context.Context, []Record) error) error {
		cancel()
		if err := emit(ctx, []Record{rec(0, "a")}); err == nil {
			t.Error("emit after the end of ctx")
		}
		return ctx.Err()
	})))
	if err != nil {
		t.Error(err)
	}
}
