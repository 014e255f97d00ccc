package schemas

import (
	"bytes"
	"encoding/json"
	"strings"
)

// decode reads JSON into v without loss: numbers in free-form parts come as json.Number. strict refuses fields that v does not have.
func decode(text []byte, v any, strict bool) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if strict {
		d.DisallowUnknownFields()
	}
	return d.Decode(v)
}

// plainNumbers replaces json.Number in place by int64, or float64 if it is written with a fraction or an exponent, and returns the value. What
// fits neither stays a json.Number.
func plainNumbers(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			v[k] = plainNumbers(x)
		}
	case []any:
		for i, x := range v {
			v[i] = plainNumbers(x)
		}
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, err := v.Float64()
		if err != nil || !strings.ContainsAny(v.String(), ".eE") { // out of range, or an integer of more than 64 bits
			return v
		}
		return f
	}
	return v
}

// plainMap is plainNumbers for settings and parameters.
func plainMap(m map[string]any) {
	for k, x := range m {
		m[k] = plainNumbers(x)
	}
}
