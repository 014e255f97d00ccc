// Package sqlstore carries out the ledger's contract in SQL that SQLite and PostgreSQL both understand; a Dialect holds the little in which
// they differ.
//
// Commands are claimed through the table of targets, which has one row for every target with work left. Whoever changes commands of a target
// locks its row first (in PostgreSQL; SQLite has one writer at a time anyhow) and before it ends the transaction writes there which command
// comes next, and when that may change with time alone. A claim then takes ready rows off an index: its cost does not depend on how many
// commands wait on one target, nor on how many targets wait for their time.
//
// What a transaction costs is mostly the way to the database and the disk, so workers that save at about the same time share one (see batcher).
// Every call still returns only when what it wrote is durable.
package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// A Dialect is what a database calls differently.
type Dialect struct {
	// SkipLocked is appended to a select whose rows are to be locked, leaving out what others hold. Lock follows an order by text: it makes that
	// the order of the bytes, in which Go sorts, and waits for what others hold.
	SkipLocked, Lock string
	// OneWriter: the database lets one transaction write at a time, so that callers had better share it.
	OneWriter bool
	// Chained: a statement may go on with the rows that another has changed (with … as (update … returning …)), so that one way to the database
	// does for several.
	Chained bool
	// Patience is how long a call may take; Store.within adds to it for every row.
	Patience time.Duration
	// Rows writes a list of rows, whose columns have those types of PostgreSQL and are named column1, column2 and so on, and returns the arguments
	// for the placeholders in it, which begin at $1. AtOnce is how many rows a statement may have.
	Rows   func(types []string, rows [][]any) (text string, args []any, err error)
	AtOnce int
	// Latest joins the commands whose seq a query selects, which may look at the columns of what stands to the left.
	Latest func(query string) string
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

	shared, spends, looks batcher
}

// New returns a ledger on a database that has the current tables. write and read may be one pool; where they are two, write has a single
// connection. shut is called by Close and releases them.
func New(write, read *sql.DB, d Dialect, shut func() error) *Store {
	s := &Store{write: write, read: read, d: d, q: newQueries(d), close: shut}
	s.shared.run = s.savesTogether
	s.spends.run = asOne(s, func(r *request) *spending { return r.spend }, s.spendTogether)
	s.looks.run = asOne(s, func(r *request) *looking { return r.look }, s.look)
	if d.OneWriter {
		s.shared.run = s.together
	}
	return s
}

// Close releases the database. It returns when nothing is on its way any more, though who asked for it may have left long ago.
func (s *Store) Close() error {
	err := s.close()
	s.shared.wait()
	s.spends.wait()
	s.looks.wait()
	return err
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
