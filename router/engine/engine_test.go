package engine_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/router/engine"
	"github.com/riposte-security/riposte/router/rule"
	"github.com/riposte-security/riposte/schemas"
)

func rules(t testing.TB, text string) []*rule.Rule {
	t.Helper()
	r, err := rule.Parse(rule.Options{}, "r.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func one(id, head, when string) string {
	return fmt.Sprintf("---\nid: %s\ntitle: t\nseverity: low\n%swhen: >\n  %s\nthen: [ { alert: {} } ]\n", id, head, when)
}

func event(t testing.TB, text string) schemas.Event {
	t.Helper()
	ev, err := schemas.ReadEvent([]byte(text), schemas.Envelope{Origin: "test", Position: "0"})
	if err != nil {
		t.Fatal(err)
	}
	return ev
}

func TestClassAndKind(t *testing.T) {
	t.Parallel()
	e := engine.New(rules(t, one("any", "", "true")+one("api", "class: api_activity\n", "true")+one("two", "class: [api_activity, authentication, api_activity]\n", "true")+
		one("never", "class: api_activity\n", "false")+one("out", "on: outcomes\n", "true")+one("out-class", "on: outcomes\nclass: remediation_activity\n", "true")+
		one("last", "on: events\n", "true")), zerolog.Nop())
	for _, c := range []struct {
		class    int
		outcomes bool
		want     string
	}{
		{6003, false, "any api two last"}, {3002, false, "any two last"}, {4001, false, "any last"}, {0, false, "any last"},
		{7001, true, "out out-class"}, {2004, true, "out"}, {7001, false, "any last"},
	} {
		d := e.Decide(event(t, fmt.Sprintf(`{"class_uid": %d}`, c.class)), c.outcomes, time.Unix(0, 0))
		if got := strings.Join(d.Fired, " "); got != c.want {
			t.Errorf("class %d, outcomes %v: %s, want %s", c.class, c.outcomes, got, c.want)
		}
		if len(d.Commands) != len(d.Fired) {
			t.Errorf("class %d: %d commands of %d rules", c.class, len(d.Commands), len(d.Fired))
		}
	}
}

func TestFailuresCountAndDoNotStop(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	e := engine.New(rules(t, one("slow", "", "any(unmapped.l, # in filter(unmapped.l, # != 'x'))")+one("fine", "", "len(unmapped.l) > 1")), zerolog.New(&log))
	ev := event(t, `{"unmapped": 1, "class_uid": 0, "metadata": {"uid": "big"}}`)
	ev.Data = []byte(`{"class_uid": 0, "unmapped": {"l": ["x"` + strings.Repeat(`,"x"`, 50_000) + `]}}`)
	for range 10 {
		if d := e.Decide(ev, false, time.Unix(0, 0)); strings.Join(d.Fired, " ") != "fine" {
			t.Fatalf("fired %v", d.Fired)
		}
	}
	want := []engine.Counts{{Rule: "slow", Failures: 10}, {Rule: "fine", Matches: 10}}
	if diff := cmp.Diff(want, e.Counts()); diff != "" {
		t.Error(diff)
	}
	if n := strings.Count(log.String(), `"rule":"slow"`); n != 2 {
		t.Errorf("%d lines logged for 10 failures, want those of the 1st and the 10th:\n%s", n, log.String())
	}
}

func TestUnreadableEventFiresNothing(t *testing.T) {
	t.Parallel()
	e := engine.New(rules(t, one("any", "", "true")), zerolog.Nop())
	if d := e.Decide(schemas.Event{Data: []byte(`[`)}, false, time.Unix(0, 0)); len(d.Fired) != 0 || e.Unreadable() != 1 {
		t.Errorf("fired %v, unreadable %d", d.Fired, e.Unreadable())
	}
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	e := engine.New(rules(t, one("a", "", "let n = len(resources); any(resources, .uid startsWith 'arn:') and n > 1")+
		one("b", "", "lower(message) matches 'h.llo' or cidr(src_endpoint.ip, '10.0.0.0/8')")), zerolog.Nop())
	yes := event(t, `{"class_uid": 0, "message": "HELLO", "resources": [{"uid": "x"}, {"uid": "arn:1"}]}`)
	no := event(t, `{"class_uid": 0, "message": "bye", "resources": [{"uid": "arn:1"}]}`)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				if d := e.Decide(yes, false, time.Unix(0, 0)); len(d.Fired) != 2 {
					t.Errorf("fired %v, want both", d.Fired)
				}
				if d := e.Decide(no, false, time.Unix(0, 0)); len(d.Fired) != 0 {
					t.Errorf("fired %v, want none", d.Fired)
				}
			}
		})
	}
	wg.Wait()
}

func TestExplain(t *testing.T) {
	t.Parallel()
	e := engine.New(rules(t, one("a", "", "message == 'x'")), zerolog.Nop())
	parts, holds, err := e.Explain("a", event(t, `{"class_uid": 0, "message": "y"}`))
	if err != nil || holds || len(parts) != 2 || parts[0].Value != "y" {
		t.Errorf("%v %v %v", parts, holds, err)
	}
	if _, _, err := e.Explain("none", event(t, `{"class_uid": 0}`)); err == nil {
		t.Error("a rule that is not there was explained")
	}
}
