//go:build integration

package pipeline

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/riposte-security/riposte/internal/kafka"
)

// event is the nth OCSF event, of 2 kB, as CloudTrail's records become. One in a hundred is what the first of the rules looks for, and these are about fifty
// buckets: what is done to one thing is done one after the other. sent is found again in whatever
// carries the event on.
func event(n int, sent time.Time) []byte {
	v := n % 100
	return fmt.Appendf(nil, `{"activity_id":2,"category_uid":6,"class_uid":6003,"type_uid":600302,"time":%d,"severity_id":1,"status_id":1,`+
		`"metadata":{"version":"1.8.0","log_name":"cloudtrail","profiles":["cloud"],"uid":"bench-%d","product":{"name":"CloudTrail","vendor_name":"AWS"},"event_code":"AwsApiCall"},`+
		`"cloud":{"provider":"AWS","region":"eu-central-1","account":{"uid":"210987654321"}},`+
		`"api":{"operation":"Describe%d","service":{"name":"service-%d.amazonaws.com"},"request":{"uid":"5f0e7a52-0d5a-4b0e-9d7a-%012x","data":{"bucketName":"bucket-%d-logs","count":%d}}},`+
		`"actor":{"user":{"uid":"arn:aws:sts::210987654321:assumed-role/team-%d/session-%d","name":"User-%d","type":"AssumedRole","account":{"uid":"210987654321"}},"session":{"credential_uid":"ASIAEXAMPLE%09d","issuer":"arn:aws:iam::210987654321:role/team-%d","is_mfa":false}},`+
		`"src_endpoint":{"ip":"198.51.100.%d"},"http_request":{"user_agent":"aws-cli/2.%d.0 Python/3.11.6 Linux/6.1 exe/x86_64 command/s3api.%d"},`+
		`"resources":[{"uid":"arn:aws:s3:::bucket-%d-logs","type":"AWS::S3::Bucket","owner":{"account":{"uid":"210987654321"}}}],`+
		`"unmapped":{"sent":%d,"eventVersion":"1.11","sharedEventID":"f3a1c9e0-7f4e-4a53-8b1e-%012x","note":"%s"}}`,
		sent.UnixMilli(), n, v*101, v%10, n, v, v, v%20, v, v, v, v%20, v, v%40, v, n%5000, sent.UnixNano(), n, filler())
}

// filler brings an event to 2 kB.
func filler() string { return strings.Repeat("what else a record of CloudTrail holds; ", 14) }

// sentOf finds when an event was sent in whatever carries it.
func sentOf(carrier []byte) (time.Time, bool) {
	_, after, ok := bytes.Cut(carrier, []byte(`"sent":`))
	if !ok {
		return time.Time{}, false
	}
	end := bytes.IndexFunc(after, func(r rune) bool { return r < '0' || r > '9' })
	ns, err := strconv.ParseInt(string(after[:max(end, 0)]), 10, 64)
	return time.Unix(0, ns), err == nil
}

// message is the nth event on its topic; keys spread them over the partitions.
func message(topic string, n int, sent time.Time) kafka.Message {
	return kafka.Message{Topic: topic, Key: binary.BigEndian.AppendUint64(nil, uint64(n)*0x9e3779b97f4a7c15), Value: event(n, sent)}
}

// fill publishes n events as fast as they go.
func fill(b *testing.B, c *kafka.Client, n int) {
	b.Helper()
	const call = 2000
	w := c.NewWriter()
	defer w.Close()
	for from := 0; from < n; from += call {
		msgs := make([]kafka.Message, min(call, n-from))
		for i := range msgs {
			msgs[i] = message(c.Topics().Events, from+i, time.Now())
		}
		if err := w.Publish(b.Context(), msgs...); err != nil {
			b.Fatal(err)
		}
	}
}

// beforeOffered are the events that fill may have published before: what is offered is not among them, since an effect that comes again is none.
const beforeOffered = 100_000

// offer publishes events at a rate for a time, whether or not those before have been taken (an open loop), and returns how many. Each carries when it was due,
// so that whatever makes it late counts.
func offer(ctx context.Context, b *testing.B, c *kafka.Client, perSecond int, during time.Duration) int {
	b.Helper()
	const every = 5 * time.Millisecond
	w := c.NewWriter()
	defer w.Close()
	var calls sync.WaitGroup
	var failed atomic.Pointer[error]
	began, n := time.Now(), 0
	for at := time.Duration(0); at < during && ctx.Err() == nil; at += every {
		due := began.Add(at)
		if wait := time.Until(due); wait > 0 {
			<-time.After(wait)
		}
		upTo := int(int64(perSecond) * int64(at+every) / int64(time.Second))
		msgs := make([]kafka.Message, 0, upTo-n)
		for ; n < upTo; n++ {
			msgs = append(msgs, message(c.Topics().Events, beforeOffered+n, due))
		}
		calls.Go(func() {
			if err := w.Publish(ctx, msgs...); err != nil && ctx.Err() == nil {
				failed.Store(&err)
			}
		})
	}
	calls.Wait()
	if err := failed.Load(); err != nil {
		b.Fatal(*err)
	}
	return n
}
