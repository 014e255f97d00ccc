package kafka

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestSecurityListsGrants: SECURITY.md says of each user exactly what it is granted.
func TestSecurityListsGrants(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	grants := topicNames("riposte").Grants("riposte.router", "riposte.correlator")
	for _, u := range Users() {
		var may []string
		for _, g := range grants {
			if g.User != u {
				continue
			}
			name := g.Name
			if g.Prefixed {
				name += "*"
			}
			if g.Resource == ResourceGroup {
				name = "group " + name
			}
			may = append(may, fmt.Sprintf("`%s` %s", name, strings.Join(g.Operations, " ")))
		}
		if line := fmt.Sprintf("| %s | %s |\n", u, strings.Join(may, ", ")); !strings.Contains(string(text), line) {
			t.Errorf("SECURITY.md lacks:\n%s", line)
		}
	}
}
