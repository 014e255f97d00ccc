// Package callout is how riposte calls webhooks: a client that follows nobody, and what an answer means.
package callout

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/riposte-security/riposte/internal/fault"
)

const maxHeader = 64 << 10 // bytes of an answer's headers

// Client returns a client for webhooks, which connects where the policy allows. It does not follow redirects: whoever is named there was not configured. It needs no closing.
func Client(p Policy) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            p.Dial,
			TLSHandshakeTimeout:    dialTimeout,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
			ForceAttemptHTTP2:      true,
			MaxIdleConnsPerHost:    8,
			IdleConnTimeout:        90 * time.Second,
			MaxResponseHeaderBytes: maxHeader,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Idempotent gives a request its idempotency key. The header's name is in lower case, which is all the same to whoever gets it: by its usual spelling net/http
// takes a request for one that it may make again by itself, on each connection that it still has, when one breaks off before the answer. Calls are counted, and
// made again by whoever has a lease for it.
func Idempotent(req *http.Request, key string) {
	req.Header["idempotency-key"] = []string{key}
}

// Judge turns the status of an answer into the error it means: permanent, or one that says when to try again (fault.Wait).
func Judge(host string, res *http.Response, now time.Time) error {
	code := res.StatusCode
	if code >= 200 && code < 300 {
		return nil
	}
	err := fmt.Errorf("%s: answered %d %s", host, code, http.StatusText(code))
	switch {
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly, code == http.StatusTooManyRequests, code >= 500:
		return fault.After(err, fault.RetryAfter(res.Header.Get("Retry-After"), now))
	case code >= 300 && code < 400:
		return fault.Permanent(fmt.Errorf("%w; redirects are not followed, configure the address it names", err))
	}
	return fault.Permanent(err)
}

// WithoutURL takes the URL out of an error of net/http: its path may be a secret.
func WithoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// CheckURL checks an address to send to: https, unless it is on this machine or plainHTTP allows http. Its errors do not hold the address, whose path may be
// a secret.
func CheckURL(address string, plainHTTP bool) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Hostname() == "" {
		return errors.New("url: an address like https://host/path expected")
	}
	switch {
	case u.User != nil:
		return errors.New("url: no user and password in it; use headers")
	case u.Fragment != "":
		return errors.New("url: no fragment (#) in it")
	case u.Scheme == "https":
		return nil
	case u.Scheme != "http":
		return fmt.Errorf("url: https expected, not %q", u.Scheme)
	case plainHTTP || Local(u.Hostname()):
		return nil
	}
	return errors.New("url: https expected; plain_http: true allows http")
}

// Local tells whether a host is this machine by its own words: localhost, or a loopback address.
func Local(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && addr.IsLoopback())
}

// CheckHeader refuses a header that HTTP does not allow, and those that riposte sets itself: own, in lower case, besides those of the request. Its
// errors do not hold the value.
func CheckHeader(name, value string, own ...string) error {
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return !tokenRune(r) }) {
		return fmt.Errorf("header %q: not a header name", name)
	}
	if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
		return fmt.Errorf("header %s: its value holds control characters", name)
	}
	switch lower := strings.ToLower(name); lower {
	case "host", "content-type", "content-length", "transfer-encoding", "connection", "idempotency-key":
		return fmt.Errorf("header %s: riposte sets it itself", name)
	default:
		if slices.Contains(own, lower) {
			return fmt.Errorf("header %s: riposte sets it itself", name)
		}
	}
	return nil
}

func tokenRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}
