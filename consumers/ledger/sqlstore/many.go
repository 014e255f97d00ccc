package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
)

// An insert is a statement about a list of rows, which stands between head and tail.
type insert struct {
	head, tail string
	types      []string // of the columns, as PostgreSQL calls them
	more       []any    // arguments that come after those of the rows
}

// many runs a statement on many rows, Dialect.AtOnce at a time: one way to the database for all of them.
func (s *Store) many(ctx context.Context, tx *sql.Tx, in insert, rows [][]any, scan func(*sql.Rows) error) error {
	for some := range slices.Chunk(rows, s.d.AtOnce) {
		list, args, err := s.d.Rows(in.types, some)
		if err != nil {
			return fmt.Errorf("a list of %d rows: %w", len(some), err)
		}
		if err := each(ctx, tx, in.head+list+in.tail, scan, append(args, in.more...)...); err != nil {
			return err
		}
	}
	return nil
}
