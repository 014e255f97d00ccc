package predicate_test

import (
	"fmt"
	"strings"
	"testing"
)

func TestLint(t *testing.T) {
	t.Parallel()
	l := language(t)
	for _, c := range []struct {
		source, classes, want string
	}{
		// constants
		{`1 == 1`, "", "0 1 == 1 is always true"},
		{`status_id == 1 and lower("A") == "b"`, "", `19 lower("A") == "b" is always false`},
		{`status_id == 1 and fromJSON("x")`, "", `19 fromJSON("x") is always nil, which counts as false`},
		{`true`, "", "0 the condition is always true: the rule fires on every event that it looks at"},
		{`false`, "", "0 the condition is always false: the rule fires never"},
		{`len([1, 2]) > 1 ? status_id == 1 : false`, "", "0 len([1, 2]) > 1 is always true"},
		{`any(resources, 1 > 2)`, "", "15 1 > 2 is always false"},
		{`let x = 1; 2 < 1`, "", "11 2 < 1 is always false"},
		// conditions that exclude each other
		{`message == "a" and message == nil`, "", `19 message == "a" and message == nil can never hold together`},
		{`message == "a" and status_id == 1 and message == "b"`, "", `38 message == "a" and message == "b" can never hold together`},
		{`message in ["a", "b"] and not (message startsWith "a") and message != "b"`, "", `59 message in ["a", "b"] and not (message startsWith "a") and message != "b" can never hold together`},
		{`(message == "a" or message == "b") and message endsWith "c"`, "", `39 (message == "a" or message == "b") and message endsWith "c" can never hold together`},
		{`unmapped.n > 5 and unmapped.n < 3`, "", "19 unmapped.n > 5 and unmapped.n < 3 can never hold together"},
		{`unmapped.n >= 5 and 5 > unmapped.n`, "", "20 unmapped.n >= 5 and 5 > unmapped.n can never hold together"},
		{`unmapped.n == 5 and unmapped.n >= 5.5`, "", "20 unmapped.n == 5 and unmapped.n >= 5.5 can never hold together"},
		{`is_mfa and not is_mfa`, "", "11 is_mfa and not is_mfa can never hold together"},
		// of which one always holds
		{`message != "a" or message != "b"`, "", `18 message != "a" or message != "b": one of these always holds`},
		{`not (message in ["a"]) or not (message in ["b", "c"])`, "", `26 not (message in ["a"]) or not (message in ["b", "c"]): one of these always holds`},
		// the schema
		{`status_id == 7`, "api_activity", "13 status_id of api_activity is never 7 in OCSF; it has 0 Unknown, 1 Success, 2 Failure, 99 Other"},
		{`activity_id in [1, 12]`, "api_activity", "15 activity_id of api_activity is never 12 in OCSF; it has 0 Unknown, 1 Create, 2 Read, 3 Update, 4 Delete, 99 Other"},
		{`class_uid == 3002`, "api_activity", "13 class_uid of api_activity is never 3002 in OCSF; it has 6003 API Activity"},
		// twice, itself
		{`status_id == 1 and status_id == 1`, "", "19 status_id == 1 stands twice"},
		{`unmapped.a == unmapped.a`, "", "0 unmapped.a == unmapped.a compares a value with itself"},
		// nothing to say
		{`message == "a" or message == "b"`, "", ""},
		{`message != "a" and message != "b"`, "", ""},
		{`message in ["a", "b"] and message != "b"`, "", ""},
		{`unmapped.n > 5 or unmapped.n <= 5`, "", ""}, // not where it is absent
		{`unmapped.n > 5 and unmapped.n < 6`, "", ""},
		{`unmapped.n >= 5 and unmapped.n <= 5 and unmapped.n != "x"`, "", ""},
		{`message == unmapped.a and message == "x"`, "", ""},
		{`any(resources, .uid == "a" and .uid == "b")`, "", ""}, // elements are not looked at
		{`status_id != nil and class_uid == 3002`, "", ""},
		{`unmapped.class_uid == 7 and enrichments.x == 1`, "", ""},
		{`message contains "a" and message contains "b"`, "", ""},
		{`duration("1h") < time and time > 5`, "", ""},
	} {
		var classes []string
		if c.classes != "" {
			classes = strings.Fields(c.classes)
		}
		compile(t, l, c.source) // or the case says nothing
		var got []string
		for _, p := range l.Lint(c.source, classes) {
			got = append(got, fmt.Sprintf("%d %s", p.Offset, p.Message))
		}
		if text := strings.Join(got, "; "); text != c.want {
			t.Errorf("%s\n  gives %s\n  want  %s", c.source, text, c.want)
		}
	}
}
