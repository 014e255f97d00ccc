package predicate

import "strings"

// truth is the value of v as a boolean: nil, and whatever is no boolean, is false.
func truth(v any) bool {
	b, ok := v.(bool)
	return ok && b
}

// list is v as a list: nil, and whatever is no list, is empty.
func list(v any) []any {
	l, _ := v.([]any)
	return l
}

// order compares numbers with numbers and strings with strings; ok is false for everything else.
func order(a, b any) (int, bool) {
	if x, y, both := pair[string](a, b); both {
		return strings.Compare(x, y), true
	}
	return compareNumbers(a, b)
}

// equal compares two values in depth; nil equals only nil. It charges r for the elements that it looks at.
func (r *run) equal(a, b any) bool {
	switch x := a.(type) {
	case nil:
		return b == nil
	case string:
		y, ok := b.(string)
		return ok && len(x) == len(y) && r.charge(len(x)/64) && x == y
	case bool:
		y, ok := b.(bool)
		return ok && x == y
	case []any:
		y, ok := b.([]any)
		return ok && r.equalLists(x, y)
	case map[string]any:
		y, ok := b.(map[string]any)
		return ok && r.equalObjects(x, y)
	}
	o, ok := compareNumbers(a, b)
	return ok && o == 0
}

func (r *run) equalLists(x, y []any) bool {
	if len(x) != len(y) {
		return false
	}
	if r.depth++; r.depth > deepest {
		return r.exhaust()
	}
	defer func() { r.depth-- }()
	for i := range x {
		if !r.charge(1) || !r.equal(x[i], y[i]) {
			return false
		}
	}
	return true
}

func (r *run) equalObjects(x, y map[string]any) bool {
	if len(x) != len(y) {
		return false
	}
	if r.depth++; r.depth > deepest {
		return r.exhaust()
	}
	defer func() { r.depth-- }()
	for k, v := range x {
		w, ok := y[k]
		if !ok || !r.charge(1) || !r.equal(v, w) {
			return false
		}
	}
	return true
}

// in tells whether a is an element of a list or a key of an object. nil is in nothing.
func (r *run) in(a, b any) bool {
	if a == nil {
		return false
	}
	switch c := b.(type) {
	case []any:
		for _, v := range c {
			if !r.charge(1) {
				return false
			}
			if r.equal(a, v) {
				return true
			}
		}
	case map[string]any:
		k, ok := keyOf(a)
		if ok = ok && r.charge(len(k)/64); ok {
			_, ok = c[k]
		}
		return ok
	}
	return false
}

// keyOf is the name under which an object holds a key: numbers and booleans are their own text, as groupBy makes them.
func keyOf(v any) (string, bool) {
	switch x := v.(type) {
	case string:
		return x, true
	case bool:
		return Text(x), true
	}
	if isNumber(v) {
		return numberText(v), true
	}
	return "", false
}

// member reads a field of an object or an element of a list, counted from the end where the index is negative. What is not there is nil.
func member(from, key any) any {
	switch c := from.(type) {
	case map[string]any:
		if k, ok := keyOf(key); ok {
			return c[k]
		}
	case []any:
		i, ok := integer(key)
		if !ok {
			return nil
		}
		if i < 0 {
			i += int64(len(c))
		}
		if i >= 0 && i < int64(len(c)) {
			return c[i]
		}
	}
	return nil
}

// slice cuts a list or a string (by bytes, as indexOf counts); ends out of range are moved into it.
func slice(v, from, to any) any {
	switch c := v.(type) {
	case []any:
		i, j, ok := bounds(len(c), from, to)
		if !ok {
			return nil
		}
		return c[i:j:j]
	case string:
		i, j, ok := bounds(len(c), from, to)
		if !ok {
			return nil
		}
		return c[i:j]
	}
	return nil
}

func bounds(n int, from, to any) (i, j int, ok bool) {
	end := func(v any) (int, bool) {
		k, ok := integer(v)
		if k < 0 {
			k += int64(n)
		}
		return int(min(max(k, 0), int64(n))), ok
	}
	i, ok = end(from)
	if !ok {
		return 0, 0, false
	}
	j = n
	if to != nil {
		if j, ok = end(to); !ok {
			return 0, 0, false
		}
	}
	return min(i, j), j, true
}
