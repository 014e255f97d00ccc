package predicate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// Decode reads one JSON object into values of the language. Whole numbers keep 64 bits.
func Decode(data []byte) (map[string]any, error) {
	if m, ok := decodeText(data); ok {
		return m, nil
	}
	v, err := decodeJSON(data)
	if err != nil {
		return nil, err
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("a JSON object is expected")
	}
	return m, nil
}

func decodeJSON(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("JSON: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("JSON: more than one value")
	}
	return numbers(v), nil
}

// numbers replaces every json.Number below v, in place, by an int64, uint64 or float64. A number that fits into none of them stays as its
// text: a string.
func numbers(v any) any {
	switch x := v.(type) {
	case json.Number:
		return number(string(x))
	case []any:
		for i := range x {
			x[i] = numbers(x[i])
		}
	case map[string]any:
		for k, e := range x {
			switch e.(type) {
			case json.Number, []any, map[string]any:
				x[k] = numbers(e)
			}
		}
	}
	return v
}

func number(s string) any {
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return i
	}
	if u, err := strconv.ParseUint(s, 10, 64); err == nil {
		return u
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		return f
	}
	return s
}

// Value turns what other packages decode (int, json.Number, map[string]any …) into values of the language. It copies lists and objects.
func Value(v any) any {
	switch x := v.(type) {
	case int:
		return int64(x)
	case uint64:
		if i := int64(x); i >= 0 { //nolint:gosec // the sign tells whether it fits
			return i
		}
		return x
	case json.Number:
		return number(string(x))
	case []any:
		out := make([]any, len(x))
		for i := range x {
			out[i] = Value(x[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(x))
		for k, e := range x {
			out[k] = Value(e)
		}
		return out
	}
	return v
}
