package approve

import (
	"encoding/json"
	"strings"

	"github.com/riposte-security/riposte/consumers/alert"
)

// maxText is how much of what a person types is kept, in runes.
const maxText = 300

// text is what a person typed, fit for logs and terminals.
func text(s string) string { return alert.Clean(strings.TrimSpace(s), maxText) }

// indent shows parameters to a person.
func indent(v any) string {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err.Error()
	}
	return string(b)
}
