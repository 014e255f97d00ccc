package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/riposte-security/riposte/consumers/ledger"
)

// A candidate is what may be claimed on a target.
type candidate struct {
	mutex   string
	seq     int64
	urgency int
}

// Claim hands out what is due. See ledger.Ledger.
func (s *Store) Claim(ctx context.Context, now time.Time, c ledger.Claim) ([]ledger.Entry, error) {
	ctx, cancel := s.within(ctx, c.N)
	defer cancel()
	claim := s.claimByStep
	if s.d.Chained {
		claim = s.claimAtOnce
	}
	entries, err := claim(ctx, now, c)
	if err != nil {
		return nil, fmt.Errorf("claim: %w", err)
	}
	return entries, nil
}

// claimAtOnce claims by one statement, which is a transaction by itself. Only where time has changed what comes next, there is another before it.
func (s *Store) claimAtOnce(ctx context.Context, now time.Time, c ledger.Claim) ([]ledger.Entry, error) {
	if some, err := s.any(ctx, `select 1 from targets where due <= $1 limit 1`, now.UnixMicro()); err != nil {
		return nil, err
	} else if some {
		if err := s.commit(ctx, func(tx *sql.Tx) error { return s.wake(ctx, tx, now, c.N) }); err != nil {
			return nil, err
		}
	}
	except, err := s.d.List(left(c))
	if err != nil {
		return nil, err
	}
	args := []any{now.Add(c.Lease).UnixMicro(), c.Owner, now.UnixMicro(), c.N, except}
	for _, lane := range c.Lanes {
		args = append(args, string(lane))
	}
	type claimed struct {
		urgency int
		entry   ledger.Entry
	}
	var found []claimed
	err = each(ctx, s.write, chained(s.d, len(c.Lanes)), func(rows *sql.Rows) error {
		e, err := scanClaimed(rows)
		found = append(found, claimed{urgency(e.Command.Severity), e})
		return err
	}, args...)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(found, func(a, b claimed) int {
		return cmp.Or(cmp.Compare(b.urgency, a.urgency), cmp.Compare(a.entry.Seq, b.entry.Seq))
	})
	entries := make([]ledger.Entry, len(found))
	for i, c := range found {
		entries[i] = c.entry
	}
	return entries, nil
}

// claimByStep claims by one statement after the other.
func (s *Store) claimByStep(ctx context.Context, now time.Time, c ledger.Claim) ([]ledger.Entry, error) {
	var entries []ledger.Entry
	err := s.tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := s.wake(ctx, tx, now, c.N); err != nil {
			return err
		}
		found, err := s.candidates(ctx, tx, c)
		if err != nil || len(found) == 0 {
			return err
		}
		entries, err = s.take(ctx, tx, now, c.Owner, found, now.Add(c.Lease))
		return err
	})
	return entries, err
}

// scanClaimed reads an entry with its command.
func scanClaimed(rows *sql.Rows) (ledger.Entry, error) {
	var r row
	var body []byte
	if err := r.scan(rows, &body); err != nil {
		return ledger.Entry{}, err
	}
	err := read(body, &r.entry)
	return r.entry, err
}

// left returns the accounts that a claim leaves out, as the database has them.
func left(c ledger.Claim) []string {
	except := make([]string, len(c.Except)) // not nil, which would be null: nothing is outside of that
	for i, account := range c.Except {
		except[i] = column(account)
	}
	return except
}

// wake brings targets up to date on which time alone has changed what comes next.
func (s *Store) wake(ctx context.Context, tx *sql.Tx, now time.Time, n int) error {
	var mutexes []string
	err := each(ctx, tx, s.q.lapsed, func(rows *sql.Rows) error {
		var m string
		if err := rows.Scan(&m); err != nil {
			return err
		}
		mutexes = append(mutexes, m)
		return nil
	}, now.UnixMicro(), max(n, 100))
	if err != nil {
		return fmt.Errorf("targets whose time has come: %w", err)
	}
	return s.advance(ctx, tx, now, mutexes)
}

// candidates locks and returns the n most urgent targets that are ready, over all the lanes.
func (s *Store) candidates(ctx context.Context, tx *sql.Tx, claim ledger.Claim) ([]candidate, error) {
	except, err := s.d.List(left(claim))
	if err != nil {
		return nil, err
	}
	var found []candidate
	for _, lane := range claim.Lanes {
		err := each(ctx, tx, s.q.ready, func(rows *sql.Rows) error {
			var c candidate
			if err := rows.Scan(&c.mutex, &c.seq, &c.urgency); err != nil {
				return err
			}
			found = append(found, c)
			return nil
		}, claim.N, except, string(lane))
		if err != nil {
			return nil, fmt.Errorf("lane %s: %w", lane, err)
		}
	}
	slices.SortFunc(found, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.urgency, a.urgency), cmp.Compare(a.seq, b.seq))
	})
	return found[:min(claim.N, len(found))], nil
}

// take leases the candidates, and returns their entries in the same order.
func (s *Store) take(
	ctx context.Context, tx *sql.Tx, now time.Time, owner string, found []candidate, until time.Time,
) ([]ledger.Entry, error) {
	seqs, mutexes, at := make([]int64, len(found)), make([]string, len(found)), make(map[int64]int, len(found))
	for i, c := range found {
		seqs[i], mutexes[i], at[c.seq] = c.seq, c.mutex, i
	}
	seqList, err := s.d.List(seqs)
	if err != nil {
		return nil, err
	}
	mutexList, err := s.d.List(mutexes)
	if err != nil {
		return nil, err
	}
	entries := make([]ledger.Entry, len(found))
	err = each(ctx, tx, s.q.claim, func(rows *sql.Rows) error {
		e, err := scanClaimed(rows)
		if err == nil {
			entries[at[e.Seq]] = e
		}
		return err
	}, until.UnixMicro(), owner, now.UnixMicro(), seqList)
	if err != nil {
		return nil, err
	}
	_, err = tx.ExecContext(ctx, s.q.lease, until.UnixMicro(), mutexList)
	return entries, err
}

// Extend lengthens a lease. See ledger.Ledger.
func (s *Store) Extend(ctx context.Context, e ledger.Entry, until time.Time) error {
	ctx, cancel := s.within(ctx, 0)
	defer cancel()
	err := s.tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		mutex := mutexOf(e.Command)
		if err := s.lock(ctx, tx, []string{mutex}); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `update commands set due = $1 where seq = $2 and fence = $3 and slot = 1`, until.UnixMicro(), e.Seq, e.Fence)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return fencedOr(err)
		}
		_, err = tx.ExecContext(ctx, `update targets set ready = false, due = $1 where mutex = $2`, until.UnixMicro(), mutex)
		return err
	})
	if err != nil {
		return fmt.Errorf("command %s: extend the lease: %w", e.Command.ID, err)
	}
	return nil
}

// Release ends the leases of an owner. See ledger.Ledger.
func (s *Store) Release(ctx context.Context, now time.Time, owner string) (int, error) {
	ctx, cancel := s.within(ctx, 0)
	defer cancel()
	var n int64
	err := s.tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var mutexes []string
		err := each(ctx, tx, `select mutex from commands where slot = 1 and owner = $1`, func(rows *sql.Rows) error {
			var m string
			if err := rows.Scan(&m); err != nil {
				return err
			}
			mutexes = append(mutexes, m)
			return nil
		}, owner)
		if err != nil {
			return err
		}
		if mutexes, err = s.lockAll(ctx, tx, mutexes); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `update commands set due = $1 where slot = 1 and owner = $2 and state <> 'retrying'`, now.UnixMicro(), owner)
		if err != nil {
			return err
		}
		if n, err = res.RowsAffected(); err != nil {
			return err
		}
		return s.advance(ctx, tx, now, mutexes)
	})
	if err != nil {
		return 0, fmt.Errorf("release the leases of %s: %w", owner, err)
	}
	return int(n), nil
}

func fencedOr(err error) error {
	if err != nil {
		return err
	}
	return ledger.ErrFenced
}

// lock locks the rows of targets, where there are any, in the order of lockAll.
func (s *Store) lock(ctx context.Context, tx *sql.Tx, mutexes []string) error {
	if s.d.OneWriter || len(mutexes) == 0 {
		return nil
	}
	list, err := s.d.List(mutexes)
	if err != nil {
		return err
	}
	return each(ctx, tx, s.q.lock, func(*sql.Rows) error { return nil }, list)
}
