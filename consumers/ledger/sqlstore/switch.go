package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/schemas"
)

// Turn stops or resumes lanes. See ledger.Desk.
func (s *Store) Turn(ctx context.Context, switches ...ledger.Switch) error {
	ctx, cancel := s.within(ctx, len(switches))
	defer cancel()
	err := s.tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, w := range switches {
			_, err := tx.ExecContext(ctx, `insert into switches (lane, stopped, who, reason, at) values ($1, $2, $3, $4, $5)
				on conflict (lane) do update set stopped = excluded.stopped, who = excluded.who, reason = excluded.reason, at = excluded.at
				where switches.at < excluded.at`, string(w.Lane), w.Stopped, column(w.By), column(w.Reason), w.At.UnixMicro())
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("kill switch: %w", err)
	}
	return nil
}

// Switches returns what was turned. See ledger.Desk.
func (s *Store) Switches(ctx context.Context) ([]ledger.Switch, error) {
	ctx, cancel := s.within(ctx, 0)
	defer cancel()
	var all []ledger.Switch
	err := each(ctx, s.read, `select lane, stopped, who, reason, at from switches order by lane`, func(rows *sql.Rows) error {
		var w ledger.Switch
		var lane string
		var at int64
		if err := rows.Scan(&lane, &w.Stopped, &w.By, &w.Reason, &at); err != nil {
			return err
		}
		w.Lane, w.At = schemas.Lane(lane), time.UnixMicro(at).UTC()
		all = append(all, w)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("kill switch: %w", err)
	}
	return all, nil
}
