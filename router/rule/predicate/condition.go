package predicate

// A Condition is what the syntax of a predicate says about when it can hold, in a form that can be decided by looking at single values of the
// event, without running the program. The predicate is true exactly when the condition is, if it is Exact; if it is not, the predicate is
// true only where the condition is, with every Unknown taken for whatever makes it true.
type Condition struct {
	Op   ConditionOp
	Of   []Condition // of All, Any and Not (one)
	Test Test        // of Holds

	// Text is the part of the expression that an Unknown stands for.
	Text string
}

// ConditionOp is the kind of a Condition.
type ConditionOp uint8

// The kinds of conditions.
const (
	Unknown ConditionOp = iota // cannot be told without running the program
	True
	False
	Holds // Test holds for some value at its path
	All
	Any
	Not
)

// Exact tells whether the condition has no part that is unknown.
func (c *Condition) Exact() bool {
	if c.Op == Unknown {
		return false
	}
	for i := range c.Of {
		if !c.Of[i].Exact() {
			return false
		}
	}
	return true
}

// A Test is about the values that an event has at a path. It holds when at least one of them passes.
type Test struct {
	Path []Step
	Form Form // what is done to a string before it is looked at; other values do not pass then
	Kind TestKind

	Text   string   // Prefix, Suffix, Contains
	Values []any    // Equal: strings, int64, uint64, float64, bool; passes with one of them
	Bound  any      // Greater, AtLeast, Less, AtMost: int64, uint64 or float64
	Nets   []string // Network: in CIDR notation; invalid ones contain nothing

	// depth is how many list functions are around the element at which the path begins; 0 is the event.
	depth int
}

// A Step is one step of a path.
type Step struct {
	Kind StepKind
	Name string // of Field
}

// StepKind is the kind of a Step.
type StepKind uint8

// The kinds of steps.
const (
	Field   StepKind = iota // to a member of an object
	Each                    // to every element of a list; nothing else passes
	Through                 // to the elements of a list, and of lists in it; what is no list stays
)

// Form is what is done to a string before a test.
type Form uint8

// The forms of strings: as they are, by strings.ToLower and strings.ToUpper, and with each letter replaced by the least of those that
// regular expressions with (?i) hold to be equal to it.
const (
	Plain Form = iota
	Lower
	Upper
	Folded
)

// TestKind is what a Test asks of a value.
type TestKind uint8

// The kinds of tests. Exists passes for everything but null; Present for null as well.
const (
	Exists TestKind = iota
	Present
	Equal
	Prefix
	Suffix
	Contains
	Greater
	AtLeast
	Less
	AtMost
	Network
)

// maxConditions bounds the size of one condition, and so the time and memory that deriving and indexing it takes; maxTwice that of one that is
// needed twice, for a conditional; maxPath that of a path.
const (
	maxConditions = 1 << 16
	maxTwice      = 128
	maxPath       = 64
)

// Condition is what the syntax of the program says about when it is true.
func (p *Program) Condition() Condition { return p.condition }

func unknown(text string) Condition { return Condition{Op: Unknown, Text: text} }

func test(t Test) Condition { return Condition{Op: Holds, Test: t} }

func all(of ...Condition) Condition { return Condition{Op: All, Of: of} }

func anyOf(of ...Condition) Condition { return Condition{Op: Any, Of: of} }

func not(c Condition) Condition {
	if c.Op == Not {
		return c.Of[0]
	}
	return Condition{Op: Not, Of: []Condition{c}}
}

// atLeast is a condition that must hold for the part of the expression to be true, but does not say it all.
func atLeast(text string, of ...Condition) Condition {
	if len(of) == 0 {
		return unknown(text)
	}
	return all(append(of, unknown(text))...)
}

// larger tells whether there are more than so many conditions and values within. Parts may be shared, so that all of them may be more than
// there is memory for.
func (c *Condition) larger(than int) bool { return c.count(than) < 0 }

// count takes the conditions and values within from left, and is negative when that is not enough.
func (c *Condition) count(left int) int {
	left -= 1 + len(c.Test.Values) + len(c.Test.Nets)
	for i := 0; i < len(c.Of) && left >= 0; i++ {
		left = c.Of[i].count(left)
	}
	return left
}

// perElement turns what a body of any() says about one element at depth d into what its being true for some element says.
func (c Condition) perElement(d int, text string) Condition {
	switch c.Op {
	case Holds:
		if c.Test.depth < d { // does not depend on the element, but there must be one
			return atLeast(text, c)
		}
		return c
	case Any:
		of := make([]Condition, len(c.Of))
		for i := range c.Of {
			of[i] = c.Of[i].perElement(d, text)
		}
		return anyOf(of...)
	case All:
		of := make([]Condition, len(c.Of))
		for i := range c.Of {
			of[i] = c.Of[i].perElement(d, text)
		}
		if len(of) == 1 {
			return of[0]
		}
		return atLeast(text, of...) // not necessarily of the same element
	case Not:
		if c.within(d) {
			return unknown(text) // that one element does not pass says nothing of the others
		}
		return atLeast(text, c)
	case True:
		return unknown(text) // there must be an element
	case False, Unknown:
	}
	return c
}

// within tells whether some test is about the elements of depth d.
func (c *Condition) within(d int) bool {
	if c.Op == Holds && c.Test.depth >= d || c.Op == Unknown {
		return true
	}
	for i := range c.Of {
		if c.Of[i].within(d) {
			return true
		}
	}
	return false
}

// rooted sets the depth of all tests of depth d to that of the list that d's elements are of.
func (c *Condition) rooted(d, list int) {
	if c.Op == Holds && c.Test.depth == d {
		c.Test.depth = list
	}
	for i := range c.Of {
		c.Of[i].rooted(d, list)
	}
}
