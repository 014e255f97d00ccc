package webhook

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/riposte-security/riposte/consumers/block/address"
	"github.com/riposte-security/riposte/consumers/remediate/attribute"
	"github.com/riposte-security/riposte/internal/callout"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

const (
	defaultType    = "application/json"
	defaultTimeout = 10 * time.Second
	maxTimeout     = time.Minute
)

type settings struct {
	URL           string            `json:"url"`
	Method        string            `json:"method"`
	Body          string            `json:"body"`
	UnblockURL    string            `json:"unblock_url"`
	UnblockMethod string            `json:"unblock_method"`
	UnblockBody   string            `json:"unblock_body"`
	ContentType   string            `json:"content_type"`
	Headers       map[string]string `json:"headers"`
	SecretHeaders map[string]string `json:"secret_headers"`
	StatusURL     string            `json:"status_url"`
	StatusField   string            `json:"status_field"`
	StatusValue   string            `json:"status_value"`
	Timeout       schemas.Duration  `json:"timeout"`
	PlainHTTP     bool              `json:"plain_http"`
	Private       bool              `json:"private"`
	Never         attribute.Strings `json:"never"`
}

func settingsOf(cmd schemas.Command) (settings, error) {
	s := settings{
		Method: http.MethodPost, UnblockMethod: http.MethodPost, ContentType: defaultType, StatusValue: "true", Timeout: schemas.Duration(defaultTimeout),
	}
	if err := attribute.Settings(cmd, &s); err != nil {
		return s, err
	}
	if s.UnblockURL == "" {
		s.UnblockURL = s.URL
	}
	if s.UnblockBody == "" {
		s.UnblockBody = s.Body
	}
	return s, fault.Permanent(s.check())
}

func (s settings) check() error {
	for name, u := range map[string]string{"url": s.URL, "unblock_url": s.UnblockURL, "status_url": s.StatusURL} {
		if u == "" && name == "status_url" {
			continue
		}
		fixed, _, templated := strings.Cut(u, "{{")
		if _, rest, ok := strings.Cut(fixed, "://"); templated && (!ok || !strings.Contains(rest, "/")) {
			return fmt.Errorf("with.%s: the host is no place for a template", name)
		}
		if err := callout.CheckURL(fixed, s.PlainHTTP); err != nil {
			return fmt.Errorf("with.%s: %w", name, err)
		}
	}
	for name, m := range map[string]string{"method": s.Method, "unblock_method": s.UnblockMethod} {
		if !slices.Contains([]string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}, m) {
			return fmt.Errorf("with.%s %q: POST, PUT, PATCH or DELETE expected", name, m)
		}
	}
	if t := time.Duration(s.Timeout); t < time.Second || t > maxTimeout {
		return fmt.Errorf("with.timeout %s: 1s to %s expected", t, maxTimeout)
	}
	if s.ContentType == "" || strings.ContainsFunc(s.ContentType, func(r rune) bool { return r < ' ' || r > '~' }) {
		return errors.New("with.content_type: a media type expected")
	}
	for name, value := range s.Headers {
		if err := callout.CheckHeader(name, value); err != nil {
			return fmt.Errorf("with.headers: %w", err)
		}
	}
	for name, variable := range s.SecretHeaders {
		if err := callout.CheckHeader(name, ""); err != nil {
			return fmt.Errorf("with.secret_headers: %w", err)
		}
		if !strings.HasPrefix(variable, secretPrefix) { // a rule must not be able to send other secrets of ours away
			return fmt.Errorf("with.secret_headers: %s: the name of an environment variable that begins with %s expected", name, secretPrefix)
		}
	}
	return nil
}

// refuse says why a target must not be blocked, as a permanent error. Only addresses can be judged here.
func (s settings) refuse(id string) error {
	p, err := address.Parse(id)
	if err != nil {
		return nil //nolint:nilerr // it is no address
	}
	if !s.Private {
		return address.Refuse(p, s.Never)
	}
	return address.RefuseListed(p, s.Never)
}

// secrets reads the values of the secret headers. Whoever set one says beside it where it may go: the author of a rule, who names the address as well, is none to
// decide that. An error may pass: the environment is mended by a restart, and a block that stands then has to be taken back.
func (s settings) secrets(getenv func(string) string) (map[string]string, error) {
	out := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(s.SecretHeaders)) {
		variable := s.SecretHeaders[name]
		value := getenv(variable)
		if value == "" {
			return nil, fmt.Errorf("header %s: environment variable %s is not set", name, variable)
		}
		if err := callout.CheckHeader(name, value); err != nil {
			return nil, err
		}
		for _, to := range []string{s.URL, s.UnblockURL, s.StatusURL} {
			named := func(host string) bool { return strings.EqualFold(host, hostname(to)) }
			if to != "" && !slices.ContainsFunc(strings.Fields(getenv(variable+secretHosts)), named) {
				return nil, fmt.Errorf("header %s: environment variable %s, which says where %s may go, does not name %s", name, variable+secretHosts, variable, hostname(to))
			}
		}
		out[name] = value
	}
	return out, nil
}

// hostname is the host of an address that was checked: its template begins behind that.
func hostname(address string) string {
	fixed, _, _ := strings.Cut(address, "{{")
	u, err := url.Parse(fixed)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
