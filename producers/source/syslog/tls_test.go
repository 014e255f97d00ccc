package syslog

import (
	"crypto/tls"
	"fmt"
	"testing"

	"github.com/riposte-security/riposte/internal/testcert"
)

func TestTLS(t *testing.T) {
	t.Parallel()
	servers, clients := testcert.New(t), testcert.New(t)
	server, client, roots := servers.Issue(t, "server"), clients.Issue(t, "client").TLS, servers.Pool
	p := &pipeline{}
	r := run(t, fmt.Sprintf("protocol: tls\ntls_cert: %s\ntls_key: %s\ntls_client_ca: %s\n", server.Cert, server.Key, clients.CA), p)
	good, err := (&tls.Dialer{Config: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{client}, MinVersion: tls.VersionTLS12}}).DialContext(t.Context(), "tcp", r.at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = good.Close() }()
	send(t, good, fmt.Sprintf("%d %s", len(two), two), fmt.Sprintf("%d %s", len(one), one))
	p.eventually(t, two, one)
	bad, err := (&tls.Dialer{Config: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}).DialContext(t.Context(), "tcp", r.at.String())
	if err == nil {
		_, _ = bad.Write([]byte("3 bad"))
		_, err = bad.Read(make([]byte, 1))
		_ = bad.Close()
	}
	if err == nil {
		t.Error("a client without a certificate is heard")
	}
	if err := r.stop(); err != nil || len(p.data()) != 2 {
		t.Error(err, p.data())
	}
}
