package router_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/schemas"
)

// TestLargeEventsStillRespond: an event that fits into a message, and with which a command does not, gives its commands all the same, with a
// reference to it.
func TestLargeEventsStillRespond(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	topics := b.client.Topics()
	b.route(t, fake{}, nil)
	huge := strings.Repeat("u", kafka.MaxMessage-300)
	b.send(t, topics.Events,
		fmt.Sprintf(`{"class_uid":6003,"time":1772700000000,"severity_id":4,"metadata":{"uid":"big-1","version":"1.5.0"},"cloud":{"region":"eu-west-1"},`+
			`"actor":{"user":{"name":%q}},"unmapped":{"do":"alert block remediate","n":7}}`, huge),
		ask("long", 8))
	alerts := b.await(t, topics.Alert, 2)
	for _, m := range append(b.await(t, topics.Block, 1), b.await(t, topics.Remediate, 1)[0], alerts[0]) {
		c, err := schemas.ReadCommand(m.Value)
		if err != nil {
			t.Fatal(err)
		}
		for path, want := range map[string]string{
			"metadata.uid": "big-1", "class_uid": "6003", "time": "1772700000000", "cloud.region": "eu-west-1", "unmapped.n": "7", "actor": "",
			"unmapped.riposte.truncated": `["actor"]`, "unmapped.riposte.topic": topics.Events, "unmapped.riposte.offset": "0",
		} {
			if got := gjson.GetBytes(c.Event, path).String(); got != want {
				t.Errorf("%s: %s is %.200q, want %q", c.Lane, path, got, want)
			}
		}
		if size := gjson.GetBytes(c.Event, "unmapped.riposte.event_bytes").Int(); size < int64(len(huge)) || len(c.Event) > 64<<10 {
			t.Errorf("%s: an event of %d bytes, said to have had %d", c.Lane, len(c.Event), size)
		}
	}
	c, err := schemas.ReadCommand(alerts[1].Value)
	if err != nil {
		t.Fatal(err)
	}
	if text, _ := c.With["message"].(string); !strings.HasSuffix(text, fmt.Sprintf("x... (%d bytes)", kafka.MaxMessage)) || c.With["n"] != int64(1) {
		t.Errorf("settings %.200v", c.With)
	}
	if dead := b.read(t, topics.DeadLetter); len(dead) != 0 {
		t.Errorf("dead letters, the first because %s", dead[0].Header("reason"))
	}
}

// TestBurstOfARuleWithoutCommands: the alert about a burst is one that a consumer takes, whatever the rule gives.
func TestBurstOfARuleWithoutCommands(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	topics := b.client.Topics()
	w := b.client.NewWriter()
	defer w.Close()
	at := time.Now().Truncate(time.Second)
	var msgs []kafka.Message
	for i := range 10 {
		msgs = append(msgs, kafka.Message{Topic: topics.Events, Key: []byte("k"), Value: []byte(ask("miss", i)), Time: at})
	}
	if err := w.Publish(t.Context(), msgs...); err != nil {
		t.Fatal(err)
	}
	b.route(t, limited{rate: 2}, nil)
	for _, m := range b.await(t, topics.Alert, 2) {
		if _, err := schemas.ReadCommand(m.Value); err != nil {
			t.Error(err)
		}
	}
}
