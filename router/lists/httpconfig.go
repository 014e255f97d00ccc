package lists

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
)

// HTTPConfig is how a list is got over HTTP.
type HTTPConfig struct {
	URL string `yaml:"url"`
	// Headers go along with the request, to this host only: for example Authorization. They are secrets.
	Headers map[string]string `yaml:"headers"`
	// Timeout bounds a whole request.
	Timeout time.Duration `yaml:"timeout"`
	// MaxBytes bounds an answer, before it is unpacked.
	MaxBytes int64 `yaml:"max_bytes"`
	// PlainHTTP allows http to another machine: whoever is on the way can then change the list.
	PlainHTTP bool `yaml:"plain_http"`
	// AllowLoopback allows names that lead to this machine, and redirects there; AllowLinkLocal link-local addresses, but for those of metadata services.
	AllowLoopback  bool `yaml:"allow_loopback"`
	AllowLinkLocal bool `yaml:"allow_link_local"`
}

func defaultHTTP() *HTTPConfig {
	const megabytes = 256
	return &HTTPConfig{Timeout: 2 * time.Minute, MaxBytes: megabytes << 20}
}

// Validate checks the settings. Its errors hold neither headers nor the address, in which a key may stand.
func (c *HTTPConfig) Validate() error {
	u, err := url.Parse(c.URL)
	switch {
	case err != nil || u.Hostname() == "":
		return errors.New("http.url: an address like https://host/path expected")
	case u.User != nil:
		return errors.New("http.url: no user and password in it; use headers")
	case u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("http.url: https expected, not %q", u.Scheme)
	case u.Scheme == "http" && !c.PlainHTTP && !loopback(u.Hostname()):
		return errors.New("http.url: https expected; plain_http: true allows http")
	case c.Timeout < time.Second || c.Timeout > time.Hour:
		return fmt.Errorf("http.timeout %s: 1s to 1h expected", c.Timeout)
	case c.MaxBytes < 1:
		return fmt.Errorf("http.max_bytes: %d is not positive", c.MaxBytes)
	}
	for name, value := range c.Headers {
		switch {
		case !httpguts.ValidHeaderFieldName(name):
			return fmt.Errorf("http.headers: %q is no header name", name)
		case !httpguts.ValidHeaderFieldValue(value):
			return fmt.Errorf("http.headers: the value of %s holds control characters", name)
		case strings.EqualFold(name, "Host"), strings.EqualFold(name, "Accept-Encoding"), strings.EqualFold(name, "Range"):
			return fmt.Errorf("http.headers: %s cannot be set", name)
		}
	}
	return nil
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}
