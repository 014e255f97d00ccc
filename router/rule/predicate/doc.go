// Package predicate is the language of rules: expr expressions over OCSF events, in which what is absent is nil and never an error.
//
// The parser and the type checker are expr's. A checked expression is then turned into Go closures by this package and not into expr's
// byte code, for three reasons: every operation of the language has to be nil-safe, so that nothing of expr's virtual machine but its
// stack would remain; the work that one event can cause has to be bounded; and a failed rule test has to show the values of the parts.
//
// The values of the language are those of JSON: nil, bool, int64, uint64 (above the range of int64), float64, string, []any and
// map[string]any.
package predicate
