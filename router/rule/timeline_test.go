package rule_test

import (
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/router/engine"
	"github.com/riposte-security/riposte/router/rule"
)

// correlations are rules of every type; c and d are what the temporal ones count.
const correlations = `
id: count
title: t
severity: low
when: unmapped.kind == "a"
correlate: { type: event_count, group_by: [unmapped.who], within: 1m, at_least: 3 }
then:
  - alert: { with: { message: "${count} by ${unmapped.who}" } }
  - block: { action: ipset, target: unmapped.who, with: { set: s } }
---
id: few
title: t
severity: low
when: unmapped.kind == "a"
correlate: { type: event_count, within: 1m, less_than: 3, more_than: 1 }
then: [ { alert: {} } ]
---
id: sum
title: t
severity: low
when: unmapped.kind == "a"
correlate: { type: value_sum, value: unmapped.n, group_by: [unmapped.who], within: 1m, more_than: 0.3 }
then: [ { alert: { with: { message: "${unmapped.correlation.sum}" } } } ]
---
id: fresh
title: t
severity: low
when: unmapped.kind == "a"
correlate: { type: new_value, value: unmapped.from, group_by: [unmapped.who], within: 30d, learn: 2d }
then: [ { alert: { with: { message: "${unmapped.correlation.value}" } } } ]
---
id: c
title: t
severity: low
when: unmapped.kind == "c"
---
id: d
title: t
severity: low
when: unmapped.kind == "d"
then: [ { alert: {} } ]
---
id: path
title: t
severity: low
correlate:
  type: temporal_ordered
  rules: [c, d]
  aliases: { who: { c: unmapped.who, d: unmapped.whom } }
  group_by: [who]
  within: 1m
then: [ { block: { action: ipset, target: who, with: { set: "${who} ${unmapped.correlation.group.who}" } } } ]
---
id: then
title: t
severity: low
correlate:
  type: temporal_ordered
  rules: [count, d]
  aliases: { who: { count: unmapped.who, d: unmapped.whom } }
  group_by: [who]
  within: 2m
then: [ { block: { action: ipset, target: who, with: { set: s } } } ]
---
id: many
title: t
severity: low
correlate: { type: value_count, rules: [count], value: "unmapped.correlation.group[\"unmapped.who\"]", within: 10m, at_least: 2 }
then: [ { alert: {} } ]
---
id: travel
title: t
severity: high
class: authentication
when: status_id == 1
correlate: { type: impossible_travel, value: src_endpoint.location, group_by: [user.name], within: 12h }
then: [ { alert: { with: { message: "${unmapped.correlation.speed} km/h" } } } ]
`

// TestTimelines runs tests of correlations that pass, and some that must not.
func TestTimelines(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ rule, test, want string }{
		{"count", `{ name: x, timeline: [ { at: 0, repeat: 3, event: { kind: a, who: x } } ], fires: 1, commands: [ { lane: alert, target: unmapped.who=x, with: { message: "3 by x" } }, { lane: block, target: x } ] }`, ""},
		{"count", `{ name: x, timeline: [ { at: 0, repeat: 3, every: 30s, event: { kind: a, who: x } } ], match: false }`, ""},
		{"count", `{ name: x, timeline: [ { at: 0, repeat: 5, event: { class_uid: 0, metadata: { uid: same }, unmapped: { kind: a, who: x } } } ], fires: 0 }`, ""},
		{"count", `{ name: x, timeline: [ { at: 0, repeat: 2, event: { kind: a, who: x } }, { at: 2m, repeat: 3, event: { kind: a, who: y } } ], fires: 2 }`, `fires: 2 expected, got 1 (5 of 5 events counted, it fired for ["y"]; ["x"]: 2 events within 1m at best, 3 needed)`},
		{"count", `{ name: x, timeline: [ { at: 0, event: { kind: b, who: x } } ], fires: 1 }`, `unmapped.kind == "a"          ->  false`},
		{"path", `{ name: x, timeline: [ { at: 0, event: { kind: c, who: x } }, { at: 5s, event: { kind: e, whom: x } } ], fires: 1 }`, `["x"]: no event of d after the others within 1m`},
		{"path", `{ name: x, timeline: [ { at: 0, event: { kind: d, whom: x } }, { at: 5s, event: { kind: c, who: x } } ], fires: 1 }`, `["x"]: no event of d after the others within 1m`},
		{"few", `{ name: x, timeline: [ { at: 0, repeat: 3, event: { kind: a } } ], fires: 1 }`, `[]: 3 events from 2026-01-01T00:00:00Z on; 2 to 2 needed within 1m`},
		{"sum", `{ name: x, timeline: [ { at: 0, event: { kind: a, who: x, n: 0.25 } } ], fires: 1 }`, `["x"]: 0.25 within 1m at best, 0.301 needed`},
		{"many", `{ name: x, timeline: [ { at: 0, repeat: 3, event: { kind: a, who: x } } ], fires: 1 }`, `[]: 1 different value within 10m at best, 2 needed`},
		{"travel", `{ name: x, timeline: [ { at: 0, event: { class_uid: 3002, status_id: 1, user: { name: x }, src_endpoint: { location: { lat: 47.4, long: 8.5 } } } } ], fires: 1 }`, `["x"]: 0 km apart at most within 12h; 200 km needed`},
		{"count", `{ name: x, timeline: [ { at: 0, event: { kind: a } } ], match: true }`, `match: true expected, got false (0 of 1 events counted)`},
		{"count", `{ name: x, timeline: [ { at: 10s, late: 25m, event: { kind: a, who: x } }, { at: 0, repeat: 2, event: { kind: a, who: x } } ], fires: 0 }`, ""},
		{"count", `{ name: x, event: { kind: a, who: x }, match: true }`, ""},
		{"count", `{ name: x, event: { kind: b, who: x }, match: true }`, `match: true expected, got false`},
		{"few", `{ name: x, timeline: [ { at: 0, repeat: 2, event: { kind: a } }, { at: 1m, repeat: 3, event: { kind: a } }, { at: 2m, event: { kind: a } } ], fires: 1, commands: [ { target: few } ] }`, ""},
		{"sum", `{ name: x, timeline: [ { at: 0, repeat: 3, event: { kind: a, who: x, n: 0.1 } } ], fires: 0 }`, ""},
		{"sum", `{ name: x, timeline: [ { at: 0, repeat: 3, event: { kind: a, who: x, n: "${n}" } } ], fires: 1, commands: [ { with: { message: 1 } } ] }`, ""},
		{"fresh", `{ name: x, timeline: [ { at: 0, repeat: 3, every: 1d, event: { kind: a, who: x, from: CH } }, { at: 1d, event: { kind: a, who: x, from: DE } }, { at: 3d, event: { kind: a, who: x, from: KP } } ], fires: 1, commands: [ { with: { message: KP } } ] }`, ""},
		{"path", `{ name: x, timeline: [ { at: 30s, event: { kind: d, whom: x } }, { at: 0, late: 5m, event: { kind: c, who: x } } ], fires: 1, commands: [ { target: x, with: { set: "x x" } } ] }`, ""},
		{"path", `{ name: x, timeline: [ { at: 0, event: { kind: d, whom: x } }, { at: 30s, event: { kind: c, who: x } } ], fires: 0 }`, ""},
		{"then", `{ name: x, timeline: [ { at: 0, repeat: 3, event: { kind: a, who: x } }, { at: 30s, event: { kind: d, whom: x } } ], fires: 1, commands: [ { lane: block, target: x } ] }`, ""},
		{"then", `{ name: x, timeline: [ { at: 0, repeat: 3, late: 15m, event: { kind: a, who: x } }, { at: 100s, event: { kind: d, whom: x } } ], fires: 1 }`, ""},
		{"then", `{ name: x, timeline: [ { at: 0, repeat: 3, event: { kind: a, who: x } }, { at: 30s, event: { kind: d, whom: y } } ], fires: 0 }`, ""},
		{"then", `{ name: x, timeline: [ { at: 0, event: { kind: d, whom: x } }, { at: 70s, repeat: 3, event: { kind: a, who: x } } ], fires: 0 }`, ""},
		{"then", `{ name: x, timeline: [ { at: 0, repeat: 2, event: { kind: a, who: x } }, { at: 30s, event: { kind: d, whom: x } } ], fires: 0 }`, ""},
		{"many", `{ name: x, timeline: [ { at: 0, repeat: 3, event: { kind: a, who: x } }, { at: 5m, repeat: 3, event: { kind: a, who: y } } ], fires: 1 }`, ""},
		{"many", `{ name: x, timeline: [ { at: 0, repeat: 3, event: { kind: a, who: x } }, { at: 5m, repeat: 3, event: { kind: a, who: x } } ], fires: 0 }`, ""},
		{"travel", `{ name: x, timeline: [ { at: 0, event: { class_uid: 3002, status_id: 1, user: { name: x }, src_endpoint: { location: { lat: 47.4, long: 8.5 } } } }, { at: 1h, event: { class_uid: 3002, status_id: 1, user: { name: x }, src_endpoint: { location: { lat: 40.7, long: -74.0 } } } } ], fires: 1 }`, ""},
		{"travel", `{ name: x, timeline: [ { at: 0, event: { class_uid: 3002, status_id: 1, user: { name: x }, src_endpoint: { location: { lat: 47.4, long: 8.5 } } } }, { at: 8h, event: { class_uid: 3002, status_id: 1, user: { name: x }, src_endpoint: { location: { lat: 40.7, long: -74.0 } } } } ], fires: 0 }`, ""},
	} {
		text := strings.Replace(correlations, "\nid: "+c.rule+"\n", "\nid: "+c.rule+"\ntests: [ "+c.test+" ]\n", 1)
		rules, err := rule.Parse(options(), "r.yaml", []byte(text))
		if err != nil {
			t.Errorf("%s\n%v", c.test, err)
			continue
		}
		res := rule.RunTests(rules, engine.New(rules, zerolog.Nop()), lines)
		if len(res) != 1 {
			t.Fatalf("%d results", len(res))
		}
		switch got := res[0].String(); {
		case c.want == "" && !res[0].Passed():
			t.Errorf("%s: %s\n%s", c.rule, c.test, got)
		case c.want != "" && !strings.Contains(got, c.want):
			t.Errorf("%s: %s\n%s\nwant %s", c.rule, c.test, got, c.want)
		}
	}
}
