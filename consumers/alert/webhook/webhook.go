// Package webhook is the receiver that POSTs a notification as JSON, signed as Standard Webhooks asks.
package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/riposte-security/riposte/consumers/alert"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

const (
	maxAnswer = 4 << 10   // bytes of an answer that are read, so that the connection can be used again
	maxHeader = 64 << 10  // bytes of an answer's headers
	maxWait   = time.Hour // the longest Retry-After that is believed
)

// Receiver POSTs notifications. It is a consumers.Action. Its one request in Apply is not repeated there: an error that is worth another try
// carries what the other side said about when (fault.Wait), and the worker keeps the time.
type Receiver struct {
	Links alert.Links // set before use; may be nil

	conf   Config
	host   string // all of the URL that is shown: its path may be a secret
	keys   [][]byte
	client *http.Client
	now    func() time.Time
}

// New checks the configuration and returns a receiver. It does no I/O.
func New(conf Config, now func() time.Time) (*Receiver, error) {
	if err := conf.Validate(); err != nil {
		return nil, err
	}
	keys, err := conf.keys()
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(conf.URL)
	if err != nil {
		return nil, errors.New("webhook url: an address expected")
	}
	transport := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    8,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: maxHeader,
	}
	return &Receiver{conf: conf, host: u.Host, keys: keys, now: now, client: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Plan renders the request. Its body stands in the plan as text, so that what is sent is what was planned, byte for byte.
func (r *Receiver) Plan(_ context.Context, cmd schemas.Command) (schemas.Plan, error) {
	n := alert.From(cmd, r.Links)
	if r.conf.IncludeEvent {
		n.Event = cmd.Event
	}
	body, err := n.JSON()
	if err != nil {
		return schemas.Plan{}, fault.Permanent(err)
	}
	return schemas.Plan{
		Summary: "POST to " + r.host + ": " + n.Title,
		Calls: []schemas.Call{{Service: "webhook", Operation: http.MethodPost, Params: map[string]any{
			"host": r.host, "idempotency_key": cmd.ID, "signed": len(r.keys) > 0, "body": string(body),
		}}},
	}, nil
}

// Apply sends the request once. Called again, it sends the same body under the same id.
func (r *Receiver) Apply(ctx context.Context, cmd schemas.Command, p schemas.Plan) error {
	if len(p.Calls) != 1 {
		return fault.Permanent(fmt.Errorf("webhook %s: a plan of one call expected, %d found", r.host, len(p.Calls)))
	}
	body, ok := p.Calls[0].Params["body"].(string)
	if !ok {
		return fault.Permanent(fmt.Errorf("webhook %s: the plan holds no body", r.host))
	}
	ctx, cancel := context.WithTimeout(ctx, r.conf.Timeout)
	defer cancel()
	req, err := r.request(ctx, cmd.ID, []byte(body))
	if err != nil {
		return err
	}
	res, err := r.client.Do(req)
	if err != nil {
		return fmt.Errorf("webhook %s: %w", r.host, withoutURL(err))
	}
	defer res.Body.Close() //nolint:errcheck // only read
	// What the answer says is of no use to us and may repeat our own headers: it is read away, and shown nowhere.
	_, _ = io.CopyN(io.Discard, res.Body, maxAnswer)
	return r.judge(res)
}

func (r *Receiver) request(ctx context.Context, id string, body []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.conf.URL, bytes.NewReader(body))
	if err != nil {
		return nil, fault.Permanent(fmt.Errorf("webhook %s: %w", r.host, withoutURL(err)))
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "riposte")
	for name, value := range r.conf.Headers {
		req.Header.Set(name, value)
	}
	timestamp := strconv.FormatInt(r.now().Unix(), 10)
	req.Header.Set("Idempotency-Key", id)
	req.Header.Set(headerID, id)
	req.Header.Set(headerTimestamp, timestamp)
	if len(r.keys) > 0 {
		req.Header.Set(headerSignature, sign(r.keys, id, timestamp, body))
	}
	return req, nil
}

// judge turns the status of an answer into the error it means.
func (r *Receiver) judge(res *http.Response) error {
	code := res.StatusCode
	if code >= 200 && code < 300 {
		return nil
	}
	err := fmt.Errorf("webhook %s: answered %d %s", r.host, code, http.StatusText(code))
	switch {
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly, code == http.StatusTooManyRequests, code >= 500:
		return fault.After(err, retryAfter(res.Header.Get("Retry-After"), r.now()))
	case code >= 300 && code < 400:
		return fault.Permanent(fmt.Errorf("%w; redirects are not followed, configure the address it names", err))
	}
	return fault.Permanent(err)
}

// retryAfter reads a Retry-After header, in seconds or as a date; zero where there is none or it makes no sense.
func retryAfter(value string, now time.Time) time.Duration {
	var wait time.Duration
	if seconds, err := strconv.ParseUint(value, 10, 32); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		wait = at.Sub(now)
	}
	return max(0, min(wait, maxWait))
}

// withoutURL takes the URL out of an error of net/http: its path may be a secret.
func withoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// Verify confirms: Apply has returned only when the receiver had said yes.
func (r *Receiver) Verify(context.Context, schemas.Command, schemas.Plan) (schemas.Outcome, error) {
	return schemas.Outcome{State: schemas.StateVerified, Message: "accepted by " + r.host}, nil
}
