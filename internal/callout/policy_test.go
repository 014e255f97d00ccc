package callout

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/riposte-security/riposte/internal/fault"
)

func TestPermit(t *testing.T) {
	t.Parallel()
	everything := Policy{AllowLoopback: true, AllowLinkLocal: true}
	for address, allowed := range map[string][2]bool{ // by the zero policy, and by one that allows what can be allowed
		"203.0.113.1:443": {true, true}, "10.0.0.1:80": {true, true}, "[2001:db8::1]:443": {true, true}, "[fd00:ec3::1]:80": {true, true},
		"127.0.0.1:80": {false, true}, "127.8.8.8:80": {false, true}, "[::1]:80": {false, true}, "[::ffff:127.0.0.1]:80": {false, true},
		"[64:ff9b::7f00:1]:80": {false, true}, "[2002:7f00:1::]:80": {false, true}, "[::7f00:1]:80": {false, true},
		"169.254.1.1:80": {false, true}, "[fe80::1]:80": {false, true}, "[fe80::1%eth0]:80": {false, true},
		"169.254.169.254:80": {}, "[::ffff:169.254.169.254]:80": {}, "[64:ff9b::a9fe:a9fe]:80": {}, "[2002:a9fe:a9fe::1]:80": {}, "[::a9fe:a9fe]:80": {},
		"[fd00:ec2::254]:80": {}, "169.254.170.2:80": {}, "169.254.170.23:80": {}, "[fd00:ec2::23]:80": {}, "100.100.100.200:80": {},
		"0.0.0.0:80": {}, "[::]:80": {}, "224.0.0.1:80": {}, "[ff02::1]:80": {}, "255.255.255.255:80": {}, "name:80": {}, "": {},
	} {
		for i, p := range []Policy{{}, everything} {
			if err := p.Permit(address); (err == nil) != allowed[i] || err != nil && !fault.IsPermanent(err) {
				t.Errorf("%+v, %s: %v", p, address, err)
			}
		}
	}
}

// TestDial: what counts is the address that is dialled. A name that leads to this machine, as one under an attacker's control may from one look-up to the
// next, gets nowhere; who wrote the address itself into the configuration does.
func TestDial(t *testing.T) {
	t.Parallel()
	served := 0
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served++ }))
	t.Cleanup(s.Close)
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	here := names(t, netip.MustParseAddr("127.0.0.1"))
	get := func(p Policy, host string) error {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		p.resolver = here
		c := Client(p)
		c.Transport.(*http.Transport).Proxy = nil //nolint:forcetypeassert // it is one
		res, err := c.Do(req)
		if err == nil {
			err = res.Body.Close()
		}
		return err
	}
	const name = "feeds.example."
	for _, c := range []struct {
		policy Policy
		host   string
		want   string
	}{
		{Policy{}, "127.0.0.1", "of this machine"},
		{Policy{}, name, "of this machine"},
		{Policy{}.Named(), name, "of this machine"},
		{Policy{}.Named(), "127.0.0.1", ""},
		{Policy{AllowLoopback: true}, "127.0.0.1", ""},
		{Policy{AllowLoopback: true}, name, ""},
		{Policy{AllowLoopback: true, AllowLinkLocal: true}.Named(), "169.254.169.254", "metadata service"},
	} {
		before := served
		err := get(c.policy, c.host)
		if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || !fault.IsPermanent(err)) {
			t.Errorf("%+v, %s: %v", c.policy, c.host, err)
		}
		if (served > before) != (c.want == "") {
			t.Errorf("%+v, %s: %d requests came", c.policy, c.host, served-before)
		}
	}
}

// names is a resolver for which every name leads to an address.
func names(t *testing.T, addr netip.Addr) *net.Resolver {
	t.Helper()
	server, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { _ = server.Close(); <-done })
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for {
			n, from, err := server.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil || len(m.Questions) == 0 {
				continue
			}
			m.Response, m.Authoritative, m.Additionals = true, true, nil
			if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}, Body: &dnsmessage.AResource{A: addr.As4()},
				}}
			}
			if text, err := m.Pack(); err == nil {
				_, _ = server.WriteTo(text, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
}
