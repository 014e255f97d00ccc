//go:build integration

package s3

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/cloud/cloudtest"
	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/servers"
	"github.com/riposte-security/riposte/producers"
)

// TestAgainstAnAPI reads a prefix of more than one page, one day of it, and nothing when asked again.
func TestAgainstAnAPI(t *testing.T) {
	t.Setenv("AWS_ENDPOINT_URL", servers.AWS(t))
	t.Setenv("AWS_REGION", "us-east-1")
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	clients, err := cloud.New(ctx, cloud.Config{}, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	calls := &cloudtest.Recorder{}
	watched, err := cloud.New(ctx, cloud.Config{}, zerolog.Nop(), calls.Register) // the source's alone
	if err != nil {
		t.Fatal(err)
	}
	buckets, err := clients.S3(ctx, "", "")
	if err != nil {
		t.Fatal(err)
	}
	bucket := fmt.Sprintf("backfill-%d", time.Now().UnixNano())
	if _, err := buckets.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
		t.Fatal(err)
	}
	for day := 1; day <= 3; day++ {
		for n := range 350 {
			_, err := buckets.PutObject(ctx, &s3.PutObjectInput{
				Bucket: &bucket, Key: aws.String(fmt.Sprintf("AWSLogs/111122223333/CloudTrail/eu-west-1/2026/03/%02d/a b+c=%d.json", day, n)),
				Body: strings.NewReader(fmt.Sprintf(`{"Records":[{"day":%d,"n":%d}]}`, day, n)),
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	read := func(conf string) map[string]bool {
		t.Helper()
		n, err := config.Parse("t.yaml", []byte("bucket: "+bucket+"\n"+conf))
		if err != nil {
			t.Fatal(err)
		}
		s, err := New(n, producers.SourceDeps{Name: "p", DataDir: t.TempDir(), Log: zerolog.Nop(), AWS: watched})
		if err != nil {
			t.Fatal(err)
		}
		var got taken
		for range 2 { // the second time there is nothing left
			if err := s.Run(ctx, got.emit); err != nil {
				t.Fatal(err)
			}
		}
		found := map[string]bool{}
		for _, r := range got.recs {
			found[string(r.Data)] = true
			if r.Attrs[producers.AttrAccount] != "111122223333" || r.Attrs[producers.AttrRegion] != "eu-west-1" {
				t.Fatal(r.Attrs)
			}
		}
		if len(found) != len(got.recs) {
			t.Errorf("%d records, %d of them different", len(got.recs), len(found))
		}
		return found
	}
	if got := read("prefix: AWSLogs/"); len(got) != 1050 {
		t.Errorf("%d records, 1050 expected", len(got))
	}
	got := read("by: key\nfrom: 2026-03-02\nto: 2026-03-03")
	if len(got) != 350 || !got[`{"day":2,"n":7}`] {
		t.Errorf("%d records, 350 expected", len(got))
	}
	if got := read("to: 2020-01-01"); len(got) != 0 {
		t.Errorf("%d records from before the bucket was made", len(got))
	}
	if beyond, made := calls.Beyond(Policy(), cloud.Permissions); len(beyond) > 0 || made == 0 {
		t.Errorf("%d calls; the policy does not allow %v", made, beyond)
	}
}
