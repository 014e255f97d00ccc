package logs

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go/middleware"
	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/checkpoint"
	"github.com/riposte-security/riposte/internal/cloud/cloudtest"
	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/producers"
)

// fake is a log group that shows two events a page.
type fake struct {
	mu     sync.Mutex
	events []types.FilteredLogEvent
	fail   []error
	asked  []time.Duration // length of each window
}

func (f *fake) logs(context.Context, string, string) (API, error) { return f, nil }
func (f *fake) account(context.Context) (string, error)           { return "111122223333", nil }
func (f *fake) region() string                                    { return "eu-west-1" }

func (f *fake) FilterLogEvents(_ context.Context, in *cloudwatchlogs.FilterLogEventsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.FilterLogEventsOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.fail) > 0 {
		err := f.fail[0]
		f.fail = f.fail[1:]
		return nil, err
	}
	if *in.StartTime > *in.EndTime {
		return nil, cloudtest.Error("CloudWatch Logs", "FilterLogEvents", "InvalidParameterException", 400)
	}
	var in2 []types.FilteredLogEvent
	for _, e := range f.events {
		if *e.Timestamp >= *in.StartTime && *e.Timestamp <= *in.EndTime {
			in2 = append(in2, e)
		}
	}
	at := 0
	if in.NextToken != nil {
		at, _ = strconv.Atoi(*in.NextToken)
	} else {
		f.asked = append(f.asked, time.Duration(*in.EndTime-*in.StartTime)*time.Millisecond)
	}
	to := min(at+2, len(in2))
	out := &cloudwatchlogs.FilterLogEventsOutput{Events: in2[at:to]}
	if to < len(in2) {
		out.NextToken = aws.String(strconv.Itoa(to))
	}
	return out, nil
}

// put adds an event whose own time is late before now.
func (f *fake) put(late time.Duration, messages ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range messages {
		f.events = append(f.events, types.FilteredLogEvent{
			EventId: aws.String(fmt.Sprintf("id%d", len(f.events))), LogStreamName: aws.String("s"), Message: aws.String(m),
			Timestamp: aws.Int64(time.Now().Add(-late).UnixMilli()), IngestionTime: aws.Int64(time.Now().UnixMilli()),
		})
	}
	slices.SortStableFunc(f.events, func(a, b types.FilteredLogEvent) int { return int(*a.Timestamp - *b.Timestamp) })
}

func build(t *testing.T, f *fake, dir, conf string) *source {
	t.Helper()
	n, err := config.Parse("t.yaml", []byte("log_groups: [app]\n"+conf))
	if err != nil {
		t.Fatal(err)
	}
	s, err := newSource(n, producers.SourceDeps{Name: "p", DataDir: dir, Log: zerolog.Nop()}, f)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

type taken struct {
	mu   sync.Mutex
	recs []producers.Record
	fail error
}

func (k *taken) emit(_ context.Context, batch []producers.Record) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fail != nil {
		return k.fail
	}
	k.recs = append(k.recs, batch...)
	return nil
}

func (k *taken) data() (all []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, r := range k.recs {
		all = append(all, string(r.Data))
	}
	return all
}

func during(t *testing.T, s *source, k *taken, fn func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, k.emit) }()
	fn()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func after(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestPolls(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f, k := &fake{}, &taken{}
		f.put(0, "before its time")
		after(time.Second)
		f.fail = []error{cloudtest.Error("CloudWatch Logs", "FilterLogEvents", "ThrottlingException", 400), cloudtest.Error("CloudWatch Logs", "FilterLogEvents", "ResourceNotFoundException", 400)}
		during(t, build(t, f, dir, ""), k, func() {
			after(time.Second)
			f.put(0, `{"n":1}`, "two", "", "three")
			after(30 * time.Second)
			f.put(20*time.Second, "late")
			after(30 * time.Second)
		})
		f.put(0, "while away")
		after(3 * time.Hour)
		f.put(2*time.Minute, "late as well")
		during(t, build(t, f, dir, ""), k, func() { after(15 * time.Second) })
		during(t, build(t, f, dir, ""), k, func() { after(15 * time.Second) }) // all of it is known
		if diff := cmp.Diff([]string{`{"n":1}`, "two", "three", "late", "while away", "late as well"}, k.data()); diff != "" {
			t.Error(diff)
		}
		for _, d := range f.asked {
			if d > step+5*time.Minute {
				t.Errorf("%s asked for at once", d)
			}
		}
		r := k.recs[1]
		want := map[string]string{
			"account": "111122223333", "region": "eu-west-1", "log-group": "app", "log-stream": "s", "id": "id2", "source": "cloudwatch:111122223333:app:s",
			"file": "cloudwatch:app/s", "time": r.Attrs["time"],
		}
		if diff := cmp.Diff(want, r.Attrs); diff != "" || r.Origin != "cloudwatch:111122223333:eu-west-1:app" || !strings.HasPrefix(r.Position, "id2/") {
			t.Errorf("%+v %s", r, diff)
		}
	})
}

// TestClockAhead begins while our clock is a day ahead of AWS's, which is set right later: what happens meanwhile is not passed over.
func TestClockAhead(t *testing.T) {
	for _, conf := range []string{"", "overlap: 0s"} {
		dir := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			const day = 24 * time.Hour
			f, k := &fake{}, &taken{}
			start := time.Now()
			s := build(t, f, dir, conf)
			s.served = func(middleware.Metadata) (time.Time, bool) { return time.Now().Add(-day), true }
			during(t, s, k, func() {
				after(time.Minute)
				f.put(day, "at noon")
				after(time.Minute)
			})
			f.put(day, "while away")
			after(day - 2*time.Minute) // and now the clock is right, by standing still
			f.put(day-time.Minute, "before the clock was right")
			s = build(t, f, dir, conf)
			s.served = func(middleware.Metadata) (time.Time, bool) { return start.Add(time.Since(start)), true }
			during(t, s, k, func() {
				after(time.Minute)
				f.put(0, "after it")
				after(time.Minute)
			})
			if diff := cmp.Diff([]string{"at noon", "while away", "before the clock was right", "after it"}, k.data()); diff != "" {
				t.Error(conf, diff)
			}
		})
	}
}

// TestClockSetBack finds a checkpoint from a day in the future: AWS is asked nothing that makes no sense, and reading goes on at once.
func TestClockSetBack(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f, k := &fake{}, &taken{}
		file, err := checkpoint.Open(filepath.Join(dir, "checkpoints", "p.json"), "cloudwatch-logs", state{})
		if err != nil {
			t.Fatal(err)
		}
		now, tomorrow := time.Now(), time.Now().Add(24*time.Hour).UnixMilli()
		file.Update(func(s *state) { (*s)["app"] = &position{Begin: now.UnixMilli(), Until: tomorrow} })
		if err := file.Save(); err != nil {
			t.Fatal(err)
		}
		s := build(t, f, dir, "")
		s.served = func(middleware.Metadata) (time.Time, bool) { return time.Now(), true }
		during(t, s, k, func() {
			after(time.Minute)
			f.put(0, "today")
			after(time.Minute)
		})
		if diff := cmp.Diff([]string{"today"}, k.data()); diff != "" {
			t.Error(diff)
		}
	})
}

// TestRemembersNoMoreThanItAsksFor reads a past hour: ids are remembered for the overlap and not for the hour, however much is in it.
func TestRemembersNoMoreThanItAsksFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, start := &fake{}, time.Now()
		after(2 * time.Hour)
		for i := range 60 {
			f.put(2*time.Hour-time.Duration(i)*time.Minute, strconv.Itoa(i))
		}
		file, err := checkpoint.Open("", "cloudwatch-logs", state{})
		if err != nil {
			t.Fatal(err)
		}
		var g *group
		read, most := 0, 0
		g, err = build(t, f, t.TempDir(), "from: "+start.UTC().Format(time.RFC3339)).group(t.Context(), "app", file, func(_ context.Context, batch []producers.Record) error {
			read, most = read+len(batch), max(most, len(g.at.Seen))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := g.window(t.Context(), start.UnixMilli(), start.Add(step).UnixMilli()); err != nil {
			t.Fatal(err)
		}
		if read != 60 || most != 5 {
			t.Errorf("%d events read, %d ids remembered", read, most)
		}
	})
}

// TestKafkaAway fails to hand over: nothing counts as read.
func TestKafkaAway(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f, k := &fake{}, &taken{fail: errors.New("away")}
		start := time.Now()
		f.put(0, "a", "b", "c")
		after(time.Minute)
		conf := "from: " + start.Add(-time.Second).UTC().Format(time.RFC3339)
		if err := build(t, f, dir, conf).Run(t.Context(), k.emit); err == nil {
			t.Error("no error")
		}
		k.fail = nil
		during(t, build(t, f, dir, ""), k, func() { after(time.Second) })
		if diff := cmp.Diff([]string{"a", "b", "c"}, k.data()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestByARN(t *testing.T) {
	f := &fake{}
	s := build(t, f, t.TempDir(), "")
	file, err := checkpoint.Open("", "cloudwatch-logs", state{})
	if err != nil {
		t.Fatal(err)
	}
	g, err := s.group(t.Context(), "arn:aws:logs:eu-central-1:444455556666:log-group:/aws/x:*", file, (&taken{}).emit)
	if err != nil {
		t.Fatal(err)
	}
	if g.account != "444455556666" || g.region != "eu-central-1" || g.name != "/aws/x" || *g.input.LogGroupIdentifier != "arn:aws:logs:eu-central-1:444455556666:log-group:/aws/x" {
		t.Errorf("%+v", g)
	}
}

func TestSeen(t *testing.T) {
	s := seen{hashID("a"): 1, hashID("b"): 1 << 60}
	text, err := s.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	var got seen
	if err := got.UnmarshalText(text); err != nil || cmp.Diff(s, got) != "" {
		t.Error(err, got)
	}
	for _, bad := range []string{"!", "YQ=="} {
		if err := got.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	s = seen{}
	for i := range maxSeen + 100 {
		s[hashID(strconv.Itoa(i))] = int64(i)
	}
	if s.prune(50); len(s) != maxSeen {
		t.Error(len(s))
	}
	if _, ok := s[hashID("99")]; ok {
		t.Error("the oldest is still there")
	}
}

func TestSettings(t *testing.T) {
	for conf, want := range map[string]string{
		"{}": "log_groups", "log_groups: [arn:aws:s3:::x]": "log group", "log_groups: [a, a]": "twice", "log_groups: [a]\nfrom: then": "from",
		"log_groups: [a]\npoll: 1ms": "poll", "log_groups: [a]\noverlap: -1s": "overlap", "log_groups: [a]\naccount: x": "account", "log_groups: [a]\nx: 1": "x",
		"log_groups: [a]": "checkpoint",
	} {
		n, err := config.Parse("t.yaml", []byte(conf))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := New(n, producers.SourceDeps{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", conf, err)
		}
	}
	n, err := config.Parse("t.yaml", []byte("log_groups: [a]"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(n, producers.SourceDeps{Name: "p", DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context(), nil); !fault.IsPermanent(err) {
		t.Error("without AWS:", err)
	}
}
