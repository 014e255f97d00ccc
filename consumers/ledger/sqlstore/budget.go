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

// A spending is one command to be counted against budgets, and what came of it.
type spending struct {
	now     time.Time
	id      string
	budgets []ledger.Budget // sorted by key
	over    *ledger.Budget
}

// Spend counts a command against budgets, together with those that others count at the same time. See ledger.Ledger.
func (s *Store) Spend(ctx context.Context, now time.Time, id string, budgets []ledger.Budget) (*ledger.Budget, error) {
	if len(budgets) == 0 {
		return nil, nil
	}
	ctx, cancel := s.within(ctx, 0)
	defer cancel()
	sp := &spending{now: now, id: column(id), budgets: slices.Clone(budgets)}
	slices.SortFunc(sp.budgets, func(a, b ledger.Budget) int { return cmp.Compare(a.Key, b.Key) })
	var err error
	if s.d.OneWriter {
		err = s.tx(ctx, func(ctx context.Context, tx *sql.Tx) error { return s.spendAll(ctx, tx, []*spending{sp}) })
	} else {
		err = s.spends.do(ctx, &request{spend: sp})
	}
	if err != nil {
		return nil, fmt.Errorf("command %s: budgets: %w", id, err)
	}
	return sp.over, nil
}

// spendTogether spends in one transaction, where the database has many writers: they meet on the rows of the budgets, so that going one by one would make
// all of them wait for every single commit.
func (s *Store) spendTogether(ctx context.Context, all []*spending) error {
	return s.commit(ctx, func(tx *sql.Tx) error { return s.spendAll(ctx, tx, all) })
}

// An account is what is known of a budget while its row is locked.
type account struct {
	used int
	ids  map[string]bool // of the commands at hand that were counted
}

// spendAll counts commands in turn.
func (s *Store) spendAll(ctx context.Context, tx *sql.Tx, all []*spending) error {
	accounts, err := s.accounts(ctx, tx, all)
	if err != nil {
		return err
	}
	var rows [][]any
	for _, sp := range all {
		sp.over = nil
		for i, b := range sp.budgets {
			if a := accounts[b.Key]; !a.ids[sp.id] && a.used >= b.Max {
				sp.over = &sp.budgets[i]
				break
			}
		}
		if sp.over != nil {
			continue
		}
		for _, b := range sp.budgets {
			if a := accounts[b.Key]; !a.ids[sp.id] {
				a.used++
				a.ids[sp.id] = true
				rows = append(rows, []any{column(b.Key), sp.id, sp.now.Add(b.Within).UnixMicro()})
			}
		}
	}
	ins := insert{
		head:  `insert into spent (budget, id, until) `,
		tail:  ` on conflict (budget, id) do nothing returning id`,
		types: []string{"text", "text", "bigint"},
	}
	return s.many(ctx, tx, ins, rows, func(*sql.Rows) error { return nil })
}

// accounts locks the rows of budgets, in the order of their keys, forgets what no longer counts, and says how each stands.
func (s *Store) accounts(ctx context.Context, tx *sql.Tx, all []*spending) (map[string]*account, error) {
	accounts := map[string]*account{}
	keys, ids := []string{}, []string{}
	now := all[0].now
	byColumn := map[string]*account{}
	for _, sp := range all {
		ids = append(ids, sp.id)
		if sp.now.After(now) {
			now = sp.now
		}
		for _, b := range sp.budgets {
			if accounts[b.Key] == nil {
				a := &account{ids: map[string]bool{}}
				accounts[b.Key], byColumn[column(b.Key)] = a, a
				keys = append(keys, column(b.Key))
			}
		}
	}
	keys, err := s.lockRows(ctx, tx, "budgets", "budget", keys)
	if err != nil {
		return nil, err
	}
	keyList, err := s.d.List(keys)
	if err != nil {
		return nil, err
	}
	idList, err := s.d.List(ids)
	if err != nil {
		return nil, err
	}
	if _, err := tx.ExecContext(ctx, s.q.over, now.UnixMicro(), keyList); err != nil {
		return nil, err
	}
	err = each(ctx, tx, s.q.used, func(r *sql.Rows) error {
		var key string
		var n int
		if err := r.Scan(&key, &n); err != nil {
			return err
		}
		byColumn[key].used = n
		return nil
	}, keyList)
	if err != nil {
		return nil, err
	}
	return accounts, each(ctx, tx, s.q.counted, func(r *sql.Rows) error {
		var key, id string
		if err := r.Scan(&key, &id); err != nil {
			return err
		}
		byColumn[key].ids[id] = true
		return nil
	}, keyList, idList)
}
