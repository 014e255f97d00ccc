//go:build integration

package integration

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/schemas"
)

// badInput: what cannot be read goes to the dead letters with the reason, and what follows comes through.
func badInput(t *testing.T, d *deployment) {
	topics := d.kafka.Topics()
	noJSON := unique("this is no JSON")
	target := schemas.Target{Type: "s3-bucket", Account: account, ID: unique("b")}
	cmd := schemas.Command{
		ID: schemas.CommandID("nobody", "s", "e", target), Rule: "nobody", RuleHash: "0", Step: "s", Lane: schemas.LaneRemediate, Action: "format-all-disks", Target: target,
		Severity: "low", Event: json.RawMessage(`{"class_uid":0}`), EventUID: "e", EventTime: time.Now().UTC(), Created: time.Now().UTC(),
	}
	unknown, err := json.Marshal(cmd)
	if err != nil {
		t.Fatal(err)
	}
	garbage := unique("\x00\x01garbage")
	d.publish(t, topics.Events, noJSON, `[1,2,3]`)
	d.publish(t, topics.Lane(schemas.LaneRemediate), string(unknown), garbage)
	const size = 10 << 20
	d.appendTo(t, "json/big.ndjson", `{"kind":"webhook","n":1,"padding":"`+strings.Repeat("x", size)+`"}`+"\n"+`{"kind":"webhook","n":815}`+"\n")

	for _, c := range []struct{ what, value, stage, topic, reason string }{
		{"the message that is no JSON", noJSON, "router", topics.Events, "JSON"},
		{"the array", `[1,2,3]`, "router", topics.Events, "object"},
		{"the unknown action", string(unknown), "consumer", topics.Lane(schemas.LaneRemediate), `unknown action "format-all-disks"`},
		{"the garbage", garbage, "consumer", topics.Lane(schemas.LaneRemediate), ""},
	} {
		m := d.deadLetter(t, c.what, func(m *message) bool { return string(m.Value) == c.value })
		if !strings.Contains(m.Header("stage"), c.stage[:5]) || m.Header("topic") != c.topic || m.Header("offset") == "" || !strings.Contains(m.Header("reason"), c.reason) || m.Header("reason") == "" {
			t.Errorf("%s: stage %q, topic %q, offset %q, reason %q", c.what, m.Header("stage"), m.Header("topic"), m.Header("offset"), m.Header("reason"))
		}
		t.Logf("%s: %s", c.what, m.Header("reason"))
	}
	m := d.deadLetter(t, "the record of 10 MB", func(m *message) bool { return m.Header("stage") == "produce" })
	length, err := strconv.Atoi(m.Header("length"))
	if err != nil || length < size || len(m.Value) != 64<<10 || m.Header("sha256") == "" || m.Header("reason") == "" || m.Header("origin") == "" {
		t.Errorf("the record of 10 MB: %d bytes kept, headers %s", len(m.Value), m.Headers)
	}
	t.Logf("the record of 10 MB: %s", m.Header("reason"))

	d.publish(t, topics.Events, `{"kind":"webhook","n":816}`)
	bucket, record, event := seed(t, d.api, "after")
	d.post(t, "trail", record)
	d.await(t, bucketRule, event, schemas.StateVerified)
	if got, _ := d.api.encryption(t, bucket); got != "aws:kms" {
		t.Errorf("the bucket is encrypted by %q", got)
	}
	await.Until(t, "what came after the bad input", func() bool {
		seen := map[int]bool{}
		for _, c := range d.hook.of("webhook") {
			seen[c.event.N] = true
		}
		return seen[815] && seen[816]
	})
	if out := d.must(t, "commands", "--rule", "nobody"); !strings.Contains(out, "no commands") {
		t.Errorf("the unknown action is in the ledger:\n%s", out)
	}
}
