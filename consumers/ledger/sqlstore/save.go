package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/schemas"
)

// A saving is one entry to be saved, ready for the database.
type saving struct {
	now     time.Time
	entry   ledger.Entry
	mutex   string
	slot    int
	row     []any // in the order of changed
	publish []ledger.Message
}

// Save writes what a worker changed, together with what other workers save at the same time. See ledger.Ledger.
func (s *Store) Save(ctx context.Context, now time.Time, e ledger.Entry, publish ...ledger.Message) error {
	ctx, cancel := s.within(ctx, 0)
	defer cancel()
	sv, err := newSaving(now, e, publish)
	if err == nil {
		err = s.shared.do(ctx, &request{save: &sv})
	}
	if err != nil {
		return fmt.Errorf("command %s: save as %s: %w", e.Command.ID, e.State, err)
	}
	return nil
}

func newSaving(now time.Time, e ledger.Entry, publish []ledger.Message) (saving, error) {
	sv := saving{now: now, entry: e, mutex: mutexOf(e.Command), slot: slotOf(e.State, e.Due), publish: publish}
	plan, err := encode(e.Plan)
	if err != nil {
		return sv, fmt.Errorf("plan: %w", err)
	}
	undo, err := encode(e.Undo)
	if err != nil {
		return sv, fmt.Errorf("undo: %w", err)
	}
	outcome, err := json.Marshal(e.Outcome)
	if err != nil {
		return sv, fmt.Errorf("outcome: %w", err)
	}
	sv.row = []any{e.Seq, e.Fence, string(e.State), sv.slot, micros(e.Due), plan, e.Applied, e.Attempts, outcome,
		micros(e.Ends), column(e.Effect), undo, now.UnixMicro()}
	return sv, nil
}

// goesOn tells that a worker keeps the entry. What comes next on its target does not change then, so that the row of the target, of which the end of
// the lease may be earlier than the entry's, need not be touched: whoever looks there at that time finds the later one.
func (sv *saving) goesOn() bool {
	return !sv.entry.Idle && (sv.entry.State == schemas.StateRunning || sv.entry.State == schemas.StateVerifying)
}

// changed are the types of the columns of saving.row.
func changed() []string {
	return []string{"bigint", "bigint", "text", "smallint", "bigint", "bytea", "boolean", "integer", "bytea", "bigint", "text", "bytea", "bigint"}
}

// saveAll saves entries, and notes in errs which of them were not, as their leases were lost. An error is for all.
func (s *Store) saveAll(ctx context.Context, tx *sql.Tx, batch []*request, errs map[*request]error) error {
	var mutexes []string
	rows := make([][]any, len(batch))
	now := batch[0].save.now
	for i, r := range batch {
		rows[i] = r.save.row
		if !r.save.goesOn() {
			mutexes = append(mutexes, r.save.mutex)
		}
		if r.save.now.After(now) {
			now = r.save.now
		}
	}
	undos, err := s.update(ctx, tx, rows, mutexes)
	if err != nil {
		return err
	}
	var publish []ledger.Message
	var left, ended []string
	for _, r := range batch {
		asked, saved := undos[leaseOf(r.save.entry)]
		switch {
		case saved && asked == nil && r.save.ended():
			ended = append(ended, r.save.mutex)
		case !r.save.goesOn():
			left = append(left, r.save.mutex)
		}
		if !saved {
			errs[r] = ledger.ErrFenced
			continue
		}
		publish = append(publish, r.save.publish...)
		if err := wakeForUndo(ctx, tx, r.save, asked); err != nil {
			return err
		}
	}
	if err := s.forget(ctx, tx, ended); err != nil {
		return err
	}
	if err := s.advance(ctx, tx, now, left); err != nil {
		return err
	}
	return s.post(ctx, tx, now, publish)
}

// A leased is a lease on an entry, of which there may have been others.
type leased struct{ seq, fence int64 }

func leaseOf(e ledger.Entry) leased { return leased{e.Seq, e.Fence} }

// update locks targets, and writes the changed columns of entries whose leases are held. It returns the requests to undo, as the database has them now.
func (s *Store) update(ctx context.Context, tx *sql.Tx, rows [][]any, mutexes []string) (map[leased][]byte, error) {
	under, locked, more, err := s.underLock(ctx, tx, len(changed())+1, mutexes)
	if err != nil {
		return nil, err
	}
	undos := make(map[leased][]byte, len(rows))
	ins := insert{
		head: under + `update commands set state = column3, slot = column4, due = column5, plan = coalesce(column6, plan), applied = column7,
			attempts = column8, outcome = column9, ends = column10, effect = column11, undo = coalesce(column12, undo), updated = column13
			from (`,
		tail:  `) as changed where seq = column1 and fence = column2 and slot = 1` + locked + ` returning seq, fence, undo`,
		types: changed(),
		more:  more,
	}
	err = s.many(ctx, tx, ins, rows, func(r *sql.Rows) error {
		var l leased
		var undo []byte
		if err := r.Scan(&l.seq, &l.fence, &undo); err != nil {
			return err
		}
		undos[l] = undo
		return nil
	})
	return undos, err
}

// wakeForUndo makes an entry due at once if a person asked to take its effect back while the worker was at it.
func wakeForUndo(ctx context.Context, tx *sql.Tx, sv *saving, stored []byte) error {
	if sv.entry.Undo != nil || stored == nil || !sv.entry.Standing() {
		return nil
	}
	var asked ledger.UndoRequest
	if err := json.Unmarshal(stored, &asked); err != nil {
		return fmt.Errorf("undo: %w", err)
	}
	if asked.Refused != "" {
		return nil
	}
	_, err := tx.ExecContext(ctx, `update commands set slot = $1, due = $2 where seq = $3`, slotTimed, sv.now.UnixMicro(), sv.entry.Seq)
	return err
}

// post puts messages into the outbox.
func (s *Store) post(ctx context.Context, tx *sql.Tx, now time.Time, publish []ledger.Message) error {
	rows := make([][]any, len(publish))
	for i, m := range publish {
		headers, err := json.Marshal(m.Headers)
		if err != nil {
			return fmt.Errorf("message: %w", err)
		}
		rows[i] = []any{m.Topic, bytesOf(m.Key), bytesOf(m.Value), headers, now.UnixMicro()}
	}
	ins := insert{head: `insert into outbox (topic, key, value, headers, due) `, tail: ` returning id`, types: []string{"text", "bytea", "bytea", "bytea", "bigint"}}
	err := s.many(ctx, tx, ins, rows, func(*sql.Rows) error { return nil })
	if err != nil {
		return fmt.Errorf("outbox: %w", err)
	}
	return nil
}

// bytesOf keeps an absent key from becoming null.
func bytesOf(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
