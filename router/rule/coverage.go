package rule

// Coverage says which tests a rule has.
type Coverage struct {
	Rule string `json:"rule"`
	File string `json:"file"`
	Line int    `json:"line"`
	// Positive and Negative count the tests that expect the rule to fire, and not to.
	Positive int `json:"positive"`
	Negative int `json:"negative"`
}

// Covered tells whether the rule has a test of each kind.
func (c Coverage) Covered() bool { return c.Positive > 0 && c.Negative > 0 }

// Missing says what the rule has no test for; empty: nothing.
func (c Coverage) Missing() string {
	switch {
	case c.Covered():
		return ""
	case c.Positive == 0 && c.Negative == 0:
		return "no test"
	case c.Positive == 0:
		return "no test in which it fires"
	}
	return "no test in which it does not fire"
}

// Cover says of each rule which tests it has, in order.
func Cover(rules []*Rule) []Coverage {
	out := make([]Coverage, len(rules))
	for i, r := range rules {
		out[i] = Coverage{Rule: r.ID, File: r.File, Line: r.Line}
		for j := range r.Tests {
			if r.Tests[j].Match {
				out[i].Positive++
			} else {
				out[i].Negative++
			}
		}
	}
	return out
}
