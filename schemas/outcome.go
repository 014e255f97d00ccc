package schemas

import (
	"encoding/json"
	"time"
)

// A State is where a command stands in the ledger.
type State string

// The states. Only running, retrying and verifying hold a target. What was applied ends as verified (seen in effect), as failed (not seen in effect, however
// often it was tried), or, having been verified, as reverted.
const (
	StatePending   State = "pending"   // waits for a worker
	StateApproval  State = "approval"  // waits for a person
	StateRunning   State = "running"   // a worker has it
	StateRetrying  State = "retrying"  // failed, will be tried again at its due time
	StateVerifying State = "verifying" // applied, not yet seen in effect
	StateInForce   State = "in_force"  // in effect until its due time

	StateVerified  State = "verified"  // applied and seen in effect
	StateUnchanged State = "unchanged" // was already as it should be
	StateReported  State = "reported"  // is not as it should be, and nobody but a person can mend it: the outcome says what was found
	StateDryRun    State = "dry_run"   // planned, not applied: the configuration does not enforce
	StateRefused   State = "refused"   // a guard said no
	StateExempted  State = "exempted"  // an exemption covers it
	StateRejected  State = "rejected"  // a person said no
	StateStale     State = "stale"     // the event is old news
	StateFailed    State = "failed"    // a permanent error, or tries exhausted
	StateReverted  State = "reverted"  // was seen in effect, and somebody has changed it back since
	StateUndone    State = "undone"    // taken back by a person
	StateExpired   State = "expired"   // its time was over, and it was taken back
)

// States lists every state, in the order of a command's life.
func States() []State {
	return []State{
		StatePending, StateApproval, StateRunning, StateRetrying, StateVerifying, StateInForce,
		StateVerified, StateUnchanged, StateReported, StateDryRun, StateRefused, StateExempted, StateRejected, StateStale, StateFailed, StateReverted,
		StateUndone, StateExpired,
	}
}

// Terminal tells whether a command in this state is finished unless a person asks for more (approval of what is stale, undo).
func (s State) Terminal() bool {
	switch s {
	case StateVerified, StateUnchanged, StateReported, StateDryRun, StateRefused, StateExempted, StateRejected, StateStale, StateFailed, StateReverted,
		StateUndone, StateExpired:
		return true
	case StatePending, StateApproval, StateRunning, StateRetrying, StateVerifying, StateInForce:
		return false
	}
	return false
}

// An Outcome is what became of a command. Its Kafka form is an OCSF event: Remediation Activity (7001) for block and remediate, Detection
// Finding (2004) for alert.
type Outcome struct {
	State    State           `json:"state"`
	Message  string          `json:"message,omitempty"` // one sentence for people
	Error    string          `json:"error,omitempty"`   // the last error, where there was one
	After    json.RawMessage `json:"after,omitempty"`   // what was read afterwards
	Attempts int             `json:"attempts,omitempty"`
	// Before is how often it was tried before a person last had it tried again.
	Before int `json:"before,omitempty"`
	// Approvals are those that the outcome followed from, and Undo is who asked for it, as the ledger keeps them, signatures and all; JSON. They are for the
	// outcome event: the ledger has them beside the outcome.
	Approvals json.RawMessage `json:"-"`
	Undo      json.RawMessage `json:"-"`
	// Approvers is how many people have to approve what waits for an approval; zero: one.
	Approvers int       `json:"approvers,omitempty"`
	Time      time.Time `json:"time"` // when this state was reached, UTC
}
