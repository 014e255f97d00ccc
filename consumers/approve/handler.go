package approve

import (
	"context"
	_ "embed"
	"errors"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/internal/sign"
	"github.com/riposte-security/riposte/schemas"
)

//go:embed page.html
var page string

// maxForm bounds what a form sends, in bytes.
const maxForm = 16 << 10

// A Handler serves the pages behind the links.
type Handler struct {
	Signer *Signer
	// Desk is the ledger; it returns nil while the ledger is not open.
	Desk func() ledger.Desk
	// UserHeader is the header in which a proxy says who a person is; "": the person says so.
	UserHeader string
	Now        func() time.Time
	Log        zerolog.Logger
	tmpl       *template.Template
}

// NewHandler returns the handler of Path. All fields of h but Log are set.
func NewHandler(h Handler) (*Handler, error) {
	t, err := template.New("page").Parse(page)
	if err != nil {
		return nil, err
	}
	h.tmpl = t
	return &h, nil
}

// A view is what the page shows.
type view struct {
	Title, Problem, Done string
	Entry                ledger.Entry
	Calls                []call
	Before, After        string
	Waits                bool // a decision can be made
	User                 string
	AskUser              bool
	Until                time.Time
}

type call struct{ Name, Params string }

// ServeHTTP shows the plan on GET and HEAD, and decides on POST.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head.Set("Cache-Control", "no-store")
	head.Set("Referrer-Policy", "no-referrer") // the address is the permission
	head.Set("X-Frame-Options", "DENY")
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	t, err := h.Signer.open(strings.TrimPrefix(r.URL.Path, Path), h.Now())
	if err != nil {
		h.show(w, http.StatusNotFound, view{Title: "No such link", Problem: err.Error()})
		return
	}
	desk := h.Desk()
	if desk == nil {
		h.show(w, http.StatusServiceUnavailable, view{Title: "Not now", Problem: "the ledger is away; try again in a moment"})
		return
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		h.get(w, r, desk, t)
	case http.MethodPost:
		h.post(w, r, desk, t)
	default:
		head.Set("Allow", "GET, HEAD, POST")
		h.show(w, http.StatusMethodNotAllowed, view{Title: "No", Problem: "open the page, and use its form"})
	}
}

// entry finds the command that a ticket is about. ok is false when an answer was given.
func (h *Handler) entry(ctx context.Context, w http.ResponseWriter, desk ledger.Desk, t ticket) (e ledger.Entry, ok bool) {
	entries, err := desk.List(ctx, ledger.Filter{IDs: []string{t.Command}, Limit: 1})
	switch {
	case err != nil:
		h.Log.Warn().Err(err).Msg("approval: the ledger does not answer")
		h.show(w, http.StatusServiceUnavailable, view{Title: "Not now", Problem: "the ledger is away; try again in a moment"})
	case len(entries) == 0:
		h.show(w, http.StatusNotFound, view{Title: "No such command", Problem: "it was forgotten since"})
	default:
		return entries[0], true
	}
	return e, false
}

func (h *Handler) get(w http.ResponseWriter, r *http.Request, desk ledger.Desk, t ticket) {
	e, ok := h.entry(r.Context(), w, desk, t)
	if !ok {
		return
	}
	v := h.view(r, e, t)
	hash := ""
	if e.Plan != nil {
		if h, err := e.Plan.Hash(); err == nil {
			hash = h
		}
	}
	switch {
	case e.State != schemas.StateApproval && e.State != schemas.StateStale:
		v.Problem = "it does not wait for a decision: it is " + string(e.State)
	case hash != t.Plan:
		v.Problem = ledger.ErrPlan.Error() + "; this link was about an earlier one"
	default:
		v.Waits = true
		for _, a := range e.Approvals {
			if a.Nonce == t.nonce() {
				v.Waits, v.Problem = false, "this link was used by "+a.By
			}
		}
	}
	h.show(w, http.StatusOK, v)
}

func (h *Handler) post(w http.ResponseWriter, r *http.Request, desk ledger.Desk, t ticket) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	e, ok := h.entry(r.Context(), w, desk, t)
	if !ok {
		return
	}
	v := h.view(r, e, t)
	if err := r.ParseForm(); err != nil {
		v.Problem = "the form cannot be read"
		h.show(w, http.StatusBadRequest, v)
		return
	}
	d := ledger.Decision{By: v.User, Reason: text(r.PostForm.Get("reason")), Via: ledger.ViaLink, Plan: t.Plan, Nonce: t.nonce()}
	if v.AskUser {
		d.By = text(r.PostForm.Get("by"))
	}
	verb := r.PostForm.Get("decision")
	d.Approve = verb == "approve"
	if d.By == "" || verb != "approve" && verb != "reject" {
		v.Problem, v.Waits = "say who you are, and choose", true
		h.show(w, http.StatusBadRequest, v)
		return
	}
	now := h.Now().UTC()
	d.Signature = sign.Secret(h.Signer.Secret).Sign(d.Approval(now).Text(t.Command))
	after, err := desk.Decide(r.Context(), now, t.Command, d)
	status := http.StatusOK
	switch {
	case err == nil && !d.Approve:
		v.Done = "rejected by " + d.By
	case err == nil && after.State == schemas.StateApproval:
		v.Done = "approved by " + d.By + "; another person has to approve as well"
	case err == nil:
		v.Done = "approved by " + d.By + "; it runs now, if the plan is still the same then"
	case errors.Is(err, ledger.ErrState), errors.Is(err, ledger.ErrPlan), errors.Is(err, ledger.ErrTwice), errors.Is(err, ledger.ErrBusy):
		v.Problem, status = err.Error(), http.StatusConflict
	default:
		h.Log.Warn().Err(err).Str("command", t.Command).Msg("approval: not decided")
		v.Problem, status = "the ledger is away; try again in a moment", http.StatusServiceUnavailable
	}
	if err == nil {
		v.Entry = after
		h.Log.Info().Str("command", t.Command).Str("by", d.By).Str("decision", verb).Str("why", d.Reason).Str("peer", r.RemoteAddr).Msg("decided by a link")
	}
	h.show(w, status, v)
}

// view is what there is to see of a command.
func (h *Handler) view(r *http.Request, e ledger.Entry, t ticket) view {
	v := view{Title: e.Command.Action + " on " + e.Command.Target.ID, Entry: e, Until: t.Until, AskUser: h.UserHeader == ""}
	if !v.AskUser {
		v.User = text(r.Header.Get(h.UserHeader))
	}
	if e.Plan == nil {
		return v
	}
	for _, c := range e.Plan.Calls {
		v.Calls = append(v.Calls, call{c.Service + ":" + c.Operation, indent(c.Params)})
	}
	v.Before, v.After = string(e.Plan.Before), string(e.Plan.After)
	return v
}

func (h *Handler) show(w http.ResponseWriter, status int, v view) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if err := h.tmpl.Execute(w, v); err != nil {
		h.Log.Debug().Err(err).Msg("approval: the page was not taken")
	}
}
