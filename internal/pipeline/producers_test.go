//go:build integration

package pipeline

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/internal/kafka/rawloop"
)

// producersThroughput: a file onto a topic, beside normalising the same file and throwing the events away. Both are processes, from start to end. How fast
// kafka-go's Writer gets the same events onto a topic, with nothing to do before that, tells which of the two a producer waits for.
func producersThroughput(b *testing.B, l *lab) {
	const warming, turns = 2, 5
	for _, of := range []struct {
		format  string
		records int
		record  func(w io.Writer, n int) error
	}{
		{"cloudtrail", 300_000, trailRecord},
		{"vpcflow", 2_000_000, flowLine},
	} {
		file := filepath.Join(b.TempDir(), "records.log")
		writeRecords(b, file, of.records, of.record)
		settle(b)
		var c *kafka.Client
		for i := range warming { // a broker that has just started compiles itself
			c, _ = l.produced(b, fmt.Sprintf("produce-%s-warm-%d", of.format, i), of.format, file, of.records)
		}
		writing := l.written(b, l.client(b, "produce-"+of.format+"-raw", 6), c)
		var alone, produced, ratios []float64 // records a second, and one of the other
		for i := range turns {                // by turns: the machine is not the same from one minute to the next
			alone = append(alone, float64(of.records)/l.timed(b, "normalize", "--format", of.format, file).Seconds())
			_, took := l.produced(b, fmt.Sprintf("produce-%s-%d", of.format, i), of.format, file, of.records)
			produced = append(produced, float64(of.records)/took.Seconds())
			ratios = append(ratios, produced[i]/alone[i])
		}
		rate, normalising, ratio := median(produced), median(alone), median(ratios)
		b.ReportMetric(ratio, of.format+"_of_normalising")
		b.ReportMetric(rate/writing, of.format+"_of_writing")
		l.row(b, "file -> topic, %-10s  %9.0f records/s   normalising alone %9.0f   ratio %.2f (bar 0.60)   writing alone %9.0f   ratio %.2f", of.format,
			rate, normalising, ratio, writing, rate/writing)
	}
}

// produced has a producer publish a file onto topics of its own, and tells how long it took.
func (l *lab) produced(b *testing.B, prefix, format, file string, records int) (*kafka.Client, time.Duration) {
	b.Helper()
	c := l.client(b, prefix, 6)
	cfg, _ := l.settings(b, prefix, 6, fmt.Sprintf("producers: [ { name: bench, format: %s, source: { file: { paths: [ %q ], follow: false } } } ]", format, file))
	took := l.timed(b, "produce", "--config", cfg, "--data", b.TempDir())
	if n := onTopic(b, c, c.Topics().Events); n != int64(records) {
		b.Errorf("%s: %d events on the topic, %d records in the file", format, n, records)
	}
	return c, took
}

// written takes events from a topic and tells how many of them kafka-go's Writer writes to another in a second.
func (l *lab) written(b *testing.B, to, from *kafka.Client) float64 {
	b.Helper()
	const some, rounds = 50_000, 8
	var msgs []kafka.Message
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	err := from.Tail(ctx, from.Topics().Events, false, func(_ context.Context, m kafka.Message) error {
		if len(msgs) < some {
			msgs = append(msgs, m)
		} else {
			cancel()
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	rate, err := rawloop.Write(b.Context(), l.broker, to.Topics().Events, rounds, msgs)
	if err != nil {
		b.Fatal(err)
	}
	return rate
}

// timed runs a command to its end.
func (l *lab) timed(b *testing.B, args ...string) time.Duration {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), l.bin, args...) // without streams: what it prints goes to /dev/null
	began := time.Now()
	if err := cmd.Run(); err != nil {
		b.Fatalf("%v: %v", args, err)
	}
	return time.Since(began)
}

func writeRecords(b *testing.B, path string, n int, record func(w io.Writer, n int) error) {
	b.Helper()
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriter(f)
	for i := range n {
		if err := record(w, i); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
}

// trailRecord is a record of CloudTrail in a line.
func trailRecord(w io.Writer, n int) error {
	_, err := fmt.Fprintf(w, `{"eventVersion":"1.11","userIdentity":{"type":"AssumedRole","principalId":"AROAEXAMPLETEAM%05d:session","arn":"arn:aws:sts::210987654321:assumed-role/team-%d/session","accountId":"210987654321","accessKeyId":"ASIAEXAMPLE%09d","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLETEAM%05d","arn":"arn:aws:iam::210987654321:role/team-%d","accountId":"210987654321","userName":"team-%d"},"attributes":{"creationDate":"2026-03-01T11:50:00Z","mfaAuthenticated":"false"}}},"eventTime":"2026-03-01T12:%02d:%02dZ","eventSource":"s3.amazonaws.com","eventName":"PutBucketLogging","awsRegion":"eu-central-1","sourceIPAddress":"198.51.100.%d","userAgent":"[aws-cli/2.%d.0 Python/3.11.6]","requestParameters":{"bucketName":"bucket-%d","logging":"","Host":"bucket-%d.s3.eu-central-1.amazonaws.com"},"responseElements":null,"additionalEventData":{"SignatureVersion":"SigV4","bytesTransferredIn":%d,"bytesTransferredOut":0},"requestID":"REQ%013d","eventID":"b6e7c8d9-0000-4000-8000-%012x","readOnly":false,"resources":[{"accountId":"210987654321","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::bucket-%d"}],"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"210987654321","eventCategory":"Management","tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"bucket-%d.s3.eu-central-1.amazonaws.com"}}`+"\n",
		n%1000, n%20, n, n%1000, n%20, n%20, n/60%60, n%60, n%250, n%40, n%500, n%500, n%4096, n, n, n%500, n%500)
	return err
}

// flowLine is a line of a VPC flow log of version 2.
func flowLine(w io.Writer, n int) error {
	_, err := fmt.Fprintf(w, "2 210987654321 eni-0a1b2c3d4e5f%05d 198.51.100.%d 10.0.%d.%d %d 443 6 %d %d %d %d %s OK\n",
		n%5000, n%250, n/250%250, n%250, 1024+n%60_000, n%40+1, n%9000+40, 1772366400+n/1000, 1772366460+n/1000, []string{"ACCEPT", "REJECT"}[n%2])
	return err
}
