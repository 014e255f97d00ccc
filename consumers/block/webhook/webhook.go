// Package webhook has other systems block and unblock, over HTTP: firewalls, EDR, SOAR.
package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/remediate/attribute"
	"github.com/riposte-security/riposte/internal/callout"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

const (
	within    = 30 * time.Second
	maxAnswer = 1 << 20 // bytes of a status that are read
)

// Deps is what the action is made of.
type Deps struct {
	Client *http.Client
	Getenv func(string) string
	Now    func() time.Time
}

// state is whether the target is blocked; nil where there is no way to know.
type state struct {
	Blocked *bool `json:"blocked"`
}

// OnHTTP makes the action with a real client and the environment. Its addresses stand in rules, which name none of this machine.
func OnHTTP(callouts callout.Policy, now func() time.Time) consumers.Action {
	return New(Deps{Client: callout.Client(callouts), Getenv: os.Getenv, Now: now})
}

// New makes the action. A request is not repeated in it: an error that is worth another try says what the other side said about when (fault.Wait).
func New(d Deps) consumers.Action { return &caller{d} }

type caller struct{ Deps }

// Plan implements consumers.Action. The request stands in the plan as it will be sent, but for the secret headers.
func (c *caller) Plan(ctx context.Context, cmd schemas.Command) (schemas.Plan, error) {
	s, err := settingsOf(cmd)
	if err == nil {
		err = s.refuse(cmd.Target.ID)
	}
	if err != nil {
		return schemas.Plan{}, fmt.Errorf("target %s: %w", cmd.Target.ID, err)
	}
	r, err := s.render(cmd, opBlock)
	if err == nil {
		_, err = s.render(cmd, opUnblock) // while somebody still looks
	}
	if err == nil {
		_, err = s.secrets(c.Getenv)
		err = fault.Permanent(err)
	}
	if err != nil {
		return schemas.Plan{}, fmt.Errorf("target %s: %w", cmd.Target.ID, err)
	}
	blocked, err := c.blocked(ctx, s, cmd)
	if err != nil {
		return schemas.Plan{}, err
	}
	yes := true
	p := schemas.Plan{}
	if p.Before, err = json.Marshal(state{blocked}); err == nil {
		p.After, err = json.Marshal(state{&yes})
	}
	if err != nil {
		return schemas.Plan{}, fault.Permanent(err)
	}
	if blocked != nil && *blocked {
		p.Summary = cmd.Target.ID + " is blocked already, says " + hostOf(s.StatusURL)
		return p, nil
	}
	p.Summary = "have " + hostOf(r.url) + " block " + cmd.Target.ID + attribute.Lasting(cmd)
	p.Calls = []schemas.Call{{Service: "webhook", Operation: r.method, Params: map[string]any{
		"url": r.url, "idempotency_key": cmd.ID, "content_type": s.ContentType, "headers": s.Headers, "secret_headers": s.SecretHeaders, "body": r.body,
	}}}
	return p, nil
}

// Apply implements consumers.Action. It sends what was planned.
func (c *caller) Apply(ctx context.Context, cmd schemas.Command, p schemas.Plan) error {
	if p.Empty() {
		return nil
	}
	s, err := settingsOf(cmd)
	if err != nil {
		return err
	}
	blocked, err := c.blocked(ctx, s, cmd)
	if err != nil || blocked != nil && *blocked {
		return err
	}
	call := p.Calls[0]
	r := request{method: call.Operation}
	var ok, ok2 bool
	r.url, ok = call.Params["url"].(string)
	r.body, ok2 = call.Params["body"].(string)
	if !ok || !ok2 {
		return fault.Permanent(errors.New("the plan holds no request"))
	}
	return c.send(ctx, s, r, cmd.ID)
}

// Verify implements consumers.Action. Without a status to read, Apply has returned only when the other side had said yes.
func (c *caller) Verify(ctx context.Context, cmd schemas.Command, p schemas.Plan) (schemas.Outcome, error) {
	s, err := settingsOf(cmd)
	if err != nil {
		return schemas.Outcome{}, err
	}
	out := schemas.Outcome{State: schemas.StateVerified, Message: p.Summary, After: p.After}
	if s.StatusURL == "" {
		out.Message, out.After = "accepted by "+hostOf(s.URL)+"; it does not say whether it holds", nil
		return out, nil
	}
	return out, c.await(ctx, s, cmd, true)
}

// Undo implements consumers.Undoer. What the other side says to be unblocked already is as it was before.
func (c *caller) Undo(ctx context.Context, cmd schemas.Command, p schemas.Plan, _ bool) error {
	if p.Empty() {
		return nil
	}
	s, err := settingsOf(cmd)
	if err != nil {
		return err
	}
	blocked, err := c.blocked(ctx, s, cmd)
	if err != nil || blocked != nil && !*blocked {
		return err
	}
	r, err := s.render(cmd, opUnblock)
	if err != nil {
		return err
	}
	if err := c.send(ctx, s, r, cmd.ID+"-undo"); err != nil || s.StatusURL == "" {
		return err
	}
	return c.await(ctx, s, cmd, false)
}

func (c *caller) await(ctx context.Context, s settings, cmd schemas.Command, want bool) error {
	return cloud.Await(ctx, within, "target "+cmd.Target.ID, func(ctx context.Context) (bool, error) {
		blocked, err := c.blocked(ctx, s, cmd)
		return err == nil && blocked != nil && *blocked == want, err
	})
}

// blocked asks whether the target is blocked; nil if there is nobody to ask.
func (c *caller) blocked(ctx context.Context, s settings, cmd schemas.Command) (*bool, error) {
	if s.StatusURL == "" {
		return nil, ctx.Err()
	}
	u, err := s.address("status_url", s.StatusURL, cmd, viewOf(cmd, opBlock))
	if err != nil {
		return nil, err
	}
	var is bool
	err = c.do(ctx, s, request{method: http.MethodGet, url: u}, "", func(res *http.Response) error {
		if res.StatusCode == http.StatusNotFound {
			return nil
		}
		if err := callout.Judge(hostOf(u), res, c.Now()); err != nil {
			return err
		}
		body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
		if err != nil {
			return fmt.Errorf("%s: %w", hostOf(u), err)
		}
		if s.StatusField == "" {
			is = true
			return nil
		}
		if !gjson.ValidBytes(body) {
			return fmt.Errorf("%s: its status is no JSON, or longer than %d bytes", hostOf(u), maxAnswer)
		}
		is = gjson.GetBytes(body, s.StatusField).String() == s.StatusValue
		return nil
	})
	return &is, err
}

func (c *caller) send(ctx context.Context, s settings, r request, key string) error {
	return c.do(ctx, s, r, key, func(res *http.Response) error {
		_, _ = io.CopyN(io.Discard, res.Body, maxAnswer) // it may repeat our headers: it is shown nowhere
		if r.method == http.MethodDelete && (res.StatusCode == http.StatusNotFound || res.StatusCode == http.StatusGone) {
			return nil
		}
		return callout.Judge(hostOf(r.url), res, c.Now())
	})
}

// do makes one request. No error of it holds a header.
func (c *caller) do(ctx context.Context, s settings, r request, key string, answer func(*http.Response) error) error {
	secrets, err := s.secrets(c.Getenv)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(s.Timeout))
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, r.method, r.url, strings.NewReader(r.body))
	if err != nil {
		return fault.Permanent(fmt.Errorf("%s: %w", hostOf(r.url), callout.WithoutURL(err)))
	}
	req.Header.Set("User-Agent", "riposte")
	for _, headers := range []map[string]string{s.Headers, secrets} {
		for name, value := range headers {
			req.Header.Set(name, value)
		}
	}
	if r.method != http.MethodGet {
		req.Header.Set("Content-Type", s.ContentType)
		callout.Idempotent(req, key)
	}
	res, err := c.Client.Do(req)
	if err != nil {
		return fmt.Errorf("%s: %w", hostOf(r.url), callout.WithoutURL(err))
	}
	defer res.Body.Close() //nolint:errcheck // only read
	return answer(res)
}

// hostOf is all of a URL that messages show.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "the webhook"
	}
	return u.Host
}
