package broker_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/internal/broker"
	"github.com/riposte-security/riposte/internal/kafka"
)

func start(t *testing.T, o broker.Options) *broker.Broker {
	t.Helper()
	o.Log = zerolog.Nop()
	b, err := broker.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func client(t *testing.T, addr string) *kafka.Client {
	t.Helper()
	c, err := kafka.New(kafka.Config{Brokers: []string{addr}, Partitions: 2}, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// TestWaitsForAProcessThatEnds: whoever starts just after a kill finds the data still locked for a moment.
func TestWaitsForAProcessThatEnds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := start(t, broker.Options{DataDir: dir})
	closed := make(chan error, 1)
	timer := time.AfterFunc(300*time.Millisecond, func() { closed <- b.Close() })
	defer timer.Stop()
	start(t, broker.Options{DataDir: dir})
	if err := <-closed; err != nil {
		t.Error(err)
	}
	// Who is asked to end does not wait.
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := broker.Start(ctx, broker.Options{DataDir: dir}); !errors.Is(err, broker.ErrInUse) || time.Since(began) > 3*time.Second {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
}

func TestOneProcessPerDataDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := start(t, broker.Options{DataDir: dir})
	if _, err := broker.Start(t.Context(), broker.Options{DataDir: dir}); !errors.Is(err, broker.ErrInUse) {
		t.Fatalf("second broker on the same data: %v", err)
	}
	addr := b.Addr()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if again := start(t, broker.Options{DataDir: dir}); again.Addr() != addr {
		t.Errorf("address %s after a restart, %s before", again.Addr(), addr)
	}
}

func TestPortInUse(t *testing.T) {
	b := start(t, broker.Options{})
	var port int
	if _, err := fmt.Sscanf(b.Addr(), "127.0.0.1:%d", &port); err != nil {
		t.Fatal(err)
	}
	if other, err := broker.Start(t.Context(), broker.Options{Port: port}); err == nil {
		t.Errorf("a second broker on %s", other.Addr())
	}
}

// TestMain is also the child of TestSurvivesKill: a broker that runs until it is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("RIPOSTE_BROKER_CHILD"); dir != "" {
		b, err := broker.Start(context.Background(), broker.Options{DataDir: dir, Log: zerolog.Nop()})
		if err != nil {
			fmt.Fprintln(os.Stdout, "error:", err)
			os.Exit(1)
		}
		fmt.Fprintln(os.Stdout, b.Addr())
		if _, err := io.Copy(io.Discard, os.Stdin); err != nil { // until the parent has gone
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

type child struct {
	cmd  *exec.Cmd
	addr string
}

func startChild(t *testing.T, dir string) *child {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), "RIPOSTE_BROKER_CHILD="+dir)
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := bufio.NewScanner(out)
	if !line.Scan() {
		t.Fatal("the child said nothing")
	}
	return &child{cmd: cmd, addr: line.Text()}
}

func (c *child) kill(t *testing.T) {
	t.Helper()
	if err := c.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Wait(); err == nil {
		t.Fatal("the child ended by itself")
	}
}

// TestSurvivesKill kills the broker while messages are written and read, again and again. What was acknowledged must be there, and what was
// committed must not come again.
func TestSurvivesKill(t *testing.T) {
	dir := t.TempDir()
	l := &log{acked: map[string]bool{}, settled: map[string]bool{}, seen: map[string]bool{}}
	for round := range 4 {
		l.round(t, dir, round)
	}
	ch := startChild(t, dir)
	defer ch.kill(t)
	c := client(t, ch.addr)
	there := map[string]bool{}
	err := c.ReadAll(t.Context(), c.Topics().Events, func(_ context.Context, m kafka.Message) error {
		there[string(m.Value)] = true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for id := range l.acked {
		if !there[id] {
			t.Errorf("%s was acknowledged and is gone", id)
		}
	}
	t.Logf("%d acknowledged, %d there, %d had been committed", len(l.acked), len(there), len(l.settled))
}

type log struct {
	mu                   sync.Mutex
	acked, settled, seen map[string]bool
}

func (l *log) count(of map[string]bool) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(of)
}

// round runs a broker in a child and kills it in the middle of writes.
func (l *log) round(t *testing.T, dir string, round int) {
	t.Helper()
	ch := startChild(t, dir)
	c := client(t, ch.addr)
	if err := c.EnsureTopics(t.Context()); err != nil {
		t.Fatal(err)
	}
	topic := c.Topics().Events
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	write := func(name string, most int) {
		w := c.NewWriter()
		defer w.Close()
		for i := 0; i < most && ctx.Err() == nil; i++ {
			id := fmt.Sprintf("%d-%s-%d", round, name, i)
			if w.Publish(ctx, kafka.Message{Topic: topic, Key: []byte(id), Value: []byte(id)}) == nil {
				l.mu.Lock()
				l.acked[id] = true
				l.mu.Unlock()
			}
		}
	}
	wg.Go(func() {
		err := c.Consume(ctx, kafka.Group{ID: "g", Topics: []string{topic}}, func(_ context.Context, batch []kafka.Message) error {
			l.mu.Lock()
			defer l.mu.Unlock()
			for _, m := range batch {
				if l.settled[string(m.Value)] {
					t.Errorf("%s was committed and came again", m.Value)
				}
				l.seen[string(m.Value)] = true
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	write("first", 40)
	await.Until(t, "records are acknowledged", func() bool {
		lag, err := c.Lag(ctx, "g", topic)
		left := int64(0)
		for _, n := range lag[topic] {
			left += n
		}
		return err == nil && left == 0
	})
	l.mu.Lock()
	for id := range l.seen {
		l.settled[id] = true
	}
	before := len(l.acked)
	l.mu.Unlock()
	wg.Go(func() { write("then", 1<<20) })
	await.Until(t, "records are acknowledged", func() bool { return l.count(l.acked) > before+10 })
	ch.kill(t)
}
