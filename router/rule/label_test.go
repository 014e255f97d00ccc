package rule_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/riposte-security/riposte/schemas"
)

// TestHostileNamesDoNotSuppressAlerts: whoever writes the event chooses the values, and none of them may give a command that no consumer
// takes.
func TestHostileNamesDoNotSuppressAlerts(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("u", 900_000)
	seen := map[string]string{}
	for name, value := range map[string]string{
		"plain":       "alice",
		"NUL":         "a\x00b",
		"its escape":  `a\u0000b`,
		"as written":  `a\\u0000b`,
		"line breaks": "a\r\nb\u2028",
		"direction":   "a\u202eb",
		"beyond":      "a\U000e0001b",
		"all NUL":     strings.Repeat("\x00", 1000),
		"long":        long,
		"long too":    long + "v",
		"characters":  strings.Repeat("\u00e9", 300),
		"separators":  strings.Repeat(",=\\", 200),
	} {
		quoted, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		v := string(quoted)
		for event, then := range map[string]string{
			`{"class_uid": 0, "metadata": {"uid": "u1"}, "actor": {"user": {"name": ` + v + `}}}`:                               "{ group_by: actor.user.name }",
			`{"class_uid": 0, "metadata": {"uid": "u2"}, "actor": {"user": {"name": ` + v + `}}, "unmapped": {"x": ` + v + `}}`: "{ group_by: [actor.user.name, unmapped.x] }",
			`{"class_uid": 0, "metadata": {"uid": "u3"}, "resources": [{"uid": ` + v + `}]}`:                                    "{}",
			`{"class_uid": 0, "metadata": {"uid": "u4"}, "cloud": {"region": ` + v + `, "account": {"uid": ` + v + `}}}`:        "{}",
		} {
			text := minimal + "when: true\nthen: [ { alert: " + then + " } ]\n"
			d := decide(t, text, event)
			if len(d.Commands) != 1 || len(d.Misses) != 0 {
				t.Errorf("%s, %s: %d commands, misses %v", name, then, len(d.Commands), d.Misses)
				continue
			}
			c := d.Commands[0]
			if err := c.Check(); err != nil {
				t.Errorf("%s, %s: %v", name, then, err)
			}
			key := c.Target.Key()
			if strings.ContainsAny(key, "\x00\r\n\u2028\u202e") || len(key) > 1200 {
				t.Errorf("%s, %s: target %.300q", name, then, key)
			}
			if before, ok := seen[key]; ok {
				t.Errorf("%s has the target of %s: %s", name, before, key)
			}
			seen[key] = name
			if again := decide(t, text, event).Commands[0]; again.ID != c.ID || again.Target != c.Target {
				t.Errorf("%s, %s: another target the second time", name, then)
			}
		}
	}
	if _, ok := seen[schemas.Target{Type: "group", ID: "actor.user.name=alice"}.Key()]; !ok {
		t.Error("a harmless name was changed")
	}
}
