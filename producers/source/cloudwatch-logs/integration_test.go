//go:build integration

package logs

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/cloud/cloudtest"
	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/servers"
	"github.com/riposte-security/riposte/producers"
)

// TestAgainstAnAPI polls a log group, over a restart.
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
	api, err := clients.CloudWatchLogs(ctx, "", "")
	if err != nil {
		t.Fatal(err)
	}
	group := fmt.Sprintf("/app/%d", time.Now().UnixNano())
	if _, err := api.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &group}); err != nil {
		t.Fatal(err)
	}
	if _, err := api.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: &group, LogStreamName: aws.String("s")}); err != nil {
		t.Fatal(err)
	}
	put := func(from, to int) {
		t.Helper()
		var events []types.InputLogEvent
		for i := from; i < to; i++ {
			events = append(events, types.InputLogEvent{Timestamp: aws.Int64(time.Now().UnixMilli()), Message: aws.String(fmt.Sprintf(`{"n":%d}`, i))})
		}
		if _, err := api.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: &group, LogStreamName: aws.String("s"), LogEvents: events}); err != nil {
			t.Fatal(err)
		}
	}
	n, err := config.Parse("t.yaml", []byte("log_groups: ["+group+"]\npoll: 1s\nfrom: "+time.Now().Add(-time.Minute).UTC().Format(time.RFC3339)))
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
	put(0, 30)
	run(30)
	put(30, 40)
	run(40)
	ids := map[string]bool{}
	for _, r := range got.recs {
		ids[r.Attrs[producers.AttrID]] = true
		if r.Attrs[producers.AttrAccount] == "" || r.Attrs["log-group"] != group || r.Attrs["log-stream"] != "s" {
			t.Fatal(r.Attrs)
		}
	}
	if len(ids) != 40 || len(got.recs) != 40 {
		t.Errorf("%d records with %d ids; 40 expected", len(got.recs), len(ids))
	}
	if beyond, made := calls.Beyond(Policy(), cloud.Permissions); len(beyond) > 0 || made == 0 {
		t.Errorf("%d calls; the policy does not allow %v", made, beyond)
	}
}
