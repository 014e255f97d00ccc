// Package predicate is the language of rules: expr expressions over OCSF events, in which what is absent is nil and never an error.
//
// The parser and the type checker are expr's; the evaluation is this package's own. Compile goes through an expression in four steps. The
// parser reads it, with every builtin of expr switched off but the list functions that take a predicate, so that all other functions arrive as
// plain calls. constructs.go refuses what the language does not have. check.go has expr's checker look at the tree against the types of OCSF
// (types.go), with suggestions for names that are misspelt. compile.go turns the checked tree into Go closures, a node each, which read the
// decoded event as it is. Expr's virtual machine is not used, for three reasons: every operation has to be nil-safe, so that nothing of the
// machine but its stack would remain; the work that one event can cause has to be bounded, in steps and not only in memory; and a failed rule
// test has to show the values of the parts. That the closures are expr all the same is tested against the machine itself, on thousands of
// generated expressions (TestSameAsExpr), and all that is meant to differ is one table (TestDifferencesFromExpr).
//
// To add a function, put it into one of the tables in functions_*.go: parameters and result for the checker, call for the work. Where that is
// more than one look at the surface of its arguments, say so by deep or work, which charge for it. One that takes a predicate goes into loops
// and operators.go. A function must depend on its arguments alone, not on the clock or the machine; it must not change them; and it gives nil
// for what it cannot read. If expr has it as well, add it to grammar in generate_test.go: a test demands that.
//
// The values of the language are those of JSON: nil, bool, int64, uint64 (above the range of int64), float64, string, []any and
// map[string]any.
package predicate
