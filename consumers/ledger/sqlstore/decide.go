package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/schemas"
)

// Decide approves or rejects. See ledger.Desk.
func (s *Store) Decide(ctx context.Context, now time.Time, id string, d ledger.Decision) (ledger.Entry, error) {
	var after ledger.Entry
	err := s.desk(ctx, now, id, func(ctx context.Context, tx *sql.Tx, r row) error {
		e := r.entry
		if err := r.free(schemas.StateApproval, schemas.StateStale); err != nil {
			return err
		}
		if e.Plan == nil && (d.Approve || d.Plan != "") {
			return fmt.Errorf("%w: it has no plan", ledger.ErrState)
		}
		hash := ""
		if e.Plan != nil {
			var err error
			if hash, err = e.Plan.Hash(); err != nil {
				return err
			}
		}
		if d.Plan != "" && d.Plan != hash {
			return ledger.ErrPlan
		}
		var err error
		if d.Approve {
			after, err = approve(ctx, tx, now, e, hash, d)
		} else {
			after, err = reject(ctx, tx, now, e, d)
		}
		return err
	})
	if err != nil {
		return ledger.Entry{}, err
	}
	return s.filled(ctx, id, after)
}

// approve notes an approval, and lets the command go on if it was the last that was wanting.
func approve(ctx context.Context, tx *sql.Tx, now time.Time, e ledger.Entry, hash string, d ledger.Decision) (ledger.Entry, error) {
	var who []string
	for _, a := range e.Approvals {
		if a.Plan != hash {
			continue
		}
		if strings.EqualFold(a.By, d.By) || (d.Nonce != "" && a.Nonce == d.Nonce) {
			return e, fmt.Errorf("%w (%s, %s)", ledger.ErrTwice, a.By, a.At.UTC().Format(time.RFC3339))
		}
		who = append(who, a.By)
	}
	who = append(who, d.By)
	d.Plan = hash
	e.Approvals = append(slices.Clone(e.Approvals), d.Approval(now))
	kept, err := json.Marshal(e.Approvals)
	if err != nil {
		return e, err
	}
	if len(who) < e.Outcome.Approvers {
		_, err = tx.ExecContext(ctx, `update commands set approvals = $1, updated = $2 where seq = $3`, kept, now.UnixMicro(), e.Seq)
		return e, err
	}
	e.State, e.ApprovedHash, e.ApprovedBy, e.Due, e.Attempts = schemas.StatePending, hash, column(strings.Join(who, " and ")), now, 0
	_, err = tx.ExecContext(ctx, `update commands set state = 'pending', slot = $1, due = $2, attempts = 0, approved_hash = $3,
		approved_by = $4, approvals = $5, updated = $6 where seq = $7`, slotPending, now.UnixMicro(), hash, e.ApprovedBy, kept, now.UnixMicro(), e.Seq)
	return e, err
}

// Retry makes a command that failed pending again. See ledger.Desk.
func (s *Store) Retry(ctx context.Context, now time.Time, id string, by, reason string) (ledger.Entry, error) {
	var after ledger.Entry
	err := s.desk(ctx, now, id, func(ctx context.Context, tx *sql.Tx, r row) error {
		e := r.entry
		if err := cmp.Or(r.free(schemas.StateFailed), r.kept()); err != nil {
			return err
		}
		message := "to be tried again, asked for by " + by
		if reason != "" {
			message += ": " + reason
		}
		e.State, e.Due, e.Attempts = schemas.StatePending, now, 0
		e.Outcome = schemas.Outcome{State: e.State, Message: message, Before: e.Outcome.Before + e.Outcome.Attempts, Time: now.UTC()}
		outcome, err := json.Marshal(e.Outcome)
		if err != nil {
			return err
		}
		after = e
		_, err = tx.ExecContext(ctx, `update commands set state = 'pending', slot = $1, due = $2, attempts = 0, outcome = $3, updated = $4 where seq = $5`,
			slotPending, now.UnixMicro(), outcome, now.UnixMicro(), e.Seq)
		return err
	})
	if err != nil {
		return ledger.Entry{}, err
	}
	return s.filled(ctx, id, after)
}

func reject(ctx context.Context, tx *sql.Tx, now time.Time, e ledger.Entry, d ledger.Decision) (ledger.Entry, error) {
	message := "rejected by " + d.By
	if d.Reason != "" {
		message += ": " + d.Reason
	}
	e.State, e.Outcome, e.Due, e.Attempts = schemas.StateRejected, schemas.Outcome{State: schemas.StateRejected, Message: message, Time: now.UTC()}, now, 0
	outcome, err := json.Marshal(e.Outcome)
	if err != nil {
		return e, err
	}
	_, err = tx.ExecContext(ctx, `update commands set state = 'rejected', slot = $1, due = $2, attempts = 0, outcome = $3, updated = $4
		where seq = $5`, slotTimed, now.UnixMicro(), outcome, now.UnixMicro(), e.Seq)
	return e, err
}
