package sqlstore

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/riposte-security/riposte/schemas"
)

// Alerts are most of all commands, and what comes next on the target of one need not be worked out by queries.next, whose planning was a quarter of what
// PostgreSQL did for an alert: it is the alert, as long as there is something to do about it.

// alone tells that a command has its target to itself.
func alone(c schemas.Command) bool { return c.Lane == schemas.LaneAlert }

// A heading is a new command that comes next on a target of its own.
type heading struct {
	seq int64
	cmd schemas.Command
}

// head writes to targets that are locked which commands come next there, at once. It returns whose those are.
func (s *Store) head(ctx context.Context, tx *sql.Tx, own []heading) (map[string]bool, error) {
	rows, mutexes := make([][]any, len(own)), make(map[string]bool, len(own))
	for i, h := range own {
		mutex := mutexOf(h.cmd)
		mutexes[mutex] = true
		rows[i] = []any{mutex, h.seq, string(h.cmd.Lane), column(h.cmd.Target.Account), urgency(h.cmd.Severity)}
	}
	ins := insert{
		head:  `update targets set seq = column2, lane = column3, account = column4, urgency = column5, ready = true, due = null from (`,
		tail:  `) as own where mutex = column1 returning seq`,
		types: []string{"text", "bigint", "text", "text", "smallint"},
	}
	if err := s.many(ctx, tx, ins, rows, func(*sql.Rows) error { return nil }); err != nil {
		return nil, fmt.Errorf("what comes first: %w", err)
	}
	return mutexes, nil
}

// ended tells that nothing is left to do on a target, once this is saved and where nobody has asked for its undo.
func (sv *saving) ended() bool { return alone(sv.entry.Command) && sv.slot == slotRest }

// forget deletes targets that are locked, and on which nothing is left to do.
func (s *Store) forget(ctx context.Context, tx *sql.Tx, mutexes []string) error {
	if len(mutexes) == 0 {
		return nil
	}
	list, err := s.d.List(mutexes)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, s.q.forget, list); err != nil {
		return fmt.Errorf("targets with nothing left: %w", err)
	}
	return nil
}
