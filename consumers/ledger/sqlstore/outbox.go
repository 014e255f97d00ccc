package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/schemas"
)

// Outbox hands out messages that were not sent. See ledger.Ledger.
func (s *Store) Outbox(ctx context.Context, now time.Time, limit int, lease time.Duration) ([]ledger.Message, error) {
	ctx, cancel := s.within(ctx, limit)
	defer cancel()
	var found []ledger.Message
	if s.d.OneWriter {
		if some, err := s.any(ctx, `select 1 from outbox where due <= $1 limit 1`, now.UnixMicro()); err != nil || !some {
			return nil, err // nothing there is the usual case, and needs no lock
		}
	}
	err := s.statement(ctx, func(ctx context.Context, q querier) error {
		return each(ctx, q, s.q.outbox, func(rows *sql.Rows) error {
			var m ledger.Message
			var headers []byte
			if err := rows.Scan(&m.ID, &m.Topic, &m.Key, &m.Value, &headers); err != nil {
				return err
			}
			if err := json.Unmarshal(headers, &m.Headers); err != nil {
				return fmt.Errorf("message %d: %w", m.ID, err)
			}
			found = append(found, m)
			return nil
		}, now.Add(lease).UnixMicro(), now.UnixMicro(), limit)
	})
	if err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	slices.SortFunc(found, func(a, b ledger.Message) int { return cmp.Compare(a.ID, b.ID) })
	return found, nil
}

// Sent forgets messages that were published. See ledger.Ledger.
func (s *Store) Sent(ctx context.Context, ids []int64) error {
	ctx, cancel := s.within(ctx, len(ids))
	defer cancel()
	list, err := s.d.List(ids)
	if err != nil {
		return err
	}
	err = s.statement(ctx, func(ctx context.Context, q querier) error {
		_, err := q.ExecContext(ctx, s.q.sent, list)
		return err
	})
	if err != nil {
		return fmt.Errorf("outbox: %w", err)
	}
	return nil
}

// Depth counts what is not finished. See ledger.Ledger.
func (s *Store) Depth(ctx context.Context) (map[schemas.Lane]map[schemas.State]int64, error) {
	ctx, cancel := s.within(ctx, 0)
	defer cancel()
	depth := map[schemas.Lane]map[schemas.State]int64{}
	err := each(ctx, s.read, `select lane, state, count(*) from commands
		where state in ('pending', 'approval', 'running', 'retrying', 'verifying', 'in_force') group by lane, state`,
		func(rows *sql.Rows) error {
			var lane, state string
			var n int64
			if err := rows.Scan(&lane, &state, &n); err != nil {
				return err
			}
			if depth[schemas.Lane(lane)] == nil {
				depth[schemas.Lane(lane)] = map[schemas.State]int64{}
			}
			depth[schemas.Lane(lane)][schemas.State(state)] = n
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("depth: %w", err)
	}
	return depth, nil
}

// Prune forgets what was finished long ago. See ledger.Ledger.
func (s *Store) Prune(ctx context.Context, before time.Time, limit int) (int, error) {
	ctx, cancel := s.within(ctx, limit)
	defer cancel()
	n := 0
	err := s.tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, over := range []string{`delete from holds where until < $1`, `delete from spent where until < $1`} {
			if _, err := tx.ExecContext(ctx, over, before.UnixMicro()); err != nil {
				return err
			}
		}
		return each(ctx, tx, s.q.prune, func(*sql.Rows) error { n++; return nil }, before.UnixMicro(), limit)
	})
	if err != nil {
		return 0, fmt.Errorf("prune: %w", err)
	}
	return n, nil
}

// any tells whether a query has a row.
func (s *Store) any(ctx context.Context, query string, args ...any) (bool, error) {
	found := false
	err := each(ctx, s.read, query, func(*sql.Rows) error { found = true; return nil }, args...)
	return found, err
}
