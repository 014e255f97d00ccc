package sqlstore

import (
	"context"
	"database/sql"
	"slices"
	"strconv"
	"strings"
)

// An insert is a statement about a list of rows, which stands between head and tail.
type insert struct {
	head, tail string
	types      []string // of the columns, as PostgreSQL calls them; nil where the statement tells
}

// many runs a statement on many rows, 64 at a time: one way to the database for all of them, and few enough texts of statements to stay prepared.
func (s *Store) many(ctx context.Context, tx *sql.Tx, in insert, rows [][]any, scan func(*sql.Rows) error) error {
	for some := range slices.Chunk(rows, 64) {
		text := in.head + s.placeholders(len(some), len(some[0]), in.types) + in.tail
		if err := each(ctx, tx, text, scan, slices.Concat(some...)...); err != nil {
			return err
		}
	}
	return nil
}

// placeholders writes ($1,$2),($3,$4) for two rows of two, with their types if there are any.
func (s *Store) placeholders(rows, columns int, types []string) string {
	var b strings.Builder
	n := 0
	for i := range rows {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('(')
		for j := range columns {
			if j > 0 {
				b.WriteByte(',')
			}
			n++
			p := "$" + strconv.Itoa(n)
			if types != nil {
				p = s.d.Typed(p, types[j])
			}
			b.WriteString(p)
		}
		b.WriteByte(')')
	}
	return b.String()
}
