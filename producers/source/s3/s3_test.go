package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/cloud/cloudtest"
	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/producers"
)

// fake is a bucket that lists two objects a page.
type fake struct {
	mu      sync.Mutex
	objects map[string]string
	changed map[string]time.Time
	fails   map[string][]error // of reading, by key; taken one after the other, the last stays
	read    []string
	pages   int
}

func (f *fake) ListObjectsV2(_ context.Context, in *s3.ListObjectsV2Input, _ ...func(*s3.Options)) (*s3.ListObjectsV2Output, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pages++
	after := aws.ToString(in.StartAfter)
	if in.ContinuationToken != nil {
		after = *in.ContinuationToken
	}
	out := &s3.ListObjectsV2Output{IsTruncated: aws.Bool(false)}
	for _, key := range slices.Sorted(maps.Keys(f.objects)) {
		if key <= after || !strings.HasPrefix(key, aws.ToString(in.Prefix)) {
			continue
		}
		if len(out.Contents) == 2 {
			out.IsTruncated, out.NextContinuationToken = aws.Bool(true), out.Contents[1].Key
			break
		}
		out.Contents = append(out.Contents, types.Object{Key: aws.String(key), Size: aws.Int64(int64(len(f.objects[key]))), LastModified: aws.Time(f.modified(key))})
	}
	return out, nil
}

func (f *fake) modified(key string) time.Time {
	if t, ok := f.changed[key]; ok {
		return t
	}
	return time.Date(2026, 3, 9, 12, 0, 0, 0, time.UTC)
}

func (f *fake) GetObject(_ context.Context, in *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.read = append(f.read, *in.Key)
	if errs := f.fails[*in.Key]; len(errs) > 0 {
		if len(errs) > 1 {
			f.fails[*in.Key] = errs[1:]
		}
		if errs[0] != nil {
			return nil, errs[0]
		}
	}
	return &s3.GetObjectOutput{Body: io.NopCloser(bytes.NewReader([]byte(f.objects[*in.Key]))), ETag: aws.String(`"e"`), LastModified: aws.Time(f.modified(*in.Key))}, nil
}

func build(t *testing.T, f *fake, dir, conf string) *source {
	t.Helper()
	n, err := config.Parse("t.yaml", []byte("bucket: logs\n"+conf))
	if err != nil {
		t.Fatal(err)
	}
	s, err := newSource(n, producers.SourceDeps{Name: "p", DataDir: dir, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	s.client = func(context.Context) (API, error) { return f, nil }
	return s
}

// taken gathers what is emitted.
type taken struct {
	mu   sync.Mutex
	data []string
	recs []producers.Record
}

func (k *taken) emit(_ context.Context, batch []producers.Record) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, r := range batch {
		k.data = append(k.data, string(r.Data))
		k.recs = append(k.recs, r)
	}
	return nil
}

func (k *taken) sorted() []string {
	slices.Sort(k.data)
	return k.data
}

func TestReadsBetween(t *testing.T) {
	day := func(d int) time.Time { return time.Date(2026, 3, d, 0, 0, 0, 0, time.UTC) }
	f := &fake{
		objects: map[string]string{
			"in/a": `{"Records":[{"n":1},{"n":2}]}`, "in/b": `{"n":3}`, "in/c": `{"n":4}`, "in/d": "", "in/CloudTrail-Digest/e": `{"n":5}`, "out/x": `{"n":6}`,
			"in/z": `{"n":7}`,
		},
		changed: map[string]time.Time{"in/a": day(2), "in/b": day(3).Add(-1), "in/c": day(3), "in/z": day(1).Add(-1)},
	}
	var got taken
	dir := t.TempDir()
	s := build(t, f, dir, "prefix: in/\nfrom: 2026-03-01\nto: 2026-03-03\nignore: [/CloudTrail-Digest/]")
	if err := s.Run(t.Context(), got.emit); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{`{"n":1}`, `{"n":2}`, `{"n":3}`}, got.sorted()); diff != "" {
		t.Error(diff)
	}
	r := got.recs[slices.IndexFunc(got.recs, func(r producers.Record) bool { return string(r.Data) == `{"n":3}` })]
	if r.Origin != "s3:logs:in/b:e" || r.Position != "0" || !r.Received.Equal(f.changed["in/b"]) || r.Attrs[producers.AttrFile] != "s3://logs/in/b" {
		t.Errorf("%+v", r)
	}
	// A second run has nothing to do; other dates are another task.
	n := len(f.read)
	if err := build(t, f, dir, "prefix: in/\nfrom: 2026-03-01\nto: 2026-03-03").Run(t.Context(), got.emit); err != nil || len(f.read) != n {
		t.Error(err, f.read)
	}
	if err := build(t, f, dir, "prefix: in/\nfrom: 2026-03-03").Run(t.Context(), got.emit); err != nil || len(f.read) != n+1 {
		t.Error(err, f.read)
	}
}

// TestResumes fails in the middle, and reads on from the checkpoint: nothing is lost, and what was done is not read again.
func TestResumes(t *testing.T) {
	f := &fake{objects: map[string]string{}}
	want := []string{}
	for i := range 40 {
		f.objects[fmt.Sprintf("k%02d", i)] = fmt.Sprintf(`{"n":"%02d"}`, i)
		want = append(want, fmt.Sprintf(`{"n":"%02d"}`, i))
	}
	var got taken
	dir := t.TempDir()
	left := 15
	var mu sync.Mutex
	err := build(t, f, dir, "workers: 4").Run(t.Context(), func(ctx context.Context, batch []producers.Record) error {
		mu.Lock()
		defer mu.Unlock()
		if left -= len(batch); left < 0 {
			return errors.New("kafka is away")
		}
		return got.emit(ctx, batch)
	})
	if err == nil || len(got.data) == 0 {
		t.Fatal("no failure", err)
	}
	f.mu.Lock()
	before := map[string]bool{}
	for _, d := range got.data {
		before["k"+d[6:8]] = true
	}
	f.read = nil
	f.mu.Unlock()
	if err := build(t, f, dir, "workers: 4").Run(t.Context(), got.emit); err != nil {
		t.Fatal(err)
	}
	for _, key := range f.read {
		if before[key] {
			t.Errorf("%s was in Kafka, and is read again", key)
		}
	}
	if diff := cmp.Diff(want, got.sorted()); diff != "" {
		t.Error(diff)
	}
}

func TestStops(t *testing.T) {
	f := &fake{objects: map[string]string{"a": `{"n":1}`, "b": `{"n":2}`}}
	ctx, cancel := context.WithCancel(t.Context())
	err := build(t, f, t.TempDir(), "").Run(ctx, func(ctx context.Context, _ []producers.Record) error {
		cancel()
		<-ctx.Done()
		return ctx.Err()
	})
	if err != nil {
		t.Error(err)
	}
}

func TestUnreadable(t *testing.T) {
	gone := cloudtest.Error("S3", "GetObject", "NoSuchKey", 404)
	archived := cloudtest.Error("S3", "GetObject", "InvalidObjectState", 403)
	forbidden := cloudtest.Error("S3", "GetObject", "AccessDenied", 403)
	f := &fake{
		objects: map[string]string{"a": `{"n":1}`, "b": `{"n":2}`, "c": `{"n":3}`, "d": `{"n":4}`, "e": `{"n":5}`},
		fails:   map[string][]error{"b": {gone}, "c": {archived}, "d": {errors.New("reset"), nil}, "e": {forbidden}},
	}
	var got taken
	if err := build(t, f, t.TempDir(), "workers: 1").Run(t.Context(), got.emit); err != nil {
		t.Fatal(err)
	}
	problems := []string{}
	for _, r := range got.recs {
		if why := r.Attrs[producers.AttrProblem]; why != "" {
			problems = append(problems, r.Position)
		}
	}
	if diff := cmp.Diff([]string{"b", "c", "e"}, problems); diff != "" || len(got.recs) != 5 {
		t.Error(diff, got.data)
	}
	// Where not even one can be read, it is the source that may not.
	f.fails["a"] = []error{forbidden}
	if err := build(t, f, t.TempDir(), "workers: 1\nprefix: a").Run(t.Context(), got.emit); !fault.IsPermanent(err) {
		t.Error(err)
	}
}

func TestByKey(t *testing.T) {
	f := &fake{objects: map[string]string{}}
	for d := 1; d <= 9; d++ {
		for n := range 10 {
			f.objects[fmt.Sprintf("AWSLogs/111122223333/CloudTrail/eu-west-1/2026/03/%02d/f%d", d, n)] = fmt.Sprintf(`{"d":%d,"n":%d}`, d, n)
		}
	}
	f.objects["odd"] = `{"d":"none"}`
	var got taken
	if err := build(t, f, t.TempDir(), "by: key\nfrom: 2026-03-04\nto: 2026-03-05").Run(t.Context(), got.emit); err != nil {
		t.Fatal(err)
	}
	if len(got.recs) != 10 || f.pages > 5+8+2 {
		t.Error(f.pages, got.data)
	}
	if got.recs[0].Attrs[producers.AttrAccount] != "111122223333" || got.recs[0].Attrs[producers.AttrRegion] != "eu-west-1" {
		t.Error(got.recs[0].Attrs)
	}
}

func TestDates(t *testing.T) {
	for key, want := range map[string]string{
		"AWSLogs/1/CloudTrail/eu-west-1/2026/03/09/x.gz":                              "2026-03-09T00:00 24h0m0s",
		"AWSLogs/1/CloudTrail/r/2026/03/09/1_CloudTrail_r_20260309T1215Z_abc.json.gz": "2026-03-09T12:15 1m0s",
		"AWSLogs/1/Config/r/2026/3/9/ConfigSnapshot/x.gz":                             "2026-03-09T00:00 24h0m0s",
		"fire/2026/03/09/14/x":                         "2026-03-09T14:00 1h0m0s",
		"access/2026-03-09-12-13-14-ABCDEF":            "2026-03-09T12:00 1h0m0s",
		"cf/E123.2026-03-09-07.abc.gz":                 "2026-03-09T07:00 1h0m0s",
		"t/year=2026/month=03/day=09/hour=5/x":         "2026-03-09T05:00 1h0m0s",
		"ext/region=r/accountId=1/eventDay=20260309/x": "2026-03-09T00:00 24h0m0s",
		"t/date=2026-03-09/x":                          "2026-03-09T00:00 24h0m0s",
		"t/2026/13/45/x":                               "", "t/2026/02/30/x": "", "plain": "", "a/1999/01/01/x": "",
	} {
		got := ""
		if at, span, ok := newDates().of(key); ok {
			got = at.Format("2006-01-02T15:04") + " " + span.String()
		}
		if got != want {
			t.Errorf("%s: %q, expected %q", key, got, want)
		}
	}
	if got := newDates().folder("a/2026/03/09/14/x"); got != "a/2026/03/09/" {
		t.Error(got)
	}
}

func TestSettings(t *testing.T) {
	for conf, want := range map[string]string{
		"bucket: ''": "bucket", "bucket: b\nfrom: yesterday": "from", "bucket: b\nto: 2026-13-01": "to", "bucket: b\nfrom: 2026-03-02\nto: 2026-03-02": "not before",
		"bucket: b\nby: name": "by", "bucket: b\nworkers: 0": "workers", "bucket: b\nmax_record: 1": "max_record", "bucket: b\nfoo: 1": "foo", "bucket: b": "checkpoint",
	} {
		n, err := config.Parse("t.yaml", []byte(conf))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := New(n, producers.SourceDeps{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", conf, err)
		}
	}
	s, err := New(config.Node{}, producers.SourceDeps{})
	if err == nil {
		t.Error(s)
	}
	n, err := config.Parse("t.yaml", []byte("bucket: b\ncheckpoint: "+filepath.Join(t.TempDir(), "c")))
	if err != nil {
		t.Fatal(err)
	}
	s, err = New(n, producers.SourceDeps{Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context(), nil); !fault.IsPermanent(err) {
		t.Error("without AWS:", err)
	}
}
