package kinesis

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/riposte-security/riposte/internal/cloud/cloudtest"
	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/producers"
)

const arn = "arn:aws:kinesis:eu-west-1:111122223333:stream/logs"

// fake is a stream; the position of an iterator is shard/index.
type fake struct {
	mu      sync.Mutex
	shards  []types.Shard
	records map[string][]types.Record
	closed  map[string]bool
	fail    []error // of the next GetRecords
	created time.Time
	reads   int
}

func (f *fake) DescribeStreamSummary(context.Context, *kinesis.DescribeStreamSummaryInput, ...func(*kinesis.Options)) (*kinesis.DescribeStreamSummaryOutput, error) {
	return &kinesis.DescribeStreamSummaryOutput{StreamDescriptionSummary: &types.StreamDescriptionSummary{
		StreamARN: aws.String(arn), StreamCreationTimestamp: aws.Time(f.created),
	}}, nil
}

func (f *fake) ListShards(_ context.Context, in *kinesis.ListShardsInput, _ ...func(*kinesis.Options)) (*kinesis.ListShardsOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if in.NextToken == nil && len(f.shards) > 1 {
		return &kinesis.ListShardsOutput{Shards: f.shards[:1], NextToken: aws.String("1")}, nil
	}
	return &kinesis.ListShardsOutput{Shards: f.shards[min(len(f.shards)-1, 1):]}, nil
}

func (f *fake) GetShardIterator(_ context.Context, in *kinesis.GetShardIteratorInput, _ ...func(*kinesis.Options)) (*kinesis.GetShardIteratorOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	at := 0
	for at < len(f.records[*in.ShardId]) {
		r := f.records[*in.ShardId][at]
		if in.StartingSequenceNumber != nil && *r.SequenceNumber > *in.StartingSequenceNumber ||
			in.Timestamp != nil && !r.ApproximateArrivalTimestamp.Before(*in.Timestamp) || in.ShardIteratorType == types.ShardIteratorTypeTrimHorizon {
			break
		}
		at++
	}
	return &kinesis.GetShardIteratorOutput{ShardIterator: aws.String(*in.ShardId + "/" + strconv.Itoa(at))}, nil
}

func (f *fake) GetRecords(_ context.Context, in *kinesis.GetRecordsInput, _ ...func(*kinesis.Options)) (*kinesis.GetRecordsOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reads++
	if len(f.fail) > 0 {
		err := f.fail[0]
		f.fail = f.fail[1:]
		return nil, err
	}
	id, text, _ := strings.Cut(*in.ShardIterator, "/")
	at, err := strconv.Atoi(text)
	if err != nil {
		return nil, err
	}
	to := min(at+2, len(f.records[id]))
	out := &kinesis.GetRecordsOutput{Records: f.records[id][at:to], MillisBehindLatest: aws.Int64(0)}
	if to < len(f.records[id]) || !f.closed[id] {
		out.NextShardIterator = aws.String(id + "/" + strconv.Itoa(to))
	}
	return out, nil
}

func (f *fake) put(id string, data ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, d := range data {
		f.records[id] = append(f.records[id], types.Record{
			Data: []byte(d), SequenceNumber: aws.String(fmt.Sprintf("%s-%04d", id, len(f.records[id]))), ApproximateArrivalTimestamp: aws.Time(time.Now()),
		})
	}
}

func newFake() *fake {
	return &fake{shards: []types.Shard{{ShardId: aws.String("s0")}}, records: map[string][]types.Record{}, closed: map[string]bool{}}
}

func build(t *testing.T, f *fake, dir, conf string) *source {
	t.Helper()
	n, err := config.Parse("t.yaml", []byte("stream: "+arn+"\n"+conf))
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

// during runs the source while fn looks on, in a bubble where time costs nothing.
func during(t *testing.T, s *source, k *taken, fn func()) error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, k.emit) }()
	fn()
	cancel()
	return <-done
}

func after(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestReadsAndResumes(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f, k := newFake(), &taken{}
		f.put("s0", `{"n":0}`, `{"n":1}`, `{"n":2}`, `{"n":3}`)
		f.fail = []error{cloudtest.Error("Kinesis", "GetRecords", "ProvisionedThroughputExceededException", 400), cloudtest.Error("Kinesis", "GetRecords", "ExpiredIteratorException", 400)}
		if err := during(t, build(t, f, dir, ""), k, func() { after(5 * time.Second) }); err != nil {
			t.Fatal(err)
		}
		f.put("s0", `{"n":4}`)
		k.fail = errors.New("kafka is away")
		if err := build(t, f, dir, "").Run(t.Context(), k.emit); err == nil {
			t.Error("no error")
		}
		k.fail = nil
		if err := during(t, build(t, f, dir, ""), k, func() { after(5 * time.Second) }); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{`{"n":0}`, `{"n":1}`, `{"n":2}`, `{"n":3}`, `{"n":4}`}, k.data()); diff != "" {
			t.Error(diff)
		}
		r := k.recs[4]
		if r.Origin != "kinesis:"+arn+":s0" || r.Position != "s0-0004/0" || r.Attrs[producers.AttrAccount] != "111122223333" || r.Attrs[producers.AttrRegion] != "eu-west-1" {
			t.Errorf("%+v", r)
		}
		// A stream of the same name, made anew, is another one.
		f.created = time.Now()
		f.records = map[string][]types.Record{}
		f.put("s0", `{"n":5}`)
		if err := during(t, build(t, f, dir, ""), k, func() { after(time.Second) }); err != nil || len(k.recs) != 6 {
			t.Error(err, k.data())
		}
	})
}

// TestResharding splits a shard: its children are read when it is at its end, and not before; a restart knows.
func TestResharding(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f, k := newFake(), &taken{}
		f.shards = append(f.shards, types.Shard{ShardId: aws.String("s1"), ParentShardId: aws.String("s0")},
			types.Shard{ShardId: aws.String("s2"), ParentShardId: aws.String("s0")},
			types.Shard{ShardId: aws.String("s3"), ParentShardId: aws.String("s1"), AdjacentParentShardId: aws.String("s2")})
		f.put("s1", `"1"`)
		f.put("s2", `"2"`)
		f.put("s3", `"3"`)
		f.closed["s1"], f.closed["s2"] = true, true
		for i := range 10 {
			f.put("s0", strconv.Quote("0"+strconv.Itoa(i)))
		}
		err := during(t, build(t, f, dir, ""), k, func() {
			after(10 * time.Second)
			if n := len(k.data()); n != 10 {
				t.Errorf("%d records, the parent is still open: %s", n, k.data())
			}
			f.mu.Lock()
			f.closed["s0"] = true
			f.mu.Unlock()
			after(2 * time.Second)
		})
		if err != nil {
			t.Fatal(err)
		}
		got := k.data()
		slices.Sort(got[10:12])
		if diff := cmp.Diff([]string{`"1"`, `"2"`, `"3"`}, got[10:]); diff != "" {
			t.Error(diff)
		}
		f.put("s3", `"4"`)
		if err := during(t, build(t, f, dir, ""), k, func() { after(2 * time.Second) }); err != nil || len(k.data()) != 14 {
			t.Error(err, k.data())
		}
	})
}

// TestForgottenShard has a shard vanish from the stream while it is read: Kafka was away for longer than the stream keeps what ended.
func TestForgottenShard(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f, k := newFake(), &taken{}
		f.shards = append(f.shards, types.Shard{ShardId: aws.String("s1"), ParentShardId: aws.String("s0")})
		f.put("s0", `"0"`)
		f.put("s1", `"1"`)
		err := during(t, build(t, f, dir, ""), k, func() {
			after(time.Second)
			f.mu.Lock()
			f.shards = f.shards[1:]
			f.mu.Unlock()
			after(2 * lookEvery)
			f.mu.Lock()
			f.closed["s0"] = true
			f.mu.Unlock()
			f.put("s0", `"2"`)
			after(2 * time.Second)
		})
		if diff := cmp.Diff([]string{`"0"`, `"1"`, `"2"`}, k.data()); diff != "" || err != nil {
			t.Error(diff, err)
		}
	})
}

func TestFromNow(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f, k := newFake(), &taken{}
		f.put("s0", `{"n":1}`)
		after(time.Minute)
		if err := during(t, build(t, f, dir, "from: now"), k, func() { after(time.Second) }); err != nil {
			t.Fatal(err)
		}
		f.put("s0", `{"n":2}`) // while nobody looks
		after(time.Minute)
		if err := during(t, build(t, f, dir, "from: now"), k, func() { after(time.Second) }); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{`{"n":2}`}, k.data()); diff != "" {
			t.Error(diff)
		}
	})
}

func aggregated(data ...string) string {
	var m []byte
	m = protowire.AppendTag(m, 1, protowire.BytesType)
	m = protowire.AppendString(m, "key")
	for _, d := range data {
		var r []byte
		r = protowire.AppendTag(r, 1, protowire.VarintType)
		r = protowire.AppendVarint(r, 0)
		r = protowire.AppendTag(r, 3, protowire.BytesType)
		r = protowire.AppendString(r, d)
		m = protowire.AppendTag(m, 3, protowire.BytesType)
		m = protowire.AppendBytes(m, r)
	}
	sum := md5.Sum(m)
	return aggregateMagic + string(m) + string(sum[:])
}

func TestOpens(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write([]byte(`{"messageType":"DATA_MESSAGE","owner":"444455556666","logGroup":"g","logStream":"s","logEvents":[{"id":"e1","timestamp":1772000000000,"message":"hello"}]}`)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	broken := aggregateMagic + "\x1a\x7fx"
	sum := md5.Sum([]byte(broken[4:]))
	broken += string(sum[:])
	r := &run{source: build(t, newFake(), t.TempDir(), ""), arn: arn}
	for _, c := range []struct{ name, data, want string }{
		{"lines", "{\"n\":1}\n{\"n\":2}\n", `7/0 {"n":1}|7/8 {"n":2}`},
		{"subscription", zipped.String(), "7/97 hello"},
		{"aggregate", aggregated(`{"n":1}`, "{\"n\":2}\n{\"n\":3}"), `7/0/0 {"n":1}|7/1/0 {"n":2}|7/1/8 {"n":3}`},
		{"aggregate with another sum", aggregated("a")[:30] + "0123456789", ""},
		{"broken aggregate", broken, "7 !"},
	} {
		var got []string
		var account string
		err := r.record(t.Context(), "s0", types.Record{SequenceNumber: aws.String("7"), Data: []byte(c.data)}, func(_ context.Context, rec producers.Record) error {
			text := string(rec.Data)
			if rec.Attrs[producers.AttrProblem] != "" {
				text = "!"
			}
			got, account = append(got, rec.Position+" "+text), rec.Attrs[producers.AttrAccount]
			return nil
		})
		if err != nil || c.want != "" && strings.Join(got, "|") != c.want || len(got) == 0 {
			t.Errorf("%s: %q %v", c.name, got, err)
		}
		if c.name == "subscription" && account != "444455556666" {
			t.Error(account)
		}
	}
}

func FuzzDeaggregate(f *testing.F) {
	f.Add([]byte(aggregated("a", "b")))
	f.Add([]byte(aggregateMagic))
	f.Fuzz(func(t *testing.T, data []byte) {
		parts, aggregate, err := deaggregate(data)
		if err == nil && !aggregate && (len(parts) != 1 || !bytes.Equal(parts[0], data)) {
			t.Error("what is no aggregate was changed")
		}
		sum := md5.Sum(data)
		_, _, _ = deaggregate(slices.Concat([]byte(aggregateMagic), data, sum[:])) // must come back
	})
}

func TestSettings(t *testing.T) {
	for conf, want := range map[string]string{
		"{}": "stream", "stream: arn:aws:s3:::x": "stream", "stream: s\nfrom: then": "from", "stream: s\npoll: 1ms": "poll", "stream: s\nmax_record: 1": "max_record",
		"stream: s\nx: 1": "x", "stream: s": "checkpoint",
	} {
		n, err := config.Parse("t.yaml", []byte(conf))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := New(n, producers.SourceDeps{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", conf, err)
		}
	}
	n, err := config.Parse("t.yaml", []byte("stream: s"))
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
