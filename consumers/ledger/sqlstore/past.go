package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/riposte-security/riposte/consumers/ledger"
)

// A looking is one rule and target of which somebody wants to know what was there, and what there was.
type looking struct {
	now          time.Time
	rule, target string
	past         ledger.Past
}

// Past tells what a rule has done to a target, together with what others ask at the same time. See ledger.Ledger.
func (s *Store) Past(ctx context.Context, now time.Time, rule, target string) (ledger.Past, error) {
	ctx, cancel := s.within(ctx, 0)
	defer cancel()
	l := &looking{now: now, rule: column(rule), target: column(target)}
	var err error
	if s.d.OneWriter { // of which there are many readers
		err = s.look(ctx, []*looking{l})
	} else {
		err = s.looks.do(ctx, &request{look: l})
	}
	if err != nil {
		return ledger.Past{}, fmt.Errorf("what rule %s has done to %s: %w", rule, target, err)
	}
	return l.past, nil
}

// look fills in what there was.
func (s *Store) look(ctx context.Context, all []*looking) error {
	rows := make([][]any, len(all))
	for i, l := range all {
		rows[i] = []any{i, l.rule, l.target, l.now.UnixMicro()}
	}
	asked, args, err := s.d.Rows([]string{"bigint", "text", "text", "bigint"}, rows)
	if err != nil {
		return fmt.Errorf("a list of %d rows: %w", len(rows), err)
	}
	err = each(ctx, s.read, fmt.Sprintf(s.q.held, asked), func(rows *sql.Rows) error {
		var i int
		var reason string
		var until int64
		if err := rows.Scan(&i, &reason, &until); err != nil {
			return err
		}
		all[i].past.Held = reason + ", hold until " + time.UnixMicro(until).UTC().Format(time.RFC3339)
		return nil
	}, args...)
	if err != nil {
		return fmt.Errorf("holds: %w", err)
	}
	var done []ledger.Entry
	var whose []int
	err = each(ctx, s.read, fmt.Sprintf(s.q.acted, asked), func(rows *sql.Rows) error {
		var r row
		var i int
		if err := r.scan(rows, &i); err != nil {
			return err
		}
		done, whose = append(done, r.entry), append(whose, i)
		return nil
	}, args...)
	if err == nil {
		err = s.fill(ctx, s.read, done)
	}
	if err != nil {
		return fmt.Errorf("what was done: %w", err)
	}
	for i, e := range done {
		p := &all[whose[i]].past
		p.Done = append(p.Done, e)
	}
	return nil
}
