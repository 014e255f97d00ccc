package router_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/router"
	"github.com/riposte-security/riposte/router/engine"
	"github.com/riposte-security/riposte/router/rule"
	"github.com/riposte-security/riposte/schemas"
)

// TestSimulationCounts: above a bound, targets are estimated; what a rule fires above its max_rate is held back, as in the router, and one that does not
// say how much that is has that of the configuration.
func TestSimulationCounts(t *testing.T) {
	t.Parallel()
	const events, rate, configured = 30_000, 2000, 500
	rules, err := rule.Parse(rule.Options{}, "r.yaml", fmt.Appendf(nil,
		"id: r\ntitle: t\nseverity: low\nmax_rate: 1000000\nwhen: message == \"m\"\nthen: [ { alert: { group_by: unmapped.n } } ]\n---\n"+
			"id: s\ntitle: t\nseverity: low\nmax_rate: %d\nwhen: message == \"m\"\nthen: [ { alert: {} } ]\n---\n"+
			"id: t\ntitle: t\nseverity: low\nwhen: message == \"m\"\nthen: [ { alert: {} } ]\n", rate))
	if err != nil {
		t.Fatal(err)
	}
	s := router.NewSimulation(router.Simulated{Candidate: engine.New(rules, zerolog.Nop()), MaxRate: configured})
	began := time.Unix(1772700000, 0).UTC()
	for i := range events { // within ten seconds
		ev := schemas.Event{
			UID: fmt.Sprint(i), Class: 0, Time: began,
			Data: fmt.Appendf(nil, `{"class_uid": 0, "message": "m", "metadata": {"uid": "%d"}, "unmapped": {"n": %d}}`, i, i),
		}
		s.Event(ev, false, began.Add(time.Duration(i)*10*time.Second/events))
	}
	r := s.Report()
	if r.Events != events || !r.From.Equal(began) || !r.To.After(began.Add(9*time.Second)) || r.Candidate != 3 || len(r.Rules) != 3 {
		t.Errorf("%+v", r)
	}
	a := r.Rules[0].Actions[0]
	if off := float64(a.Targets)/events - 1; !a.Approximate || off > 0.03 || off < -0.03 || a.Commands != events {
		t.Errorf("%+v", a)
	}
	for i, limit := range []int{rate, configured} {
		if x := r.Rules[1+i]; x.Matches != events || x.Shed != events-10*limit || x.Actions[0].Commands != 10*limit {
			t.Errorf("%+v", x)
		}
	}
}
