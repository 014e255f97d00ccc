package cloud

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/rs/zerolog"
)

// TestWatch: one line when nobody answers, none while that lasts, one when an answer comes, even if it is an error.
func TestWatch(t *testing.T) {
	var away atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if away.Load() {
			if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
				_ = conn.Close()
			}
			return
		}
		w.WriteHeader(http.StatusNotFound)
	}))
	defer server.Close()
	t.Setenv("AWS_ENDPOINT_URL", server.URL)
	t.Setenv("AWS_REGION", "eu-west-1")
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	var log bytes.Buffer
	c, err := New(t.Context(), Config{}, zerolog.New(&log).Level(zerolog.InfoLevel))
	if err != nil {
		t.Fatal(err)
	}
	client, err := c.S3(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	call := func(is bool) {
		away.Store(is)
		if _, err := client.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: aws.String("b")}); err == nil {
			t.Error("an error expected")
		}
	}
	for _, is := range []bool{false, true, true, false, false, true} {
		call(is)
	}
	text := log.String()
	if n := strings.Count(text, "AWS S3 in eu-west-1 is away; retrying"); n != 2 {
		t.Errorf("said %d times that it is away: %s", n, text)
	}
	if n := strings.Count(text, "AWS S3 in eu-west-1 is back"); n != 1 {
		t.Errorf("said %d times that it is back: %s", n, text)
	}
}
