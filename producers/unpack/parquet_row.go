package unpack

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
)

// A rowWriter makes a record of a row.
type rowWriter interface {
	// record returns the row's text, which is good until the next call.
	record(row parquet.Row) ([]byte, error)
}

// newRowWriter chooses by the columns: lines, with the header line that is returned, for flow logs, JSON for all others.
func newRowWriter(root *parquet.Column, limit int) (rowWriter, string, error) {
	if names, ok := flowColumns(root); ok {
		return &lineRow{leaves: root.Columns(), limit: limit}, strings.Join(names, " "), nil
	}
	w := &jsonRow{limit: limit}
	var err error
	w.root, err = w.node(root, 0)
	return w, "", err
}

// flowColumns returns the names of the columns if they are fields of a flow log.
func flowColumns(root *parquet.Column) (names []string, ok bool) {
	for _, c := range root.Columns() {
		if !c.Leaf() || c.Repeated() {
			return nil, false
		}
		names = append(names, c.Name())
	}
	return names, isHeader([]byte(strings.Join(names, " ")))
}

// A lineRow writes rows as lines of a flow log.
type lineRow struct {
	leaves []*parquet.Column
	limit  int
	buf    []byte
}

func (w *lineRow) record(row parquet.Row) ([]byte, error) {
	w.buf = w.buf[:0]
	for i, v := range row {
		if v.Column() != i || i >= len(w.leaves) {
			return nil, errors.New("a row whose values do not follow its columns")
		}
		if i > 0 {
			w.buf = append(w.buf, ' ')
		}
		from := len(w.buf)
		if !v.IsNull() {
			w.buf = appendPlain(w.buf, w.leaves[i], v, true)
		}
		switch text := string(w.buf[from:]); {
		case text == "":
			w.buf = append(w.buf, '-')
		case strings.ContainsAny(text, " \t\r\n"):
			return w.buf, fmt.Errorf("column %s: a value with white space in it: %.64q", w.leaves[i].Name(), text)
		case len(w.buf) > w.limit:
			return w.buf[:w.limit], fmt.Errorf("%w (%d)", ErrOversized, w.limit)
		}
	}
	if len(row) != len(w.leaves) {
		return w.buf, fmt.Errorf("a row of %d values for %d columns", len(row), len(w.leaves))
	}
	return w.buf, nil
}

// A jsonRow writes rows as JSON objects, with what is null left out.
type jsonRow struct {
	root   *rowNode
	leaves int
	limit  int
	buf    []byte
	values [][]parquet.Value // of the row, by leaf
	err    error
}

// A rowNode is a column or a group of columns, as JSON sees it.
type rowNode struct {
	column      *parquet.Column
	key         []byte // quoted, with its colon
	first, last int    // leaves that it has: from first up to last, which is not one
	nodes       []*rowNode
	form        form
}

type form uint8

const (
	formLeaf form = iota
	formGroup
	formList // the list's repeated group with one element in it: an array of the elements
	formMap  // a map: an object
)

// node prepares a column and what is below.
func (w *jsonRow) node(c *parquet.Column, level int) (*rowNode, error) {
	if level > 2*maxThrift {
		return nil, ErrTooDeep
	}
	key, err := json.Marshal(c.Name())
	if err != nil {
		return nil, err
	}
	n := &rowNode{column: c, key: append(key, ':'), first: w.leaves}
	if c.Leaf() {
		if w.leaves++; w.leaves > maxColumns {
			return nil, fmt.Errorf("more than %d columns", maxColumns)
		}
		n.last = w.leaves
		return n, nil
	}
	n.form = formGroup
	for _, child := range c.Columns() {
		in, err := w.node(child, level+1)
		if err != nil {
			return nil, err
		}
		n.nodes = append(n.nodes, in)
	}
	if n.last = w.leaves; n.last == n.first {
		return nil, fmt.Errorf("column %.64q: a group without columns", c.Name())
	}
	n.form = formOf(n.nodes)
	return n, nil
}

func formOf(nodes []*rowNode) form {
	if len(nodes) != 1 || !nodes[0].column.Repeated() || nodes[0].form != formGroup {
		return formGroup
	}
	inner, name := nodes[0].nodes, nodes[0].column.Name()
	switch {
	case len(inner) == 1 && (name == "list" || name == "bag" || name == "array"):
		return formList
	case len(inner) == 2 && (name == "key_value" || name == "map") && inner[0].form == formLeaf && inner[0].column.Name() == "key":
		return formMap
	}
	return formGroup
}

func (w *jsonRow) record(row parquet.Row) ([]byte, error) {
	w.buf, w.err = w.buf[:0], nil
	w.values = append(w.values[:0], make([][]parquet.Value, w.leaves)...)
	from := 0
	for i := 1; i <= len(row); i++ { // the values of a column stand together
		if i < len(row) && row[i].Column() == row[from].Column() {
			continue
		}
		c := row[from].Column()
		if c < 0 || c >= w.leaves {
			return nil, fmt.Errorf("a value in column %d of %d", c, w.leaves)
		}
		w.values[c] = row[from:i]
		from = i
	}
	for i, v := range w.values {
		if len(v) == 0 {
			return nil, fmt.Errorf("a row without a value for column %d", i)
		}
	}
	w.members(w.root.nodes, w.values, 0, 0)
	if len(w.buf) > w.limit && w.err == nil {
		w.err = fmt.Errorf("%w (%d)", ErrOversized, w.limit)
	}
	if w.err != nil {
		return w.buf[:min(len(w.buf), w.limit)], w.err
	}
	return w.buf, nil
}

// members writes an object of those nodes that are not null. values are those of the nodes' leaves in one instance of their group; def and
// rep are the levels of definition and repetition of the group.
func (w *jsonRow) members(nodes []*rowNode, values [][]parquet.Value, def, rep int) {
	w.buf = append(w.buf, '{')
	open := len(w.buf)
	base := nodes[0].first
	for _, n := range nodes {
		at := len(w.buf)
		if at > open {
			w.buf = append(w.buf, ',')
		}
		w.buf = append(w.buf, n.key...)
		if !w.value(n, values[n.first-base:n.last-base], def, rep) {
			w.buf = w.buf[:at]
		}
	}
	w.buf = append(w.buf, '}')
}

// value writes one node; false if it is null.
func (w *jsonRow) value(n *rowNode, values [][]parquet.Value, def, rep int) bool {
	switch {
	case n.column.Optional():
		if def++; values[0][0].DefinitionLevel() < def {
			return false
		}
	case n.column.Repeated():
		w.array(n, values, def, rep)
		return true
	}
	return w.content(n, values, def, rep)
}

// content writes a node that is there.
func (w *jsonRow) content(n *rowNode, values [][]parquet.Value, def, rep int) bool {
	if len(w.buf) > w.limit && w.err == nil {
		w.err = fmt.Errorf("%w (%d)", ErrOversized, w.limit)
	}
	switch {
	case w.err != nil:
		return false
	case n.form == formLeaf:
		w.buf = appendValue(w.buf, n.column, values[0][0])
	case n.form == formList:
		w.array(n.nodes[0], values, def, rep)
	case n.form == formMap:
		w.object(n.nodes[0], values, def, rep)
	default:
		w.members(n.nodes, values, def, rep)
	}
	return true
}

// each calls f for every element of a repeated node, with the element's values.
func (w *jsonRow) each(values [][]parquet.Value, def, rep int, f func(element [][]parquet.Value)) {
	if values[0][0].DefinitionLevel() < def { // empty
		return
	}
	rest := append([][]parquet.Value(nil), values...)
	element := make([][]parquet.Value, len(values))
	for len(rest[0]) > 0 && w.err == nil {
		for i, v := range rest {
			end := 1
			for end < len(v) && v[end].RepetitionLevel() > rep {
				end++
			}
			if len(v) == 0 {
				w.err = errors.New("columns of one list with different numbers of elements")
				return
			}
			element[i], rest[i] = v[:end], v[end:]
		}
		f(element)
	}
}

// array writes a repeated node. What stands between a list and its elements, by the format's rules, is left out.
func (w *jsonRow) array(n *rowNode, values [][]parquet.Value, def, rep int) {
	w.buf = append(w.buf, '[')
	open := len(w.buf)
	inList := n.form == formGroup && len(n.nodes) == 1 && (n.column.Name() == "list" || n.column.Name() == "bag" || n.column.Name() == "array")
	w.each(values, def+1, rep+1, func(element [][]parquet.Value) {
		if len(w.buf) > open {
			w.buf = append(w.buf, ',')
		}
		there := false
		if inList {
			there = w.value(n.nodes[0], element, def+1, rep+1)
		} else {
			there = w.content(n, element, def+1, rep+1)
		}
		if !there {
			w.buf = append(w.buf, "null"...)
		}
	})
	w.buf = append(w.buf, ']')
}

// object writes the pairs of a map.
func (w *jsonRow) object(n *rowNode, values [][]parquet.Value, def, rep int) {
	w.buf = append(w.buf, '{')
	open := len(w.buf)
	key, value := n.nodes[0], n.nodes[1]
	w.each(values, def+1, rep+1, func(element [][]parquet.Value) {
		if len(w.buf) > open {
			w.buf = append(w.buf, ',')
		}
		w.buf = appendText(w.buf, appendPlain(nil, key.column, element[0][0], false))
		w.buf = append(w.buf, ':')
		if !w.value(value, element[1:], def+1, rep+1) {
			w.buf = append(w.buf, "null"...)
		}
	})
	w.buf = append(w.buf, '}')
}

// appendText appends text as a JSON string; what is not UTF-8 in base64.
func appendText(b, text []byte) []byte {
	if !utf8.Valid(text) {
		b = append(b, '"')
		b = base64.StdEncoding.AppendEncode(b, text)
		return append(b, '"')
	}
	quoted, err := json.Marshal(string(text))
	if err != nil { // a string is never refused
		return append(b, `""`...)
	}
	return append(b, quoted...)
}
