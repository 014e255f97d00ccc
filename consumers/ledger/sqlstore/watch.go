package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/schemas"
)

// Duty makes owner the one who has a duty. See ledger.Watch.
func (s *Store) Duty(ctx context.Context, now time.Time, duty, owner string, until time.Time) (bool, error) {
	ctx, cancel := s.within(ctx, 0)
	defer cancel()
	has := false
	err := s.tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		return each(ctx, tx, `insert into duties (duty, owner, until) values ($1, $2, $3)
			on conflict (duty) do update set owner = excluded.owner, until = excluded.until where duties.owner = excluded.owner or duties.until <= $4
			returning owner`, func(*sql.Rows) error { has = true; return nil }, column(duty), column(owner), until.UnixMicro(), now.UnixMicro())
	})
	if err != nil {
		return false, fmt.Errorf("duty %s: %w", duty, err)
	}
	return has, nil
}

// Wake makes entries due at once. See ledger.Watch.
func (s *Store) Wake(ctx context.Context, now time.Time, ids []string) error {
	for _, id := range ids {
		err := s.desk(ctx, now, id, func(ctx context.Context, tx *sql.Tx, r row) error {
			if r.slot == slotHeld || r.entry.State != schemas.StateInForce && r.entry.State != schemas.StateVerified {
				return nil
			}
			_, err := tx.ExecContext(ctx, `update commands set slot = $1, due = $2 where seq = $3`, slotTimed, now.UnixMicro(), r.entry.Seq)
			return err
		})
		if err != nil {
			return fmt.Errorf("wake: %w", err)
		}
	}
	return nil
}

// Prolong changes when an effect ends. See ledger.Desk.
func (s *Store) Prolong(ctx context.Context, now time.Time, id string, until time.Time, by, reason string) (ledger.Entry, error) {
	var after ledger.Entry
	err := s.desk(ctx, now, id, func(ctx context.Context, tx *sql.Tx, r row) error {
		e := r.entry
		if err := cmp.Or(r.free(schemas.StateInForce), r.kept()); err != nil {
			return err
		}
		e.Outcome.Message += fmt.Sprintf("; until %s instead of %s, by %s", until.UTC().Format(time.RFC3339), e.Ends.UTC().Format(time.RFC3339), by)
		if reason != "" {
			e.Outcome.Message += " (" + reason + ")"
		}
		e.Ends, e.Due = until, until
		outcome, err := json.Marshal(e.Outcome)
		if err != nil {
			return err
		}
		after = e
		_, err = tx.ExecContext(ctx, `update commands set ends = $1, slot = $2, due = $3, outcome = $4, updated = $5 where seq = $6`,
			until.UnixMicro(), slotTimed, until.UnixMicro(), outcome, now.UnixMicro(), e.Seq)
		return err
	})
	if err != nil {
		return ledger.Entry{}, err
	}
	return s.filled(ctx, id, after)
}
