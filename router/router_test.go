package router_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/internal/broker"
	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/router"
	"github.com/riposte-security/riposte/router/rule"
	"github.com/riposte-security/riposte/schemas"
)

// A fake decides by what the event asks for under unmapped.do: words like "alert", "block", "miss", "publish", "huge", "refused", "crash".
type fake struct {
}

type wish struct {
	Unmapped struct {
		Do string `json:"do"`
		N  int    `json:"n"`
	} `json:"unmapped"`
}

func (f fake) Decide(ev schemas.Event, outcomes bool, now time.Time) rule.Decision {
	var w wish
	if err := json.Unmarshal(ev.Data, &w); err != nil {
		return rule.Decision{}
	}
	var d rule.Decision
	for what := range strings.FieldsSeq(w.Unmapped.Do) {
		id := "on-" + what
		cmd := schemas.Command{
			Rule: id, Step: what, Lane: schemas.Lane(what), Action: "a", Target: schemas.Target{Type: "thing", ID: fmt.Sprint(w.Unmapped.N)},
			RuleHash: "h", Severity: "low", Event: ev.Data, EventUID: ev.UID, EventTime: ev.Time, Created: now, Cause: ev.Cause,
		}
		switch what {
		case "alert", "block", "remediate", "nowhere":
		case "outcome":
			if !outcomes {
				continue
			}
			cmd.Lane = schemas.LaneAlert
		case "huge":
			cmd.Lane, cmd.With = schemas.LaneBlock, map[string]any{"x": strings.Repeat("x", kafka.MaxMessage)}
		case "long": // texts of an alert
			cmd.Lane, cmd.With = schemas.LaneAlert, map[string]any{"message": strings.Repeat("x", kafka.MaxMessage), "n": 1}
		case "refused":
			cmd.Lane, cmd.Target.ID = schemas.LaneBlock, "a\x00b"
		case "miss":
			d.Fired = append(d.Fired, id)
			d.Misses = append(d.Misses, rule.Miss{Rule: id, Step: "block:a", Reason: "no target"})
			continue
		case "publish":
			d.Fired = append(d.Fired, id)
			d.Publications = append(d.Publications,
				rule.Publication{ID: "p-" + ev.UID, Rule: id, Topic: "elsewhere"}, rule.Publication{ID: "q", Rule: id, Topic: "riposte.block"})
			continue
		case "crash":
			panic("a rule went wrong") //nolint:forbidigo // that is the case
		default:
			continue
		}
		cmd.ID = schemas.CommandID(cmd.Rule, cmd.Step, cmd.EventUID, cmd.Target)
		d.Fired = append(d.Fired, id)
		d.Commands = append(d.Commands, cmd)
	}
	return d
}

// limited is a fake whose rules may fire rate times a second.
type limited struct {
	fake

	rate int
}

func (l limited) Rules() []*rule.Rule {
	return []*rule.Rule{
		{ID: "on-block", MaxRate: l.rate, Hash: "h", Severity: "low"}, {ID: "on-miss", MaxRate: l.rate, Hash: "h", Severity: "low"},
	}
}

type bench struct {
	dir    string
	broker *broker.Broker
	client *kafka.Client
	cfg    router.Config
	reg    *prometheus.Registry
	log    bytes.Buffer // of the routers, to be read when they have ended
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{dir: t.TempDir(), reg: prometheus.NewRegistry()}
	b.up(t)
	t.Cleanup(func() { _ = b.broker.Close() })
	b.client = b.newClient(t)
	if err := b.client.EnsureTopics(t.Context()); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) up(t *testing.T) {
	t.Helper()
	var err error
	if b.broker, err = broker.Start(t.Context(), broker.Options{DataDir: b.dir, Log: zerolog.Nop()}); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) newClient(t *testing.T) *kafka.Client {
	t.Helper()
	c, err := kafka.New(kafka.Config{Brokers: []string{b.broker.Addr()}, Partitions: 2, SessionTimeout: 2 * time.Second}, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// route runs a router until the function that it returns is called.
func (b *bench) route(t *testing.T, d router.Decider, reg prometheus.Registerer) (stop func()) {
	t.Helper()
	log := zerolog.New(zerolog.SyncWriter(io.MultiWriter(zerolog.NewTestWriter(t), &b.log))).Level(zerolog.WarnLevel)
	r, err := router.New(b.cfg, router.Deps{Kafka: b.newClient(t), Decider: d, Log: &log, Registerer: reg})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("Run: %v", err)
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

func (b *bench) send(t *testing.T, topic string, values ...string) {
	t.Helper()
	w := b.client.NewWriter()
	defer w.Close()
	var msgs []kafka.Message
	for _, v := range values {
		msgs = append(msgs, kafka.Message{
			Topic: topic, Key: []byte("k"), Value: []byte(v), Headers: []kafka.Header{{Key: "ce_source", Value: []byte("test")}},
		})
	}
	if err := w.Publish(t.Context(), msgs...); err != nil {
		t.Fatal(err)
	}
}

// read returns what is in a topic.
func (b *bench) read(t *testing.T, topic string) []kafka.Message {
	t.Helper()
	var out []kafka.Message
	err := b.client.ReadAll(t.Context(), topic, func(_ context.Context, m kafka.Message) error {
		out = append(out, m)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// await returns what is in a topic as soon as it holds n messages.
func (b *bench) await(t *testing.T, topic string, n int) []kafka.Message {
	t.Helper()
	var out []kafka.Message
	await.Until(t, fmt.Sprintf("%d messages in %s", n, topic), func() bool {
		out = b.read(t, topic)
		return len(out) >= n
	})
	return out
}

func ask(do string, n int) string { return fmt.Sprintf(`{"do":%q,"n":%d}`, do, n) }

func command(t *testing.T, m kafka.Message) schemas.Command {
	t.Helper()
	var c schemas.Command
	if err := json.Unmarshal(m.Value, &c); err != nil {
		t.Fatalf("command %s: %v", m.Value, err)
	}
	return c
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	topics := b.client.Topics()
	b.route(t, fake{}, b.reg)
	b.send(t, topics.Events, ask("alert block", 1), ask("nothing", 2), ask("outcome", 3), ask("publish", 4))
	b.send(t, topics.Outcomes, ask("outcome", 5))

	alerts := b.await(t, topics.Alert, 2)
	blocks := b.await(t, topics.Block, 1)
	c := command(t, blocks[0])
	if c.Rule != "on-block" || c.Target.ID != "1" || string(blocks[0].Key) != c.Target.Key() || !strings.Contains(string(c.Event), `"do":"alert block"`) {
		t.Errorf("block command %+v with key %s", c, blocks[0].Key)
	}
	for name, want := range map[string]string{
		"ce_id": c.ID, "ce_type": "riposte.command", "ce_source": "riposte/router", "ce_specversion": "1.0", "content-type": "application/json",
	} {
		if got := blocks[0].Header(name); got != want {
			t.Errorf("header %s is %q, want %q", name, got, want)
		}
	}
	if from := command(t, alerts[1]).Target.ID + command(t, alerts[0]).Target.ID; from != "15" && from != "51" {
		t.Errorf("alerts for %s: the rule on outcomes looked at events, or not at outcomes", from)
	}
	copies := b.await(t, "elsewhere", 1)
	if copies[0].Header("ce_id") == "" || !strings.Contains(string(copies[0].Value), `"n":4`) {
		t.Errorf("publication %s", copies[0].Value)
	}
	dead := b.await(t, topics.DeadLetter, 1)
	if !strings.Contains(dead[0].Header("reason"), "belongs to riposte") {
		t.Errorf("a publication to riposte.block: %s", dead[0].Header("reason"))
	}
	await.Until(t, "metrics", func() bool {
		n, err := testutil.GatherAndCount(b.reg, "riposte_router_rule_matches_total", "riposte_router_commands_total")
		return err == nil && n == 4+2
	})
}

func TestPoison(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	topics := b.client.Topics()
	poison := []struct{ value, reason, rule string }{
		{"\xff\xfe\x00", "UTF-8", ""},
		{"", "empty", ""},
		{"[1,2]", "not an object", ""},
		{`{"do":`, "not JSON", ""},
		{strings.Repeat("[", 100_000), "levels deep", ""},
		{ask("miss", 1), "no target", "on-miss"},
		{ask("huge", 2), "bytes", "on-huge"},
		{ask("nowhere", 3), "no such lane", "on-nowhere"},
		{ask("refused", 3), "target.id has a NUL", "on-refused"},
		{ask("crash", 4), "crashed", ""},
	}
	var values []string
	for _, p := range poison {
		values = append(values, p.value)
	}
	stop := b.route(t, fake{}, b.reg)
	b.send(t, topics.Events, append(values, ask("alert", 9))...)
	if got := command(t, b.await(t, topics.Alert, 1)[0]); got.Target.ID != "9" {
		t.Errorf("command %+v", got)
	}
	dead := b.await(t, topics.DeadLetter, len(poison))
	if len(dead) != len(poison) {
		t.Fatalf("%d dead letters, %d expected", len(dead), len(poison))
	}
	byOffset := map[string]kafka.Message{}
	for _, d := range dead {
		byOffset[d.Header("offset")] = d
	}
	for i, p := range poison {
		d := byOffset[fmt.Sprint(i)]
		if !strings.Contains(d.Header("reason"), p.reason) || d.Header("stage") != "router" || d.Header("topic") != topics.Events ||
			d.Header("rule") != p.rule || d.Header("attempts") != "1" || !strings.Contains(d.Header(kafka.HeaderHeaders), `{"key":"ce_source","value":"test"}`) || string(d.Value) != p.value || string(d.Key) != "k" {
			t.Errorf("%.40q: dead letter %v, %d bytes", p.value, d.Headers, len(d.Value))
		}
	}
	await.Until(t, "all is committed", func() bool { return b.lag(t) == 0 })
	stop()
	for _, kind := range []string{"unreadable", "miss", "too_large", "invalid", "decide"} {
		if !strings.Contains(b.log.String(), `"kind":"`+kind+`"`) {
			t.Errorf("no line says that there are dead letters of the kind %s", kind)
		}
	}
}

func (b *bench) lag(t *testing.T) int64 {
	t.Helper()
	lag, err := b.client.Lag(t.Context(), "riposte.router", b.client.Topics().Events)
	if err != nil {
		return -1 // the broker was away, and the connection with it
	}
	n := int64(0)
	for _, l := range lag[b.client.Topics().Events] {
		n += l
	}
	return n
}

// TestDyingBetweenPublishAndCommit lets a router publish and never commit, as if it had been killed there: the next one publishes the same
// commands under the same ids.
func TestDyingBetweenPublishAndCommit(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	topics := b.client.Topics()
	var events []string
	for i := range 50 {
		events = append(events, ask("block", i))
	}
	b.send(t, topics.Events, events...)
	ids := func(want int) map[string]int {
		out := map[string]int{}
		for _, m := range b.await(t, topics.Block, want) {
			out[m.Header("ce_id")]++
		}
		return out
	}
	stop := b.route(t, fake{}, nil)
	first := ids(50)
	stop()
	// The offsets of the group are lost, which is what not committing amounts to.
	if err := b.client.DropOffsets(t.Context(), "riposte.router"); err != nil {
		t.Fatal(err)
	}
	b.route(t, fake{}, nil)
	second := ids(100)
	if len(first) != 50 || len(second) != 50 {
		t.Fatalf("%d ids at first, %d in all: 50 expected", len(first), len(second))
	}
	for id, n := range second {
		if n != 2 || first[id] != 1 {
			t.Errorf("%s: %d times, %d before", id, n, first[id])
		}
	}
}

// TestBrokerAwayAndTwoRouters takes the broker away for a moment under two routers, and then one of them: every event gets its command.
func TestBrokerAwayAndTwoRouters(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	topics := b.client.Topics()
	stop := b.route(t, fake{}, nil)
	b.route(t, fake{}, nil)
	const n = 300
	var sender sync.WaitGroup
	sender.Go(func() {
		w := b.client.NewWriter()
		defer w.Close()
		for i := range n {
			m := kafka.Message{Topic: topics.Events, Key: fmt.Append(nil, i), Value: []byte(ask("remediate", i))}
			if err := w.Publish(t.Context(), m); err != nil {
				t.Error(err)
			}
		}
	})
	distinct := func() int {
		seen := map[string]bool{}
		for _, m := range b.read(t, topics.Remediate) {
			seen[command(t, m).Target.ID] = true
		}
		return len(seen)
	}
	await.Until(t, "some commands", func() bool { return distinct() > 10 })
	if err := b.broker.Close(); err != nil {
		t.Fatal(err)
	}
	b.up(t)
	await.Until(t, "more commands", func() bool { return distinct() > 50 })
	stop()
	sender.Wait()
	await.Until(t, "all commands", func() bool { return distinct() == n })
	await.Until(t, "all is committed", func() bool { return b.lag(t) == 0 })
}

// TestShed lets a rule fire too often: what is above is one alert and a shed command that counts the rest, and nothing is committed before
// that is published.
func TestShed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	topics := b.client.Topics()
	const n, rate = 200, 5
	at := time.Now().Truncate(time.Second)
	w := b.client.NewWriter()
	defer w.Close()
	var msgs []kafka.Message
	for i := range n {
		msgs = append(msgs, kafka.Message{Topic: topics.Events, Key: []byte("k"), Value: []byte(ask("block", i)), Time: at})
	}
	if err := w.Publish(t.Context(), msgs...); err != nil {
		t.Fatal(err)
	}
	b.route(t, limited{rate: rate}, b.reg)
	b.await(t, topics.Block, rate)
	for len(b.read(t, topics.Alert)) < 2 { // until the shed command is there, its events are not committed
		if lag := b.lag(t); lag >= 0 && lag < n-rate && len(b.read(t, topics.Alert)) < 2 {
			t.Fatalf("%d events left while %d are held back and nothing says so", lag, n-rate)
		}
	}
	alerts := b.await(t, topics.Alert, 2)
	if got := len(b.read(t, topics.Block)); got != rate {
		t.Errorf("%d commands came through, %d expected", got, rate)
	}
	burst, shed := command(t, alerts[0]), command(t, alerts[1])
	if burst.Step == "shed" {
		burst, shed = shed, burst
	}
	if len(alerts) != 2 || burst.Step != "valve" || burst.Shed != nil || burst.Rule != "on-block" || burst.Target.ID != "on-block" {
		t.Errorf("%d alerts; burst %+v", len(alerts), burst)
	}
	if s := shed.Shed; s == nil || s.Count != n-rate || s.First != rate || s.Last != n-1 || s.Topic != topics.Events || len(s.EventUIDs) == 0 {
		t.Errorf("shed %+v", shed.Shed)
	}
	await.Until(t, "all is committed", func() bool { return b.lag(t) == 0 })
}
