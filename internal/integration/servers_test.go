//go:build integration

package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/riposte-security/riposte/internal/servers"
)

// A world is what every deployment runs on: the servers and the binary.
type world struct {
	bin      string // the binary under test
	rules    string // folder of the rules that ship
	chain    string // folder of the example's
	kafka    string // host:port
	brokers  *proxy // the way that everybody takes to Kafka, tests included
	postgres string // URL of a database
	aws      string // endpoint URL
}

// newWorld builds the binary and starts the servers, all at the same time.
func newWorld(t *testing.T) *world {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{bin: filepath.Join(t.TempDir(), "riposte"), rules: filepath.Join(root, "rules"), chain: filepath.Join(root, "examples", "chain", "rules")}
	var all sync.WaitGroup
	var built error
	var output []byte
	all.Go(func() {
		cmd := exec.CommandContext(t.Context(), "go", "build", "-o", w.bin, ".")
		cmd.Dir = root
		output, built = cmd.CombinedOutput()
	})
	w.brokers = newProxy(t, "")
	w.kafka = w.brokers.Addr().String()
	all.Go(func() { w.brokers.to = servers.KafkaAt(t, w.kafka) })
	all.Go(func() { w.postgres = servers.Postgres(t) })
	all.Go(func() { w.aws = servers.AWS(t) })
	all.Wait()
	if built != nil {
		t.Fatalf("build: %v\n%s", built, output)
	}
	if t.Failed() || w.brokers.to == "" || w.postgres == "" || w.aws == "" {
		t.FailNow()
	}
	return w
}

// write puts a file into a folder and returns its path.
func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
