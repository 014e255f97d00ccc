package obs

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestConditionLogsChangesOnly(t *testing.T) {
	var out bytes.Buffer
	log, err := NewLogger(&out, "info", "json")
	if err != nil {
		t.Fatal(err)
	}
	c := NewCondition(log, "kafka")
	c.OK()
	for range 3 {
		c.Failed(errors.New("no route"))
	}
	if c.Well() {
		t.Error("well while it is away")
	}
	c.OK()
	c.OK()
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], "kafka is away") || !strings.Contains(lines[0], "no route") || !strings.Contains(lines[1], "kafka is back") {
		t.Errorf("log:\n%s", out.String())
	}
	if !c.Well() {
		t.Error("not well after it came back")
	}
}

func TestNewLogger(t *testing.T) {
	for _, c := range []struct{ level, format, want string }{
		{"info", "json", `{"level":"info"`}, {"info", "auto", `{"level":"info"`}, {"info", "console", "INF hello"}, {"warn", "json", ""},
	} {
		var out bytes.Buffer
		log, err := NewLogger(&out, c.level, c.format)
		if err != nil {
			t.Fatal(err)
		}
		log.Info().Msg("hello")
		if got := out.String(); !strings.Contains(got, c.want) || (c.want == "") != (got == "") {
			t.Errorf("%s %s: %q", c.level, c.format, got)
		}
	}
	for _, bad := range [][2]string{{"loud", "json"}, {"info", "xml"}} {
		if _, err := NewLogger(&bytes.Buffer{}, bad[0], bad[1]); err == nil {
			t.Errorf("%v was taken", bad)
		}
	}
}
