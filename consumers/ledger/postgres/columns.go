package postgres

import (
	"database/sql"
	"fmt"
	"strconv"
	"strings"
)

// columns writes a list of rows as one array for every column: the text is the same however many rows there are, so that it is parsed and planned
// once a connection.
func columns(types []string, rows [][]any) (string, []any, error) {
	var arrays, names strings.Builder
	args := make([]any, len(types))
	for i, t := range types {
		if i > 0 {
			arrays.WriteByte(',')
			names.WriteByte(',')
		}
		n := strconv.Itoa(i + 1)
		arrays.WriteString("$" + n + "::" + t + "[]")
		names.WriteString("column" + n)
		var err error
		if args[i], err = column(t, rows, i); err != nil {
			return "", nil, err
		}
	}
	return "select * from unnest(" + arrays.String() + ") as listed(" + names.String() + ")", args, nil
}

// column is the array of one column.
func column(sqlType string, rows [][]any, i int) (any, error) {
	switch sqlType {
	case "text":
		return array[string](rows, i)
	case "boolean":
		return array[bool](rows, i)
	case "bytea":
		return array[[]byte](rows, i)
	}
	numbers := make([]sql.NullInt64, len(rows))
	for j, row := range rows {
		switch n := row[i].(type) {
		case int:
			numbers[j] = sql.NullInt64{Int64: int64(n), Valid: true}
		case int64:
			numbers[j] = sql.NullInt64{Int64: n, Valid: true}
		case sql.NullInt64:
			numbers[j] = n
		default:
			return nil, fmt.Errorf("column %d: %T is no %s", i+1, row[i], sqlType)
		}
	}
	return numbers, nil
}

func array[T any](rows [][]any, i int) ([]T, error) {
	values := make([]T, len(rows))
	for j, row := range rows {
		v, ok := row[i].(T)
		if !ok {
			return nil, fmt.Errorf("column %d: %T is no %T", i+1, row[i], v)
		}
		values[j] = v
	}
	return values, nil
}
