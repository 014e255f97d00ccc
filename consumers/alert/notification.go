// Package alert turns commands of the alert lane into notifications for people and programs. Each receiver, in a folder of its own, sends
// them somewhere.
package alert

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/riposte-security/riposte/schemas"
)

// A Notification is what every receiver tells of a command. Its texts come from events, which anybody may have written: they are cleaned of
// control characters and bounded in length.
type Notification struct {
	CommandID string         `json:"command_id"` // the idempotency key, and what `riposte commands` shows more of
	Title     string         `json:"title"`
	Severity  string         `json:"severity"` // informational low medium high critical
	Rule      string         `json:"rule"`
	Lane      string         `json:"lane"`
	Summary   string         `json:"summary"` // the event in one line
	Target    schemas.Target `json:"target"`
	Account   string         `json:"account,omitempty"`
	Region    string         `json:"region,omitempty"`
	EventUID  string         `json:"event_uid"`
	Time      time.Time      `json:"time"` // of the event, UTC
	Source    string         `json:"source,omitempty"`
	Cause     string         `json:"cause,omitempty"` // the command whose outcome led here
	Links     []Link         `json:"links,omitempty"`
	// Event is the whole event, where the receiver was set up to pass it on.
	Event json.RawMessage `json:"event,omitempty"`
}

// A Link is an address where a person finds more.
type Link struct {
	Name string `json:"name"`
	URL  string `json:"url"`
}

// Keys of a step's `with` that notifications understand.
const (
	WithMessage = "message" // replaces the title of the rule
	WithRunbook = "runbook" // an https address that says what to do
)

// StepSettings describes what an alert step may say in its `with`, whatever the receiver.
func StepSettings() []schemas.Setting {
	return []schemas.Setting{
		{Name: WithMessage, Type: "string", Default: "the rule's title", Help: "Title of the notification."},
		{Name: WithRunbook, Type: "string", Help: "https address that says what to do; becomes a link."},
	}
}

// Lengths in runes, above which texts are cut.
const (
	maxTitle = 200
	maxField = 512
)

// Links are further links for the notification of a command. It is a pure function. nil gives none.
type Links func(cmd schemas.Command) []Link

// From renders a command. It is a pure function: the same command gives the same notification.
func From(cmd schemas.Command, more ...Links) Notification {
	ev := gjson.ParseBytes(cmd.Event)
	n := Notification{
		CommandID: cmd.ID,
		Title:     Clean(first(text(cmd.With[WithMessage]), cmd.RuleTitle, cmd.Rule), maxTitle),
		Severity:  Clean(first(cmd.Severity, "informational"), maxField),
		Rule:      Clean(cmd.Rule, maxField),
		Lane:      string(cmd.Lane),
		Summary:   summary(ev),
		Target:    cleanTarget(cmd.Target),
		Account:   Clean(first(cmd.Target.Account, ev.Get("cloud.account.uid").String()), maxField),
		Region:    Clean(first(cmd.Target.Region, ev.Get("cloud.region").String()), maxField),
		EventUID:  Clean(cmd.EventUID, maxField),
		Time:      cmd.EventTime.UTC(),
		Source:    Clean(cmd.Source, maxField),
		Cause:     Clean(cmd.Cause, maxField),
	}
	if s := cmd.Shed; s != nil {
		n.Summary = fmt.Sprintf("%d commands of this rule were held back in one second: it fires too often (%s, partition %d, offsets %d to %d)",
			s.Count, Clean(s.Topic, maxField), s.Partition, s.First, s.Last)
	}
	for _, m := range more {
		if m != nil {
			n.Links = append(n.Links, m(cmd)...)
		}
	}
	n.Links = append(n.Links, links(cmd, n, ev)...)
	return n
}

func cleanTarget(t schemas.Target) schemas.Target {
	return schemas.Target{Type: Clean(t.Type, maxField), Account: Clean(t.Account, maxField), Region: Clean(t.Region, maxField), ID: Clean(t.ID, maxField)}
}

// Clean makes text from an event safe to show: control and direction-changing characters become dots, line breaks blanks, and what is longer
// than limit runes is cut, with an ellipsis of three dots.
func Clean(s string, limit int) string {
	var b strings.Builder
	n := 0
	for _, r := range s {
		if n == limit {
			b.WriteString("...")
			break
		}
		n++
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			r = ' '
		case unsafe(r):
			r = '.'
		}
		b.WriteRune(r)
	}
	return strings.TrimSpace(b.String())
}

// unsafe tells whether a rune could move a cursor, open a line, or turn the direction of the text after it.
func unsafe(r rune) bool {
	switch {
	case r < ' ', r >= 0x7f && r < 0xa0: // C0, DEL, C1
		return true
	case r == 0x2028, r == 0x2029: // line and paragraph separators
		return true
	case r == 0x061c, r == 0x200e, r == 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069: // bidirectional controls
		return true
	}
	return false
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

func first(all ...string) string {
	for _, s := range all {
		if strings.TrimSpace(s) != "" {
			return s
		}
	}
	return ""
}
