// Package issue is the receiver that opens an issue in a project on GitHub or GitLab, so that whoever owns the code hears of what was found or changed.
package issue

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/riposte-security/riposte/consumers/alert"
	"github.com/riposte-security/riposte/internal/callout"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

const (
	label     = "riposte"
	maxAnswer = 16 << 20 // bytes of a page of issues
	mostPages = 10       // that are looked through for an issue that was opened before
	maxPatch  = 8 << 10
)

// Receiver opens issues. It is a consumers.Action. Forges know no idempotency key: every issue carries the command's id, and is looked for before it is opened.
type Receiver struct {
	Links alert.Links // set before use; may be nil

	forge  Forge
	conf   Config
	host   string
	client *http.Client
	now    func() time.Time
}

// New makes the receiver of a project. It does no I/O.
func New(f Forge, conf Config, callouts callout.Policy, now func() time.Time) (*Receiver, error) {
	if conf.URL == "" {
		conf.URL = f.url
	}
	conf.URL = strings.TrimRight(conf.URL, "/")
	if err := conf.validate(f); err != nil {
		return nil, err
	}
	u, err := url.Parse(conf.URL)
	if err != nil {
		return nil, errors.New(f.Kind + " url: an address expected")
	}
	return &Receiver{forge: f, conf: conf, host: u.Host, client: callout.Client(callouts.Named()), now: now}, nil
}

// Plan renders the issue.
func (r *Receiver) Plan(_ context.Context, cmd schemas.Command) (schemas.Plan, error) {
	n := alert.From(cmd, r.Links)
	return schemas.Plan{
		Summary: "open an issue in " + r.conf.Project + " at " + r.host + ": " + n.Title,
		Calls: []schemas.Call{{Service: r.forge.Kind, Operation: "CreateIssue", Params: map[string]any{
			"project": r.conf.Project, "title": n.Title, r.forge.text: text(n, cmd), "labels": append([]string{label}, r.conf.Labels...),
		}}},
	}, nil
}

// text is the issue in Markdown. What comes from events stands in blocks of code, where it calls nobody and shows nothing.
func text(n alert.Notification, cmd schemas.Command) string {
	var b strings.Builder
	block := func(kind, content string) {
		fence := "```"
		for strings.Contains(content, fence) {
			fence += "`"
		}
		fmt.Fprintf(&b, "%s%s\n%s\n%s\n", fence, kind, strings.TrimRight(content, "\n"), fence)
	}
	block("text", n.Text())
	notice := gjson.GetBytes(cmd.Event, "unmapped.riposte.notice")
	if patch := notice.Get("patch").String(); patch != "" && len(patch) <= maxPatch {
		fmt.Fprintf(&b, "\nProposed change of `%s` in `%s`:\n\n", tame(notice.Get("address").String()), tame(notice.Get("where").String()))
		kind := "hcl"
		if notice.Get("tool").String() == "cloudformation" {
			kind = "yaml"
		}
		block(kind, patch)
	}
	fmt.Fprintf(&b, "\n%s\n", mark("command", cmd.ID))
	if about := about(cmd); about != "" {
		fmt.Fprintf(&b, "%s\n", about)
	}
	return b.String()
}

func tame(s string) string { return strings.ReplaceAll(alert.Clean(s, 500), "`", "'") }

// mark is a line by which an issue is found again; nobody sees it.
func mark(what, of string) string {
	sum := sha256.Sum256([]byte(of))
	return "<!-- riposte " + what + " " + hex.EncodeToString(sum[:16]) + " -->"
}

// about is the mark of what several commands may be about: while an issue for it is open, there is no other. "" where commands stand for themselves.
func about(cmd schemas.Command) string {
	if s := gjson.GetBytes(cmd.Event, "unmapped.riposte.notice.subject").String(); s != "" {
		return mark("about", s)
	}
	return ""
}

// Apply opens the issue, unless it is there.
func (r *Receiver) Apply(ctx context.Context, cmd schemas.Command, p schemas.Plan) error {
	if len(p.Calls) != 1 {
		return fault.Permanent(fmt.Errorf("%s: a plan of one call expected, %d found", r.forge.Kind, len(p.Calls)))
	}
	found, err := r.find(ctx, cmd)
	if err != nil || found != nil {
		return err
	}
	params := p.Calls[0].Params
	body, err := json.Marshal(map[string]any{
		"title": params["title"], r.forge.text: params[r.forge.text], "labels": r.forge.labels(append([]string{label}, r.conf.Labels...)),
	})
	if err != nil {
		return fault.Permanent(fmt.Errorf("%s: %w", r.forge.Kind, err))
	}
	_, err = r.call(ctx, http.MethodPost, "", body)
	return err
}

// Verify looks for the issue.
func (r *Receiver) Verify(ctx context.Context, cmd schemas.Command, _ schemas.Plan) (schemas.Outcome, error) {
	found, err := r.find(ctx, cmd)
	if err != nil {
		return schemas.Outcome{}, err
	}
	if found == nil {
		return schemas.Outcome{}, fmt.Errorf("%s %s: the issue is not there yet", r.forge.Kind, r.conf.Project)
	}
	message := fmt.Sprintf("issue %s of %s: %s", found.number, r.conf.Project, found.page)
	if !strings.Contains(found.text, mark("command", cmd.ID)) {
		message += " (was open already)"
	}
	return schemas.Outcome{State: schemas.StateVerified, Message: message}, nil
}

// find returns the issue of a command, or one that is open and about the same; nil where there is none.
func (r *Receiver) find(ctx context.Context, cmd schemas.Command) (*opened, error) {
	own, same := mark("command", cmd.ID), about(cmd)
	for page := 1; page <= mostPages; page++ {
		answer, err := r.call(ctx, http.MethodGet, query(page), nil)
		if err != nil {
			return nil, err
		}
		list := gjson.ParseBytes(answer)
		if !list.IsArray() {
			return nil, fmt.Errorf("%s %s: the answer is no list of issues", r.forge.Kind, r.host)
		}
		all := list.Array()
		for _, one := range all {
			o := r.forge.read(one)
			if strings.Contains(o.text, own) || same != "" && o.open && strings.Contains(o.text, same) {
				return &o, nil
			}
		}
		if len(all) < perPage {
			break
		}
	}
	return nil, nil
}

// call makes one request for the issues of the project, and returns what was answered.
func (r *Receiver) call(ctx context.Context, method, query string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, r.conf.Timeout)
	defer cancel()
	address := r.conf.URL + r.forge.path(r.conf.Project)
	if query != "" {
		address += "?" + query
	}
	where := r.forge.Kind + " " + r.host
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return nil, fault.Permanent(fmt.Errorf("%s: %w", where, callout.WithoutURL(err)))
	}
	req.Header.Set("User-Agent", "riposte")
	req.Header.Set("Content-Type", "application/json")
	r.forge.sign(req.Header, string(r.conf.Token))
	res, err := r.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", where, callout.WithoutURL(err))
	}
	defer res.Body.Close() //nolint:errcheck // only read
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case res.StatusCode == http.StatusForbidden && (res.Header.Get("Retry-After") != "" || res.Header.Get("X-RateLimit-Remaining") == "0"):
		return nil, fault.After(fmt.Errorf("%s: asked too often", where), r.wait(res)) // GitHub says so by 403
	case res.StatusCode >= 300:
		return nil, callout.Judge(where, res, r.now())
	case err != nil:
		return nil, fmt.Errorf("%s: %w", where, err)
	case len(answer) > maxAnswer:
		return nil, fault.Permanent(fmt.Errorf("%s: an answer of more than %d MiB", where, maxAnswer>>20))
	}
	return answer, nil
}

// wait is how long the forge wants to be left alone: what it says, or until its count begins anew.
func (r *Receiver) wait(res *http.Response) time.Duration {
	if s := res.Header.Get("Retry-After"); s != "" {
		return fault.RetryAfter(s, r.now())
	}
	if reset := gjson.Parse(res.Header.Get("X-RateLimit-Reset")).Int(); reset > 0 {
		return max(0, min(time.Hour, time.Unix(reset, 0).Sub(r.now())))
	}
	return time.Minute
}
