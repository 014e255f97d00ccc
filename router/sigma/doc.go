// Package sigma makes rules of ours of Sigma rules (specification 2: rules, correlations, filters).
//
// A document is read (yaml.go, sigma.go, correlation.go, filter.go); its detections become a tree of items (detection.go, modifiers.go,
// pattern.go), which its condition joins (condition.go); a source (source.go and a file a log source) says where the fields stand in the events of our
// formats; and emit.go writes the predicate. What is wrong is a problem with its place, and a document that has one is refused whole.
//
// The measure of all of it: a rule that was made fires on the event that a format makes of a record exactly when the Sigma rule would on the
// record itself. Formats lose nothing, but they move values and change some. So a field has one place or several, of which a value of the
// record stands in one: where the format puts it, and, where it may be left, under unmapped by its own name. That a Sigma rule means the same
// before and after is tested by a second evaluation, of the raw record, in internal/app.
//
// What a value of Sigma means, where the specification leaves it open:
//
//   - Values are compared as texts: 443 and "443" are one, and so are true and "true". Of lists one element has to match, on the way to a field
//     and at its end; of an object, one of the values that are in it.
//   - A field is null when it is not there, or has no value in it. exists asks whether it is there, be it null. A lone * asks for any value.
//   - Keywords are looked for in each value of the record, not across them.
//   - neq holds for a field that is not there.
//   - Regular expressions are searched for, not matched with the whole value; they are RE2's.
//   - Numbers: lt, lte, gt, gte read texts that are numbers as well.
package sigma
