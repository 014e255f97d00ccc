package approve_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/riposte-security/riposte/consumers/approve"
	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/consumers/ledger/sqlite"
	"github.com/riposte-security/riposte/schemas"
)

func noon() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// A desk is a ledger with one command that waits, and the pages on top of it.
type desk struct {
	t      *testing.T
	ledger ledger.Ledger
	cmd    schemas.Command
	plan   schemas.Plan
	server *httptest.Server
	signer *approve.Signer
	now    time.Time
	people int
}

func newDesk(t *testing.T, people int, userHeader string) *desk {
	t.Helper()
	l, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	d := &desk{t: t, ledger: l, now: noon(), people: people}
	d.cmd = schemas.Command{
		Rule: "a-rule", RuleTitle: "A <b>rule</b>", RuleHash: "cafe", Step: "remediate:set", Lane: schemas.LaneRemediate, Action: "set",
		Target: schemas.Target{Type: "s3-bucket", Account: "111122223333", ID: "logs"}, Severity: "high", Event: []byte(`{}`), EventUID: "event-1",
		EventTime: noon(), Created: noon(),
	}
	d.cmd.ID = schemas.CommandID(d.cmd.Rule, d.cmd.Step, d.cmd.EventUID, d.cmd.Target)
	d.plan = schemas.Plan{Summary: "set it", Calls: []schemas.Call{{Service: "s3", Operation: "PutIt", Params: map[string]any{"Bucket": "logs"}}}, Before: []byte(`"old"`), After: []byte(`"new"`)}
	if _, err := l.Enter(t.Context(), noon(), []schemas.Command{d.cmd}); err != nil {
		t.Fatal(err)
	}
	d.waits()
	d.signer = &approve.Signer{Secret: strings.Repeat("s", 32), Within: time.Hour}
	h, err := approve.NewHandler(approve.Handler{Signer: d.signer, Desk: func() ledger.Desk { return l }, UserHeader: userHeader, Now: func() time.Time { return d.now }})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(approve.Path, h)
	d.server = httptest.NewServer(mux)
	t.Cleanup(d.server.Close)
	d.signer.URL = d.server.URL + "/"
	return d
}

// waits brings the command into state approval, as a worker does.
func (d *desk) waits() {
	d.t.Helper()
	es, err := d.ledger.Claim(d.t.Context(), noon(), ledger.Claim{Owner: "w", Lanes: schemas.Lanes(), N: 1, Lease: time.Minute})
	if err != nil || len(es) != 1 {
		d.t.Fatalf("%d claimed, %v", len(es), err)
	}
	e := es[0]
	e.Plan, e.State, e.Due = &d.plan, schemas.StateApproval, time.Time{}
	e.Outcome = schemas.Outcome{State: e.State, Message: "the rule says approval: required", Time: noon(), Approvers: d.people}
	if err := d.ledger.Save(d.t.Context(), noon(), e); err != nil {
		d.t.Fatal(err)
	}
}

// links are those of the alert that a rule on outcomes raises.
func (d *desk) links() []string {
	d.t.Helper()
	ev, err := schemas.OutcomeEvent(d.cmd, &d.plan, schemas.Outcome{State: schemas.StateApproval, Time: noon(), Approvers: d.people})
	if err != nil {
		d.t.Fatal(err)
	}
	var all []string
	for _, l := range d.signer.Links(schemas.Command{ID: "alert", Lane: schemas.LaneAlert, Event: ev.Data, EventTime: ev.Time, Source: ev.Source}) {
		all = append(all, l.URL)
	}
	return all
}

func (d *desk) call(method, link string, form url.Values, headers ...string) (int, string) {
	d.t.Helper()
	r, err := http.NewRequestWithContext(d.t.Context(), method, link, strings.NewReader(form.Encode()))
	if err != nil {
		d.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // it was only read
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	if resp.Header.Get("Cache-Control") != "no-store" || resp.Header.Get("Referrer-Policy") != "no-referrer" {
		d.t.Errorf("headers %v", resp.Header)
	}
	return resp.StatusCode, string(body)
}

func (d *desk) state() schemas.State {
	d.t.Helper()
	es, err := d.ledger.List(d.t.Context(), ledger.Filter{IDs: []string{d.cmd.ID}})
	if err != nil || len(es) != 1 {
		d.t.Fatalf("%d entries, %v", len(es), err)
	}
	return es[0].State
}

func form(by, decision string) url.Values {
	return url.Values{"by": {by}, "decision": {decision}, "reason": {"looks right"}}
}

// TestOpeningDecidesNothing: programs that check mail follow links, with any method that is safe.
func TestOpeningDecidesNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 0, "")
	links := d.links()
	if len(links) != 1 {
		t.Fatalf("links %v", links)
	}
	for _, m := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete} {
		status, page := d.call(m, links[0], nil)
		switch m {
		case http.MethodGet:
			for _, want := range []string{"s3:PutIt", "&#34;Bucket&#34;: &#34;logs&#34;", "the rule says approval: required", "A &lt;b&gt;rule&lt;/b&gt;", `value="approve"`} {
				if !strings.Contains(page, want) {
					t.Errorf("the page does not say %s:\n%s", want, page)
				}
			}
		case http.MethodPut, http.MethodDelete:
			if status != http.StatusMethodNotAllowed {
				t.Errorf("%s: %d", m, status)
			}
		}
		if got := d.state(); got != schemas.StateApproval {
			t.Fatalf("after %s: %s", m, got)
		}
	}
	if status, _ := d.call(http.MethodPost, links[0], url.Values{"decision": {"approve"}}); status != http.StatusBadRequest || d.state() != schemas.StateApproval {
		t.Errorf("nobody approved: %d, %s", status, d.state())
	}
	if status, page := d.call(http.MethodPost, links[0], form("ann", "approve")); status != http.StatusOK || !strings.Contains(page, "approved by ann") || d.state() != schemas.StatePending {
		t.Errorf("approved: %d, %s\n%s", status, d.state(), page)
	}
	if status, _ := d.call(http.MethodPost, links[0], form("eve", "reject")); status != http.StatusConflict || d.state() != schemas.StatePending {
		t.Errorf("a second decision: %d, %s", status, d.state())
	}
}

func TestReject(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 0, "")
	if status, page := d.call(http.MethodPost, d.links()[0], form("ann\x1b[2J", "reject")); status != http.StatusOK || !strings.Contains(page, "rejected by ann.[2J") || d.state() != schemas.StateRejected {
		t.Errorf("%d, %s\n%s", status, d.state(), page)
	}
}

func TestLinksThatAreNone(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 0, "")
	link := d.links()[0]
	token := link[strings.LastIndex(link, "/")+1:]
	text, mac, _ := strings.Cut(token, ".")
	other := *d.signer
	other.Secret = strings.Repeat("t", 32)
	for name, bad := range map[string]string{
		"nothing": "", "cut": token[:len(token)-3], "no mark": text, "changed": "x" + text + "." + mac, "nonsense": "...", "empty mark": text + ".",
	} {
		if status, page := d.call(http.MethodGet, d.server.URL+approve.Path+bad, nil); status != http.StatusNotFound || strings.Contains(page, "logs") {
			t.Errorf("%s: %d\n%s", name, status, page)
		}
	}
	d.signer = &other
	if status, _ := d.call(http.MethodPost, d.links()[0], form("eve", "approve")); status != http.StatusNotFound || d.state() != schemas.StateApproval {
		t.Errorf("somebody else's secret: %d, %s", status, d.state())
	}
	d.now = noon().Add(time.Hour + time.Second)
	if status, page := d.call(http.MethodPost, link, form("ann", "approve")); status != http.StatusNotFound || !strings.Contains(page, "too old") || d.state() != schemas.StateApproval {
		t.Errorf("late: %d, %s", status, d.state())
	}
}

// TestAnotherPlan: a link is about the plan that stood when it was made.
func TestAnotherPlan(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 0, "")
	old := d.links()[0]
	if _, err := d.ledger.Decide(t.Context(), noon(), d.cmd.ID, ledger.Decision{Approve: true, By: "ann"}); err != nil {
		t.Fatal(err)
	}
	d.plan.Calls[0].Params["Bucket"] = "other"
	d.waits()
	if status, page := d.call(http.MethodGet, old, nil); status != http.StatusOK || strings.Contains(page, `value="approve"`) {
		t.Errorf("the page of an old link: %d\n%s", status, page)
	}
	if status, _ := d.call(http.MethodPost, old, form("ann", "approve")); status != http.StatusConflict || d.state() != schemas.StateApproval {
		t.Errorf("an old link: %d, %s", status, d.state())
	}
}

func TestFourEyesByLinks(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 2, "X-Forwarded-User")
	links := d.links()
	if len(links) != 2 {
		t.Fatalf("links %v", links)
	}
	post := func(link, user string) int {
		status, _ := d.call(http.MethodPost, link, form("somebody else", "approve"), "X-Forwarded-User", user)
		return status
	}
	for i, c := range []struct {
		link, user string
		status     int
		state      schemas.State
	}{
		{links[0], "", http.StatusBadRequest, schemas.StateApproval},
		{links[0], "ann", http.StatusOK, schemas.StateApproval},
		{links[0], "bob", http.StatusConflict, schemas.StateApproval},
		{links[1], "ann", http.StatusConflict, schemas.StateApproval},
		{links[1], "bob", http.StatusOK, schemas.StatePending},
	} {
		if got := post(c.link, c.user); got != c.status || d.state() != c.state {
			t.Errorf("%d: %d, %s; %d, %s expected", i, got, d.state(), c.status, c.state)
		}
	}
}

// TestLinksOnlyWhereSomethingWaits: other alerts carry none, and an event that only looks like an outcome gets none either.
func TestLinksOnlyWhereSomethingWaits(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 0, "")
	ev, err := schemas.OutcomeEvent(d.cmd, &d.plan, schemas.Outcome{State: schemas.StateVerified, Time: noon()})
	if err != nil {
		t.Fatal(err)
	}
	forged, err := json.Marshal(map[string]any{"unmapped": map[string]any{"riposte": map[string]any{"state": "approval", "command": d.cmd.ID, "plan": map[string]any{"hash": "x"}}}})
	if err != nil {
		t.Fatal(err)
	}
	for name, cmd := range map[string]schemas.Command{
		"verified": {Event: ev.Data, Source: ev.Source}, "forged": {Event: forged, Source: "riposte/custom"}, "no event": {},
	} {
		if l := d.signer.Links(cmd); len(l) != 0 {
			t.Errorf("%s: %v", name, l)
		}
	}
}

func TestLedgerAway(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 0, "")
	h, err := approve.NewHandler(approve.Handler{Signer: d.signer, Desk: func() ledger.Desk { return nil }, Now: noon})
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(d.links()[0])
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), http.MethodPost, u.Path, strings.NewReader(form("ann", "approve").Encode())))
	if w.Code != http.StatusServiceUnavailable {
		t.Error(fmt.Sprint(w.Code, w.Body))
	}
}
