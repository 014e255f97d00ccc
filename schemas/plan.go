package schemas

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// A Plan is what an action would do and what it found: the calls it would make, and the state before them. A plan without calls means
// that the target is already as it should be, or that only a person can make it so.
type Plan struct {
	// Summary says in one sentence what will be done, or why nothing needs to be.
	Summary string `json:"summary"`
	// Calls are the calls to the outside that Apply will make, in order.
	Calls []Call `json:"calls,omitempty"`
	// Before is the pre-image: all that Undo needs to restore the target, in the action's own form.
	Before json.RawMessage `json:"before,omitempty"`
	// After is the state that Verify expects to read, in the same form as Before. Undo refuses when what it reads differs from it.
	After json.RawMessage `json:"after,omitempty"`
	// Approval, where not empty, is the action's reason to ask a person before Apply (for example: no predecessor to go back to).
	Approval string `json:"approval,omitempty"`
	// Report says that the target is not as it should be, and that nobody but a person can mend it: the summary says what was found. Such a plan has no calls.
	Report bool `json:"report,omitempty"`
	// Run is what the plan has started, once it has: set for actions that start something which goes on by itself. It does not count in the hash.
	Run *Run `json:"run,omitempty"`
}

// A Run is something outside that was started and goes on by itself: an execution, a task, a job, a message on its way.
type Run struct {
	// Ref is what the outside calls it, so that it can be asked for: an ARN, an id.
	Ref string `json:"ref"`
	// Since is when it was started, UTC.
	Since time.Time `json:"since"`
	// Result is what the outside said when it was started, where that is all it says.
	Result json.RawMessage `json:"result,omitempty"`
}

// A Call is one call to the outside.
type Call struct {
	Service   string         `json:"service"`   // s3 ec2 iam wafv2 sns webhook
	Operation string         `json:"operation"` // the API's own name: PutBucketEncryption
	Params    map[string]any `json:"params,omitempty"`
}

// Empty tells whether nothing needs to be done.
func (p Plan) Empty() bool { return len(p.Calls) == 0 }

// UnmarshalJSON reads a call. Numbers in Params come as in a command's With.
func (c *Call) UnmarshalJSON(text []byte) error {
	type plain Call // without methods
	var p plain
	if err := decode(text, &p, false); err != nil {
		return err
	}
	plainMap(p.Params)
	*c = Call(p)
	return nil
}

// Hash identifies the plan's effect, in hex: an approval binds to it. The summary and the run do not count, nor do white space, the order of keys and
// the spelling of numbers, which a database may change.
func (p Plan) Hash() (string, error) {
	p.Summary, p.Run = "", nil
	b, err := json.Marshal(p)
	if err != nil {
		return "", fmt.Errorf("plan: %w", err)
	}
	var v any
	if err := decode(b, &v, false); err != nil {
		return "", fmt.Errorf("plan: %w", err)
	}
	if b, err = json.Marshal(plainNumbers(v)); err != nil { // maps are written with sorted keys
		return "", fmt.Errorf("plan: %w", err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16]), nil
}
