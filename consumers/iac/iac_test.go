package iac

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/riposte-security/riposte/internal/cloud/cloudtest"
	"github.com/riposte-security/riposte/schemas"
)

const state = `{
  "version": 4, "terraform_version": "1.9.0", "serial": 7, "lineage": "x", "outputs": {"a": {"value": [1, {"b": 2}], "type": "any"}},
  "resources": [
    {"mode": "data", "type": "aws_s3_bucket", "name": "found", "instances": [{"attributes": {"id": "logs", "arn": "arn:aws:s3:::logs"}}]},
    {"mode": "managed", "type": "aws_s3_bucket_policy", "name": "logs", "instances": [{"attributes": {"id": "logs"}}]},
    {"mode": "managed", "type": "aws_s3_bucket", "name": "logs", "instances": [{"attributes": {"id": "logs", "arn": "arn:aws:s3:::logs", "tags": {"x": 1}}}]},
    {"module": "module.net[\"a\"]", "mode": "managed", "type": "aws_instance", "name": "web", "instances": [
      {"index_key": 0, "attributes": {"id": "i-0", "arn": "arn:aws:ec2:eu-west-1:111122223333:instance/i-0"}},
      {"index_key": "b\"c", "attributes": {"id": "i-1", "arn": null}}]},
    {"mode": "managed", "type": "aws_iam_user_policy", "name": "p", "instances": [{"attributes": {"id": "bob:everything"}}]},
    {"mode": "managed", "type": "odd", "name": "odd", "instances": [{"attributes": {"id": 7}}, {}]}
  ],
  "check_results": null
}`

func bucket(id string) schemas.Target {
	return schemas.Target{Type: "s3-bucket", Account: "111122223333", ID: id}
}

func search(t *testing.T, s Searcher, target schemas.Target) []string {
	t.Helper()
	places, err := s.Search(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, p := range places {
		all = append(all, p.Address)
	}
	return all
}

func local(t *testing.T, content string) (*states, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "prod.tfstate")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return newStates(Config{Terraform: []string{path}}, nil), path
}

func TestTerraform(t *testing.T) {
	t.Parallel()
	s, path := local(t, state)
	for _, tt := range []struct {
		target schemas.Target
		want   string
	}{
		{bucket("logs"), "[aws_s3_bucket.logs aws_s3_bucket_policy.logs]"},
		{bucket("others"), "[]"},
		{schemas.Target{Type: "ec2-instance", Account: "111122223333", Region: "eu-west-1", ID: "i-0"}, `[module.net["a"].aws_instance.web[0]]`},
		{schemas.Target{Type: "ec2-instance", Account: "111122223333", Region: "eu-west-1", ID: "i-1"}, `[module.net["a"].aws_instance.web["b\"c"]]`},
		{schemas.Target{Type: "iam-policy", Account: "111122223333", ID: "user/bob/policy/everything"}, "[aws_iam_user_policy.p]"},
	} {
		if got := fmt.Sprint(search(t, s, tt.target)); got != tt.want {
			t.Errorf("%s is in %s; %s expected", tt.target.Key(), got, tt.want)
		}
	}
	// It is read anew when it has changed.
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(state, `"logs"`, `"moved"`)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, time.Now(), time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if got := search(t, s, bucket("moved")); len(got) != 2 {
		t.Errorf("after a change: %v", got)
	}
}

func TestStatesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ content, want string }{
		"newer":         {`{"version": 5, "resources": []}`, "version 5; version 4"},
		"older":         {`{"version": 3, "modules": []}`, "version 3; version 4"},
		"no state":      {`{"resources": []}`, "no version"},
		"a list":        {`[]`, "an object expected"},
		"cut off":       {state[:len(state)/2], "at byte"},
		"resources":     {`{"version": 4, "resources": {}}`, "a list expected"},
		"a wrong type":  {`{"version": 4, "resources": [{"type": 7}]}`, "resources, at byte"},
		"empty":         {``, "EOF"},
		"not text":      {"\x00\x01", "invalid character"},
		"deeply nested": {`{"version": 4, "outputs": ` + strings.Repeat("[", 20000), "exceeded max depth"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, path := local(t, tt.content)
			places, err := s.Search(t.Context(), bucket("logs"))
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), path) || places != nil {
				t.Errorf("%v, error %v; one with %q and the file expected", places, err, tt.want)
			}
		})
	}
	if _, err := newStates(Config{Terraform: []string{"/nowhere/*.tfstate"}}, nil).Search(t.Context(), bucket("logs")); err == nil {
		t.Error("no file, and no error")
	}
}

// TestLargeState: 50 MB of state are read as they stream by, and little of them is kept.
func TestLargeState(t *testing.T) {
	t.Parallel()
	resources := 50_000
	if testing.Short() {
		resources = 5_000
	}
	r, w := io.Pipe()
	go func() {
		fmt.Fprint(w, `{"version": 4, "resources": [`)
		filler := strings.Repeat("x", 900)
		for i := range resources {
			if i > 0 {
				fmt.Fprint(w, ",")
			}
			fmt.Fprintf(w, `{"mode":"managed","type":"aws_s3_bucket","name":"b%d","instances":[{"attributes":{"id":"bucket-%d","policy":%q}}]}`, i, i, filler)
		}
		fmt.Fprint(w, `]}`)
		w.Close() //nolint:errcheck // of a pipe
	}()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	found, err := readState(r, "large")
	if err != nil || len(found) != resources {
		t.Fatalf("%d resources, %v", len(found), err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if kept := int64(after.HeapAlloc) - int64(before.HeapAlloc); kept > 40<<20 {
		t.Errorf("%d MiB are kept of it", kept>>20)
	}
	runtime.KeepAlive(found)
}

// A store is S3 with one object, which says when it has not changed.
type store struct {
	body, etag string
	reads      int
}

func (s *store) GetObject(_ context.Context, in *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	if *in.Bucket != "states" || *in.Key != "env/prod.tfstate" {
		return nil, cloudtest.Error("S3", "GetObject", "NoSuchKey", 404)
	}
	if aws.ToString(in.IfNoneMatch) == s.etag {
		return nil, cloudtest.Error("S3", "GetObject", "NotModified", 304)
	}
	s.reads++
	return &s3.GetObjectOutput{Body: io.NopCloser(bytes.NewReader([]byte(s.body))), ETag: &s.etag}, nil
}

func TestStateInS3(t *testing.T) {
	t.Parallel()
	object := &store{body: state, etag: `"1"`}
	s := newStates(Config{Terraform: []string{"s3://states/env/prod.tfstate"}}, func(context.Context) (bucketAPI, error) { return object, nil })
	for range 3 {
		if got := search(t, s, bucket("logs")); len(got) != 2 {
			t.Errorf("%v", got)
		}
	}
	if object.reads != 1 {
		t.Errorf("read %d times, though it did not change", object.reads)
	}
	object.body, object.etag = strings.ReplaceAll(state, `"logs"`, `"moved"`), `"2"`
	if got := search(t, s, bucket("moved")); len(got) != 2 {
		t.Errorf("after a change: %v", got)
	}
	gone := newStates(Config{Terraform: []string{"s3://states/other"}}, func(context.Context) (bucketAPI, error) { return object, nil })
	if _, err := gone.Search(t.Context(), bucket("logs")); err == nil || !strings.Contains(err.Error(), "s3://states/other") {
		t.Errorf("error %v", err)
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	c := Defaults()
	c.Terraform = []string{"states/*.tfstate", "s3://bucket/key"}
	if err := c.Validate(); err != nil || !c.Searches() {
		t.Error(err)
	}
	for _, bad := range []string{"", "s3://bucket", "s3:///key", "https://example.com/state"} {
		c.Terraform = []string{bad}
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "terraform[0]") {
			t.Errorf("%q: error %v", bad, err)
		}
	}
	if Defaults().Searches() {
		t.Error("whoever says nothing has code searched")
	}
}
