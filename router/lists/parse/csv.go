package parse

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/riposte-security/riposte/router/lists/set"
)

// readCSV reads one column, and that of the end where there is one. A column that is named stands in the first row; where columns are
// numbers, every row is an entry. Rows that begin with # are comments.
func readCSV(r io.Reader, o Options, emit func(set.Entry) error) error {
	c := csv.NewReader(r)
	c.Comment, c.ReuseRecord, c.LazyQuotes, c.TrimLeadingSpace, c.FieldsPerRecord = '#', true, true, true, -1
	if o.Delimiter != 0 {
		c.Comma = o.Delimiter
	}
	value, until := number(o.Column)-1, number(o.Expires)-1
	if o.Column == "" {
		value = 0
	}
	if value < 0 {
		row, err := c.Read()
		if errors.Is(err, io.EOF) {
			return errors.New("no row of column names")
		}
		if err != nil {
			return err
		}
		if value, err = columnOf(row, o.Column); err != nil {
			return err
		}
		if o.Expires != "" {
			if until, err = columnOf(row, o.Expires); err != nil {
				return err
			}
		}
	}
	for {
		row, err := c.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		line, _ := c.FieldPos(0)
		if value >= len(row) {
			return fmt.Errorf("line %d: %d columns, the entry should stand in column %d", line, len(row), value+1)
		}
		e := set.Entry{Value: row[value]}
		if until >= 0 && until < len(row) {
			if e.Until, err = Time(row[until]); err != nil {
				return fmt.Errorf("line %d: %w", line, err)
			}
		}
		if err := emit(e); err != nil {
			return fmt.Errorf("line %d: %w", line, err)
		}
	}
}

func columnOf(row []string, name string) (int, error) {
	i := slices.IndexFunc(row, func(s string) bool { return strings.EqualFold(strings.TrimSpace(s), name) })
	if i < 0 {
		const enough = 200
		return 0, fmt.Errorf("no column %q in the first row: %.*s", name, enough, strings.Join(row, ", "))
	}
	return i, nil
}
