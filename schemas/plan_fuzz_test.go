package schemas

import (
	"encoding/json"
	"testing"
)

// FuzzPlan: a plan that can be read has a hash, the same after it was stored once more.
func FuzzPlan(f *testing.F) {
	f.Add([]byte(`{"summary":"s","calls":[{"service":"s3","operation":"o","params":{"a":9007199254740993,"b":[1.5,null]}}],"before":{"x":1},"after":"y"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var p, again Plan
		if json.Unmarshal(text, &p) != nil {
			return
		}
		hash, err := p.Hash()
		if err != nil {
			return
		}
		stored, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(stored, &again); err != nil {
			t.Fatal(err)
		}
		if h, err := again.Hash(); err != nil || h != hash {
			t.Errorf("%s: hash %s and then %s, %v", text, hash, h, err)
		}
	})
}

// FuzzOutcome: an outcome that can be read is an event that can be read, whatever stands in it.
func FuzzOutcome(f *testing.F) {
	f.Add([]byte(`{"state":"verified","message":"m","time":"2026-01-01T00:00:00Z","after":{"a":1}}`), []byte(`{"summary":"s"}`))
	f.Fuzz(func(t *testing.T, outcome, plan []byte) {
		var o Outcome
		var p Plan
		if json.Unmarshal(outcome, &o) != nil || json.Unmarshal(plan, &p) != nil {
			return
		}
		target := Target{Type: "thing", ID: "x"}
		cmd := Command{ID: CommandID("r", "s", "e", target), Rule: "r", Step: "s", Lane: LaneRemediate, Action: "a", Target: target, Severity: "low", Event: []byte(`{}`), EventUID: "e"}
		ev, err := OutcomeEvent(cmd, &p, o)
		if err != nil {
			return
		}
		if _, err := ReadEvent(ev.Data, Envelope{}); err != nil {
			t.Errorf("%s: %v", outcome, err)
		}
	})
}
