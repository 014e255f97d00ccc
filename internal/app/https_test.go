package app

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"testing"

	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/internal/testcert"
)

// TestHTTPS: with a certificate, health, metrics and the API speak TLS and nothing else, and the API wants its token.
func TestHTTPS(t *testing.T) {
	dir, listen, authority := t.TempDir(), freeAddr(t), testcert.New(t)
	_, port, err := net.SplitHostPort(freeAddr(t))
	if err != nil {
		t.Fatal(err)
	}
	pair := authority.Issue(t, "riposte")
	cfg := write(t, dir, "riposte.yaml", fmt.Sprintf(`
http: { listen: %q, token: a-token-of-some-length, tls_cert: %q, tls_key: %q }
producers: [ { name: http, format: json, source: { http: { listen: %q } } } ]
`, listen, pair.Cert, pair.Key, freeAddr(t)))
	start(t, dir, "-c", cfg, "up", "--data", "data", "--port", port)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: authority.Pool}}}
	t.Cleanup(client.CloseIdleConnections)
	ask := func(c *http.Client, method, url, token string) int {
		req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		res, err := c.Do(req)
		if err != nil {
			return 0
		}
		_ = res.Body.Close()
		return res.StatusCode
	}
	await.Until(t, "it is ready", func() bool { return ask(client, http.MethodGet, "https://"+listen+"/readyz", "") == 200 })
	if status := ask(http.DefaultClient, http.MethodGet, "http://"+listen+"/readyz", ""); status != 400 {
		t.Errorf("without TLS: %d", status)
	}
	if status := ask(http.DefaultClient, http.MethodGet, "https://"+listen+"/readyz", ""); status != 0 {
		t.Errorf("a client who does not know the authority: %d", status)
	}
	for token, want := range map[string]int{"": 401, "another": 401, "a-token-of-some-length": 200} {
		if status := ask(client, http.MethodPost, "https://"+listen+"/api/stop", token); status != want {
			t.Errorf("token %q: %d, not %d", token, status, want)
		}
	}
}
