package sqlstore

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/schemas"
)

// Where a command stands with regard to its target.
const (
	slotRest    = 0 // nobody has to look at it
	slotHeld    = 1 // it holds its target
	slotTimed   = 2 // somebody has to look at it at its due time
	slotPending = 3 // it waits for its turn
)

// slotOf tells where an entry in that state stands when no worker has it.
func slotOf(state schemas.State, due time.Time) int {
	switch state {
	case schemas.StateRunning, schemas.StateRetrying, schemas.StateVerifying:
		return slotHeld
	case schemas.StatePending:
		return slotPending
	case schemas.StateApproval, schemas.StateInForce, schemas.StateVerified, schemas.StateUnchanged, schemas.StateReported, schemas.StateDryRun,
		schemas.StateRefused, schemas.StateExempted, schemas.StateRejected, schemas.StateStale, schemas.StateFailed, schemas.StateReverted,
		schemas.StateUndone, schemas.StateExpired:
	}
	if due.IsZero() {
		return slotRest
	}
	return slotTimed
}

// urgency is a severity as a number; an unknown one comes last.
func urgency(severity string) int {
	switch severity {
	case "critical", "fatal":
		return 5
	case "high":
		return 4
	case "medium":
		return 3
	case "low":
		return 2
	case "informational":
		return 1
	}
	return 0
}

// mutexOf names what a command holds while it runs. Alerts hold nothing but themselves.
func mutexOf(c schemas.Command) string {
	if alone(c) {
		return "alert " + column(c.ID)
	}
	return column(c.Target.Key())
}

// longest is what a text column takes: PostgreSQL indexes no more than 2,700 bytes.
const longest = 512

// column makes any string one that both databases store and index: valid UTF-8 without NUL, of bounded length. What is too long is told apart by
// its hash.
func column(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\x00", "\ufffd")
	if len(s) <= longest {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return strings.ToValidUTF8(s[:longest-64], "") + hex.EncodeToString(sum[:])
}

// A row is an entry as the database has it, apart from the command itself.
type row struct {
	entry ledger.Entry
	slot  int
	mutex string
}

// free tells whether the entry is in one of these states, and with no worker.
func (r *row) free(states ...schemas.State) error {
	switch {
	case !slices.Contains(states, r.entry.State):
		return fmt.Errorf("%w: it is %s", ledger.ErrState, r.entry.State)
	case r.slot == slotHeld:
		return ledger.ErrBusy
	}
	return nil
}

// kept tells whether nobody has asked for the effect to be taken back.
func (r *row) kept() error {
	if u := r.entry.Undo; u != nil && u.Refused == "" {
		return fmt.Errorf("%w: %s has asked for it to be taken back", ledger.ErrState, u.By)
	}
	return nil
}

// scan reads columns, and what further ones a query has.
func (r *row) scan(rows *sql.Rows, further ...any) error {
	var due, ends sql.NullInt64
	var updated, entered int64
	var state string
	var plan, outcome, undo, approvals []byte
	e := &r.entry
	err := rows.Scan(append([]any{&e.Seq, &state, &r.slot, &r.mutex, &due, &e.Fence, &e.Attempts, &e.Applied, &plan, &outcome, &e.ApprovedHash,
		&e.ApprovedBy, &undo, &ends, &e.Effect, &updated, &approvals, &entered}, further...)...)
	if err != nil {
		return err
	}
	e.State, e.Due, e.Ends = schemas.State(state), fromMicros(due), fromMicros(ends)
	e.Updated, e.Entered = time.UnixMicro(updated).UTC(), time.UnixMicro(entered).UTC()
	if plan != nil {
		e.Plan = new(schemas.Plan)
		if err := json.Unmarshal(plan, e.Plan); err != nil {
			return fmt.Errorf("entry %d: plan: %w", e.Seq, err)
		}
	}
	if undo != nil {
		e.Undo = new(ledger.UndoRequest)
		if err := json.Unmarshal(undo, e.Undo); err != nil {
			return fmt.Errorf("entry %d: undo: %w", e.Seq, err)
		}
	}
	if approvals != nil {
		if err := json.Unmarshal(approvals, &e.Approvals); err != nil {
			return fmt.Errorf("entry %d: approvals: %w", e.Seq, err)
		}
	}
	if err := json.Unmarshal(outcome, &e.Outcome); err != nil {
		return fmt.Errorf("entry %d: outcome: %w", e.Seq, err)
	}
	return nil
}

// fill adds the commands to entries.
func (s *Store) fill(ctx context.Context, q querier, entries []ledger.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	seqs := make([]int64, len(entries))
	at := make(map[int64]int, len(entries))
	for i, e := range entries {
		seqs[i], at[e.Seq] = e.Seq, i
	}
	list, err := s.d.List(seqs)
	if err != nil {
		return err
	}
	return each(ctx, q, s.q.bodies, func(rows *sql.Rows) error {
		var seq int64
		var body []byte
		if err := rows.Scan(&seq, &body); err != nil {
			return err
		}
		return read(body, &entries[at[seq]])
	}, list)
}

// filled adds the command to one entry, which is named id in errors.
func (s *Store) filled(ctx context.Context, id string, e ledger.Entry) (ledger.Entry, error) {
	entries := []ledger.Entry{e}
	if err := s.fill(ctx, s.read, entries); err != nil {
		return ledger.Entry{}, fmt.Errorf("command %s: %w", id, err)
	}
	return entries[0], nil
}

// read reads the command of an entry.
func read(body []byte, e *ledger.Entry) error {
	if err := json.Unmarshal(body, &e.Command); err != nil {
		return fmt.Errorf("entry %d: command: %w", e.Seq, err)
	}
	return nil
}

// encode returns v as JSON; nil for a nil pointer, which the database keeps as null.
func encode[T any](v *T) ([]byte, error) {
	if v == nil {
		return nil, nil
	}
	return json.Marshal(v)
}
