package webhook

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/riposte-security/riposte/internal/callout"
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
	if err := callout.CheckURL(c.URL, c.PlainHTTP); err != nil {
		return fmt.Errorf("webhook %w", err)
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
	for name, value := range c.Headers {
		if err := callout.CheckHeader(name, value, headerID, headerTimestamp, headerSignature); err != nil {
			return fmt.Errorf("webhook %w", err)
		}
	}
	return nil
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
