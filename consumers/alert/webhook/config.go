package webhook

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/riposte-security/riposte/schemas"
)

// Config is what riposte.yaml says of a webhook.
type Config struct {
	URL            string            `yaml:"url"`
	Secret         string            `yaml:"secret"`
	PreviousSecret string            `yaml:"previous_secret"`
	Unsigned       bool              `yaml:"unsigned"`
	PlainHTTP      bool              `yaml:"plain_http"`
	Headers        map[string]string `yaml:"headers"`
	Timeout        time.Duration     `yaml:"timeout"`
	IncludeEvent   bool              `yaml:"include_event"`
}

// Defaults is what holds where the configuration is silent.
func Defaults() Config { return Config{Timeout: defaultTimeout} }

// Settings describes Config.
func Settings() []schemas.Setting {
	return []schemas.Setting{
		{Name: "url", Type: "string", Required: true, Help: "Address to POST to. https, unless it is this machine or plain_http is set."},
		{Name: "secret", Type: "string", Help: "Signing secret, whsec_ and base64 of 24 to 64 bytes. Required unless unsigned is set."},
		{Name: "previous_secret", Type: "string", Help: "Second secret to sign with as well, while receivers change over."},
		{Name: "unsigned", Type: "bool", Default: "false", Help: "Send without a signature, to receivers that know none."},
		{Name: "plain_http", Type: "bool", Default: "false", Help: "Allow an http address on another machine."},
		{Name: "headers", Type: "map", Help: "Further request headers, for example Authorization."},
		{Name: "timeout", Type: "duration", Default: defaultTimeout.String(), Help: "Limit of one request, 1s to 1m."},
		{Name: "include_event", Type: "bool", Default: "false", Help: "Send the whole event along, under event."},
	}
}

const (
	defaultTimeout = 10 * time.Second
	maxTimeout     = time.Minute
	secretPrefix   = "whsec_"
	minSecret      = 24 // bytes, as Standard Webhooks has it
	maxSecret      = 64
)

// Validate checks the settings without any I/O. Its errors never hold a secret, nor the path of the URL, which may be one.
func (c Config) Validate() error {
	if err := c.checkURL(); err != nil {
		return err
	}
	if c.Timeout < time.Second || c.Timeout > maxTimeout {
		return fmt.Errorf("webhook timeout %s: 1s to %s expected", c.Timeout, maxTimeout)
	}
	switch {
	case c.Unsigned && (c.Secret != "" || c.PreviousSecret != ""):
		return errors.New("webhook: unsigned and a secret exclude each other")
	case !c.Unsigned && c.Secret == "":
		return errors.New("webhook secret: expected, or unsigned: true")
	}
	if _, err := c.keys(); err != nil {
		return err
	}
	return checkHeaders(c.Headers)
}

func (c Config) checkURL() error {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.Hostname() == "" {
		return errors.New("webhook url: an address like https://host/path expected")
	}
	switch {
	case u.User != nil:
		return errors.New("webhook url: no user and password in it; use headers")
	case u.Fragment != "":
		return errors.New("webhook url: no fragment (#) in it")
	case u.Scheme == "https":
		return nil
	case u.Scheme != "http":
		return fmt.Errorf("webhook url: https expected, not %q", u.Scheme)
	case c.PlainHTTP || loopback(u.Hostname()):
		return nil
	}
	return errors.New("webhook url: https expected; plain_http: true allows http")
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && addr.IsLoopback())
}

// keys decodes the secrets, the current one first.
func (c Config) keys() ([][]byte, error) {
	var keys [][]byte
	for _, s := range []struct{ name, value string }{{"secret", c.Secret}, {"previous_secret", c.PreviousSecret}} {
		if s.value == "" {
			continue
		}
		text, ok := strings.CutPrefix(s.value, secretPrefix)
		key, err := base64.StdEncoding.DecodeString(text)
		if !ok || err != nil || len(key) < minSecret || len(key) > maxSecret {
			return nil, fmt.Errorf("webhook %s: %s and base64 of %d to %d bytes expected", s.name, secretPrefix, minSecret, maxSecret)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// checkHeaders refuses headers that HTTP does not allow and those that riposte sets itself.
func checkHeaders(headers map[string]string) error {
	for name, value := range headers {
		if name == "" || strings.ContainsFunc(name, func(r rune) bool { return !tokenRune(r) }) {
			return fmt.Errorf("webhook header %q: not a header name", name)
		}
		if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			return fmt.Errorf("webhook header %s: its value holds control characters", name)
		}
		switch lower := strings.ToLower(name); lower {
		case "host", "content-type", "content-length", "transfer-encoding", "connection", "idempotency-key", headerID, headerTimestamp, headerSignature:
			return fmt.Errorf("webhook header %s: riposte sets it itself", name)
		}
	}
	return nil
}

func tokenRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}
