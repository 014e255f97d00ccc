package schemas

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/tidwall/gjson"
)

// Bounds of what an outcome event carries. The ledger has all of it.
const (
	maxPlanText  = 256 << 10 // bytes of calls, and of the state read afterwards
	maxErrorText = 8 << 10   // bytes of message and error
)

// LogNameOutcomes is metadata.log_name of outcome events.
const LogNameOutcomes = "riposte"

// OutcomeSource is the ce_source of what the consumers of a lane write.
func OutcomeSource(lane Lane) string { return "riposte/consume/" + string(lane) }

// OutcomeEvent makes the OCSF event of an outcome: Remediation Activity (7001) for block and remediate, Detection Finding (2004) for alert.
// plan may be nil. The uid is a hash of command id, state and time: an outcome published twice is one event, and a command that comes to wait for an
// approval twice leads to two. The key is the canonical target, the cause the command.
//
// status_id of a Remediation Activity is 1 (success) for verified, unchanged, in_force, undone and expired, 2 (failure) for failed and reverted,
// 5 (unsupported) for reported, 99 (other) for what was not carried out. In a Detection Finding, OCSF counts otherwise: 1 (new) for an alert that was sent, 99 for others. Rules do best
// to read unmapped.riposte.state, which stands in both, beside all else that riposte knows of the command.
func OutcomeEvent(cmd Command, plan *Plan, o Outcome) (Event, error) {
	if o.Time.IsZero() {
		return Event{}, fmt.Errorf("outcome of command %s: no time", cmd.ID)
	}
	facts, err := outcomeFacts(cmd, plan, o)
	if err != nil {
		return Event{}, fmt.Errorf("outcome of command %s: %w", cmd.ID, err)
	}
	e := Event{
		UID:    hashID("outcome", cmd.ID, string(o.State), o.Time.UTC().Format(time.RFC3339Nano)),
		Key:    cmd.Target.Key(),
		Class:  ClassRemediationActivity,
		Time:   o.Time.UTC().Truncate(time.Millisecond),
		Source: OutcomeSource(cmd.Lane),
		Cause:  cmd.ID,
		Replay: cmd.Replay, // what follows from what follows of a replay must not act by itself either
	}
	if cmd.Lane == LaneAlert {
		e.Class = ClassDetectionFinding
	}
	doc := outcomeDoc{
		ClassUID: e.Class, CategoryUID: e.Class / 1000,
		Severity: severityCaption(cmd.Severity), SeverityID: SeverityID(cmd.Severity),
		Time: e.Time.UnixMilli(), Message: clipText(outcomeMessage(cmd, o)),
		StatusCode: string(o.State), StatusDetail: clipText(o.Error),
		Metadata: outcomeMetadata{
			Version: Version, UID: e.UID, LogName: LogNameOutcomes, CorrelationUID: cmd.ID,
			Product: product{Name: "riposte", Vendor: "riposte"},
		},
		Observables: observables(cmd.Target),
		Unmapped:    map[string]any{"riposte": facts},
	}
	if doc.Cloud = cloudOf(cmd); doc.Cloud != nil {
		doc.Metadata.Profiles = []string{"cloud"}
	}
	if cmd.Lane == LaneAlert {
		doc.finding(cmd, o)
	} else {
		doc.remediation(cmd, plan, o)
	}
	doc.TypeUID = doc.ClassUID*100 + doc.ActivityID
	if e.Data, err = json.Marshal(doc); err != nil {
		return Event{}, fmt.Errorf("outcome of command %s: %w", cmd.ID, err)
	}
	return e, nil
}

// remediation fills what only a Remediation Activity has.
func (d *outcomeDoc) remediation(cmd Command, plan *Plan, o Outcome) {
	d.ActivityID, d.ActivityName = 4, "Harden"
	if cmd.Lane == LaneBlock {
		d.ActivityID, d.ActivityName = 1, "Isolate"
	}
	if o.State == StateUndone || o.State == StateExpired {
		d.ActivityID, d.ActivityName = 3, "Restore"
	}
	d.CommandUID = cmd.ID
	if plan != nil && plan.Summary != "" {
		d.Remediation = &remediationDoc{Desc: clipText(plan.Summary)}
	}
	switch o.State {
	case StateVerified, StateUnchanged, StateInForce, StateUndone, StateExpired:
		d.StatusID, d.Status = 1, "Success"
	case StateFailed, StateReverted:
		d.StatusID, d.Status = 2, "Failure"
	case StateReported:
		d.StatusID, d.Status = 5, "Unsupported"
	case StatePending, StateApproval, StateRunning, StateRetrying, StateVerifying,
		StateDryRun, StateRefused, StateExempted, StateRejected, StateStale:
		d.StatusID, d.Status = 99, string(o.State)
	}
}

// finding fills what only a Detection Finding has.
func (d *outcomeDoc) finding(cmd Command, o Outcome) {
	d.ActivityID, d.ActivityName = 1, "Create"
	d.StatusID, d.Status = 99, string(o.State)
	if o.State == StateVerified || o.State == StateUnchanged {
		d.StatusID, d.Status = 1, "New"
	}
	alert := true
	d.IsAlert = &alert
	title := cmd.RuleTitle
	if title == "" {
		title = cmd.Rule
	}
	d.Finding = &findingDoc{UID: cmd.ID, Title: title}
	if !cmd.EventTime.IsZero() {
		d.Finding.FirstSeen = cmd.EventTime.UnixMilli()
	}
	if cmd.EventUID != "" {
		d.Finding.Related = []relatedDoc{{UID: cmd.EventUID}}
	}
	r := resourceDoc{UID: cmd.Target.ID, Type: cmd.Target.Type}
	if d.Cloud != nil {
		r.Region = cmd.Target.Region
	}
	d.Resources = []resourceDoc{r}
}

func outcomeMessage(cmd Command, o Outcome) string {
	if o.Message != "" {
		return o.Message
	}
	return fmt.Sprintf("%s %s on %s: %s", cmd.Lane, cmd.Action, cmd.Target.Key(), o.State)
}

// observables lets those who search by address or resource find the event. OCSF type ids: 2 IP address, 10 resource uid.
func observables(t Target) []observableDoc {
	if t.Type == "ip" {
		return []observableDoc{{Name: "unmapped.riposte.target.id", TypeID: 2, Type: "IP Address", Value: t.ID}}
	}
	return []observableDoc{{Name: "unmapped.riposte.target.id", TypeID: 10, Type: "Resource UID", Value: t.ID}}
}

// cloudOf says where the target is: by itself, else as the event has it. nil where nobody knows.
func cloudOf(cmd Command) *cloudDoc {
	at := gjson.GetManyBytes(cmd.Event, "cloud.provider", "cloud.account.uid", "cloud.region")
	account, region, provider := cmd.Target.Account, cmd.Target.Region, at[0].Str
	if account == "" {
		account = at[1].Str
	}
	if region == "" {
		region = at[2].Str
	}
	if account == "" && region == "" {
		return nil
	}
	if provider == "" {
		provider = "AWS"
	}
	c := &cloudDoc{Provider: provider, Region: region}
	if account != "" {
		c.Account = &accountDoc{UID: account}
	}
	return c
}

// severityCaption is OCSF's caption of a severity.
func severityCaption(severity string) string {
	if SeverityID(severity) == 0 {
		return "Unknown"
	}
	return strings.ToUpper(severity[:1]) + severity[1:]
}

// clipText keeps text within maxErrorText bytes, at a rune's border.
func clipText(s string) string {
	if len(s) <= maxErrorText {
		return s
	}
	n := maxErrorText
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n] + "..."
}
