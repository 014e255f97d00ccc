package sigma

import (
	"fmt"
	"regexp"
	"strings"
)

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
				return nil, fmt.Errorf("expand: no values are given for the placeholder %%%s%% (--placeholders)", m[1])
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
