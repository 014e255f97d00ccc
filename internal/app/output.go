package app

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// newEncoder writes JSON, a line a value, as it is: nothing escaped for HTML.
func newEncoder(w io.Writer) *json.Encoder {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc
}

// lines writes many lines with few system calls.
type lines struct{ w *bufio.Writer }

func newLines(w io.Writer) *lines { return &lines{w: bufio.NewWriterSize(w, 1<<16)} }

func (l *lines) write(line []byte) error {
	if _, err := l.w.Write(line); err != nil {
		return fmt.Errorf("output: %w", err)
	}
	if err := l.w.WriteByte('\n'); err != nil {
		return fmt.Errorf("output: %w", err)
	}
	return nil
}

func (l *lines) flush() error {
	if err := l.w.Flush(); err != nil {
		return fmt.Errorf("output: %w", err)
	}
	return nil
}

// oneOf lists names for a message: "a, b or c".
func oneOf[S ~string](names []S) string {
	var list strings.Builder
	for i, n := range names {
		switch {
		case i > 0 && i == len(names)-1:
			list.WriteString(" or ")
		case i > 0:
			list.WriteString(", ")
		}
		list.WriteString(string(n))
	}
	return list.String()
}
