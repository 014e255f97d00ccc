//go:build integration

package archive

import (
	"bytes"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/servers"
)

// bucket makes a bucket with Object Lock in an AWS API that keeps state.
func bucket(t *testing.T, endpoint, name string) (*cloud.Clients, *s3.Client) {
	t.Helper()
	for k, v := range map[string]string{
		"AWS_ENDPOINT_URL": endpoint, "AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
	} {
		t.Setenv(k, v)
	}
	clients, err := cloud.New(t.Context(), cloud.Config{}, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	client, err := clients.S3(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket: &name, ObjectLockEnabledForBucket: aws.Bool(true),
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraintEuCentral1},
	}); err != nil {
		t.Fatal(err)
	}
	return clients, client
}

// TestOnApacheKafkaAndS3 has archivers come and go on real servers, and changes what they have written.
func TestOnApacheKafkaAndS3(t *testing.T) {
	addr := servers.Kafka(t)
	clients, client := bucket(t, servers.AWS(t), "archive")
	s, err := S3Store(clients, "s3://archive/some/where", "", LockConfig{Mode: "compliance", For: 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	t.Run("come and go", func(t *testing.T) { comeAndGo(t, addr, s, 4, 2000) })
	t.Run("locked", func(t *testing.T) {
		n := 0
		if err := s.List(t.Context(), "", "", func(name string, _ int64) error {
			n++
			head, err := client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("archive"), Key: aws.String("some/where/" + name)})
			if err != nil {
				return err
			}
			if head.ObjectLockMode != types.ObjectLockModeCompliance || time.Until(aws.ToTime(head.ObjectLockRetainUntilDate)) < 23*time.Hour {
				t.Errorf("%s: mode %q until %v", name, head.ObjectLockMode, head.ObjectLockRetainUntilDate)
			}
			return nil
		}); err != nil || n == 0 {
			t.Errorf("%d files: %v", n, err)
		}
	})
	t.Run("written once", func(t *testing.T) {
		text := []byte("text")
		put := func() error { return s.Create(t.Context(), "a/b", bytes.NewReader(text), 4, sumText(text)) }
		if err := put(); err != nil {
			t.Fatal(err)
		}
		if err := put(); !errors.Is(err, fs.ErrExist) {
			t.Errorf("again: %v", err)
		}
		if _, err := s.Open(t.Context(), "a/c"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("what is not there: %v", err)
		}
	})
}

// TestTamperInS3 overwrites, removes and adds objects, as somebody with rights to an unlocked bucket can.
func TestTamperInS3(t *testing.T) {
	clients, client := bucket(t, servers.AWS(t), "unlocked")
	s, err := S3Store(clients, "s3://unlocked", "", LockConfig{})
	if err != nil {
		t.Fatal(err)
	}
	key, keys := newKey(t)
	p := testPart()
	write(t, newArchiver(t, s, key, SegmentConfig{Records: 10}), p, 35)
	r, found := problems(t, s, Verification{Keys: keys})
	if len(found) > 0 || r.Records != 35 {
		t.Fatalf("%+v %q", r, found)
	}
	at := func(start int64, suffix string) *string {
		return aws.String(place{p.topic, p.partition, start}.name(suffix))
	}
	if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("unlocked"), Key: at(0, dataSuffix), Body: strings.NewReader("nothing")}); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{dataSuffix, indexSuffix, manifestSuffix} {
		if _, err := client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String("unlocked"), Key: at(20, suffix)}); err != nil {
			t.Fatal(err)
		}
	}
	_, found = problems(t, s, Verification{Keys: keys, Heads: r.Heads})
	for _, want := range []string{
		place{p.topic, p.partition, 0}.String() + ": offset 0: the data file cannot be read from here on",
		place{p.topic, p.partition, 20}.String() + ": missing, up to offset 29",
	} {
		if !strings.Contains(strings.Join(found, "\n"), want) {
			t.Errorf("not found: %s\nfound: %q", want, found)
		}
	}
}
