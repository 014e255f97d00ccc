//go:build integration

package pipeline

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// rulesFolder writes so many rules into a folder, of which the first matches one event in a hundred, and the others none.
func rulesFolder(b *testing.B, n int) string {
	b.Helper()
	const perFile = 1000
	dir := b.TempDir()
	for from := 0; from < n; from += perFile {
		path := filepath.Join(dir, fmt.Sprintf("rules-%d.yaml", from))
		if err := os.WriteFile(path, []byte(rulesText(from, min(n, from+perFile))), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	return dir
}

func rulesText(from, to int) string {
	var text strings.Builder
	for i := from; i < to; i++ {
		op := 101*i + 1 // of no event
		if i == 0 {
			op = 404
		}
		fmt.Fprintf(&text, "---\nid: bench-%d\ntitle: A rule of the benchmark\nseverity: low\nclass: api_activity\nmax_rate: 1000000\nwhen: >\n  api.operation in [\"Describe%d\", \"Create%d\"] and api.service.name == \"service-%d.amazonaws.com\" and status_id == 1 and cloud.region != \"us-gov-%d\"\nthen: [ { alert: { to: hook } } ]\n",
			i, op, op, (i+4)%10, i%7)
	}
	return text.String()
}

// routing is the part of the settings that a router needs.
func routing(rules, group string) string {
	return fmt.Sprintf("router: { rules: [ %q ], group: %q }\nreceivers: [ { name: hook, webhook: { url: \"http://127.0.0.1:9\", unsigned: true } } ]", rules, group)
}
