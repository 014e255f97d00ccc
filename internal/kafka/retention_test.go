package kafka_test

import (
	"testing"
	"time"

	segmentio "github.com/segmentio/kafka-go"

	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/internal/kafka"
)

// retention: what somebody has set on a topic counts, and not what it was made with.
func retention(t *testing.T, addrs []string) {
	c := newClient(t, addrs)
	of := c.Topics()
	ask := func(want time.Duration, topics ...string) {
		t.Helper()
		got, err := c.Retention(t.Context(), topics...)
		if err != nil || got != want {
			t.Errorf("retention of %v is %s (%v); %s expected", topics, got, err, want)
		}
	}
	ask(kafka.CommandRetention, of.Alert, of.Events)
	ask(7*24*time.Hour, of.Events)
	for ms, want := range map[string]time.Duration{"7776000000": 90 * 24 * time.Hour, "-1": kafka.Forever} {
		res, err := (&segmentio.Client{Addr: segmentio.TCP(addrs...)}).IncrementalAlterConfigs(t.Context(), &segmentio.IncrementalAlterConfigsRequest{
			Resources: []segmentio.IncrementalAlterConfigsRequestResource{{
				ResourceType: segmentio.ResourceTypeTopic, ResourceName: of.Block,
				Configs: []segmentio.IncrementalAlterConfigsRequestConfig{{Name: "retention.ms", Value: ms, ConfigOperation: segmentio.ConfigOperationSet}},
			}},
		})
		if err != nil || res.Resources[0].Error != nil {
			t.Fatal(err, res)
		}
		await.Until(t, "the new retention", func() bool {
			got, err := c.Retention(t.Context(), of.Alert, of.Block)
			return err == nil && got == want
		})
	}
}
