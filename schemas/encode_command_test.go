package schemas

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestEncodeLeavesTheEventAsItIs(t *testing.T) {
	event := []byte(`{"html":"<b>&amp;</b>","n":18446744073709551615}`)
	c := Command{ID: "x", Event: event}
	b, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(b, event) {
		t.Errorf("%s does not contain %s", b, event)
	}
	if bytes.HasSuffix(b, []byte("\n")) {
		t.Error("a line break at the end")
	}
}

// TestEncodeIsWhatEncodingJSONMakes of a command, wherever what looks like its event stands besides.
func TestEncodeIsWhatEncodingJSONMakes(t *testing.T) {
	trap := `"event":0,"event_uid":"x"`
	for _, event := range []string{`{"a":[1,{"b":"\"event\":0"}]}`, `{}`, `null`, ` {"a" : 1}`, `{"event":0,"event_uid":""}`} {
		c := Command{
			ID: "x", Rule: trap, Event: []byte(event), EventUID: trap, Replay: trap, Created: time.Unix(1, 0).UTC(), Shed: &Shed{EventUIDs: []string{trap}},
			With: map[string]any{"event": 0, "event_uid": "x", "text": trap},
		}
		want, err := json.Marshal(&c)
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.Encode()
		if err != nil {
			t.Fatal(err)
		}
		var a, b any
		if err := errors.Join(json.Unmarshal(want, &a), json.Unmarshal(got, &b)); err != nil {
			t.Fatalf("%v: %s", err, got)
		}
		if d := cmp.Diff(a, b); d != "" {
			t.Errorf("%s: %s", got, d)
		}
	}
	if _, err := (&Command{Event: []byte(`{"a":`)}).Encode(); err == nil {
		t.Error("an event that is not JSON was encoded")
	}
}
