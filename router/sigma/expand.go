package sigma

import (
	"fmt"
	"regexp"
	"strings"
)

// list is the named list that a placeholder stands for: one whose values are not given with the import, and that is all there is of the value.
func (r *reader) list(text string, c chain) (name string, ok bool) {
	m := regexp.MustCompile(`^%([A-Za-z0-9_.-]+)%$`).FindStringSubmatch(text)
	if m == nil || r.placeholders[m[1]] != nil {
		return "", false
	}
	for _, modifier := range c.names {
		if modifier != "expand" && modifier != "neq" && modifier != "all" {
			return "", false
		}
	}
	return m[1], true
}

// expand puts the values of the placeholders, %name%, into a text: every combination of them. A percent sign behind a backslash is plain.
func (r *reader) expand(text string) ([]string, error) {
	const most = 20_000
	out := []string{""}
	add := func(choices ...string) error {
		if len(out)*len(choices) > most {
			return fmt.Errorf("expand: more than %d values", most)
		}
		next := make([]string, 0, len(out)*len(choices))
		for _, head := range out {
			for _, c := range choices {
				next = append(next, head+c)
			}
		}
		out = next
		return nil
	}
	name := regexp.MustCompile(`^%([A-Za-z0-9_.-]+)%`)
	for text != "" {
		var err error
		switch m := name.FindStringSubmatch(text); {
		case strings.HasPrefix(text, `\%`):
			err, text = add("%"), text[2:]
		case m != nil:
			values, ok := r.placeholders[m[1]]
			if !ok {
				const hint = "; a named list takes its place only where it is all of the value, without other modifiers"
				return nil, fmt.Errorf("expand: no values are given for the placeholder %%%s%% (--placeholders)%s", m[1], hint)
			}
			err, text = add(values...), text[len(m[0]):]
		default:
			next := strings.IndexAny(text[1:], `\%`) + 1
			if next == 0 {
				next = len(text)
			}
			err, text = add(text[:next]), text[next:]
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}
