package syslog

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/producers"
)

// pipeline stands for the loop and Kafka.
type pipeline struct {
	mu      sync.Mutex
	records []producers.Record
	hold    chan struct{} // emit waits until it is closed
	err     error
}

func (p *pipeline) emit(ctx context.Context, batch []producers.Record) error {
	p.mu.Lock()
	hold, err := p.hold, p.err
	p.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.records = append(p.records, batch...)
	return nil
}

func (p *pipeline) data() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []string
	for _, r := range p.records {
		all = append(all, string(r.Data))
	}
	return all
}

// eventually waits until what the pipeline has is as wanted.
func (p *pipeline) eventually(t *testing.T, want ...string) []producers.Record {
	t.Helper()
	var d string
	for end := time.Now().Add(await.Long); time.Now().Before(end); {
		if d = cmp.Diff(want, p.data()); d == "" {
			p.mu.Lock()
			defer p.mu.Unlock()
			return p.records
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-t.Context().Done():
		}
	}
	t.Fatalf("(-want +got)\n%s", d)
	return nil
}

type running struct {
	*source
	at   net.Addr
	logs *safeBuffer
	stop func() error // ends Run and returns its error
}

type safeBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func newSource(t *testing.T, yaml string) (*source, *safeBuffer) {
	t.Helper()
	n, err := config.Parse("test", []byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	logs := &safeBuffer{}
	src, err := New(n, producers.SourceDeps{Name: "sys", Log: zerolog.New(logs)})
	if err != nil {
		t.Fatal(err)
	}
	s, ok := src.(*source)
	if !ok {
		t.Fatal("another type")
	}
	return s, logs
}

func start(t *testing.T, s *source, logs *safeBuffer, p *pipeline) *running {
	t.Helper()
	at := make(chan net.Addr, 1)
	s.bound = func(a net.Addr) { at <- a }
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, p.emit) }()
	var once sync.Once
	var result error
	r := &running{source: s, logs: logs, stop: func() error {
		once.Do(func() {
			cancel()
			select {
			case result = <-ended:
			case <-time.After(await.Long):
				t.Error("Run does not end")
			}
		})
		return result
	}}
	t.Cleanup(func() { _ = r.stop() })
	select {
	case r.at = <-at:
	case err := <-ended:
		t.Fatalf("Run: %v", err)
	}
	return r
}

func run(t *testing.T, yaml string, p *pipeline) *running {
	t.Helper()
	s, logs := newSource(t, "listen: 127.0.0.1:0\n"+yaml)
	return start(t, s, logs, p)
}

func dial(t *testing.T, a net.Addr) net.Conn {
	t.Helper()
	c, err := (&net.Dialer{}).DialContext(t.Context(), a.Network(), a.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func send(t *testing.T, c net.Conn, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if _, err := c.Write([]byte(p)); err != nil {
			t.Fatal(err)
		}
		if len(parts) > 1 {
			<-time.After(3 * time.Millisecond) // so that they come apart
		}
	}
}
