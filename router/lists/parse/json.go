package parse

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/riposte-security/riposte/router/lists/set"
)

// readJSON goes along the path through a document, or through several one after the other (a line each, for example). Entries are strings and
// numbers; where a column is named, they are fields of objects.
func readJSON(r io.Reader, o Options, emit func(set.Entry) error) error {
	d := json.NewDecoder(r)
	d.UseNumber()
	var path []string
	if o.Path != "" {
		path = strings.Split(o.Path, ".")
	}
	w := jsonWalk{d: d, o: o, emit: emit}
	for {
		err := w.value(path)
		if errors.Is(err, errEnd) {
			break
		}
		if err != nil {
			return fmt.Errorf("byte %d: %w", d.InputOffset(), err)
		}
		w.documents++
	}
	switch {
	case w.documents == 0:
		return errors.New("no JSON at all")
	case !w.found && o.Path != "":
		return fmt.Errorf("nothing stands at %q", o.Path)
	}
	return nil
}

var errEnd = errors.New("end of the documents")

type jsonWalk struct {
	d         *json.Decoder
	o         Options
	emit      func(set.Entry) error
	documents int
	depth     int
	found     bool // the path led somewhere
}

// value reads one value of which the rest of the path is still to go.
func (w *jsonWalk) value(path []string) error {
	const deepest = 100
	if w.depth++; w.depth > deepest {
		return fmt.Errorf("nested deeper than %d", deepest)
	}
	defer func() { w.depth-- }()
	t, err := w.d.Token()
	if err != nil {
		if w.depth == 1 && errors.Is(err, io.EOF) {
			return errEnd
		}
		return cut(err)
	}
	switch t {
	case json.Delim('['):
		w.found = w.found || len(path) == 0
		for w.d.More() {
			if err := w.value(path); err != nil {
				return err
			}
		}
		_, err := w.d.Token()
		return cut(err)
	case json.Delim('{'):
		if len(path) == 0 {
			return w.object()
		}
		return w.fields(path)
	}
	if len(path) > 0 {
		return nil // what has no such key has no entry
	}
	w.found = true
	if w.o.Column != "" {
		return fmt.Errorf("an object with the field %q expected", w.o.Column)
	}
	text, ok := scalar(t)
	if !ok {
		return nil
	}
	return w.emit(set.Entry{Value: text})
}

// fields goes on below the keys that the path names.
func (w *jsonWalk) fields(path []string) error {
	for w.d.More() {
		key, err := w.d.Token()
		if err != nil {
			return cut(err)
		}
		if path[0] == "*" || key == path[0] {
			err = w.value(path[1:])
		} else {
			err = w.skip()
		}
		if err != nil {
			return err
		}
	}
	_, err := w.d.Token()
	return cut(err)
}

// skip passes over a value without keeping it.
func (w *jsonWalk) skip() error {
	for depth := 0; ; {
		t, err := w.d.Token()
		if err != nil {
			return cut(err)
		}
		switch t {
		case json.Delim('['), json.Delim('{'):
			depth++
		case json.Delim(']'), json.Delim('}'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}

// object reads the object that an entry is a field of.
func (w *jsonWalk) object() error {
	w.found = true
	if w.o.Column == "" {
		return errors.New("a string or a number expected, found an object; column names the field, path leads to the entries")
	}
	var values []string
	var e set.Entry
	for w.d.More() {
		key, err := w.d.Token()
		if err != nil {
			return cut(err)
		}
		switch key {
		case w.o.Column:
			values, err = w.texts()
		case w.o.Expires:
			var until []string
			if until, err = w.texts(); err == nil && len(until) > 0 {
				e.Until, err = Time(until[0])
			}
		default:
			err = w.skip()
		}
		if err != nil {
			return err
		}
	}
	if _, err := w.d.Token(); err != nil {
		return cut(err)
	}
	for _, v := range values {
		e.Value = v
		if err := w.emit(e); err != nil {
			return err
		}
	}
	return nil
}

// texts reads a string, a number, or a list of them; anything else is none.
func (w *jsonWalk) texts() ([]string, error) {
	var raw json.RawMessage
	if err := w.d.Decode(&raw); err != nil {
		return nil, cut(err)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, cut(err)
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	var out []string
	for _, e := range list {
		if text, ok := scalar(e); ok {
			out = append(out, text)
		}
	}
	return out, nil
}

func scalar(v any) (string, bool) {
	switch x := v.(type) {
	case string:
		return x, true
	case json.Number:
		return x.String(), true
	}
	return "", false
}

// cut makes an end in the middle an error.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
