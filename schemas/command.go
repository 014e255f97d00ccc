package schemas

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"
)

// A Lane is a kind of response with a topic and a consumer service of its own.
type Lane string

// The lanes.
const (
	LaneAlert     Lane = "alert"
	LaneBlock     Lane = "block"
	LaneRemediate Lane = "remediate"
)

// Lanes lists every lane, in the order in which they are shown.
func Lanes() []Lane { return []Lane{LaneAlert, LaneBlock, LaneRemediate} }

// EffectLanes lists the lanes that change something: all but alert.
func EffectLanes() []Lane { return []Lane{LaneBlock, LaneRemediate} }

// What a rule says of approvals; a configuration uses the same words.
const (
	// ApprovalRequired: a person is asked before the effect.
	ApprovalRequired = "required"
	// ApprovalWaived: that the effect cannot be taken back is no reason to ask.
	ApprovalWaived = "waived"
)

// A Target is what a command acts on, in canonical form: two spellings of one thing (a name and an ARN) give the same Target.
type Target struct {
	Type    string `json:"type"`              // s3-bucket, ec2-instance, iam-policy, ip, resource …
	Account string `json:"account,omitempty"` // twelve digits; empty where the thing belongs to no account
	Region  string `json:"region,omitempty"`  // empty for what is global
	ID      string `json:"id"`
}

// Key is the target's one spelling: the Kafka key of its commands, and the name under which it is locked and listed.
func (t Target) Key() string {
	return strings.Join([]string{t.Type, t.Account, t.Region, t.ID}, ":")
}

// A Command is one step of one rule for one event and one target: what a consumer is asked to do.
type Command struct {
	ID        string          `json:"id"`                   // see CommandID
	Rule      string          `json:"rule"`                 // id of the rule
	RuleTitle string          `json:"rule_title,omitempty"` // for people
	RuleHash  string          `json:"rule_hash"`            // of the rule's text, to tell which edition decided
	Step      string          `json:"step"`                 // name of the step; by default "lane:action"
	Lane      Lane            `json:"lane"`
	Action    string          `json:"action"` // an action's name; in the alert lane the name of a receiver
	Target    Target          `json:"target"`
	With      map[string]any  `json:"with,omitempty"` // the step's settings, interpolated
	Severity  string          `json:"severity"`       // informational low medium high critical
	Event     json.RawMessage `json:"event"`          // the whole event
	EventUID  string          `json:"event_uid"`
	EventTime time.Time       `json:"event_time"`         // the event's own time, UTC
	Source    string          `json:"source,omitempty"`   // ce_source of the event: who vouches for it
	Accept    string          `json:"accept,omitempty"`   // "any": the rule acts on events from untrusted sources as well
	Mode      string          `json:"mode,omitempty"`     // "dry_run": the rule lowers the consumer's mode. It can never raise it
	Approval  string          `json:"approval,omitempty"` // "required": the rule asks for an approval before the effect; "waived": for none only because the effect cannot be taken back
	Cause     string          `json:"cause,omitempty"`    // the command whose outcome led here
	Replay    string          `json:"replay,omitempty"`   // who had the event come again, and when; then a person has to say whether it acts
	Created   time.Time       `json:"created"`            // when the router decided, UTC
	For       Duration        `json:"for,omitzero"`       // how long the effect is to last; zero: until undone
	Shed      *Shed           `json:"shed,omitempty"`     // set when this stands for commands that the valve held back
}

// Shed stands for commands of a rule that fired more often than its max_rate: what was held back in one second.
type Shed struct {
	Count     int      `json:"count"`
	EventUIDs []string `json:"event_uids"` // a sample
	Topic     string   `json:"topic"`
	Partition int      `json:"partition"`
	First     int64    `json:"first"` // offsets of the events, both inclusive
	Last      int64    `json:"last"`
}

// CommandID derives a command's id: the first 16 bytes of SHA-256, in hex, over the length-prefixed rule id, step name, event uid and
// canonical target. An edit of the rule does not change it.
func CommandID(rule, step, eventUID string, target Target) string {
	return hashID(rule, step, eventUID, target.Key())
}

// hashID hashes parts with their lengths, so that no two lists of parts collide by concatenation.
func hashID(parts ...string) string {
	text := make([]byte, 0, 256) // does not leave the stack: this is asked for every event
	for _, p := range parts {
		text = binary.BigEndian.AppendUint64(text, uint64(len(p)))
		text = append(text, p...)
	}
	sum := sha256.Sum256(text)
	var id [32]byte
	hex.Encode(id[:], sum[:16])
	return string(id[:])
}

// DerivedUID is the stable metadata.uid of a record that carries no id of its own: a hash of where it came from, its position in there
// and its index among the events of that record.
func DerivedUID(origin, position, index string) string { return hashID(origin, position, index) }
