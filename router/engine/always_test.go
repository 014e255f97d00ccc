package engine_test

import (
	"strings"
	"testing"

	"github.com/riposte-security/riposte/router/engine"
)

func TestAlwaysEvaluated(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ head, when, why string }{
		{"", `message == "x"`, ""},
		{"class: api_activity\n", `true`, ""},
		{"", `message == "x" or status_id > 3`, ""},
		{"", `not (message != "x")`, ""},
		{"", `any(resources, .uid startsWith "arn:") and message != "x"`, ""},
		{"", `message matches "a.*(b|c)d"`, ""},
		{"", `false`, ""},
		{"", `inList("scanners", src_endpoint.ip)`, ""},
		{"", `true`, "every event"},
		{"", `message != "x"`, "a negation about message"},
		{"", `message == "x" or not (lower(api.operation) contains "y")`, "a negation about api.operation"},
		{"", `len(resources) > 3 and severity_id != 1`, "len(resources)"},
		{"", `all(resources, .uid != "x")`, "resources[].uid"},
		{"", `message == api.operation`, "`message == api.operation`"},
	} {
		why, always := engine.AlwaysEvaluated(rules(t, one("r", c.head, c.when))[0])
		if always != (c.why != "") || !strings.Contains(why, c.why) {
			t.Errorf("%s %s: always %v, why %q", c.head, c.when, always, why)
		}
	}
}
