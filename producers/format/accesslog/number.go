package accesslog

import (
	"strconv"
	"strings"
)

// Count writes a field that Check has found to be an integer as a number.
func (r *Row) Count(name string, f Field) bool {
	n, ok := r.Int(f)
	if ok {
		r.Writer.Int(name, n)
	}
	return ok
}

// Int returns a field as an integer that is not negative.
func (r *Row) Int(f Field) (int64, bool) {
	text := r.Value(f)
	if text == "" {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && n >= 0
}

// Seconds returns a field that holds seconds as milliseconds; false where it is absent or negative, as what never happened is logged.
func (r *Row) Seconds(f Field) (ms int64, ok bool) {
	text := r.Value(f)
	if text == "" {
		return 0, false
	}
	if ms, ok = millis(text); ok {
		return ms, true
	}
	s, err := strconv.ParseFloat(text, 64)
	if err != nil || !(s >= 0 && s < 1e9) {
		return 0, false
	}
	return int64(s*1000 + 0.5), true
}

// millis reads plain decimal seconds, rounded; ok is false for any other form of a number.
func millis(text string) (ms int64, ok bool) {
	decimals := -1
	for i := range len(text) {
		switch c := text[i]; {
		case c == '.' && decimals < 0 && i > 0:
			decimals = 0
		case c < '0' || c > '9' || i > 8 && decimals < 0:
			return 0, false
		case decimals == 3:
			if c >= '5' {
				ms++
			}
			decimals++
		case decimals > 3:
		default:
			ms = ms*10 + int64(c-'0')
			if decimals >= 0 {
				decimals++
			}
		}
	}
	for d := max(decimals, 0); d < 3; d++ {
		ms *= 10
	}
	return ms, text != ""
}

// A Limit is what a field of numbers must keep to: digits, up to Most.
type Limit struct {
	Field Field
	Most  int64
	Want  string
}

// Check refuses a row with a field that is there and does not keep to its limit.
func (r *Row) Check(limits []Limit) error {
	for i := range limits {
		l := &limits[i]
		text := r.Value(l.Field)
		if text == "" {
			continue
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 || n > l.Most || text[0] == '+' {
			return r.Bad(l.Field, l.Want)
		}
	}
	return nil
}

// CheckSeconds refuses a row in which one of the fields is there and is no number. -1 is one.
func (r *Row) CheckSeconds(fields ...Field) error {
	for _, f := range fields {
		if text := r.Value(f); text != "" {
			if _, ok := millis(text); ok || text == "-1" {
				continue
			}
			s, err := strconv.ParseFloat(text, 64)
			if err != nil || !(s >= -1 && s < 1e9) || strings.ContainsAny(text, "xX_nN+") {
				return r.Bad(f, "seconds")
			}
		}
	}
	return nil
}
