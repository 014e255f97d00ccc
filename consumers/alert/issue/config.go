package issue

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/riposte-security/riposte/internal/callout"
	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/schemas"
)

// Config is what riposte.yaml says of a project in which issues are opened.
type Config struct {
	Project   string        `yaml:"project"`
	Token     config.Secret `yaml:"token"`
	URL       string        `yaml:"url"`
	PlainHTTP bool          `yaml:"plain_http"`
	Labels    []string      `yaml:"labels"`
	Timeout   time.Duration `yaml:"timeout"`
}

const (
	defaultTimeout = 15 * time.Second
	maxTimeout     = time.Minute
	mostLabels     = 20
)

// Defaults is what holds where the configuration is silent.
func Defaults() Config { return Config{Timeout: defaultTimeout} }

// Settings describes Config.
func Settings(f Forge) []schemas.Setting {
	return []schemas.Setting{
		{Name: "project", Type: "string", Required: true, Help: f.projects},
		{Name: "token", Type: "string", Required: true, Help: f.tokens},
		{Name: "url", Type: "string", Default: f.url, Help: "Address of the API, for an installation of one's own."},
		{Name: "plain_http", Type: "bool", Default: "false", Help: "Allow an http address on another machine."},
		{Name: "labels", Type: "list", Help: "Further labels of the issues, beside riposte, by which they are found again."},
		{Name: "timeout", Type: "duration", Default: defaultTimeout.String(), Help: "Limit of one request, 1s to 1m."},
	}
}

func (c Config) validate(f Forge) error {
	if !regexp.MustCompile(f.project).MatchString(c.Project) {
		return fmt.Errorf("%s project %q: %s", f.Kind, c.Project, f.projects)
	}
	if c.Token == "" {
		return fmt.Errorf("%s token: expected; %s", f.Kind, f.tokens)
	}
	if err := callout.CheckHeader("token", string(c.Token)); err != nil {
		return fmt.Errorf("%s token: it holds control characters", f.Kind)
	}
	if err := callout.CheckURL(c.URL, c.PlainHTTP); err != nil {
		return fmt.Errorf("%s %w", f.Kind, err)
	}
	if c.Timeout < time.Second || c.Timeout > maxTimeout {
		return fmt.Errorf("%s timeout %s: 1s to %s expected", f.Kind, c.Timeout, maxTimeout)
	}
	if len(c.Labels) > mostLabels {
		return errors.New(f.Kind + " labels: more than can be of use")
	}
	return nil
}
