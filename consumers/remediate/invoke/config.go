package invoke

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/riposte-security/riposte/consumers/remediate/invoke/runbook"
	"github.com/riposte-security/riposte/internal/callout"
	"github.com/riposte-security/riposte/internal/config"
)

// Config is the section `invoke` of the configuration: what rules may name, and must not know.
type Config struct {
	// Endpoints are the systems that are reached over HTTP, by the name that rules use.
	Endpoints map[string]Endpoint `yaml:"endpoints"`
	// Runbooks is where local runbooks are, and what each may use.
	Runbooks runbook.Config `yaml:"runbooks"`
}

// An Endpoint is a system that takes requests. Who may call it with what is said here alone: a rule adds a path below URL, and the body.
type Endpoint struct {
	URL string `yaml:"url"`
	// Headers go with each request; their values are secrets. An API key is one of them.
	Headers map[string]config.Secret `yaml:"headers"`
	// OAuth gets a token by the client credentials grant of RFC 6749; nil: none.
	OAuth *OAuth `yaml:"oauth"`
	// Timeout is how long one request may take; default 30 s, 5 m at most.
	Timeout time.Duration `yaml:"timeout"`
	// PlainHTTP allows http addresses of other machines.
	PlainHTTP bool `yaml:"plain_http"`
}

// OAuth is a client's account with an authorisation server.
type OAuth struct {
	TokenURL     string            `yaml:"token_url"`
	ClientID     string            `yaml:"client_id"`
	ClientSecret config.Secret     `yaml:"client_secret"`
	Scopes       []string          `yaml:"scopes"`
	Params       map[string]string `yaml:"params"` // further ones of the request for a token, such as audience
}

const (
	defaultTimeout = 30 * time.Second
	longestTimeout = 5 * time.Minute
)

// ReadConfig reads the section; an empty one has nothing.
func ReadConfig(n config.Node) (Config, error) {
	c := Config{Runbooks: runbook.Defaults()}
	if n.IsZero() {
		return c, nil
	}
	if err := n.Decode(&c); err != nil {
		return c, fmt.Errorf("invoke: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Endpoints)) {
		e := c.Endpoints[name]
		if err := e.check(name); err != nil {
			return c, fmt.Errorf("%s: invoke.endpoints.%s: %w", n.At("endpoints", name).Pos(), name, err)
		}
		if e.Timeout == 0 {
			e.Timeout = defaultTimeout
		}
		c.Endpoints[name] = e
	}
	if err := c.Runbooks.Validate(); err != nil {
		return c, fmt.Errorf("%s: invoke.runbooks: %w", n.At("runbooks").Pos(), err)
	}
	return c, nil
}

func (e Endpoint) check(name string) error {
	if !config.ValidName(name) {
		return errors.New("a name of letters, digits, dots, dashes and underscores expected")
	}
	if err := callout.CheckURL(e.URL, e.PlainHTTP); err != nil {
		return err
	}
	if u, err := url.Parse(e.URL); err != nil || u.RawQuery != "" {
		return errors.New("url: no query in it; a rule adds one")
	}
	if e.Timeout < 0 || e.Timeout > longestTimeout {
		return fmt.Errorf("timeout %s: up to %s expected", e.Timeout, longestTimeout)
	}
	own := []string{"user-agent"}
	if e.OAuth != nil {
		own = append(own, "authorization")
		if err := callout.CheckURL(e.OAuth.TokenURL, e.PlainHTTP); err != nil {
			return fmt.Errorf("oauth.token_%w", err)
		}
		if e.OAuth.ClientID == "" || e.OAuth.ClientSecret == "" {
			return errors.New("oauth: client_id and client_secret are needed")
		}
	}
	for _, h := range slices.Sorted(maps.Keys(e.Headers)) {
		if e.Headers[h] == "" {
			return fmt.Errorf("header %s: its value is empty", h)
		}
		if err := callout.CheckHeader(h, string(e.Headers[h]), own...); err != nil {
			return err
		}
	}
	return nil
}

// base is the URL with a slash at its end, below which paths are.
func (e Endpoint) base() string { return strings.TrimSuffix(e.URL, "/") + "/" }
