//go:build integration

package kinesis

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/cloud/cloudtest"
	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/servers"
	"github.com/riposte-security/riposte/producers"
)

// TestAgainstAnAPI reads a stream of two shards, through a split and a restart.
func TestAgainstAnAPI(t *testing.T) {
	t.Setenv("AWS_ENDPOINT_URL", servers.AWS(t))
	t.Setenv("AWS_REGION", "us-east-1")
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
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
	api, err := clients.Kinesis(ctx, "", "")
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("logs-%d", time.Now().UnixNano())
	if _, err := api.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: &name, ShardCount: aws.Int32(2)}); err != nil {
		t.Fatal(err)
	}
	put := func(from, to int) {
		t.Helper()
		for i := from; i < to; i++ {
			_, err := api.PutRecord(ctx, &kinesis.PutRecordInput{StreamName: &name, PartitionKey: aws.String(fmt.Sprint(i)), Data: fmt.Appendf(nil, `{"n":%d}`, i)})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	n, err := config.Parse("t.yaml", []byte("stream: "+name+"\npoll: 200ms"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var got taken
	run := func(until int) {
		t.Helper()
		s, err := New(n, producers.SourceDeps{Name: "p", DataDir: dir, Log: zerolog.Nop(), AWS: watched})
		if err != nil {
			t.Fatal(err)
		}
		reading, stop := context.WithCancel(ctx)
		defer stop()
		done := make(chan error, 1)
		go func() { done <- s.Run(reading, got.emit) }()
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for len(got.data()) < until {
			select {
			case <-tick.C:
			case <-ctx.Done():
				t.Fatal(len(got.data()), "records,", until, "expected")
			}
		}
		stop()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	put(0, 50)
	run(50)
	shards, err := api.ListShards(ctx, &kinesis.ListShardsInput{StreamName: &name})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := api.SplitShard(ctx, &kinesis.SplitShardInput{
		StreamName: &name, ShardToSplit: shards.Shards[0].ShardId, NewStartingHashKey: aws.String("85070591730234615865843651857942052863"),
	}); err != nil {
		t.Fatal(err)
	}
	put(50, 100)
	run(100)
	put(100, 110)
	run(110)
	seen := map[string]bool{}
	for _, d := range got.data() {
		seen[d] = true
	}
	if len(seen) != 110 || len(got.data()) != 110 {
		t.Errorf("%d records, %d of them different; 110 expected", len(got.data()), len(seen))
	}
	if beyond, made := calls.Beyond(Policy(), cloud.Permissions); len(beyond) > 0 || made == 0 {
		t.Errorf("%d calls; the policy does not allow %v", made, beyond)
	}
}
