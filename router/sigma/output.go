package sigma

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/riposte-security/riposte/schemas"
)

// A Rule is a rule of ours that was made of a Sigma rule.
type Rule struct {
	ID, Title, Severity, Description, Author, Status, Created, Modified string
	References, Tags, FalsePositives                                    []string
	When                                                                []string // lines of the predicate; none where Correlate is set
	Class                                                               []string
	Correlate                                                           *Correlate
	To                                                                  string // receiver; empty: no step
	From                                                                string // name of the file that it was in
}

// A Correlate is the stanza of a rule over several events.
type Correlate struct {
	Type           string
	Rules, GroupBy []string
	Aliases        map[string]map[string]string
	Value          string
	Within         time.Duration
	Limits         []limit
}

// YAML writes the rule as a file.
func (r Rule) YAML() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Made of the Sigma rule in %s by riposte rules import sigma.\n", clean(r.From))
	line := func(key, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\n", key, scalarYAML(value, "  "))
		}
	}
	list := func(key string, values []string) {
		if len(values) > 0 {
			fmt.Fprintf(&b, "%s:\n", key)
		}
		for _, v := range values {
			fmt.Fprintf(&b, "  - %s\n", scalarYAML(v, "    "))
		}
	}
	line("id", r.ID)
	line("title", r.Title)
	line("description", r.Description)
	line("severity", r.Severity)
	line("status", r.Status)
	line("author", r.Author)
	line("created", r.Created)
	line("modified", r.Modified)
	list("references", r.References)
	list("false_positives", r.FalsePositives)
	list("tags", r.Tags)
	if len(r.Class) > 0 {
		fmt.Fprintf(&b, "class: [%s]\n", strings.Join(r.Class, ", "))
	}
	if r.Correlate != nil {
		r.Correlate.write(&b)
	} else {
		b.WriteString("when: |-\n")
		for _, l := range r.When {
			fmt.Fprintf(&b, "  %s\n", l)
		}
	}
	if r.To != "" {
		fmt.Fprintf(&b, "then:\n  - alert: { to: %s }\n", scalarYAML(r.To, ""))
	}
	return b.String()
}

func (c *Correlate) write(b *strings.Builder) {
	fmt.Fprintf(b, "correlate:\n  type: %s\n  rules:\n", c.Type)
	for _, r := range c.Rules {
		fmt.Fprintf(b, "    - %s\n", scalarYAML(r, ""))
	}
	if len(c.Aliases) > 0 {
		b.WriteString("  aliases:\n")
	}
	for _, name := range sortedKeys(c.Aliases) {
		fmt.Fprintf(b, "    %s:\n", scalarYAML(name, ""))
		for _, id := range sortedKeys(c.Aliases[name]) {
			fmt.Fprintf(b, "      %s: %s\n", scalarYAML(id, ""), scalarYAML(c.Aliases[name][id], ""))
		}
	}
	if len(c.GroupBy) > 0 {
		b.WriteString("  group_by:\n")
	}
	for _, g := range c.GroupBy {
		fmt.Fprintf(b, "    - %s\n", scalarYAML(g, ""))
	}
	if c.Value != "" {
		fmt.Fprintf(b, "  value: %s\n", scalarYAML(c.Value, ""))
	}
	fmt.Fprintf(b, "  within: %s\n", schemas.Duration(c.Within))
	for _, l := range c.Limits {
		fmt.Fprintf(b, "  %s: %s\n", l.word, l.number)
	}
}

// scalarYAML writes a text: as it is where YAML takes it for one, several lines as a block with that indent, anything else in quotes.
func scalarYAML(s, indent string) string {
	s = strings.TrimRight(s, "\n ")
	plain := regexp.MustCompile(`^[A-Za-z][A-Za-z0-9 ._/()+,-]*$`)
	words := regexp.MustCompile(`(?i)^(true|false|null|yes|no|on|off|y|n)$`)
	if plain.MatchString(s) && !words.MatchString(s) && !strings.HasSuffix(s, " ") {
		return s
	}
	printable := !strings.ContainsFunc(s, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) })
	if indent != "" && printable && strings.Contains(s, "\n") && !strings.HasPrefix(s, " ") && !strings.HasPrefix(s, "\n") {
		var b strings.Builder
		b.WriteString("|-")
		for l := range strings.SplitSeq(s, "\n") {
			b.WriteByte('\n')
			if l = strings.TrimRight(l, " "); l != "" {
				b.WriteString(indent + l)
			}
		}
		return b.String()
	}
	return quote(s)
}

// clean leaves out what could end a comment.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, s)
}
