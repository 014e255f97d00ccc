package schemas

import (
	"encoding/json"
	"fmt"
	"maps"
	"time"
)

// A NoticeKind says what a notice is about.
type NoticeKind string

// The kinds of notices.
const (
	NoticeBudget    NoticeKind = "budget"    // a budget is spent: further effects wait for an approval
	NoticeExemption NoticeKind = "exemption" // an exemption ends soon, or has ended
	NoticeSwitch    NoticeKind = "switch"    // effects were stopped or resumed
	NoticeDrift     NoticeKind = "drift"     // an enforcer did not hold what is in force
	NoticeForeign   NoticeKind = "foreign"   // an enforcer holds what is not riposte's
	NoticeCode      NoticeKind = "code"      // infrastructure code declares what a response has changed
)

// A Notice is what riposte has to say of itself, beside the outcomes of commands. It goes onto the topic of outcomes, where rules with
// `on: outcomes` may alert on it.
type Notice struct {
	Kind     NoticeKind
	Subject  string // which budget, exemption, lane, enforcer
	Message  string // one sentence for people
	Severity string // informational low medium high critical
	Command  string // the command that was at hand, "" for none
	Rule     string // its rule
	// Facts are further facts that rules may ask for, beside the others.
	Facts map[string]any
	// Once is what makes two notices of one subject different: those with the same are one event, whoever says so and however often.
	Once time.Time
}

// NoticeSource is the ce_source of notices.
const NoticeSource = "riposte/consume"

// Event makes the OCSF event of a notice, a Detection Finding (2004). Rules find all of it under unmapped.riposte.notice.
func (n Notice) Event(now time.Time) (Event, error) {
	uid := hashID("notice", string(n.Kind), n.Subject, n.Once.UTC().Format(time.RFC3339Nano))
	e := Event{UID: uid, Key: string(n.Kind) + " " + n.Subject, Class: ClassDetectionFinding, Time: now.UTC().Truncate(time.Millisecond), Source: NoticeSource, Cause: n.Command}
	alert := true
	facts := map[string]any{}
	maps.Copy(facts, n.Facts)
	facts["kind"], facts["subject"] = n.Kind, n.Subject
	if n.Command != "" {
		facts["command"] = n.Command
	}
	if n.Rule != "" {
		facts["rule"] = n.Rule
	}
	doc := outcomeDoc{
		ActivityID: 1, ActivityName: "Create", ClassUID: e.Class, CategoryUID: e.Class / 1000, TypeUID: e.Class*100 + 1,
		Severity: severityCaption(n.Severity), SeverityID: SeverityID(n.Severity), StatusID: 1, Status: "New", StatusCode: "notice",
		Time: e.Time.UnixMilli(), Message: clipText(n.Message), IsAlert: &alert,
		Metadata: outcomeMetadata{
			Version: Version, UID: uid, LogName: LogNameOutcomes, CorrelationUID: uid, Product: product{Name: "riposte", Vendor: "riposte"},
		},
		Observables: []observableDoc{{Name: "unmapped.riposte.notice.subject", TypeID: 10, Type: "Resource UID", Value: n.Subject}},
		Unmapped:    map[string]any{"riposte": map[string]any{"notice": facts}},
		Finding:     &findingDoc{UID: uid, Title: clipText(n.Message)},
		Resources:   []resourceDoc{{UID: n.Subject, Type: "riposte-" + string(n.Kind)}},
	}
	var err error
	if e.Data, err = json.Marshal(doc); err != nil {
		return Event{}, fmt.Errorf("notice: %w", err)
	}
	return e, nil
}
