package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/riposte-security/riposte/consumers/ledger"
)

// shortest is the least that an abbreviated id must have.
const shortest = 6

// RequestUndo asks for an effect to be taken back. See ledger.Desk.
func (s *Store) RequestUndo(ctx context.Context, now time.Time, id string, u ledger.UndoRequest, hold time.Duration) error {
	return s.desk(ctx, now, id, func(ctx context.Context, tx *sql.Tx, r row) error {
		e := r.entry
		if !e.Standing() {
			return fmt.Errorf("%w: it is %s, and has no effect to take back", ledger.ErrState, e.State)
		}
		undo, err := json.Marshal(u)
		if err != nil {
			return err
		}
		slot, due := slotTimed, now
		if r.slot == slotHeld { // a worker has it: Save will find the request
			slot, due = slotHeld, e.Due
		}
		if _, err := tx.ExecContext(ctx, `update commands set undo = $1, slot = $2, due = $3, updated = $4 where seq = $5`,
			undo, slot, due.UnixMicro(), now.UnixMicro(), e.Seq); err != nil {
			return err
		}
		if hold <= 0 {
			return nil
		}
		entries := []ledger.Entry{e}
		if err := s.fill(ctx, tx, entries); err != nil {
			return err
		}
		return putHold(ctx, tx, entries[0], u, now.Add(hold))
	})
}

// putHold makes further commands of a rule on a target ask a person, until then. A hold that lasts longer stays.
func putHold(ctx context.Context, tx *sql.Tx, e ledger.Entry, u ledger.UndoRequest, until time.Time) error {
	reason := fmt.Sprintf("command %s was undone by %s", e.Command.ID, u.By)
	if u.Reason != "" {
		reason += ": " + u.Reason
	}
	_, err := tx.ExecContext(ctx, `insert into holds (rule, target, until, reason) values ($1, $2, $3, $4)
		on conflict (rule, target) do update set until = excluded.until, reason = excluded.reason where holds.until < excluded.until`,
		column(e.Command.Rule), column(e.Command.Target.Key()), until.UnixMicro(), column(reason))
	return err
}

// desk runs f on one command, whose target is locked, and works out afterwards what comes next there.
func (s *Store) desk(ctx context.Context, now time.Time, id string, f func(ctx context.Context, tx *sql.Tx, r row) error) error {
	ctx, cancel := s.within(ctx, 0)
	defer cancel()
	err := s.tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		seq, mutex, err := s.resolve(ctx, tx, id)
		if err != nil {
			return err
		}
		if _, err := s.lockAll(ctx, tx, []string{mutex}); err != nil {
			return err
		}
		var r row
		if err := each(ctx, tx, `select `+columns+` from commands where seq = $1`, func(rows *sql.Rows) error { return r.scan(rows) }, seq); err != nil {
			return err
		}
		if r.entry.Seq == 0 {
			return ledger.ErrNotFound // pruned since
		}
		if err := f(ctx, tx, r); err != nil {
			return err
		}
		return s.advance(ctx, tx, now, []string{mutex})
	})
	if err != nil {
		return fmt.Errorf("command %s: %w", id, err)
	}
	return nil
}

// resolve finds the one command that an id, or the beginning of one, stands for.
func (s *Store) resolve(ctx context.Context, q querier, id string) (seq int64, mutex string, err error) {
	id = column(id)
	n, exact := 0, false
	err = each(ctx, q, `select seq, mutex, id from commands where id >= $1 and id < $2 order by id limit 2`, func(rows *sql.Rows) error {
		var full, m string
		var sq int64
		if err := rows.Scan(&sq, &m, &full); err != nil {
			return err
		}
		if n++; n == 1 { // an exact match comes first
			seq, mutex, exact = sq, m, full == id
		}
		return nil
	}, id, after(id))
	switch {
	case err != nil:
		return 0, "", err
	case exact || (n == 1 && len(id) >= shortest):
		return seq, mutex, nil
	case n == 0:
		return 0, "", ledger.ErrNotFound
	}
	return 0, "", ledger.ErrAmbiguous
}

// after is a string that sorts after everything that begins with prefix.
func after(prefix string) string { return prefix + "\U0010ffff" }
