//go:build integration

package pipeline

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/internal/kafka/rawloop"
	"github.com/riposte-security/riposte/internal/servers"
	"github.com/riposte-security/riposte/internal/testproc"
)

// rawArg makes this very program the raw loop, so that the loop is a process of its own, as the router is.
const rawArg = "rawloop"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == rawArg {
		os.Exit(raw(os.Args[2:]))
	}
	os.Exit(m.Run())
}

func raw(args []string) int {
	c, err := rawloop.FromArgs(args)
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		defer stop()
		err = rawloop.Run(ctx, c)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// BenchmarkPipeline measures one thing after the other on one broker, and prints them as a table.
func BenchmarkPipeline(b *testing.B) {
	l := newLab(b)
	for _, part := range []struct {
		name string
		run  func(*testing.B, *lab)
	}{
		{"router", routerThroughput},
		{"latency", routerLatency},
		{"effect", publishToEffect},
		{"producers", producersThroughput},
		{"scaling", scaling},
		{"pressure", pressure},
		{"narrow", narrow},
		{"soak", soak},
	} {
		b.Run(part.name, func(b *testing.B) { part.run(b, l) })
	}
	b.Log("\n" + l.table.String())
}

// A lab has what every measurement needs.
type lab struct {
	bin    string // the binary under test
	broker string // host:port
	table  strings.Builder
}

func newLab(b *testing.B) *lab {
	b.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		b.Fatal(err)
	}
	l := &lab{bin: filepath.Join(b.TempDir(), "riposte")}
	build := exec.CommandContext(b.Context(), "go", "build", "-o", l.bin, ".")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("build: %v\n%s", err, out)
	}
	l.broker = servers.DirectKafka(b)
	return l
}

// row adds a line to the table.
func (l *lab) row(b *testing.B, format string, args ...any) {
	b.Helper()
	line := fmt.Sprintf(format, args...)
	l.table.WriteString(line + "\n")
	b.Log(line) // at once, in case that something later fails
}

// client is a way to the broker under a prefix, with topics of so many partitions, which it makes.
func (l *lab) client(b *testing.B, prefix string, partitions int) *kafka.Client {
	b.Helper()
	c, err := kafka.New(kafka.Config{Brokers: []string{l.broker}, Prefix: prefix, Partitions: partitions}, zerolog.Nop())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(c.Close)
	if err := c.EnsureTopics(b.Context(), prefix+".raw"); err != nil {
		b.Fatal(err)
	}
	return c
}

// settings are those of a riposte on the broker; more is the rest of the file.
func (l *lab) settings(b *testing.B, prefix string, partitions int, more string) (path, http string) {
	b.Helper()
	path, http = filepath.Join(b.TempDir(), "riposte.yaml"), testproc.FreeAddr(b)
	text := fmt.Sprintf("log: { level: warn, format: json }\nhttp: { listen: %q }\nkafka: { brokers: [ %q ], prefix: %s, partitions: %d }\n%s\n",
		http, l.broker, prefix, partitions, more)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	return path, http
}

// riposte starts a stage.
func (l *lab) riposte(b *testing.B, cfg string, args ...string) *testproc.Process {
	b.Helper()
	return testproc.Start(b, args[0], l.bin, filepath.Dir(cfg), nil, append(args, "--config", cfg)...)
}

// raw starts the raw loop, which writes one message of a hundred.
func (l *lab) raw(b *testing.B, c *kafka.Client, group string) *testproc.Process {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	return testproc.Start(b, "raw loop", self, b.TempDir(), nil, rawArg, l.broker, group, c.Topics().Events, c.Topics().Prefix()+".raw", "100")
}

// until waits for something, looking often.
func until(b *testing.B, what string, ok func() bool) {
	b.Helper()
	untilEvery(b, 10*time.Millisecond, what, ok)
}

func untilEvery(b *testing.B, often time.Duration, what string, ok func() bool) {
	b.Helper()
	const patience = 3 * time.Minute
	for deadline := time.Now().Add(patience); !ok(); {
		if time.Now().After(deadline) {
			b.Fatalf("not within %s: %s", patience, what)
		}
		<-time.After(often)
	}
}
