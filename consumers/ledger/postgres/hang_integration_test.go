//go:build integration

package postgres_test

import (
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/consumers/ledger/postgres"
	"github.com/riposte-security/riposte/internal/servers"
	"github.com/riposte-security/riposte/schemas"
)

// TestServerThatHangs: a call ends with an error in time, so does Close; and what comes after the hang is served.
func TestServerThatHangs(t *testing.T) {
	t.Parallel()
	u, err := url.Parse(servers.Schema(t, servers.Postgres(t)))
	if err != nil {
		t.Fatal(err)
	}
	p := newProxy(t, u.Host)
	u.Host = p.Addr().String()
	l, err := postgres.Open(t.Context(), u.String())
	if err != nil {
		t.Fatal(err)
	}
	claim := func() error {
		_, err := l.Claim(t.Context(), time.Now(), ledger.Claim{Owner: "a", Lanes: schemas.Lanes(), N: 1, Lease: time.Minute})
		return err
	}
	if err := claim(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the first on a connection that stands, the second on one that is made
		p.freeze(true)
		start := time.Now()
		if err := claim(); err == nil {
			t.Error("a server that does not answer gave no error")
		}
		if d := time.Since(start); d > 8*time.Second {
			t.Errorf("the call took %s", d)
		}
	}
	p.freeze(false)
	if err := claim(); err != nil {
		t.Errorf("after the hang: %v", err)
	}
	p.freeze(true)
	if err := claim(); err == nil {
		t.Error("a server that does not answer gave no error")
	}
	start := time.Now()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if d := time.Since(start); d > 4*time.Second {
		t.Errorf("Close took %s", d)
	}
}

// A proxy stands before a server and can keep back all that it says, as one that is paused does: connections are accepted all the same.
type proxy struct {
	net.Listener
	mu     sync.Mutex
	frozen chan struct{} // closed while nothing is kept back
}

func newProxy(t *testing.T, to string) *proxy {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{Listener: l, frozen: make(chan struct{})}
	close(p.frozen)
	var all sync.WaitGroup
	t.Cleanup(func() {
		p.freeze(false)
		_ = l.Close()
		all.Wait()
	})
	all.Go(func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			server, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", to)
			if err != nil {
				_ = from.Close()
				continue
			}
			all.Go(func() { p.pipe(server, from) })
			all.Go(func() { p.pipe(from, server) })
		}
	})
	return p
}

func (p *proxy) pipe(to, from net.Conn) {
	defer to.Close()   //nolint:errcheck // the other side sees it
	defer from.Close() //nolint:errcheck // the same
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		p.mu.Lock()
		thawed := p.frozen
		p.mu.Unlock()
		<-thawed
		if _, err := to.Write(buf[:n]); err != nil || n == 0 {
			return
		}
	}
}

func (p *proxy) freeze(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.frozen:
		if on {
			p.frozen = make(chan struct{})
		}
	default:
		if !on {
			close(p.frozen)
		}
	}
}
