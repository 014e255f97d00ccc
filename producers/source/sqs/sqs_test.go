package sqs

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/producers"
)

// fake is a queue and a bucket.
type fake struct {
	mu         sync.Mutex
	messages   []*message
	objects    map[string][]byte // by bucket/key
	body       func(key string) io.Reader
	forbidden  bool
	failDelete bool
	extended   []int32
	asked      []string
}

type message struct {
	id, body string
	hidden   time.Time
	receipts int
	deleted  bool
}

func (f *fake) ReceiveMessage(ctx context.Context, in *sqs.ReceiveMessageInput, _ ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error) {
	for {
		if out := f.visible(in); len(out.Messages) > 0 {
			return out, nil
		}
		timer := time.NewTimer(10 * time.Millisecond)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		case <-timer.C:
		}
	}
}

func (f *fake) visible(in *sqs.ReceiveMessageInput) *sqs.ReceiveMessageOutput {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := &sqs.ReceiveMessageOutput{}
	for _, m := range f.messages {
		if !m.deleted && time.Now().After(m.hidden) && len(out.Messages) < int(in.MaxNumberOfMessages) {
			m.receipts++
			m.hidden = time.Now().Add(time.Duration(in.VisibilityTimeout) * time.Second)
			out.Messages = append(out.Messages, types.Message{
				MessageId: aws.String(m.id), ReceiptHandle: aws.String(m.id), Body: aws.String(m.body),
				Attributes: map[string]string{"ApproximateReceiveCount": fmt.Sprint(m.receipts), "SentTimestamp": "1700000000000"},
			})
		}
	}
	return out
}

func (f *fake) DeleteMessageBatch(_ context.Context, in *sqs.DeleteMessageBatchInput, _ ...func(*sqs.Options)) (*sqs.DeleteMessageBatchOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failDelete {
		return nil, errors.New("connection reset")
	}
	for _, e := range in.Entries {
		for _, m := range f.messages {
			m.deleted = m.deleted || m.id == *e.ReceiptHandle
		}
	}
	return &sqs.DeleteMessageBatchOutput{}, nil
}

func (f *fake) ChangeMessageVisibilityBatch(_ context.Context, in *sqs.ChangeMessageVisibilityBatchInput, _ ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityBatchOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range in.Entries {
		f.extended = append(f.extended, e.VisibilityTimeout)
		for _, m := range f.messages {
			if m.id == *e.ReceiptHandle {
				m.hidden = time.Now().Add(time.Duration(e.VisibilityTimeout) * time.Second)
			}
		}
	}
	return &sqs.ChangeMessageVisibilityBatchOutput{}, nil
}

func (f *fake) GetObject(_ context.Context, in *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, *in.Bucket+"/"+*in.Key)
	if f.forbidden {
		return nil, &smithy.GenericAPIError{Code: "AccessDenied", Message: "no"}
	}
	data, ok := f.objects[*in.Bucket+"/"+*in.Key]
	if !ok {
		return nil, &s3types.NoSuchKey{}
	}
	r := io.Reader(bytes.NewReader(data))
	if f.body != nil {
		r = f.body(*in.Key)
	}
	return &s3.GetObjectOutput{Body: io.NopCloser(r), ETag: aws.String(`"etag"`), LastModified: aws.Time(time.Unix(1700000000, 0))}, nil
}

func (f *fake) left() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, m := range f.messages {
		if !m.deleted {
			n++
		}
	}
	return n
}

func (f *fake) receipts(i int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.messages[i].receipts
}

func (f *fake) add(bodies ...string) *fake {
	for _, b := range bodies {
		f.messages = append(f.messages, &message{id: fmt.Sprintf("m%d", len(f.messages)), body: b})
	}
	return f
}

func (f *fake) source(t *testing.T, conf string) producers.Source {
	t.Helper()
	n, err := config.Parse("t.yaml", []byte("queue_url: https://sqs.eu-central-1.amazonaws.com/111122223333/trail\nworkers: 1\n"+conf))
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewWith(n, producers.SourceDeps{Name: "p", Log: zerolog.Nop()}, Clients{
		Queue: func(_ context.Context, region string) (Queue, error) {
			if region != "eu-central-1" {
				t.Errorf("queue in region %q", region)
			}
			return f, nil
		},
		Objects: func(context.Context, string) (Objects, error) { return f, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// run reads until nothing is left in the queue, in a bubble of its own time, and returns the records and the number of calls.
func (f *fake) run(t *testing.T, s producers.Source, until func() bool) (records []producers.Record, calls int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	var mu sync.Mutex
	go func() {
		done <- s.Run(ctx, func(_ context.Context, batch []producers.Record) error {
			mu.Lock()
			defer mu.Unlock()
			records = append(records, batch...)
			calls++
			return nil
		})
	}()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for range 200_000 { // more than five hours in the bubble
		if until() {
			break
		}
		<-tick.C
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run: %v", err)
	}
	return records, calls
}

func zip(s string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, s)
	_ = w.Close()
	return b.Bytes()
}

func s3Event(key string) string {
	return `{"Records":[{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","awsRegion":"eu-west-1","s3":{"bucket":{"name":"logs"},"object":{"key":"` + key + `"}}}]}`
}

func TestObject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := "AWSLogs/111122223333/CloudTrail/eu-north-1/2026/01/02/a b.json.gz"
		f := (&fake{objects: map[string][]byte{"logs/" + key: zip(`{"Records":[{"eventID":"1"},{"eventID":"2"}]}`)}}).
			add(s3Event("AWSLogs/111122223333/CloudTrail/eu-north-1/2026/01/02/a+b.json.gz"), `{"Service":"Amazon S3","Event":"s3:TestEvent"}`,
				s3Event("AWSLogs/111122223333/CloudTrail-Digest/eu-north-1/d.json.gz"))
		records, calls := f.run(t, f.source(t, ""), func() bool { return f.left() == 0 })
		if len(records) != 2 || calls != 1 || len(f.asked) != 1 {
			t.Fatal(records, calls, f.asked)
		}
		want := producers.Record{
			Data: []byte(`{"eventID":"2"}`), Origin: "s3:logs:" + key + ":etag", Position: "28", Received: time.Unix(1700000000, 0).UTC(),
			Attrs: map[string]string{"account": "111122223333", "region": "eu-north-1", "file": "s3://logs/" + key},
		}
		if d := cmp.Diff(want, records[1]); d != "" {
			t.Error(d)
		}
	})
}

func TestRawMessagesShareACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		for i := range 10 {
			f.add(fmt.Sprintf(`{"n":%d}`, i))
		}
		f.messages[3].body = `{"id":"e1","detail-type":"t","source":"my.app","account":"111122223333","region":"eu-west-1","time":"2026-01-02T03:04:05Z","detail":{"a":1}}`
		f.messages[4].body = "{\"n\":1}\n{\"n\":"
		records, calls := f.run(t, f.source(t, ""), func() bool { return f.left() == 0 })
		if len(records) != 11 || calls != 1 {
			t.Fatal(len(records), calls)
		}
		if r := records[3]; string(r.Data) != `{"a":1}` || r.Attrs["id"] != "e1" || r.Attrs["source"] != "my.app" || r.Position != "m3/0" ||
			r.Origin != "sqs:https://sqs.eu-central-1.amazonaws.com/111122223333/trail" || !r.Received.Equal(time.UnixMilli(1700000000000)) {
			t.Error(r)
		}
		if records[5].Attrs[producers.AttrProblem] == "" {
			t.Error(records[5])
		}
	})
}

// If the process dies, or the deletion fails, after Kafka has the records, they come again with the same identity.
func TestCrashBeforeDelete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := (&fake{objects: map[string][]byte{"logs/k": []byte("{\"n\":1}\n{\"n\":2}\n")}, failDelete: true}).add(s3Event("k"), `{"n":3}`)
		first, _ := f.run(t, f.source(t, ""), func() bool { return f.receipts(1) > 0 })
		if f.left() != 2 {
			t.Fatal("deleted")
		}
		f.failDelete = false
		second, _ := f.run(t, f.source(t, ""), func() bool { return f.left() == 0 })
		ids := func(records []producers.Record) (all []string) {
			for _, r := range records {
				all = append(all, r.Origin+"|"+r.Position+"|"+string(r.Data))
			}
			slices.Sort(all)
			return all
		}
		if d := cmp.Diff(ids(first), ids(second)); d != "" || len(first) != 3 {
			t.Error(len(first), d)
		}
	})
}

func TestKafkaFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := (&fake{}).add(`{"n":1}`)
		away := errors.New("away")
		if err := f.source(t, "").Run(t.Context(), func(context.Context, []producers.Record) error { return away }); !errors.Is(err, away) || f.left() != 1 {
			t.Error(err, f.left())
		}
	})
}

func TestMissingObject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := (&fake{}).add(s3Event("gone"), `{"n":1}`)
		records, _ := f.run(t, f.source(t, ""), func() bool { return f.left() == 0 })
		if len(records) != 2 || !strings.Contains(records[0].Attrs[producers.AttrProblem], "no such object") || string(records[0].Data) != s3Event("gone") {
			t.Error(records)
		}
	})
}

func TestForbiddenObject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := (&fake{forbidden: true}).add(s3Event("k"), `{"n":1}`)
		records, _ := f.run(t, f.source(t, "max_receives: 4"), func() bool { return f.left() == 0 })
		if len(records) != 2 || string(records[0].Data) != `{"n":1}` || !strings.Contains(records[1].Attrs[producers.AttrProblem], "after 4 receipts") {
			t.Error(records)
		}
		if d := cmp.Diff([]int32{5, 10, 20}, f.extended); d != "" {
			t.Error("delays:", d)
		}
	})
}

// slow gives a line of its object now and then.
type slow struct{ n int }

func (s *slow) Read(p []byte) (int, error) {
	if s.n == 0 {
		return 0, io.EOF
	}
	s.n--
	timer := time.NewTimer(30 * time.Second)
	<-timer.C
	return copy(p, "{\"n\":1}\n"), nil
}

func TestLongObjectStaysHidden(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := (&fake{objects: map[string][]byte{"logs/k": nil}, body: func(string) io.Reader { return bufio.NewReader(&slow{n: 20}) }}).add(s3Event("k"))
		records, _ := f.run(t, f.source(t, "visibility: 1m"), func() bool { return f.left() == 0 })
		if len(records) != 20 || f.messages[0].receipts != 1 || len(f.extended) < 20 {
			t.Errorf("%d records, %d receipts, extended %d times", len(records), f.messages[0].receipts, len(f.extended))
		}
	})
}

// An object that breaks off is read again; nothing of what its reader could not read becomes a dead letter.
func TestBrokenConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		f := (&fake{objects: map[string][]byte{"logs/k": nil}, body: func(string) io.Reader {
			if tries++; tries == 1 {
				return io.MultiReader(strings.NewReader("{\"n\":1}\n{\"n\":"), brokenReader{})
			}
			return strings.NewReader("{\"n\":1}\n{\"n\":2}\n")
		}}).add(s3Event("k"))
		records, _ := f.run(t, f.source(t, ""), func() bool { return f.left() == 0 })
		if len(records) != 3 || records[0].Position != records[1].Position {
			t.Error(records)
		}
	})
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestNamed(t *testing.T) {
	quote := func(s string) string {
		return `{"Type":"Notification","TopicArn":"a","Message":` + fmt.Sprintf("%q", s) + `}`
	}
	for body, want := range map[string]string{
		s3Event("a%2Bb+c"):         "[s3://logs/a+b c] true",
		quote(s3Event("k")):        "[s3://logs/k] true",
		quote("hello"):             "[] false",
		"hello":                    "[] false",
		`[1]`:                      "[] false",
		`{"Event":"s3:TestEvent"}`: "[] true",
		`{"source":"aws.s3","detail-type":"Object Created","detail":{"bucket":{"name":"b"},"object":{"key":"a+b%20c"}}}`: "[s3://b/a+b%20c] true",
		`{"s3Bucket":"b","s3ObjectKey":["k1","k2"]}`:                                                "[s3://b/k1 s3://b/k2] true",
		`{"s3Bucket":"b","s3ObjectKey":"k1","messageType":"ConfigurationHistoryDeliveryCompleted"}`: "[s3://b/k1] true",
		strings.Replace(s3Event("k"), "ObjectCreated:Put", "ObjectRemoved:Delete", 1):               "[] true",
		`{"Records":[{"eventSource":"s3.amazonaws.com","eventID":"1"}]}`:                            "[] false",
	} {
		objects, is := named(body)
		if got := fmt.Sprint(objects, is); got != want {
			t.Errorf("%s: %s", body, got)
		}
	}
}

func TestSettings(t *testing.T) {
	for conf, want := range map[string]string{
		"{}": "queue_url", "queue_url: q": "queue_url", "queue_url: https://h/q\nworkers: 0": "workers", "queue_url: https://h/q\nvisibility: 1s": "visibility",
		"queue_url: https://h/q\nmax_receives: 0": "max_receives", "queue_url: https://h/q\nqueue: x": "queue",
	} {
		n, err := config.Parse("t.yaml", []byte(conf))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := New(n, producers.SourceDeps{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", conf, err)
		}
	}
}
