package schemas_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/riposte-security/riposte/schemas"
	"github.com/tidwall/gjson"
	"golang.org/x/tools/txtar"
)

// Every lane, in every state, with and without plan and place, is a valid OCSF event.
func TestOutcomeEventsAreValid(t *testing.T) {
	v := validator(t)
	uids := map[string]bool{}
	p := plan()
	for _, lane := range schemas.Lanes() {
		for _, state := range schemas.States() {
			for _, with := range []*schemas.Plan{nil, &p, {}} {
				for _, target := range []schemas.Target{command().Target, {Type: "ip", ID: "203.0.113.9"}} {
					c := command()
					c.Lane, c.Target = lane, target
					e, err := schemas.OutcomeEvent(c, with, outcome(state))
					if err != nil {
						t.Fatal(err)
					}
					if err := v.Validate(e.Data); err != nil {
						t.Fatalf("%s %s: %v", lane, state, err)
					}
					if got := gjson.GetBytes(e.Data, "unmapped.riposte.state").Str; got != string(state) {
						t.Errorf("state %s", got)
					}
					uids[e.UID] = true
				}
			}
		}
	}
	if len(uids) != len(schemas.States()) {
		t.Errorf("%d uids for %d states of one command", len(uids), len(schemas.States()))
	}
}

func TestOutcomeEventGolden(t *testing.T) {
	remediate, block, alert := command(), command(), command()
	remediate.Shed, block.Shed, alert.Shed = nil, nil, nil
	block.Lane, block.Action, block.Target = schemas.LaneBlock, "wafv2-ipset", schemas.Target{Type: "ip", ID: "203.0.113.9"}
	block.Event = json.RawMessage(`{}`)
	alert.Lane, alert.Action = schemas.LaneAlert, "security"
	alert.Target = schemas.Target{Type: "resource", ID: "arn:aws:s3:::ledger-exports"}
	p := plan()
	for name, c := range map[string]struct {
		cmd  schemas.Command
		plan *schemas.Plan
		o    schemas.Outcome
	}{
		"remediate_verified": {remediate, &p, outcome(schemas.StateVerified)},
		"remediate_failed":   {remediate, nil, schemas.Outcome{State: schemas.StateFailed, Error: "AccessDenied", Attempts: 5, Time: outcome("").Time}},
		"remediate_reported": {remediate, nil, schemas.Outcome{State: schemas.StateReported, Message: "its root user has access keys", Time: outcome("").Time}},
		"block_expired":      {block, &p, schemas.Outcome{State: schemas.StateExpired, Time: outcome("").Time}},
		"alert_sent":         {alert, nil, outcome(schemas.StateVerified)},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := schemas.OutcomeEvent(c.cmd, c.plan, c.o)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", "outcome_"+name+".txtar")
			text, err := fs.ReadFile(os.DirFS("."), file)
			if err != nil {
				t.Fatal(err)
			}
			want := string(txtar.Parse(text).Files[0].Data)
			var got bytes.Buffer
			if err := json.Indent(&got, e.Data, "", "  "); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got.String()+"\n"); diff != "" {
				t.Errorf("event (-want +got):\n%s", diff)
			}
		})
	}
}

// What OutcomeEvent says beside the text is what a reader finds in it.
func TestOutcomeEventIsReadAsItself(t *testing.T) {
	c := command()
	want, err := schemas.OutcomeEvent(c, nil, outcome(schemas.StateFailed))
	if err != nil {
		t.Fatal(err)
	}
	headers := schemas.EventHeaders(want)
	got, err := schemas.ReadEvent(want.Data, schemas.ReadEnvelope(func(name string) string { return headers[name] }))
	if err != nil {
		t.Fatal(err)
	}
	got.Key = want.Key // in Kafka, the key is the canonical target
	if diff := cmp.Diff(text(want), text(got)); diff != "" {
		t.Errorf("event (-written +read):\n%s", diff)
	}
	if got.Cause != c.ID {
		t.Errorf("cause %s", got.Cause)
	}
}

func TestOutcomeEventStaysSmall(t *testing.T) {
	c, p, o := command(), plan(), outcome(schemas.StateFailed)
	big := "x" + strings.Repeat("ä", 400<<10)
	c.Event = json.RawMessage(`{"raw":"` + big + `"}`)
	p.Calls[0].Params["big"] = big
	o.Error, o.Message, o.After = big, big, json.RawMessage(`"`+big+`"`)
	e, err := schemas.OutcomeEvent(c, &p, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := validator(t).Validate(e.Data); err != nil {
		t.Error(err)
	}
	if len(e.Data) > 64<<10 {
		t.Errorf("%d bytes", len(e.Data))
	}
	if got := gjson.GetBytes(e.Data, "unmapped.riposte.truncated").Raw; got != `["after","plan.calls"]` {
		t.Errorf("truncated: %s", got)
	}
	for _, path := range []string{"message", "status_detail", "unmapped.riposte.error"} {
		if got := gjson.GetBytes(e.Data, path).Str; !strings.HasSuffix(got, "ä...") {
			t.Errorf("%s ends with %q", path, got[len(got)-10:])
		}
	}
}

func TestOutcomeEventRefuses(t *testing.T) {
	if _, err := schemas.OutcomeEvent(command(), nil, schemas.Outcome{State: schemas.StateFailed}); err == nil {
		t.Error("an outcome without a time")
	}
	broken := schemas.Plan{Before: json.RawMessage("{")}
	if _, err := schemas.OutcomeEvent(command(), &broken, outcome(schemas.StateFailed)); err == nil {
		t.Error("a plan that is not JSON")
	}
	late := outcome(schemas.StateVerified)
	late.After, late.Time = json.RawMessage("nonsense"), time.Now()
	if _, err := schemas.OutcomeEvent(command(), nil, late); err == nil {
		t.Error("an after that is not JSON")
	}
}

// A notice is a valid OCSF event of every kind; the same notice is one event whenever it is made.
func TestNoticeEventsAreValid(t *testing.T) {
	v := validator(t)
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	uids := map[string]bool{}
	for _, kind := range []schemas.NoticeKind{schemas.NoticeBudget, schemas.NoticeExemption, schemas.NoticeSwitch, schemas.NoticeDrift, schemas.NoticeForeign} {
		for _, once := range []time.Time{at, at.Add(time.Hour)} {
			n := schemas.Notice{Kind: kind, Subject: "lane block", Message: "somebody should know", Severity: "high", Command: "c", Rule: "r", Once: once}
			for _, now := range []time.Time{at, at.Add(time.Minute)} {
				e, err := n.Event(now)
				if err != nil {
					t.Fatal(err)
				}
				if err := v.Validate(e.Data); err != nil {
					t.Fatalf("%s: %v", kind, err)
				}
				if got := gjson.GetBytes(e.Data, "unmapped.riposte.notice.kind").Str; got != string(kind) {
					t.Errorf("kind %q", got)
				}
				uids[e.UID] = true
			}
		}
	}
	if len(uids) != 10 {
		t.Errorf("%d uids for 10 notices", len(uids))
	}
}
