package consumers

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/riposte-security/riposte/schemas"
)

// FuzzControl: whatever comes on the control topic turns the lanes that there are, or nothing.
func FuzzControl(f *testing.F) {
	f.Add([]byte(`{"type":"stop","lanes":["block","nowhere"],"by":"x","at":"2026-01-01T00:00:00Z"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var c Control
		if json.Unmarshal(text, &c) != nil {
			return
		}
		for _, w := range known(c.Switches()) {
			if !slices.Contains(schemas.Lanes(), w.Lane) || w.Stopped != (c.Type == ControlStop) {
				t.Errorf("%s turns %+v", text, w)
			}
		}
	})
}
