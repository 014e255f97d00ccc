package lists

import (
	"fmt"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/internal/broker"
	"github.com/riposte-security/riposte/internal/kafka"
)

// cluster is an embedded broker. The topics of lists are made as riposte makes its own: what a test calls alert is a topic like any other.
func cluster(t *testing.T) *kafka.Client {
	t.Helper()
	b, err := broker.Start(t.Context(), broker.Options{DataDir: t.TempDir(), Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	k, err := kafka.New(kafka.Config{Brokers: []string{b.Addr()}, Partitions: 3}, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		k.Close()
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := k.EnsureTopics(t.Context()); err != nil {
		t.Fatal(err)
	}
	return k
}

func publish(t *testing.T, k *kafka.Client, msgs ...kafka.Message) {
	t.Helper()
	w := k.NewWriter()
	defer w.Close()
	for i := range msgs {
		msgs[i].Topic = k.Topics().Control
	}
	if err := w.Publish(t.Context(), msgs...); err != nil {
		t.Fatal(err)
	}
}

func entry(key, value string) kafka.Message {
	m := kafka.Message{Key: []byte(key)}
	if value != "" {
		m.Value = []byte(value)
	}
	return m
}

func TestTopicOfKeys(t *testing.T) {
	t.Parallel()
	k, clock := cluster(t), newClock()
	soon := clock.now().Add(time.Hour).Format(time.RFC3339)
	publish(t, k, entry("192.0.2.1", "{}"), entry("192.0.2.2", "{}"), entry("192.0.2.2", ""), entry("192.0.2.3", `{"until":"`+soon+`"}`), entry("198.51.100.0/24", `{"until":null}`))
	conf := "lists: { l: { kind: ip, expires: until, from: { kafka: { topic: " + k.Topics().Control + ", mode: keys } } } }"
	r := start(t, conf, rigOptions{kafka: k, now: clock.now})
	for value, want := range map[string]bool{"192.0.2.1": true, "192.0.2.2": false, "192.0.2.3": true, "198.51.100.9": true} {
		if r.has("l", value) != want {
			t.Errorf("%s: %v after the start", value, !want)
		}
	}
	publish(t, k, entry("192.0.2.1", ""), entry("192.0.2.4", `{}`))
	await.Until(t, "what came later", func() bool { return r.has("l", "192.0.2.4") && !r.has("l", "192.0.2.1") })
	clock.forward(2 * time.Hour)
	if r.has("l", "192.0.2.3") {
		t.Error("its time is over")
	}
	// What cannot be read is told and changes nothing else.
	publish(t, k, entry("192.0.2.5", `no JSON`), entry("", "x"), entry("192.0.2.6", "{}"))
	await.Until(t, "the next good one", func() bool { return r.has("l", "192.0.2.6") })
	if r.has("l", "192.0.2.5") || r.logs.count("list l is away") != 1 || r.value(t, "riposte_list_refreshes_total", "l", "failed") != 2 {
		t.Error("the bad ones are not told")
	}
	r.stop()
	if r = start(t, conf, rigOptions{kafka: k, now: clock.now}); !r.has("l", "192.0.2.4") || r.has("l", "192.0.2.1") || r.has("l", "192.0.2.3") {
		t.Error("another start reads something else")
	}
}

func TestTopicOfLines(t *testing.T) {
	t.Parallel()
	k := cluster(t)
	publish(t, k, entry("", "# first\nbad.example\nworse.example\n"), entry("", "worst.example"))
	r := start(t, "lists: { l: { kind: domain, ttl: 1h, from: { kafka: { topic: "+k.Topics().Control+", mode: lines } } } }", rigOptions{kafka: k})
	for _, v := range []string{"bad.example", "www.worse.example", "worst.example"} {
		if !r.has("l", v) {
			t.Error(v)
		}
	}
}

func TestEmptyTopic(t *testing.T) {
	t.Parallel()
	k := cluster(t)
	r := start(t, "lists: { l: { from: { kafka: { topic: "+k.Topics().Control+", mode: keys } } } }", rigOptions{kafka: k})
	if missing := r.Wait(t.Context(), time.Minute); len(missing) > 0 || r.has("l", "x") {
		t.Errorf("an empty topic is an empty list: %v", missing)
	}
	publish(t, k, entry("word", "{}"))
	await.Until(t, "the first entry", func() bool { return r.has("l", "word") })
}

// TestLargeTopic is caught up with before the list is in force.
func TestLargeTopic(t *testing.T) {
	t.Parallel()
	k := cluster(t)
	var msgs []kafka.Message
	for i := range 3000 {
		msgs = append(msgs, entry(fmt.Sprintf("w%d", i), "{}"))
	}
	publish(t, k, msgs...)
	r := start(t, "lists: { l: { kind: string, from: { kafka: { topic: "+k.Topics().Control+", mode: keys } } } }", rigOptions{kafka: k})
	if st := r.States()[0]; st.Entries != 3000 {
		t.Errorf("%+v", st)
	}
}
