// Package webhook is the receiver that POSTs a notification as JSON, signed as Standard Webhooks asks.
package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/riposte-security/riposte/consumers/alert"
	"github.com/riposte-security/riposte/internal/callout"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

const maxAnswer = 4 << 10 // bytes of an answer that are read, so that the connection can be used again

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
func New(conf Config, callouts callout.Policy, now func() time.Time) (*Receiver, error) {
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
	return &Receiver{conf: conf, host: u.Host, keys: keys, now: now, client: callout.Client(callouts.Named())}, nil
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
		return fmt.Errorf("webhook %s: %w", r.host, callout.WithoutURL(err))
	}
	defer res.Body.Close() //nolint:errcheck // only read
	// What the answer says is of no use to us and may repeat our own headers: it is read away, and shown nowhere.
	_, _ = io.CopyN(io.Discard, res.Body, maxAnswer)
	return callout.Judge("webhook "+r.host, res, r.now())
}

func (r *Receiver) request(ctx context.Context, id string, body []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.conf.URL, bytes.NewReader(body))
	if err != nil {
		return nil, fault.Permanent(fmt.Errorf("webhook %s: %w", r.host, callout.WithoutURL(err)))
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "riposte")
	for name, value := range r.conf.Headers {
		req.Header.Set(name, value)
	}
	timestamp := strconv.FormatInt(r.now().Unix(), 10)
	callout.Idempotent(req, id)
	req.Header.Set(headerID, id)
	req.Header.Set(headerTimestamp, timestamp)
	if len(r.keys) > 0 {
		req.Header.Set(headerSignature, sign(r.keys, id, timestamp, body))
	}
	return req, nil
}

// Verify confirms: Apply has returned only when the receiver had said yes.
func (r *Receiver) Verify(context.Context, schemas.Command, schemas.Plan) (schemas.Outcome, error) {
	return schemas.Outcome{State: schemas.StateVerified, Message: "accepted by " + r.host}, nil
}
