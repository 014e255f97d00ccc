package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/internal/proc"
	"github.com/riposte-security/riposte/internal/servers"
	"github.com/riposte-security/riposte/internal/sign"
)

//go:embed rules.yaml
var rulesText string

const (
	prefix       = "torture"
	decidedTopic = "torture-decided"
	sessions     = "6s" // the shortest that brokers allow
	workers      = 4    // of each lane of a consumer
)

const settings = `
log: { level: info, format: json }
http: { listen: "${TORTURE_HTTP}" }
kafka: { brokers: [ BROKERS ], prefix: torture, partitions: 6, session_timeout: SESSION }
ledger: { url: "LEDGER" }
callouts: { allow_loopback: true } # that is where the recorder is
aws: { region: us-east-1, own_addresses: { off: true } }
producers:
  - { name: files, format: ocsf, source: { file: { paths: [ "in/*.ndjson" ], poll: 100ms } } }
  - { name: http, format: ocsf, source: { http: { listen: "INPUT", open: true } } }
router: { rules: [ rules.yaml ], max_rate: 1000000, signing_key: "${file:router.pem}" }
receivers: [ { name: recorder, webhook: { url: "http://RECORDER/alert", unsigned: true } } ]
invoke: { endpoints: { recorder: { url: "http://RECORDER/" } } }
consumers:
  mode: enforce
  trusted_keys: [ "TRUSTED" ]
  workers: WORKERS
  lease: 5s
  attempts: 1000
  backoff: { base: 200ms, max: 2s }
  reconcile: 0s
  recheck: 0s
  loop: { times: 0 }
  budgets: [ { per: rule, max: 1000000, within: 1h } ]
`

// A world is what a run works with.
type world struct {
	dir      string
	cluster  *servers.Cluster
	db       *servers.Database
	links    *links
	recorder *recorder
	kafka    *kafka.Client // past the proxies
	writer   *kafka.Writer
	fleet    *fleet
	feeder   *feeder
	said     func(format string, args ...any)
	brokers  sync.Mutex // held by the one fault that happens to brokers
	database sync.Mutex // to PostgreSQL
	clock    clock
	settled  bool // all events were seen on their topic
}

// newWorld starts the servers and makes the fleet, of which nothing runs yet.
func newWorld(ctx context.Context, o options, said func(string, ...any)) (w *world, err error) {
	w = &world{said: said}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close(ctx))
		}
	}()
	if w.dir, err = os.MkdirTemp("", "riposte-torture-"); err != nil {
		return w, fmt.Errorf("folder: %w", err)
	}
	bin := o.riposte
	if bin == "" {
		if bin, err = w.build(ctx, "riposte"); err != nil {
			return w, err
		}
	} else if bin, err = filepath.Abs(bin); err != nil {
		return w, fmt.Errorf("riposte: %w", err)
	}
	jumping, err := w.build(ctx, "riposte-jumpclock", "-tags", "jumpclock")
	if err != nil {
		return w, err
	}
	if w.recorder, err = newRecorder(ctx); err != nil {
		return w, err
	}
	told := make([]string, o.brokers)
	for i := range told {
		if told[i], err = proc.FreeAddr(); err != nil {
			return w, err
		}
	}
	said("starting %d Kafka brokers and PostgreSQL", o.brokers)
	const tries = 3 // ports that were free a moment ago may be somebody else's by now
	for try := 1; ; try++ {
		if w.cluster, err = servers.StartCluster(ctx, told); err == nil {
			break
		}
		if try == tries || ctx.Err() != nil {
			return w, err
		}
		said("the brokers did not start, trying again: %v", err)
	}
	if w.db, err = servers.StartDatabase(ctx); err != nil {
		return w, err
	}
	w.links = newLinks()
	var brokers []string
	for i, b := range w.cluster.Brokers {
		if err := w.links.add(fmt.Sprintf("kafka-%d", i+1), told[i], b.Front); err != nil {
			return w, err
		}
		brokers = append(brokers, fmt.Sprintf("%q", told[i]))
	}
	for name, to := range map[string]string{linkPostgres: w.db.Addr, linkRecorder: w.recorder.addr} {
		if err := w.links.add(name, "127.0.0.1:0", to); err != nil {
			return w, err
		}
	}
	if w.kafka, err = kafka.New(kafka.Config{Brokers: w.cluster.Direct(), Prefix: prefix, Partitions: 6}, zerolog.Nop()); err != nil {
		return w, err
	}
	w.writer = w.kafka.NewWriter()
	if err := w.configure(bin, strings.Join(brokers, ", "), o.seed); err != nil {
		return w, err
	}
	return w, w.jumps(jumping)
}

// build builds riposte into the folder of the run.
func (w *world) build(ctx context.Context, name string, flags ...string) (string, error) {
	w.said("building %s", name)
	bin := filepath.Join(w.dir, name)
	args := append(append([]string{"build", "-o", bin}, flags...), "github.com/riposte-security/riposte")
	if out, err := exec.CommandContext(ctx, "go", args...).CombinedOutput(); err != nil { //nolint:gosec // our own folder
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return bin, nil
}

// jumps gives the last of the consumers the clock that is put forward and back. All others run the binary as it is.
func (w *world) jumps(bin string) error {
	of := w.fleet.of(consumer, false)
	m := of[len(of)-1]
	w.clock = clock{of: m.name, file: filepath.Join(w.dir, "clock")}
	m.bin, m.env = bin, append(slices.Clone(m.env), "RIPOSTE_CLOCK="+w.clock.file)
	return w.clock.set(0)
}

// configure writes the configuration and makes the fleet.
func (w *world) configure(bin, brokers string, seed uint64) error {
	in, err := proc.FreeAddr()
	if err != nil {
		return err
	}
	signing, err := sign.NewKey()
	if err != nil {
		return err
	}
	private, err := signing.PEM()
	if err != nil {
		return err
	}
	recorder := w.links.addr(linkRecorder)
	fill := strings.NewReplacer("BROKERS", brokers, "SESSION", sessions, "LEDGER", w.db.URL(w.links.addr(linkPostgres)), "INPUT", in,
		"http://RECORDER", "http://"+recorder, "WORKERS", fmt.Sprint(workers), "TRUSTED", signing.Public())
	files := map[string]string{"riposte.yaml": fill.Replace(settings), "router.pem": string(private), "rules.yaml": strings.ReplaceAll(rulesText, "RECORDER", "http://"+recorder)}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600); err != nil {
			return fmt.Errorf("configuration: %w", err)
		}
	}
	if err := os.Mkdir(filepath.Join(w.dir, "in"), 0o700); err != nil {
		return fmt.Errorf("folder: %w", err)
	}
	w.feeder = &feeder{load: newLoad(seed), poison: w.poison, dir: filepath.Join(w.dir, "in"), url: "http://" + in + "/v1/records"}
	f := newFleet(bin, w.dir, filepath.Join(w.dir, "riposte.yaml"), "AWS_EC2_METADATA_DISABLED=true", "AWS_ACCESS_KEY_ID=none", "AWS_SECRET_ACCESS_KEY=none")
	f.add("produce-files", producer, false, "produce", "--data", "files", "files")
	f.add("produce-http", producer, false, "produce", "--data", "http", "http")
	for i := range 3 {
		f.add(fmt.Sprintf("route-%d", i+1), router, i == 0, "route")
	}
	for i := range 3 {
		f.add(fmt.Sprintf("consume-%d", i+1), consumer, i == 0, "consume", "alert", "block", "remediate")
	}
	w.fleet = f
	return nil
}

// poison puts a message that nobody can read onto one of the topics after the other.
func (w *world) poison(ctx context.Context, nth int, text string) error {
	t := w.kafka.Topics()
	topics := []string{t.Events, t.Alert, t.Correlate, t.Block, t.Outcomes, t.Remediate}
	return w.writer.Publish(ctx, kafka.Message{Topic: topics[nth%len(topics)], Value: []byte(text)})
}

// close ends everything. The folder stays: what went wrong stands in the logs there.
func (w *world) close(ctx context.Context) error {
	var errs []error
	if w.fleet != nil {
		w.fleet.close()
	}
	if w.writer != nil {
		w.writer.Close()
	}
	if w.kafka != nil {
		w.kafka.Close()
	}
	if w.links != nil {
		w.links.close()
	}
	if w.cluster != nil {
		errs = append(errs, w.cluster.Close(ctx))
	}
	if w.db != nil {
		errs = append(errs, w.db.Close())
	}
	if w.recorder != nil {
		errs = append(errs, w.recorder.close())
	}
	return errors.Join(errs...)
}
