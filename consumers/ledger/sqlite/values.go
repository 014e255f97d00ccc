package sqlite

import (
	"slices"
	"strconv"
	"strings"
)

// values writes values ($1,$2),($3,$4) for two rows of two.
func values(types []string, rows [][]any) (string, []any, error) {
	var b strings.Builder
	b.WriteString("values ")
	n := 0
	for i := range rows {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('(')
		for j := range types {
			if j > 0 {
				b.WriteByte(',')
			}
			n++
			b.WriteString("$" + strconv.Itoa(n))
		}
		b.WriteByte(')')
	}
	return b.String(), slices.Concat(rows...), nil
}
