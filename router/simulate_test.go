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

// TestSimulationCounts: above a bound, targets are estimated; what a rule fires above its max_rate is held back, as in the router.
func TestSimulationCounts(t *testing.T) {
	t.Parallel()
	const events, rate = 30_000, 2000
	rules, err := rule.Parse(rule.Options{}, "r.yaml", fmt.Appendf(nil,
		"id: r\ntitle: t\nseverity: low\nmax_rate: 1000000\nwhen: message == \"m\"\nthen: [ { alert: { group_by: unmapped.n } } ]\n---\n"+
			"id: s\ntitle: t\nseverity: low\nmax_rate: %d\nwhen: message == \"m\"\nthen: [ { alert: {} } ]\n", rate))
	if err != nil {
		t.Fatal(err)
	}
	s := router.NewSimulation(router.Simulated{Candidate: engine.New(rules, zerolog.Nop())})
	began := time.Unix(1772700000, 0).UTC()
	for i := range events { // within ten seconds
		ev := schemas.Event{
			UID: fmt.Sprint(i), Class: 0, Time: began,
			Data: fmt.Appendf(nil, `{"class_uid": 0, "message": "m", "metadata": {"uid": "%d"}, "unmapped": {"n": %d}}`, i, i),
		}
		s.Event(ev, false, began.Add(time.Duration(i)*10*time.Second/events))
	}
	r := s.Report()
	if r.Events != events || !r.From.Equal(began) || !r.To.After(began.Add(9*time.Second)) || r.Candidate != 2 || len(r.Rules) != 2 {
		t.Errorf("%+v", r)
	}
	a := r.Rules[0].Actions[0]
	if off := float64(a.Targets)/events - 1; !a.Approximate || off > 0.03 || off < -0.03 || a.Commands != events {
		t.Errorf("%+v", a)
	}
	if x := r.Rules[1]; x.Matches != events || x.Shed != events-10*rate || x.Actions[0].Commands != 10*rate {
		t.Errorf("%+v", x)
	}
}
