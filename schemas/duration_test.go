package schemas_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/riposte-security/riposte/schemas"
)

func TestDuration(t *testing.T) {
	for text, d := range map[string]time.Duration{
		"4h": 4 * time.Hour, "40m": 40 * time.Minute, "1h30m": 90 * time.Minute, "1m30s": 90 * time.Second, "10s": 10 * time.Second,
		"1h0m5s": time.Hour + 5*time.Second, "0s": 0, "250ms": 250 * time.Millisecond, "-2h": -2 * time.Hour, "168h": 168 * time.Hour,
	} {
		if got := schemas.Duration(d).String(); got != text {
			t.Errorf("%s: %s", text, got)
		}
		b, err := json.Marshal(schemas.Duration(d))
		if err != nil {
			t.Fatal(err)
		}
		var back schemas.Duration
		if err := json.Unmarshal(b, &back); err != nil || time.Duration(back) != d {
			t.Errorf("%s: %s, %v", b, back, err)
		}
	}
	for _, bad := range []string{`4`, `"4"`, `"four"`, `null1`, `{}`} {
		var d schemas.Duration
		if err := json.Unmarshal([]byte(bad), &d); err == nil {
			t.Errorf("%s is a duration: %s", bad, d)
		}
	}
}
