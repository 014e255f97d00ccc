package sqlstore

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/riposte-security/riposte/schemas"
)

// What stands here is for databases whose statements may be chained (Dialect.Chained): what others do by a statement each is one way to the
// database. A statement sees what was there when it began, without what its parts write or wait for; so whatever depends on a lock is either
// refused by an index, or looked at again by the database once the row is free, or left to the next statement (queries.next).

// enterAtOnce enters commands as enterByStep does: it locks their targets in the order of their names, and leaves alone what is known. It returns the targets
// of which it is not known yet what comes next: those of new commands that have them to themselves are written already.
func (s *Store) enterAtOnce(ctx context.Context, tx *sql.Tx, now time.Time, cmds []schemas.Command) (int, []string, error) {
	rows := make([][]any, 0, len(cmds))
	given := make(map[string]schemas.Command, len(cmds))
	for _, c := range cmds {
		id := column(c.ID)
		if _, twice := given[id]; twice {
			continue
		}
		given[id] = c
		row, err := fresh(now, c)
		if err != nil {
			return 0, nil, err
		}
		rows = append(rows, row)
	}
	n := 0
	var own []heading
	ins := insert{
		head: `with given as materialized (`,
		tail: `), locked as (
				insert into targets (mutex) select distinct column6 collate "C" from given order by 1
				on conflict (mutex) do update set mutex = excluded.mutex returning mutex),
			entered as (
				insert into commands (` + freshColumns + `)
				select column1, column2, column3, column4, column5, column6, column7, column8, column9, column10, column11, column12, column13, column14
				from given where (select count(*) from locked) > 0
				on conflict (id) do nothing returning id, seq),
			written as (insert into bodies (seq, body) select seq, column15 from entered join given on column1 = id)
			select id, seq from entered`,
		types: freshTypes(),
	}
	err := s.many(ctx, tx, ins, rows, func(r *sql.Rows) error {
		var id string
		var seq int64
		if err := r.Scan(&id, &seq); err != nil {
			return err
		}
		n++
		if c := given[id]; alone(c) && c.Shed == nil {
			own = append(own, heading{seq, c})
		}
		return nil
	})
	if err != nil {
		return 0, nil, err
	}
	known, err := s.head(ctx, tx, own)
	mutexes := slices.DeleteFunc(mutexesOf(cmds), func(m string) bool { return known[m] })
	slices.Sort(mutexes)
	return n, slices.Compact(mutexes), err
}

// underLock locks targets as lock does: in the statement that comes next where statements may be chained, of which it returns what stands before it,
// what its condition ends with, and the argument for the placeholder of that number.
func (s *Store) underLock(ctx context.Context, tx *sql.Tx, placeholder int, mutexes []string) (with, and string, args []any, err error) {
	if !s.d.Chained {
		return "", "", nil, s.lock(ctx, tx, mutexes)
	}
	list, err := s.d.List(mutexes)
	return `with locked as materialized (` + lockTargets(s.d, placeholder) + `) `, ` and (select count(*) from locked) >= 0`, []any{list}, err
}
