package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"
)

// A step is a part of a transaction that is done wholly or not at all.
type step func(tx *sql.Tx) error

// tx runs f in a transaction and commits it if f returns nil. Where the database has one writer (Dialect.OneWriter), what several callers want
// at about the same time is one transaction, so that they share the time that the disk takes: f is then a part of it that fails alone. The
// context that f is given keeps the deadline of ctx but does not end with it: to interrupt a statement would undo what others have done.
func (s *Store) tx(ctx context.Context, f func(ctx context.Context, tx *sql.Tx) error) error {
	if !s.d.OneWriter {
		return s.commit(ctx, func(tx *sql.Tx) error { return f(ctx, tx) })
	}
	within, cancel := context.WithoutCancel(ctx), func() {}
	if deadline, ok := ctx.Deadline(); ok {
		within, cancel = context.WithDeadline(within, deadline)
	}
	defer cancel()
	return s.shared.do(ctx, &request{step: func(tx *sql.Tx) error { return f(within, tx) }})
}

// statement runs one statement that is a transaction by itself.
func (s *Store) statement(ctx context.Context, f func(ctx context.Context, q querier) error) error {
	if !s.d.OneWriter {
		return f(ctx, s.write)
	}
	return s.tx(ctx, func(ctx context.Context, tx *sql.Tx) error { return f(ctx, tx) })
}

// commit is one transaction.
func (s *Store) commit(ctx context.Context, f step) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if err := f(tx); err != nil {
		if back := tx.Rollback(); back != nil && !errors.Is(back, sql.ErrTxDone) {
			return errors.Join(err, fmt.Errorf("rollback: %w", back))
		}
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// together is the run of the batcher where the database has one writer: one transaction for all of a batch. If that fails, nothing of it was done.
func (s *Store) together(ctx context.Context, take func() []*request) {
	var batch []*request
	var errs map[*request]error
	err := s.commit(ctx, func(tx *sql.Tx) (err error) {
		batch = take() // not earlier: until the database is free, others may join, and callers leave
		errs, err = s.steps(ctx, tx, batch)
		return err
	})
	if batch == nil { // it did not even begin
		batch = take()
	}
	for _, r := range batch {
		r.answer <- errors.Join(errs[r], err)
	}
}

// savesTogether is the run of the batcher where the database has many writers: only what is to be saved comes here.
func (s *Store) savesTogether(ctx context.Context, take func() []*request) {
	ctx, cancel := s.within(ctx, most)
	defer cancel()
	save := func(batch []*request) (errs map[*request]error, err error) {
		errs = make(map[*request]error, len(batch))
		return errs, s.commit(ctx, func(tx *sql.Tx) error { return s.saveAll(ctx, tx, batch, errs) })
	}
	batch := take()
	if len(batch) == 0 {
		return
	}
	errs, err := save(batch)
	for _, r := range batch {
		if err == nil || len(batch) == 1 {
			r.answer <- errors.Join(errs[r], err)
			continue
		}
		alone, err := save([]*request{r}) // what the database refuses of one must not keep it from taking the others
		r.answer <- errors.Join(alone[r], err)
	}
}

// steps carries out a batch: what is to be saved first, all of it at once, and then the rest in turn. errs says what failed alone, err that all is
// lost.
func (s *Store) steps(ctx context.Context, tx *sql.Tx, batch []*request) (errs map[*request]error, err error) {
	errs = map[*request]error{}
	var saves, rest []*request
	for _, r := range batch {
		if r.save != nil {
			saves = append(saves, r)
		} else {
			rest = append(rest, r)
		}
	}
	if len(saves) > 1 {
		refused, err := apart(ctx, tx, func(tx *sql.Tx) error { return s.saveAll(ctx, tx, saves, errs) })
		if err != nil {
			return errs, err
		}
		if refused == nil {
			saves = nil
		} // else each for itself: what the database refuses of one must not keep it from taking the others
	}
	for _, r := range slices.Concat(saves, rest) {
		f := r.step
		if r.save != nil {
			f = func(tx *sql.Tx) error {
				delete(errs, r)
				if err := s.saveAll(ctx, tx, []*request{r}, errs); err != nil {
					return err
				}
				return errs[r]
			}
		}
		if errs[r], err = apart(ctx, tx, f); err != nil {
			return errs, err
		}
	}
	return errs, nil
}

// apart runs a step so that nothing of it is left if it fails. broken says that the whole transaction is lost.
func apart(ctx context.Context, tx *sql.Tx, f step) (err, broken error) {
	if _, err := tx.ExecContext(ctx, `savepoint step`); err != nil {
		return nil, fmt.Errorf("savepoint: %w", err)
	}
	if err = f(tx); err != nil {
		if _, back := tx.ExecContext(ctx, `rollback to savepoint step`); back != nil {
			return err, fmt.Errorf("rollback of a part: %w", back)
		}
	}
	if _, end := tx.ExecContext(ctx, `release savepoint step`); end != nil {
		return err, fmt.Errorf("release: %w", end)
	}
	return err, nil
}

// within bounds a call that is about that many rows: a database that hangs is one that is away, and whoever waits has to hear of it. Large batches
// get more time, so that a slow database gets through them in the end.
func (s *Store) within(ctx context.Context, rows int) (context.Context, context.CancelFunc) {
	const perRow = 5 * time.Millisecond
	return context.WithTimeout(ctx, s.d.Patience+time.Duration(rows)*perRow)
}
