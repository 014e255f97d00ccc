package kafka

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/segmentio/kafka-go"
)

func TestConfigValidate(t *testing.T) {
	ok := Config{Brokers: []string{"b:9092"}}
	tests := map[string]struct {
		change func(*Config)
		want   string
	}{
		"fine":              {func(*Config) {}, ""},
		"no broker":         {func(c *Config) { c.Brokers = nil }, "brokers: at least one"},
		"no port":           {func(c *Config) { c.Brokers = []string{"b"} }, "missing port"},
		"prefix":            {func(c *Config) { c.Prefix = "a b" }, `prefix "a b"`},
		"partitions":        {func(c *Config) { c.Partitions = -1 }, "partitions: -1"},
		"files without tls": {func(c *Config) { c.TLS.CA = "ca.pem" }, "enabled is false"},
		"cert without key":  {func(c *Config) { c.TLS = TLS{Enabled: true, Cert: "c.pem"} }, "go together"},
		"mechanism":         {func(c *Config) { c.SASL.Mechanism = "gssapi" }, `mechanism "gssapi"`},
		"no password":       {func(c *Config) { c.SASL = SASL{Mechanism: "plain", Username: "u"} }, "password expected"},
		"no mechanism":      {func(c *Config) { c.SASL = SASL{Username: "u"} }, "mechanism expected"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := ok
			tt.change(&c)
			err := c.Validate()
			if (err == nil) != (tt.want == "") || (err != nil && !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestSecretNeverPrints(t *testing.T) {
	c := Config{SASL: SASL{Mechanism: "plain", Username: "u", Password: "hunter2"}}
	j, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{string(j), fmt.Sprint(c), fmt.Sprintf("%+v %#v %q %s %x", c, c, c.SASL.Password, c.SASL, c.SASL.Password)} {
		if strings.Contains(s, "hunter2") || strings.Contains(s, fmt.Sprintf("%x", "hunter2")) {
			t.Errorf("printed: %s", s)
		}
	}
}

func TestSpread(t *testing.T) {
	topics := []string{"a", "b", "c"}
	var partitions []kafka.Partition
	for _, name := range topics {
		for id := range 2 {
			partitions = append(partitions, kafka.Partition{Topic: name, ID: id})
		}
	}
	for n := 1; n <= 7; n++ {
		var members []kafka.GroupMember
		for i := range n {
			members = append(members, kafka.GroupMember{ID: fmt.Sprintf("m%d", i), Topics: topics})
		}
		got := spread{}.AssignGroups(members, partitions)
		slices.Reverse(members)
		if other := (spread{}).AssignGroups(members, partitions); fmt.Sprint(other) != fmt.Sprint(got) {
			t.Errorf("%d members: the order of members matters", n)
		}
		total := 0
		for m, byTopic := range got {
			k := 0
			for _, ids := range byTopic {
				k += len(ids)
			}
			total += k
			if k < 6/n || k > (6+n-1)/n {
				t.Errorf("%d members: %s has %d of 6 partitions", n, m, k)
			}
		}
		if total != 6 {
			t.Errorf("%d members: %d of 6 partitions assigned", n, total)
		}
	}
}

func TestDeadLetter(t *testing.T) {
	c := Client{topics: topicNames("riposte")}
	header := func(m Message, name string) string { return m.Header(name) }
	small := Message{
		Topic: "riposte.events", Partition: 2, Offset: 7, Key: []byte("k"), Value: []byte("not JSON"),
		Headers: []Header{{Key: "ce_id", Value: []byte("1")}, {Key: "reason", Value: []byte("its own")}},
	}
	d := c.DeadLetter(small, Failure{Stage: "router", Reason: "no", Rule: "r"})
	for name, want := range map[string]string{
		"reason": "no", "stage": "router", "topic": "riposte.events", "partition": "2", "offset": "7", "attempts": "1", "rule": "r", "ce_id": "",
	} {
		if got := header(d, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if theirs, err := UnpackHeaders(header(d, HeaderHeaders)); err != nil || !cmp.Equal(theirs, small.Headers) {
		t.Errorf("headers of the original: %v, %v", theirs, err)
	}
	if d.Topic != "riposte.deadletter" || string(d.Value) != "not JSON" || string(d.Key) != "k" {
		t.Errorf("dead letter %+v", d)
	}
	many := small
	for range 40_000 {
		many.Headers = append(many.Headers, Header{Key: "a"}, Header{Key: ""})
	}
	if d := c.DeadLetter(many, Failure{Reason: "no"}); d.Size() > MaxMessage || header(d, "length") == "" {
		t.Errorf("a dead letter of %d bytes of what has many headers", d.Size())
	}
	large := Message{Topic: "x", Key: make([]byte, MaxMessage/2), Value: make([]byte, MaxMessage/2), Headers: []Header{
		{Key: "large", Value: make([]byte, MaxMessage/4)}, {Key: "ce_id", Value: []byte("1")},
	}}
	d = c.DeadLetter(large, Failure{Reason: strings.Repeat("x", MaxMessage)})
	if d.Size() > 256<<10 || len(d.Value) != keepBytes || header(d, "length") != fmt.Sprint(MaxMessage/2) || len(header(d, "sha256")) != 64 ||
		header(d, HeaderHeaders) != `[{"key":"ce_id","value":"1"}]` {
		t.Errorf("large dead letter: %d bytes, headers %q", d.Size(), header(d, "length"))
	}
}
