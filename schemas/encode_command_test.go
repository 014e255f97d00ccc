package schemas

import (
	"bytes"
	"testing"
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
