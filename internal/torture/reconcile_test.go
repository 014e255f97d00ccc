package main

import (
	"fmt"
	"testing"
	"time"
)

// sound is the evidence of a small run in which all went well.
func sound() evidence {
	e := evidence{
		dead: map[string]int{"poison": 2}, refused: map[string]int{"a": 3}, mayRefuse: 3,
		want:   want{sent: map[string]bool{"t-1": true, "t-2": true, "t-3": true}, commands: map[key]string{{ruleInvoke, "t-1"}: "invoke-1", {ruleInvoke, "t-2"}: "invoke-1", {ruleBurst, "c-1"}: ""}, poison: map[string]bool{"poison": true}},
		events: map[string]int{"t-1": 1, "t-2": 2, "t-3": 1}, decided: map[string]int{"t-1": 1, "t-2": 3, "t-3": 1},
		rows: []row{
			{"a", ruleInvoke, "t-1", "invoke-1", "verified", 5}, {"b", ruleInvoke, "t-2", "invoke-1", "verified", 1},
			{"c", ruleBurst, "f00", "user.uid=c-1", "verified", 1},
		},
		told: map[string]map[string]string{"a": {"1": "approval", "2": "verified"}, "b": {"3": "verified"}, "c": {"4": "verified"}},
		effects: []effect{
			{"a", ruleInvoke, "t-1", "invoke-1", 1}, {"b", ruleInvoke, "t-2", "invoke-1", 2}, {"a", ruleInvoke, "t-1", "invoke-1", 1},
			{"c", ruleBurst, "f00", "user.uid=c-1", 0},
		},
	}
	return e
}

// TestReconcile: each thing that can go wrong is found, and nothing else is then.
func TestReconcile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		spoil func(*evidence)
		want  map[string]int
	}{
		{"all is well", func(*evidence) {}, nil},
		{"an event that was not published", func(e *evidence) { delete(e.events, "t-3") }, map[string]int{lostEvents: 1}},
		{"an event that was not decided", func(e *evidence) { delete(e.decided, "t-3") }, map[string]int{lostEvents: 1}},
		{"an event that nobody sent", func(e *evidence) { e.decided["t-9"] = 1 }, map[string]int{unexpected: 1}},
		{"a command that is not in the ledger", func(e *evidence) { e.rows = e.rows[1:] }, map[string]int{lostCommands: 1, unexpected: 1}},
		{"a command that was not called", func(e *evidence) { e.effects = e.effects[:3] }, map[string]int{lostEffects: 1}},
		{"two commands for one event", func(e *evidence) {
			e.rows = append(e.rows, row{"d", ruleInvoke, "t-2", "invoke-1", "verified", 0})
			e.told["d"] = e.told["b"]
		}, map[string]int{doubled: 1}},
		{"an outcome that was not told", func(e *evidence) { delete(e.told["a"], "2") }, map[string]int{lostOutcomes: 1}},
		{"an outcome that was told as two", func(e *evidence) { e.told["b"]["5"] = "verified" }, map[string]int{manyOutcomes: 1}},
		{"two keys for one command", func(e *evidence) { e.effects = append(e.effects, effect{"x", ruleInvoke, "t-2", "invoke-1", 2}) }, map[string]int{doubledKeys: 1, unexpected: 1}},
		{"two findings for one group", func(e *evidence) {
			e.rows = append(e.rows, row{"d", ruleBurst, "f01", "user.uid=c-1", "verified", 0})
			e.told["d"] = e.told["c"]
		}, map[string]int{doubled: 1}},
		{"a finding that should not be", func(e *evidence) { delete(e.want.commands, key{ruleBurst, "c-1"}) }, map[string]int{unexpected: 1}},
		{"a call that nobody took up", func(e *evidence) { e.rows[0].claims = 4 }, map[string]int{unjustified: 1}},
		{"the wrong order", func(e *evidence) { e.effects[0], e.effects[1] = e.effects[1], e.effects[0] }, map[string]int{disorder: 1}},
		{"a command for somebody else", func(e *evidence) { e.rows[1].target = "invoke-2" }, map[string]int{wrongTarget: 1}},
		{"a command that failed", func(e *evidence) { e.rows[1].state = "failed" }, map[string]int{unfinished: 1, lostOutcomes: 1}},
		{"a dead letter", func(e *evidence) { e.dead["why"] = 1 }, map[string]int{deadLetter: 1}},
		{"poison that is no dead letter", func(e *evidence) { delete(e.dead, "poison") }, map[string]int{deadLetter: 1}},
		{"calls without end", func(e *evidence) { e.refused["a"] = 4; e.rows[0].claims = 6 }, map[string]int{storm: 1}},
	} {
		e := sound()
		c.spoil(&e)
		r := reconcile(e)
		for kind, n := range r.Wrong {
			if n != c.want[kind] {
				t.Errorf("%s: %d %s, want %d: %q", c.name, n, kind, c.want[kind], r.Notes)
			}
		}
		if r.ok() != (len(c.want) == 0) {
			t.Errorf("%s: ok is %t", c.name, r.ok())
		}
	}
}

// TestLower: a commit that is lower than one before is found; other groups, other partitions and what is no commit are not.
func TestLower(t *testing.T) {
	t.Parallel()
	line := func(group string, partition, offset int) string {
		return fmt.Sprintf(`{"key":{"type":1,"data":{"group":%q,"topic":"t","partition":%d}},"value":{"version":4,"data":{"offset":%d,"metadata":""}}}`, group, partition, offset)
	}
	text := line("g", 0, 5) + line("h", 0, 4) + line("g", 1, 3) + `{"key":{"type":2,"data":{"group":"g"}},"value":null}` + line("g", 0, 9)
	n, back, err := lower([]byte(text))
	if n != 4 || len(back) != 0 || err != nil {
		t.Errorf("%d commits, %q, %v", n, back, err)
	}
	if n, back, err = lower([]byte(text + line("g", 0, 8))); n != 5 || len(back) != 1 || err != nil {
		t.Errorf("%d commits, %q, %v", n, back, err)
	}
}

// TestLoadIsTheSameAgain: a seed gives the same events, and what must follow from them; the groups that are complete lead to findings, and no others.
func TestLoadIsTheSameAgain(t *testing.T) {
	t.Parallel()
	const events = 20_000
	at := time.Unix(1_796_000_000, 0)
	sent := func(seed uint64) (lines map[string]string, w want) {
		l := newLoad(seed)
		lines = map[string]string{}
		for range events {
			e := l.next(at)
			lines[e.uid] = string(e.line)
		}
		return lines, l.finish()
	}
	one, wantOne := sent(7)
	two, wantTwo := sent(7)
	other, _ := sent(8)
	differs, findings := 0, 0
	for uid, line := range one {
		if two[uid] != line {
			t.Fatalf("%s then %s", line, two[uid])
		}
		if other[uid] != line {
			differs++
		}
	}
	for k := range wantOne.commands {
		if _, ok := wantTwo.commands[k]; !ok {
			t.Errorf("%v is missing the second time", k)
		}
		if k.rule == ruleBurst || k.rule == ruleSpread {
			findings++
		}
	}
	if len(wantOne.sent) != events || len(wantOne.commands) != len(wantTwo.commands) || findings < 50 || differs < events/2 {
		t.Errorf("%d events, %d and %d commands, %d findings, %d events differ with another seed", len(wantOne.sent), len(wantOne.commands), len(wantTwo.commands), findings, differs)
	}
}

// TestDraw: a seed gives the same faults, in time, each kind among them.
func TestDraw(t *testing.T) {
	t.Parallel()
	const n, within = 65, 10 * time.Minute
	kinds, a := schedule(3, n, within)
	_, b := schedule(3, n, within)
	if len(a) != n+7 {
		t.Fatalf("%d faults", len(a))
	}
	of := map[string]int{}
	for i, f := range a {
		if f != b[i] {
			t.Errorf("%+v, then %+v", f, b[i])
		}
		if f.at < 0 || f.at >= within || i > 0 && f.at < a[i-1].at {
			t.Errorf("at %s", f.at)
		}
		of[f.kind]++
	}
	for _, k := range kinds {
		if of[k.name] == 0 {
			t.Errorf("no %s", k.name)
		}
	}
}
