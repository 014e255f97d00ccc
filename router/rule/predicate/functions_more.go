package predicate

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"net/url"
	"slices"
	"strconv"
)

func numberFunctions() map[string]*function {
	round := func(f func(float64) float64) *function {
		return &function{params: []kind{kNumber}, result: kNumber, call: func(a []any) any {
			if v, ok := a[0].(float64); ok {
				return f(v)
			}
			if isNumber(a[0]) {
				return a[0]
			}
			return nil
		}}
	}
	bits := func(f func(x, y int64) any) *function {
		return &function{params: []kind{kInt, kInt}, result: kInt, call: func(a []any) any {
			x, okx := integer(a[0])
			y, oky := integer(a[1])
			if !okx || !oky {
				return nil
			}
			return f(x, y)
		}}
	}
	extreme := func(sign int) *function {
		return &function{params: []kind{kNumeric}, variadic: true, result: kAny, deep: true, call: func(a []any) any {
			var best any
			for _, v := range flatten(nil, a) {
				if o, ok := compareNumbers(v, best); isNumber(v) && (!ok || o*sign > 0) {
					best = v
				}
			}
			return best
		}}
	}
	return map[string]*function{
		"abs": {params: []kind{kNumber}, result: kNumber, same: true, call: func(a []any) any {
			if o, ok := compareNumbers(a[0], int64(0)); ok && o < 0 {
				return arithmetic("-", int64(0), a[0])
			} else if ok {
				return a[0]
			}
			return nil
		}},
		"ceil": round(math.Ceil), "floor": round(math.Floor), "round": round(math.Round),
		"max": extreme(1), "min": extreme(-1),
		"mean":    {params: []kind{kNumeric}, variadic: true, result: kNumber, deep: true, call: mean},
		"median":  {params: []kind{kNumeric}, variadic: true, result: kNumber, deep: true, call: median},
		"bitand":  bits(func(x, y int64) any { return x & y }),
		"bitor":   bits(func(x, y int64) any { return x | y }),
		"bitxor":  bits(func(x, y int64) any { return x ^ y }),
		"bitnand": bits(func(x, y int64) any { return x &^ y }),
		"bitshl":  bits(shift(func(x int64, y uint64) int64 { return x << y })),
		"bitshr":  bits(shift(func(x int64, y uint64) int64 { return x >> y })),
		"bitushr": bits(shift(func(x int64, y uint64) int64 { return int64(uint64(x) >> y) })), //nolint:gosec // the bits are what is wanted
		"bitnot": {params: []kind{kInt}, result: kInt, call: func(a []any) any {
			if x, ok := integer(a[0]); ok {
				return ^x
			}
			return nil
		}},
		"int":   {params: []kind{kAny}, result: kInt, call: toInt},
		"float": {params: []kind{kAny}, result: kNumber, call: toFloat},
	}
}

// shift makes a shift by a negative number nil.
func shift(f func(x int64, y uint64) int64) func(x, y int64) any {
	return func(x, y int64) any {
		if y < 0 {
			return nil
		}
		return f(x, uint64(y))
	}
}

// floats gives the numbers among the arguments and in their lists. empty tells that there was nothing but empty lists to look at.
func floats(args []any) (out []float64, empty bool) {
	all := flatten(nil, args)
	out = make([]float64, 0, len(all))
	for _, v := range all {
		if f, ok := float(v); ok {
			out = append(out, f)
		}
	}
	return out, len(all) == 0
}

func mean(a []any) any {
	f, empty := floats(a)
	if empty {
		return 0.0
	}
	total := 0.0
	for _, v := range f {
		total += v
	}
	return finite(total / float64(len(f))) // without numbers: nil
}

func median(a []any) any {
	f, empty := floats(a)
	switch {
	case empty:
		return 0.0
	case len(f) == 0:
		return nil
	}
	slices.Sort(f)
	if n := len(f); n%2 == 0 {
		return finite((f[n/2-1] + f[n/2]) / 2)
	}
	return f[len(f)/2]
}

// toInt reads a whole number from a number, cutting its fraction, or from decimal text.
func toInt(a []any) any {
	switch v := a[0].(type) {
	case int64, uint64:
		return v
	case float64:
		if i, ok := integer(math.Trunc(v)); ok {
			return i
		}
	case string:
		if i, err := strconv.ParseInt(v, 10, 64); err == nil {
			return i
		}
	}
	return nil
}

func toFloat(a []any) any {
	if s, ok := a[0].(string); ok {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return nil
		}
		return finite(f)
	}
	if f, ok := float(a[0]); ok {
		return f
	}
	return nil
}

func codecFunctions() map[string]*function {
	text := func(result kind, f func(string) any) *function {
		return &function{params: []kind{kString}, result: result, call: func(a []any) any {
			s, ok := a[0].(string)
			if !ok {
				return nil
			}
			return f(s)
		}}
	}
	return map[string]*function{
		"string": {params: []kind{kAny}, result: kString, deep: true, call: func(a []any) any {
			if a[0] == nil {
				return nil
			}
			return Text(a[0])
		}},
		"type": {params: []kind{kAny}, result: kString, call: func(a []any) any { return typeOf(a[0]) }},
		// toJSON writes on one line: what indentation adds to a deep value has no bound.
		"toJSON": {params: []kind{kAny}, result: kString, deep: true, call: func(a []any) any {
			b, err := json.Marshal(a[0])
			if a[0] == nil || err != nil {
				return nil
			}
			return string(b)
		}},
		// fromJSON reads JSON from a string; malformed JSON is nil.
		"fromJSON": text(kAny, func(s string) any {
			v, err := decodeJSON([]byte(s))
			if err != nil {
				return nil
			}
			return v
		}),
		"toBase64": text(kString, func(s string) any { return base64.StdEncoding.EncodeToString([]byte(s)) }),
		"fromBase64": text(kString, func(s string) any {
			b, err := base64.StdEncoding.DecodeString(s)
			if err != nil {
				return nil
			}
			return string(b)
		}),
		// urlDecode undoes percent-encoding; a plus sign stays. Malformed text is nil.
		"urlDecode": text(kString, func(s string) any {
			d, err := url.PathUnescape(s)
			if err != nil {
				return nil
			}
			return d
		}),
	}
}

// Text is a value as text: a string as it is, nil as nothing, everything else as JSON.
func Text(v any) string {
	switch x := v.(type) {
	case nil:
		return ""
	case string:
		return x
	}
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(b)
}

func typeOf(v any) any {
	switch v.(type) {
	case string:
		return "string"
	case bool:
		return "bool"
	case int64, uint64:
		return "int"
	case float64:
		return "float"
	case []any:
		return "array"
	case map[string]any:
		return "map"
	}
	return "nil"
}
