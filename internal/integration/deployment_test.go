//go:build integration

package integration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/consumers/ledger/open"
	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/internal/testproc"
	"github.com/riposte-security/riposte/schemas"
)

// A deployment is a riposte of its own on the servers of a world: topics, ledger and AWS resources that no other uses.
type deployment struct {
	w    *world
	t    *testing.T // owns the processes
	name string
	dir  string
	cfg  string // path of riposte.yaml
	env  []string
	own  map[string][]string // what is added to env, by process

	db, aws  *proxy // in front of PostgreSQL and the AWS API
	database string // URL, past the proxy
	api      *awsAPI
	hook     *hook
	tickets  *tickets
	ledger   ledger.Ledger // as the test looks at it, past the proxy
	kafka    *kafka.Client
	writer   *kafka.Writer

	topic, queue string                      // ARN of the topic for alerts, URL of the queue that the producer bucket reads
	four, six    func(t *testing.T) []string // what the IP sets hold

	addr  map[string]string // of the producers that listen
	procs map[string]*process
	ended []*process // those that were killed

	mu   sync.Mutex
	dead []message // dead letters so far
}

const region = "us-east-1"

// settings is the configuration, less what configure fills in.
const settings = `
log: { level: info, format: json }
http: { listen: "127.0.0.1:0" }
kafka: { brokers: [ %q ], prefix: %q, partitions: 4, session_timeout: 6s }
ledger: { url: %q }
aws: { region: us-east-1, timeout: 5s }
producers:
  - { name: trail, format: cloudtrail, source: { http: { listen: %q } } }
  - { name: custom, format: json, source: { http: { listen: %q } } }
  - { name: config, format: config, source: { http: { listen: %q } } }
  - { name: flows, format: vpcflow, source: { file: { paths: [ "flows/*.log" ], poll: 100ms } } }
  - { name: files, format: json, source: { file: { paths: [ "json/*.ndjson" ], poll: 100ms } } }
  - { name: bucket, format: cloudtrail, source: { sqs: { queue_url: %q, workers: 1 } } }
router: { rules: [ %q, %q, rules.yaml ] }
receivers:
  - { name: hook, webhook: { url: %q, secret: %q, include_event: true } }
  - { name: topic, sns: { topic_arn: %q, format: json } }
invoke:
  endpoints: { tickets: { url: %q, headers: { Authorization: "Bearer it-key" } } }
consumers:
  mode: %s
  workers: 4
  lease: 3s
  backoff: { base: 200ms, max: 1s }
  reconcile: 2s
  %s
`

// roomy are guards that stop nothing in the scenarios that are about something else.
const roomy = "budgets: [ { per: rule, max: 5000, within: 1h } ]"

// rules are those beside the rules that ship.
const rules = `
id: it-webhook
title: An event for the webhook
severity: medium
class: base_event
when: unmapped.kind in ["webhook", "latency", "warm", "outage", "no-kafka", "torture", "stop"]
then: [ { alert: { to: hook } } ]
---
id: it-sns
title: An event for the SNS topic
severity: high
class: base_event
when: unmapped.kind == "sns"
then: [ { alert: { to: topic, with: { message: "${ unmapped.user } did it" } } } ]
---
id: it-chain-too-long
title: One response more than may lead to each other
severity: low
on: outcomes
class: remediation_activity
when: unmapped.riposte.rule == "chain-ticket" and unmapped.riposte.state == "verified"
then: [ { invoke: { to: http, target: unmapped.riposte.target.id, approval: waived, with: { endpoint: tickets, path: tickets } } } ]
---
id: it-block-short
title: Blocked for a short time
severity: low
class: network_activity
when: disposition_id == 2 and dst_endpoint.port in [2221, 2222]
then: [ { block: { action: wafv2-ipset, target: src_endpoint.ip, for: 5s, with: { ip_set: riposte-blocked } } } ]
---
id: it-block-long
title: Blocked for longer
severity: low
class: network_activity
when: disposition_id == 2 and dst_endpoint.port == 2222
then: [ { block: { action: wafv2-ipset, target: src_endpoint.ip, for: 12s, with: { ip_set: riposte-blocked } } } ]
`

// deploy makes a deployment without processes. mode is that of block and remediate, guards is the rest of the section `consumers`.
func deploy(t *testing.T, w *world, name, mode, guards string) *deployment {
	t.Helper()
	d := &deployment{
		w: w, t: t, name: name, dir: t.TempDir(), addr: map[string]string{}, procs: map[string]*process{}, own: map[string][]string{}, hook: newHook(t), tickets: newTickets(t),
	}
	dbURL := d.schema(t)
	d.database = dbURL.String()
	awsURL, err := url.Parse(w.aws)
	if err != nil {
		t.Fatal(err)
	}
	d.api = newAPI(w.aws)
	d.queue, d.topic = d.api.queue(t, name+"-trail"), d.api.topic(t, name+"-alerts")
	d.db, d.aws = newProxy(t, dbURL.Host), newProxy(t, awsURL.Host)
	through, behind := *dbURL, *awsURL
	through.Host, behind.Host = d.db.Addr().String(), d.aws.Addr().String()
	d.env = []string{
		"AWS_ENDPOINT_URL=" + behind.String(), "AWS_REGION=" + region, "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test",
		"AWS_EC2_METADATA_DISABLED=true", "RIPOSTE_BY=tester",
	}
	for _, p := range []string{"trail", "custom", "config"} {
		d.addr[p] = freeAddr(t)
	}
	d.cfg = write(t, d.dir, "riposte.yaml", fmt.Sprintf(settings, w.kafka, name, through.String(), d.addr["trail"], d.addr["custom"], d.addr["config"],
		d.queue, w.rules, w.chain, d.hook.URL, hookSecret, d.topic, d.tickets.URL, mode, guards))
	write(t, d.dir, "rules.yaml", rules)
	if d.kafka, err = kafka.New(kafka.Config{Brokers: []string{w.kafka}, Prefix: name}, zerolog.Nop()); err != nil {
		t.Fatal(err)
	}
	d.writer = d.kafka.NewWriter()
	t.Cleanup(func() {
		d.writer.Close()
		d.kafka.Close()
	})
	if d.ledger, err = open.Open(t.Context(), dbURL.String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.ledger.Close() }) // it was only read
	return d
}

// schema makes a schema of the deployment's own and returns the URL that leads there.
func (d *deployment) schema(t *testing.T) *url.URL {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), d.w.postgres)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context()) //nolint:errcheck // nothing is in course
	schema := strings.ReplaceAll(d.name, "-", "_")
	if _, err := conn.Exec(t.Context(), "create schema "+schema); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(d.w.postgres)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u
}

// start starts a process under a name, or starts it again after it was killed.
func (d *deployment) start(name string, args ...string) *process {
	if old := d.procs[name]; old != nil {
		d.ended = append(d.ended, old)
		args = old.Args[3:]
	}
	p := testproc.Start(d.t, d.name+" "+name, d.w.bin, d.dir, slices.Concat(d.env, d.own[name]), append([]string{"-c", d.cfg}, args...)...)
	d.procs[name] = p
	return p
}

// startAll starts a process a stage, and two that share the remediations.
func (d *deployment) startAll() {
	d.start("produce", "produce")
	d.start("route", "route")
	d.start("alert", "consume", "alert")
	d.start("block", "consume", "block")
	d.start("remediate-1", "consume", "remediate")
	d.start("remediate-2", "consume", "remediate")
}

// collectDead gathers the dead letters until the test ends.
func (d *deployment) collectDead(t *testing.T) {
	t.Helper()
	if err := d.kafka.WaitTopics(t.Context(), d.kafka.Topics().All()...); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- d.kafka.Tail(ctx, d.kafka.Topics().DeadLetter, false, func(_ context.Context, m kafka.Message) error {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.dead = append(d.dead, m)
			return nil
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// deadLetter waits for a dead letter and returns it.
func (d *deployment) deadLetter(t *testing.T, what string, is func(m *message) bool) message {
	t.Helper()
	var found message
	await.Until(t, "a dead letter of "+what, func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		for _, m := range d.dead {
			if is(&m) {
				found = m
				return true
			}
		}
		return false
	})
	return found
}

// post sends records to a producer until they are accepted.
func (d *deployment) post(t *testing.T, producer string, records ...map[string]any) {
	t.Helper()
	body, err := json.Marshal(records)
	if err != nil {
		t.Fatal(err)
	}
	var said string
	await.Until(t, "producer "+producer+" takes records", func() bool {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+d.addr[producer]+"/v1/records", strings.NewReader(string(body)))
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			said = err.Error()
			return false
		}
		defer res.Body.Close() //nolint:errcheck // only read
		said = res.Status
		return res.StatusCode == http.StatusAccepted
	}, func() string { return said })
}

// A message is one of Kafka.
type message = kafka.Message

// publish puts a message without headers on a topic, as any Kafka client would.
func (d *deployment) publish(t *testing.T, topic string, values ...string) {
	t.Helper()
	msgs := make([]message, len(values))
	for i, v := range values {
		msgs[i] = message{Topic: topic, Value: []byte(v)}
	}
	if err := d.writer.Publish(t.Context(), msgs...); err != nil {
		t.Fatal(err)
	}
}

// entry returns the entry of a command.
func (d *deployment) entry(t *testing.T, id string) (ledger.Entry, error) {
	t.Helper()
	entries := d.list(t, ledger.Filter{IDs: []string{id}})
	if len(entries) != 1 {
		return ledger.Entry{}, ledger.ErrNotFound
	}
	return entries[0], nil
}

// list returns entries of the ledger.
func (d *deployment) list(t *testing.T, f ledger.Filter) []ledger.Entry {
	t.Helper()
	if f.Limit == 0 {
		f.Limit = 10_000
	}
	entries, err := d.ledger.List(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// await waits until the command of a rule for an event that blocks or remediates is in a state, and returns it.
func (d *deployment) await(t *testing.T, rule, event string, state schemas.State) ledger.Entry {
	t.Helper()
	return d.awaitAll(t, rule, event, 1, state, schemas.LaneBlock, schemas.LaneRemediate)[0]
}

// awaitAll waits until n commands of a rule for an event in these lanes are in a state.
func (d *deployment) awaitAll(t *testing.T, rule, event string, n int, state schemas.State, lanes ...schemas.Lane) []ledger.Entry {
	t.Helper()
	var in, all []ledger.Entry
	await.Until(t, fmt.Sprintf("%d commands of rule %s for event %s are %s", n, rule, event, state), func() bool {
		in, all = nil, nil
		for _, e := range d.list(t, ledger.Filter{Rule: rule, Lanes: lanes}) {
			if e.Command.EventUID == event {
				all = append(all, e)
				if e.State == state {
					in = append(in, e)
				}
			}
		}
		return len(in) == n
	}, func() string {
		var b strings.Builder
		for _, e := range all {
			fmt.Fprintf(&b, "  %s %s %s: %s %s\n", e.Command.Step, e.Command.Target.Key(), e.State, e.Outcome.Message, e.Outcome.Error)
		}
		return b.String()
	})
	return in
}

// awaitRule waits until the command of a rule for a target that blocks or remediates is in a state, and returns it.
func (d *deployment) awaitRule(t *testing.T, rule, target string, state schemas.State) ledger.Entry {
	t.Helper()
	var of []ledger.Entry
	await.Until(t, fmt.Sprintf("the command of rule %s for %s is %s", rule, target, state), func() bool {
		of = slices.DeleteFunc(d.list(t, ledger.Filter{Rule: rule, Lanes: schemas.EffectLanes()}), func(e ledger.Entry) bool { return e.Command.Target.ID != target })
		return len(of) == 1 && of[0].State == state
	}, func() string {
		var b strings.Builder
		for _, e := range of {
			fmt.Fprintf(&b, "  %s %s: %s %s\n", e.Command.Action, e.State, e.Outcome.Message, e.Outcome.Error)
		}
		return b.String()
	})
	return of[0]
}

// riposte runs a command for people and returns its exit code and what it printed.
func (d *deployment) riposte(t *testing.T, args ...string) (code int, output string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, d.w.bin, append([]string{"-c", d.cfg}, args...)...)
	cmd.Dir, cmd.Env = d.dir, append(cmd.Environ(), d.env...)
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// must runs a command for people that has to succeed.
func (d *deployment) must(t *testing.T, args ...string) string {
	t.Helper()
	code, out := d.riposte(t, args...)
	if code != 0 {
		t.Fatalf("riposte %s: exit %d: %s", strings.Join(args, " "), code, out)
	}
	return out
}
