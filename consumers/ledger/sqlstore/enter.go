package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/schemas"
)

// Enter records new commands. See ledger.Ledger.
func (s *Store) Enter(ctx context.Context, now time.Time, cmds []schemas.Command, publish ...ledger.Message) (int, error) {
	ctx, cancel := s.within(ctx, len(cmds))
	defer cancel()
	enter := s.enterByStep
	if s.d.Chained && len(cmds) <= s.d.AtOnce {
		enter = s.enterAtOnce
	}
	entered := 0
	err := s.tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		n, mutexes, err := enter(ctx, tx, now, cmds)
		if err != nil {
			return err
		}
		entered = n
		if err := s.advance(ctx, tx, now, mutexes); err != nil {
			return err
		}
		return s.post(ctx, tx, now, publish)
	})
	if err != nil {
		return 0, fmt.Errorf("enter %d commands: %w", len(cmds), err)
	}
	return entered, nil
}

// enterByStep enters commands by one statement after the other, and returns how many were new, and whose targets it locked.
func (s *Store) enterByStep(ctx context.Context, tx *sql.Tx, now time.Time, cmds []schemas.Command) (int, []string, error) {
	fresh, err := s.unknown(ctx, tx, cmds)
	if err != nil {
		return 0, nil, err
	}
	mutexes, err := s.lockAll(ctx, tx, mutexesOf(fresh))
	if err != nil {
		return 0, nil, err
	}
	n, err := s.insert(ctx, tx, now, fresh)
	return n, mutexes, err
}

// unknown returns the commands that are not in the ledger, each once.
func (s *Store) unknown(ctx context.Context, tx *sql.Tx, cmds []schemas.Command) ([]schemas.Command, error) {
	ids := make([]string, len(cmds))
	for i, c := range cmds {
		ids[i] = column(c.ID)
	}
	list, err := s.d.List(ids)
	if err != nil {
		return nil, err
	}
	seen := make(map[string]bool, len(cmds))
	err = each(ctx, tx, s.q.known, func(rows *sql.Rows) error {
		var id string
		if err := rows.Scan(&id); err != nil {
			return err
		}
		seen[id] = true
		return nil
	}, list)
	if err != nil {
		return nil, err
	}
	var fresh []schemas.Command
	for i, c := range cmds {
		if !seen[ids[i]] {
			seen[ids[i]] = true
			fresh = append(fresh, c)
		}
	}
	return fresh, nil
}

// insert writes commands that were not known a moment ago. One that another process entered since, under the lock of its target, is left
// alone.
func (s *Store) insert(ctx context.Context, tx *sql.Tx, now time.Time, cmds []schemas.Command) (int, error) {
	rows := make([][]any, len(cmds))
	bodies := make(map[string]any, len(cmds))
	for i, c := range cmds {
		row, err := fresh(now, c)
		if err != nil {
			return 0, err
		}
		last := len(row) - 1
		rows[i], bodies[column(c.ID)] = row[:last], row[last]
	}
	types := freshTypes()
	var texts [][]any
	ins := insert{
		head:  `insert into commands (` + freshColumns + `) `,
		tail:  ` on conflict (id) do nothing returning id, seq`,
		types: types[:len(types)-1],
	}
	err := s.many(ctx, tx, ins, rows, func(r *sql.Rows) error {
		var id string
		var seq int64
		if err := r.Scan(&id, &seq); err != nil {
			return err
		}
		texts = append(texts, []any{seq, bodies[id]})
		return nil
	})
	if err != nil {
		return 0, err
	}
	ins = insert{head: `insert into bodies (seq, body) `, tail: ` returning seq`, types: []string{"bigint", "bytea"}}
	return len(texts), s.many(ctx, tx, ins, texts, func(*sql.Rows) error { return nil })
}

// freshColumns are those of a new command, in the order of fresh, which adds the body, and of freshTypes.
const freshColumns = `id, lane, rule, action, target, mutex, urgency, state, slot, due, outcome, entered, updated, account`

func freshTypes() []string {
	return []string{"text", "text", "text", "text", "text", "text", "smallint", "text", "smallint", "bigint", "bytea", "bigint", "bigint", "text", "bytea"}
}

// fresh is a new command as the database has it.
func fresh(now time.Time, c schemas.Command) ([]any, error) {
	body, err := c.Encode()
	if err != nil {
		return nil, err
	}
	state, slot, due, out := schemas.StatePending, slotPending, micros(now), schemas.Outcome{State: schemas.StatePending, Time: now.UTC()}
	if c.Shed != nil {
		state, slot, due = schemas.StateRefused, slotRest, sql.NullInt64{}
		out = schemas.Outcome{State: state, Time: now.UTC(), Message: ledger.ShedReason}
	}
	outcome, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("command %s: %w", c.ID, err)
	}
	return []any{column(c.ID), string(c.Lane), column(c.Rule), column(c.Action), column(c.Target.Key()), mutexOf(c), urgency(c.Severity),
		string(state), slot, due, outcome, now.UnixMicro(), now.UnixMicro(), column(c.Target.Account), body}, nil
}

func mutexesOf(cmds []schemas.Command) []string {
	mutexes := make([]string, len(cmds))
	for i, c := range cmds {
		mutexes[i] = mutexOf(c)
	}
	return mutexes
}

// lockAll locks the rows of targets, making those that are missing, and returns them sorted, each once.
func (s *Store) lockAll(ctx context.Context, tx *sql.Tx, mutexes []string) ([]string, error) {
	return s.lockRows(ctx, tx, "targets", "mutex", mutexes)
}

// lockRows locks the rows of a table that is made of keys, making those that are missing, and returns the keys sorted, each once. The order keeps two
// transactions from waiting for each other.
func (s *Store) lockRows(ctx context.Context, tx *sql.Tx, table, key string, keys []string) ([]string, error) {
	slices.Sort(keys)
	keys = slices.Compact(keys)
	rows := make([][]any, len(keys))
	for i, k := range keys {
		rows[i] = []any{k}
	}
	ins := insert{
		head:  `insert into ` + table + ` (` + key + `) `,
		tail:  ` on conflict (` + key + `) do update set ` + key + ` = excluded.` + key + ` returning ` + key,
		types: []string{"text"},
	}
	return keys, s.many(ctx, tx, ins, rows, func(*sql.Rows) error { return nil })
}

// advance works out what comes next on targets whose rows are locked, and forgets those with nothing left.
func (s *Store) advance(ctx context.Context, tx *sql.Tx, now time.Time, mutexes []string) error {
	if len(mutexes) == 0 {
		return nil
	}
	list, err := s.d.List(mutexes)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, s.q.next, now.UnixMicro(), list); err != nil {
		return fmt.Errorf("what comes next: %w", err)
	}
	if s.d.Chained {
		return nil // which has forgotten them by itself
	}
	if _, err := tx.ExecContext(ctx, s.q.idle, list); err != nil {
		return fmt.Errorf("idle targets: %w", err)
	}
	return nil
}
