//go:build integration

package integration

import (
	"io"
	"net"
	"sync"
	"testing"
)

// A proxy passes TCP connections on, until it is cut: then those that are open break off, and new ones are closed at once.
type proxy struct {
	net.Listener
	to string

	mu    sync.Mutex
	cut   bool
	conns map[net.Conn]struct{}
	all   sync.WaitGroup
}

// newProxy starts a proxy to an address; it ends with the test.
func newProxy(t *testing.T, to string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed with the test
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{Listener: l, to: to, conns: map[net.Conn]struct{}{}}
	p.all.Go(p.accept)
	t.Cleanup(func() {
		_ = p.Close()
		p.set(true)
		p.all.Wait()
	})
	return p
}

func (p *proxy) accept() {
	for {
		c, err := p.Accept()
		if err != nil {
			return
		}
		p.all.Go(func() { p.pass(c) })
	}
}

// pass joins two connections until one of them ends.
func (p *proxy) pass(in net.Conn) {
	defer p.drop(in)
	if !p.keep(in) {
		return
	}
	out, err := net.Dial("tcp", p.to) //nolint:noctx // on this machine
	if err != nil {
		return
	}
	defer p.drop(out)
	if !p.keep(out) {
		return
	}
	p.all.Go(func() {
		_, _ = io.Copy(out, in)
		p.drop(out)
	})
	_, _ = io.Copy(in, out)
}

func (p *proxy) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns[c] = struct{}{}
	return !p.cut
}

func (p *proxy) drop(c net.Conn) {
	_ = c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

// set cuts the proxy, or mends it.
func (p *proxy) set(cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = cut
	if cut {
		for c := range p.conns {
			_ = c.Close()
		}
	}
}
