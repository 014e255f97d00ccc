// Package sqlstore carries out the ledger's contract in SQL that SQLite and PostgreSQL both understand; a Dialect holds the little in which
// they differ.
//
// Commands are claimed through the table of targets, which has one row for every target with work left. Whoever changes commands of a target
// locks its row first (in PostgreSQL; SQLite has one writer at a time anyhow) and before it ends the transaction writes there which command
// comes next, and when that may change with time alone. A claim then takes ready rows off an index: its cost does not depend on how many
// commands wait on one target, nor on how many targets wait for their time.
package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// A Dialect is what a database calls differently.
type Dialect struct {
	// SkipLocked and Lock are appended to a select whose rows are to be locked: leaving out what others hold, or waiting for it.
	SkipLocked, Lock string
	// Patience is how long a call may take; what it is given more for every row is in Store.within.
	Patience time.Duration
	// Any writes the condition that column is one of the values of the list in the placeholder.
	Any func(column, placeholder string) string
	// List makes the argument for such a placeholder, from a []string or an []int64.
	List func(values any) (any, error)
}

// A Store is a ledger in a database. Its methods are those of ledger.Ledger.
type Store struct {
	write, read *sql.DB
	d           Dialect
	q           queries
	close       func() error
}

// New returns a ledger on a database that has the current tables. write and read may be one pool; where they are two, write has a single
// connection. shut is called by Close and releases them.
func New(write, read *sql.DB, d Dialect, shut func() error) *Store {
	return &Store{write: write, read: read, d: d, q: newQueries(d), close: shut}
}

// Close releases the database.
func (s *Store) Close() error { return s.close() }

// within bounds a call that is about that many rows: a database that hangs is one that is away, and whoever waits has to hear of it. Large batches
// get more time, so that a slow database gets through them in the end.
func (s *Store) within(ctx context.Context, rows int) (context.Context, context.CancelFunc) {
	const perRow = 5 * time.Millisecond
	return context.WithTimeout(ctx, s.d.Patience+time.Duration(rows)*perRow)
}

// tx runs f in a transaction and commits it if f returns nil.
func (s *Store) tx(ctx context.Context, f func(tx *sql.Tx) error) error {
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

// each runs a query and calls scan for every row.
func each(ctx context.Context, q querier, query string, scan func(rows *sql.Rows) error, args ...any) (err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// A querier is a pool or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// micros is a time as the database keeps it; null for the zero time.
func micros(t time.Time) sql.NullInt64 {
	if t.IsZero() {
		return sql.NullInt64{}
	}
	return sql.NullInt64{Int64: t.UnixMicro(), Valid: true}
}

func fromMicros(n sql.NullInt64) time.Time {
	if !n.Valid {
		return time.Time{}
	}
	return time.UnixMicro(n.Int64).UTC()
}
