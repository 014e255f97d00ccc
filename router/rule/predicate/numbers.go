package predicate

import (
	"cmp"
	"math"
	"math/big"
)

func isNumber(v any) bool {
	switch v.(type) {
	case int64, uint64, float64:
		return true
	}
	return false
}

// integer gives v as an int64 if it is a whole number in its range.
func integer(v any) (int64, bool) {
	switch n := v.(type) {
	case int64:
		return n, true
	case float64:
		if n == math.Trunc(n) && n >= -(1<<63) && n < 1<<63 {
			return int64(n), true
		}
	}
	return 0, false
}

// float gives a number as a float64, with loss above 2^53.
func float(v any) (float64, bool) {
	switch n := v.(type) {
	case int64:
		return float64(n), true
	case uint64:
		return float64(n), true
	case float64:
		return n, true
	}
	return 0, false
}

// compareNumbers orders two numbers exactly, also across types. ok is false when one of them is none.
func compareNumbers(a, b any) (order int, ok bool) {
	if x, y, both := pair[int64](a, b); both {
		return cmp.Compare(x, y), true
	}
	if x, y, both := pair[float64](a, b); both {
		return cmp.Compare(x, y), true
	}
	if !isNumber(a) || !isNumber(b) {
		return 0, false
	}
	if x, y, both := small(a, b); both {
		return cmp.Compare(x, y), true
	}
	return exact(a).Cmp(exact(b)), true
}

// small gives two numbers as float64 where that loses nothing.
func small(a, b any) (x, y float64, ok bool) {
	const most = 1 << 53
	for _, v := range []any{a, b} {
		if i, isInt := v.(int64); isInt && (i < -most || i > most) {
			return 0, 0, false
		}
		if _, isUint := v.(uint64); isUint {
			return 0, 0, false
		}
	}
	x, _ = float(a)
	y, _ = float(b)
	return x, y, true
}

func pair[T any](a, b any) (x, y T, ok bool) {
	x, ok = a.(T)
	if !ok {
		return x, y, false
	}
	y, ok = b.(T)
	return x, y, ok
}

// exact turns a number into a big.Float wide enough for every int64, uint64 and float64. Values are finite: JSON has no others.
func exact(v any) *big.Float {
	f := new(big.Float).SetPrec(64)
	switch n := v.(type) {
	case int64:
		return f.SetInt64(n)
	case uint64:
		return f.SetUint64(n)
	case float64:
		return f.SetFloat64(n)
	}
	return f
}

// concatenated strings are cut off at this many bytes by giving nil: no event is larger.
const maxString = 1 << 20

// arithmetic carries out + - * / % ** on two numbers, and + on two strings. Anything else, and every result that is no finite number, is nil.
func arithmetic(op string, a, b any) any {
	if x, y, both := pair[string](a, b); both && op == "+" {
		if len(x)+len(y) > maxString {
			return nil
		}
		return x + y
	}
	if x, y, both := pair[int64](a, b); both {
		if v, ok := integerOp(op, x, y); ok {
			return v
		}
	}
	x, okx := float(a)
	y, oky := float(b)
	if !okx || !oky {
		return nil
	}
	return finite(floatOp(op, x, y))
}

func finite(f float64) any {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil
	}
	return f
}

// integerOp calculates with integers as long as the result is one; ok is false when it is not, or overflows.
func integerOp(op string, x, y int64) (any, bool) {
	var z int64
	var ok bool
	switch op {
	case "+":
		z = x + y
		ok = (z > x) == (y > 0)
	case "-":
		z = x - y
		ok = (z < x) == (y > 0)
	case "*":
		z = x * y
		ok = x == 0 || z/x == y && (x != -1 || y != math.MinInt64)
	case "%":
		if y == 0 {
			return nil, true
		}
		if y == -1 {
			return int64(0), true // MinInt64 % -1 is a fault on some processors
		}
		return x % y, true
	}
	return z, ok
}

func floatOp(op string, x, y float64) float64 {
	switch op {
	case "+":
		return x + y
	case "-":
		return x - y
	case "*":
		return x * y
	case "/":
		return x / y
	case "%":
		return math.Mod(x, y)
	case "**", "^":
		return math.Pow(x, y)
	}
	return math.NaN()
}

// CompareNumbers orders two numbers of the language (int64, uint64, float64) exactly, also across types. ok is false when one of them is none.
func CompareNumbers(a, b any) (order int, ok bool) { return compareNumbers(a, b) }
