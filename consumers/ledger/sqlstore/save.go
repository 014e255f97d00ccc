package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/riposte-security/riposte/consumers/ledger"
)

// Save writes what a worker changed. See ledger.Ledger.
func (s *Store) Save(ctx context.Context, now time.Time, e ledger.Entry, publish ...ledger.Message) error {
	ctx, cancel := s.within(ctx, 0)
	defer cancel()
	err := s.tx(ctx, func(tx *sql.Tx) error {
		mutex := mutexOf(e.Command)
		if err := s.lock(ctx, tx, mutex); err != nil {
			return err
		}
		if err := s.update(ctx, tx, now, e); err != nil {
			return err
		}
		if err := s.advance(ctx, tx, now, []string{mutex}); err != nil {
			return err
		}
		return s.post(ctx, tx, now, publish)
	})
	if err != nil {
		return fmt.Errorf("command %s: save as %s: %w", e.Command.ID, e.State, err)
	}
	return nil
}

func (s *Store) update(ctx context.Context, tx *sql.Tx, now time.Time, e ledger.Entry) error {
	plan, err := encode(e.Plan)
	if err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	undo, err := encode(e.Undo)
	if err != nil {
		return fmt.Errorf("undo: %w", err)
	}
	outcome, err := json.Marshal(e.Outcome)
	if err != nil {
		return fmt.Errorf("outcome: %w", err)
	}
	found := false
	var stored []byte
	err = each(ctx, tx, `update commands set state = $1, slot = $2, due = $3, plan = coalesce($4, plan), applied = $5, attempts = $6, outcome = $7,
		ends = $8, effect = $9, undo = coalesce($10, undo), updated = $11
		where seq = $12 and fence = $13 and slot = 1 returning undo`,
		func(rows *sql.Rows) error { found = true; return rows.Scan(&stored) },
		string(e.State), slotOf(e.State, e.Due), micros(e.Due), plan, e.Applied, e.Attempts, outcome,
		micros(e.Ends), column(e.Effect), undo, now.UnixMicro(), e.Seq, e.Fence)
	if err != nil {
		return err
	}
	if !found {
		return ledger.ErrFenced
	}
	if e.Undo != nil || stored == nil || !e.Standing() {
		return nil
	}
	var asked ledger.UndoRequest // came in while the worker was at it
	if err := json.Unmarshal(stored, &asked); err != nil {
		return fmt.Errorf("undo: %w", err)
	}
	if asked.Refused != "" {
		return nil
	}
	_, err = tx.ExecContext(ctx, `update commands set slot = $1, due = $2 where seq = $3`, slotTimed, now.UnixMicro(), e.Seq)
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
	err := s.many(ctx, tx, `insert into outbox (topic, key, value, headers, due) values `, ` returning id`, rows,
		func(*sql.Rows) error { return nil })
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
