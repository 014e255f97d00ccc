package schemas

import (
	"encoding/json"
	"fmt"
	"time"
)

// outcomeDoc is the OCSF event of an outcome, of either class.
type outcomeDoc struct {
	ActivityID   int             `json:"activity_id"`
	ActivityName string          `json:"activity_name"`
	CategoryUID  int             `json:"category_uid"`
	ClassUID     int             `json:"class_uid"`
	TypeUID      int             `json:"type_uid"`
	Severity     string          `json:"severity,omitempty"`
	SeverityID   int             `json:"severity_id"`
	StatusID     int             `json:"status_id"`
	Status       string          `json:"status"`
	StatusCode   string          `json:"status_code"`
	StatusDetail string          `json:"status_detail,omitempty"`
	Time         int64           `json:"time"`
	Message      string          `json:"message"`
	Metadata     outcomeMetadata `json:"metadata"`
	Cloud        *cloudDoc       `json:"cloud,omitempty"`
	Observables  []observableDoc `json:"observables"`
	Unmapped     map[string]any  `json:"unmapped"`

	// Remediation Activity.
	CommandUID  string          `json:"command_uid,omitempty"`
	Remediation *remediationDoc `json:"remediation,omitempty"`

	// Detection Finding.
	Finding   *findingDoc   `json:"finding_info,omitempty"`
	Resources []resourceDoc `json:"resources,omitempty"`
	IsAlert   *bool         `json:"is_alert,omitempty"`
}

type outcomeMetadata struct {
	Version        string   `json:"version"`
	UID            string   `json:"uid"`
	LogName        string   `json:"log_name"`
	CorrelationUID string   `json:"correlation_uid"`
	Product        product  `json:"product"`
	Profiles       []string `json:"profiles,omitempty"`
}

type cloudDoc struct {
	Provider string      `json:"provider"`
	Region   string      `json:"region,omitempty"`
	Account  *accountDoc `json:"account,omitempty"`
}

type accountDoc struct {
	UID string `json:"uid"`
}

type observableDoc struct {
	Name   string `json:"name"`
	TypeID int    `json:"type_id"`
	Type   string `json:"type"`
	Value  string `json:"value"`
}

type remediationDoc struct {
	Desc string `json:"desc"`
}

type findingDoc struct {
	UID       string       `json:"uid"`
	Title     string       `json:"title"`
	FirstSeen int64        `json:"first_seen_time,omitempty"`
	Related   []relatedDoc `json:"related_events,omitempty"`
}

type relatedDoc struct {
	UID string `json:"uid"`
}

type resourceDoc struct {
	UID    string `json:"uid"`
	Type   string `json:"type"`
	Region string `json:"region,omitempty"`
}

// outcomeDetail is what stands under unmapped.riposte: riposte's own facts, in its own words.
type outcomeDetail struct {
	Command   string          `json:"command"`
	Rule      string          `json:"rule"`
	RuleTitle string          `json:"rule_title,omitempty"`
	RuleHash  string          `json:"rule_hash"`
	Step      string          `json:"step"`
	Lane      Lane            `json:"lane"`
	Action    string          `json:"action"`
	Target    Target          `json:"target"`
	Severity  string          `json:"severity"`
	EventUID  string          `json:"event_uid"`
	EventTime time.Time       `json:"event_time,omitzero"`
	Source    string          `json:"source,omitempty"` // ce_source of the event
	Cause     string          `json:"cause,omitempty"`  // the command before this one, where a rule on outcomes led here
	Created   time.Time       `json:"created"`
	For       Duration        `json:"for,omitzero"`
	State     State           `json:"state"`
	Message   string          `json:"message,omitempty"`
	Error     string          `json:"error,omitempty"`
	Attempts  int             `json:"attempts"`
	Approvers int             `json:"approvers,omitempty"`
	Approvals json.RawMessage `json:"approvals,omitempty"`
	Undo      json.RawMessage `json:"undo,omitempty"`
	After     json.RawMessage `json:"after,omitempty"`
	Plan      *planDetail     `json:"plan,omitempty"`
	Shed      *Shed           `json:"shed,omitempty"`
	// Truncated names what was too large for a message and stands in the ledger alone.
	Truncated []string `json:"truncated,omitempty"`
}

type planDetail struct {
	Summary  string `json:"summary"`
	Hash     string `json:"hash"`
	Calls    []Call `json:"calls"`
	Approval string `json:"approval,omitempty"`
}

func outcomeFacts(cmd Command, plan *Plan, o Outcome) (outcomeDetail, error) {
	d := outcomeDetail{
		Command: cmd.ID, Rule: cmd.Rule, RuleTitle: cmd.RuleTitle, RuleHash: cmd.RuleHash, Step: cmd.Step, Lane: cmd.Lane,
		Action: cmd.Action, Target: cmd.Target, Severity: cmd.Severity, EventUID: cmd.EventUID, EventTime: cmd.EventTime,
		Source: cmd.Source, Cause: cmd.Cause, Created: cmd.Created, For: cmd.For, Shed: cmd.Shed,
		State: o.State, Message: clipText(o.Message), Error: clipText(o.Error), Attempts: o.Attempts, Approvers: o.Approvers, Approvals: o.Approvals, Undo: o.Undo,
	}
	if len(o.After) > maxPlanText {
		d.Truncated = append(d.Truncated, "after")
	} else {
		d.After = o.After
	}
	if plan == nil {
		return d, nil
	}
	hash, err := plan.Hash()
	if err != nil {
		return d, err
	}
	d.Plan = &planDetail{Summary: clipText(plan.Summary), Hash: hash, Calls: plan.Calls, Approval: plan.Approval}
	calls, err := json.Marshal(plan.Calls)
	if err != nil {
		return d, fmt.Errorf("calls: %w", err)
	}
	if len(calls) > maxPlanText {
		d.Plan.Calls, d.Truncated = nil, append(d.Truncated, "plan.calls")
	}
	if d.Plan.Calls == nil {
		d.Plan.Calls = []Call{}
	}
	return d, nil
}
