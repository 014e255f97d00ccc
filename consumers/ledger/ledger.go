// Package ledger is the contract of the database in which consumers keep every command and what became of it. Folder sqlite and folder
// postgres carry it out, and one suite in ledgertest holds both to it.
package ledger

import (
	"context"
	"strconv"
	"time"

	"github.com/riposte-security/riposte/internal/sign"
	"github.com/riposte-security/riposte/schemas"
)

// An Entry is one command in the ledger. Its JSON form is what `riposte commands --json` prints.
type Entry struct {
	Seq     int64           `json:"seq"` // order of entry
	Command schemas.Command `json:"command"`
	State   schemas.State   `json:"state"`
	// Plan is stored before Apply; nil until planned.
	Plan *schemas.Plan `json:"plan,omitempty"`
	// Applied: Apply has been called at least once (or may have been).
	Applied bool `json:"applied"`
	// Attempts are claims since the last time the worker set it back; Claim adds one.
	Attempts int `json:"attempts"`
	// Due is when a worker should look at it next; zero: never. Of a claimed entry, the end of the lease.
	Due     time.Time       `json:"due,omitzero"`
	Outcome schemas.Outcome `json:"outcome"`
	// ApprovedHash is the plan hash a person approved, ApprovedBy who that was.
	ApprovedHash string `json:"approved_hash,omitempty"`
	ApprovedBy   string `json:"approved_by,omitempty"`
	// Approvals are those that were given so far, of this plan and of earlier ones.
	Approvals []Approval `json:"approvals,omitempty"`
	// Undo is a person's request to take the effect back; nil where there is none.
	Undo *UndoRequest `json:"undo,omitempty"`
	// Ends is when the effect, or what a command that failed may have done, is to be taken back; zero: never.
	Ends time.Time `json:"ends,omitzero"`
	// Effect names what an effect that stands, or may stand, amounts to (action, target, enforcer); "" where nothing shares it. See Holders.
	Effect string `json:"effect,omitempty"`
	// Idle is for Save alone: the entry goes on holding its target, but no worker keeps it until it is due.
	Idle bool `json:"-"`
	// Fence grows with every claim: a write under an older one is refused with ErrFenced.
	Fence   int64     `json:"fence"`
	Entered time.Time `json:"entered"`
	Updated time.Time `json:"updated"`
}

// Standing tells whether the command has an effect that can be taken back: it is verified or in force, or it failed after Apply was called, and
// nobody knows what that did.
func (e Entry) Standing() bool {
	return e.State == schemas.StateVerified || e.State == schemas.StateInForce || (e.State == schemas.StateFailed && e.Applied)
}

// An UndoRequest is a person's wish to take an effect back.
type UndoRequest struct {
	By     string    `json:"by"`
	Reason string    `json:"reason,omitempty"`
	Force  bool      `json:"force,omitempty"`
	At     time.Time `json:"at"`
	// Refused is why the last try was refused, "" while it is open.
	Refused string `json:"refused,omitempty"`
	// Signature is that of Text, by an operator's key; "" where nobody asks for one.
	Signature string `json:"signature,omitempty"`
}

// How a decision came.
const (
	ViaCLI  = "cli"
	ViaLink = "link"
)

// A Decision is what a person says of a command that waits.
type Decision struct {
	Approve bool
	By      string // who says so
	Reason  string
	Via     string // how it came: ViaCLI, ViaLink
	// Plan is the hash of the plan that the person has seen; "" stands for the one that is stored.
	Plan string
	// Nonce is that of a link, which is good for one decision; "" for none.
	Nonce string
	// Signature is that of the Text of the Approval that this becomes; "" where nobody asks for one.
	Signature string
}

// Approval is a decision for a command, made at a time, as it is kept.
func (d Decision) Approval(at time.Time) Approval {
	return Approval{By: d.By, Reason: d.Reason, Via: d.Via, At: at.UTC(), Plan: d.Plan, Nonce: d.Nonce, Signature: d.Signature}
}

// An Approval is a decision for a command, as it is kept.
type Approval struct {
	By     string    `json:"by"`
	Reason string    `json:"reason,omitempty"`
	Via    string    `json:"via,omitempty"`
	At     time.Time `json:"at"`
	Plan   string    `json:"plan"` // hash of the plan
	Nonce  string    `json:"nonce,omitempty"`
	// Signature is that of Text; "" where nobody asks for one.
	Signature string `json:"signature,omitempty"`
}

// Text is what whoever approves a command signs.
func (a Approval) Text(command string) []byte {
	return sign.Text("riposte approval", []byte(command), []byte(a.Plan), []byte(a.By), []byte(a.Reason), []byte(a.Via), []byte(a.Nonce), when(a.At))
}

// Text is what whoever asks for a command to be undone signs.
func (u UndoRequest) Text(command string) []byte {
	return sign.Text("riposte undo", []byte(command), []byte(u.By), []byte(u.Reason), strconv.AppendBool(nil, u.Force), when(u.At))
}

func when(t time.Time) []byte { return []byte(t.UTC().Format(time.RFC3339Nano)) }

// A Budget allows Max effects within a time, whoever brings them about.
type Budget struct {
	Key    string // what it is for: "rule x in lane block", say
	Max    int
	Within time.Duration
}

// A Switch is the kill switch of a lane.
type Switch struct {
	Lane    schemas.Lane `json:"lane"`
	Stopped bool         `json:"stopped"`
	By      string       `json:"by"`
	Reason  string       `json:"reason,omitempty"`
	At      time.Time    `json:"at"`
}

// PastDone is how many commands a Past has at most.
const PastDone = 100

// A Past is what a rule has done to a target.
type Past struct {
	// Held is why a hold on rule and target is in force; "" if none is.
	Held string
	// Done are the commands of the rule that were carried out on the target and did not just end when their time was over, in whatever lane, newest first:
	// verified, in_force, reverted, undone, or failed after Apply.
	Done []Entry
}

// A Claim says which entries a process takes, and for how long.
type Claim struct {
	Owner  string // of the leases
	Lanes  []schemas.Lane
	Except []string      // accounts (Target.Account) whose entries are left to others, or to later
	N      int           // so many at most
	Lease  time.Duration // from now
}

// A Filter selects entries; zero fields select all.
type Filter struct {
	IDs    []string // command ids; a unique prefix of at least 6 characters will do
	Lanes  []schemas.Lane
	States []schemas.State
	Rule   string
	Target string // Target.Key()
	Since  time.Time
	// Applied leaves out what never came to be applied.
	Applied bool
	Limit   int // 0: 100
}

// ErrFenced says that the lease on an entry was lost: somebody else has claimed it since.
const ErrFenced = ledgerError("the lease on the command was lost")

// ErrNotFound says that no such command is in the ledger.
const ErrNotFound = ledgerError("no such command")

// ErrAmbiguous says that an abbreviated id stands for several commands, or is too short to stand for one.
const ErrAmbiguous = ledgerError("the id is not unique; give more of it")

// ErrState says that the command is not in a state in which what was asked can be done.
const ErrState = ledgerError("the command is not in a state that allows it")

// ErrBusy says that a worker is at the command at this moment.
const ErrBusy = ledgerError("a worker is at the command at this moment; try again")

// ErrPlan says that the plan is not the one that a decision was about.
const ErrPlan = ledgerError("the plan is another one by now")

// ErrTwice says that a person has approved the plan before, or that a link was used.
const ErrTwice = ledgerError("this approval was given already; another person has to approve as well")

// ShedReason begins the outcome of a command that stands for what the valve held back.
const ShedReason = "shed"

type ledgerError string

func (e ledgerError) Error() string { return string(e) }

// Ledger keeps commands. Everything in it is durable when the call returns. Implementations are safe for concurrent use, also by several
// processes. Times come from the caller's clock and are kept to the microsecond.
type Ledger interface {
	// Enter records commands that are not yet in the ledger, in their order, and returns how many were new. A command whose id is known is
	// left alone. A command that stands for what the valve held back (Shed) enters as refused. Messages to publish are recorded in the
	// same transaction.
	Enter(ctx context.Context, now time.Time, cmds []schemas.Command, publish ...Message) (int, error)
	// Claim hands out entries that are due, at most one per target over all lanes but alert, by severity, then sequence, and leases them. Within a target: what is held (running, retrying, verifying) keeps the rest waiting; then comes what
	// has reached its time (expiry, undo); then pending entries, never past an earlier one. Pending and retrying entries come back as running,
	// others in their state. Entries whose lease ran out are handed out again.
	Claim(ctx context.Context, now time.Time, c Claim) ([]Entry, error)
	// Extend lengthens the lease on a claimed entry, or returns ErrFenced.
	Extend(ctx context.Context, e Entry, until time.Time) error
	// Save writes what a worker changed on a claimed entry (state, plan, applied, attempts, due, outcome, ends, effect, undo), or returns
	// ErrFenced. A state other than running, retrying and verifying releases the target. A request to undo that came in meanwhile is
	// kept, and makes the entry due at once. If publish is set, messages for Kafka are recorded in the same transaction.
	//
	// The lease stays on a running or verifying entry until Due, as Extend left it, and ends with any other state. With Idle the entry is to be handed out at Due,
	// even if the lease would have lasted longer.
	Save(ctx context.Context, now time.Time, e Entry, publish ...Message) error
	History
	Upkeep
	Purse
	Watch
	Post
	Desk
}

// History is the part of the ledger that tells what was done before.
type History interface {
	// Holders returns other entries whose effect of that name stands or may stand (verified, in_force, or failed), newest first, ten at most.
	Holders(ctx context.Context, effect, except string) ([]Entry, error)
	// Past tells what is to be known of a rule and a target (Target.Key) before the rule acts on it.
	Past(ctx context.Context, now time.Time, rule, target string) (Past, error)
}

// Upkeep is the part of the ledger that shows what waits, and forgets who is gone and what is old.
type Upkeep interface {
	// Release ends the leases of an owner that is known to be gone, so that what it had is due at once, and returns how many there were.
	Release(ctx context.Context, now time.Time, owner string) (int, error)
	// Depth counts the entries that are not finished, by lane and state.
	Depth(ctx context.Context) (map[schemas.Lane]map[schemas.State]int64, error)
	// Prune forgets up to limit entries that were finished before that time, and holds that are over. Ids must outlive the messages that
	// could bring them again: before lies at least the commands' retention in Kafka plus respond_within back.
	Prune(ctx context.Context, before time.Time, limit int) (int, error)
}

// Purse is the part of the ledger that counts effects.
type Purse interface {
	// Spend counts a command against budgets, and returns nil; or it returns the first of them, in the order of their keys, of which nothing is left, and
	// counts nothing. A command that was counted before is not counted again.
	Spend(ctx context.Context, now time.Time, id string, budgets []Budget) (*Budget, error)
}

// Watch is the part of the ledger that lets processes look after what stands.
type Watch interface {
	// Duty makes owner the one who has a duty until a time, and tells whether it is: another may have it. Who has it may lengthen it.
	Duty(ctx context.Context, now time.Time, duty, owner string, until time.Time) (bool, error)
	// Wake makes entries whose effect stands due at once, for a worker to see whether it still does. Others are left alone.
	Wake(ctx context.Context, now time.Time, ids []string) error
}

// Post is the part of the ledger that hands on to Kafka what was recorded with a state.
type Post interface {
	// Outbox returns recorded messages that were not yet marked as sent, oldest first, and keeps them from other callers until now+lease.
	// Sent marks them.
	Outbox(ctx context.Context, now time.Time, limit int, lease time.Duration) ([]Message, error)
	Sent(ctx context.Context, ids []int64) error
}

// Desk is the part of the ledger that people use, through the command line. Where a method takes an id, a unique prefix of at least 6
// characters will do; ErrNotFound and ErrAmbiguous say what is wrong with others.
type Desk interface {
	// List returns the entries that the filter selects, newest first.
	List(ctx context.Context, f Filter) ([]Entry, error)
	// Decide approves or rejects a command that waits in approval, or is stale; ErrState otherwise. An approval binds to the hash of the plan
	// as stored; a person who has seen another gets ErrPlan. Where the outcome asks for several approvers, all but the last are noted and change nothing
	// else; who has approved the plan already, or whose link was used, gets ErrTwice. A rejected command is due once more, for a worker to make the decision
	// known. What is returned is the entry after the decision.
	Decide(ctx context.Context, now time.Time, id string, d Decision) (Entry, error)
	// RequestUndo asks that the effect of a command be taken back; a worker does it. ErrState says that the command has none: see
	// Entry.Standing. It also puts a hold on the command's rule and target for that long.
	RequestUndo(ctx context.Context, now time.Time, id string, u UndoRequest, hold time.Duration) error
	// Retry makes a command that failed pending again, as if it had not been tried; what was planned, and that it may have been applied, stays known.
	// ErrState says that it has not failed.
	Retry(ctx context.Context, now time.Time, id string, by, reason string) (Entry, error)
	// Prolong changes when the effect of a command that is in force ends; ErrState otherwise.
	Prolong(ctx context.Context, now time.Time, id string, until time.Time, by, reason string) (Entry, error)
	// Turn stops or resumes lanes, unless what is known of a lane is younger. Switches returns those of all lanes that were ever turned.
	Turn(ctx context.Context, s ...Switch) error
	Switches(ctx context.Context) ([]Switch, error)
	// Close releases the database.
	Close() error
}

// A Message is something to be published to Kafka: an outcome or a dead letter. It is kept until sent.
type Message struct {
	ID      int64
	Topic   string // the logical topic: "outcomes" or "deadletter"
	Key     []byte
	Value   []byte
	Headers map[string]string
}
