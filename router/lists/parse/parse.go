// Package parse reads the formats that lists come in, entry by entry: what it holds in memory does not grow with the list.
package parse

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/riposte-security/riposte/router/lists/set"
)

// The formats.
const (
	Plain = "plain"
	CSV   = "csv"
	JSON  = "json"
	STIX  = "stix"
)

// Formats are the names of the formats.
func Formats() []string { return []string{Plain, CSV, JSON, STIX} }

// Options say where in a format the entries stand.
type Options struct {
	Format string
	// Column is the column of the entry: its name in the first row or its number from 1 in CSV, the name of a field in JSON. Without, it is the
	// first column, or the JSON value itself.
	Column string
	// Expires is the column in which the entry's end stands, as a date, a time or seconds since 1970; one that is empty is none.
	Expires string
	// Delimiter of CSV; a comma if zero.
	Delimiter rune
	// Path leads to the entries of JSON: keys with dots between them, * for any key. Arrays on the way are gone through.
	Path string
	// Kind is that of the list, where it is declared: of strings, only whole lines are comments.
	Kind set.Kind
}

// Validate checks the options.
func (o Options) Validate() error {
	switch o.Format {
	case Plain, STIX:
		if o.Column != "" || o.Expires != "" {
			return fmt.Errorf("column and expires go with csv and json, not with %s", o.Format)
		}
	case CSV:
		if o.Expires != "" && (number(o.Column) == 0 && o.Column != "") != (number(o.Expires) == 0) {
			return errors.New("column and expires are both names, or both numbers from 1")
		}
	case JSON:
		if o.Expires != "" && o.Column == "" {
			return errors.New("expires needs column: both are fields of one object")
		}
	default:
		return fmt.Errorf("format %q: %s expected", o.Format, strings.Join(Formats(), ", "))
	}
	if o.Delimiter != 0 && o.Format != CSV {
		return fmt.Errorf("delimiter goes with csv, not with %s", o.Format)
	}
	if o.Path != "" && o.Format != JSON {
		return fmt.Errorf("path goes with json, not with %s", o.Format)
	}
	return nil
}

// Skipped counts what stands in a list and is no entry of it, by reason: indicators whose pattern says more than a list can, for example.
type Skipped map[string]int

// Read hands every entry to emit, which may end the reading by an error. What Read returns beside is what it passed over. gzip is recognised.
func Read(r io.Reader, o Options, emit func(set.Entry) error) (Skipped, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	buffered := bufio.NewReaderSize(r, 64<<10)
	if head, err := buffered.Peek(2); err == nil && head[0] == 0x1f && head[1] == 0x8b {
		z, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		limited := &limit{r: z, left: MaxBytes}
		buffered = bufio.NewReaderSize(limited, 64<<10)
	}
	if head, err := buffered.Peek(3); err == nil && string(head) == "\ufeff" {
		if _, err := buffered.Discard(3); err != nil {
			return nil, err
		}
	}
	switch o.Format {
	case CSV:
		return nil, readCSV(buffered, o, emit)
	case JSON:
		return nil, readJSON(buffered, o, emit)
	case STIX:
		return readSTIX(buffered, emit)
	}
	return nil, readPlain(buffered, o, emit)
}

// MaxBytes is how long a list may be, unpacked.
const MaxBytes = 1 << 30

// limit fails where LimitReader would end: a list that was cut off is no list.
type limit struct {
	r    io.Reader
	left int64
}

func (l *limit) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, fmt.Errorf("more than %d bytes, unpacked", MaxBytes)
	}
	n, err := l.r.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	return n, err
}

// number is a column's number from 1; 0 if it is a name.
func number(column string) int {
	n, err := strconv.Atoi(column)
	if err != nil || n < 1 {
		return 0
	}
	return n
}

// Time reads when an entry ends: a date, a time or seconds since 1970. An empty text is the zero time: never.
func Time(text string) (time.Time, error) {
	text = strings.TrimSpace(text)
	if text == "" || text == "null" || text == "<nil>" {
		return time.Time{}, nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		const millis = 1e11 // what is larger cannot be meant as seconds
		if n > millis {
			return time.UnixMilli(n).UTC(), nil
		}
		return time.Unix(n, 0).UTC(), nil
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateTime, "2006-01-02T15:04:05", time.DateOnly, "2006-01-02 15:04:05 MST"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%.40q is no time such as 2026-03-01T12:00:00Z", text)
}
