package kafka

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/obs"
)

// TestHealth: one line when Kafka is away and one when it is back, whoever notices it, and none for what is left over from before.
func TestHealth(t *testing.T) {
	var log bytes.Buffer
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	h := newHealth(obs.NewCondition(zerolog.New(&log), "kafka"))
	h.now = func() time.Time { return now }
	lines := func() (away, back int) {
		return strings.Count(log.String(), " is away"), strings.Count(log.String(), " is back")
	}
	expect := func(what string, away, back int, well bool) {
		t.Helper()
		if a, b := lines(); a != away || b != back || h.well() != well {
			t.Errorf("%s: said %d times that it is away and %d times that it is back, well %t; want %d, %d, %t", what, a, b, h.well(), away, back, well)
		}
	}
	h.ok("read 1")
	expect("at first", 0, 0, true)
	h.failed("read 1", errors.New("EOF"))
	h.failed("read 2", errors.New("EOF"))
	h.ok("read 1")
	expect("while one fails", 1, 0, false)
	h.ok("read 2")
	expect("back", 1, 1, true)
	h.failed("write 1", errors.New("EOF")) // a connection of before
	expect("just after", 1, 1, true)
	h.ok("write 1")
	expect("and that is over", 1, 1, true)
	h.failed("write 1", errors.New("EOF"))
	now = now.Add(settled)
	h.failed("write 1", errors.New("EOF"))
	expect("it lasts", 2, 1, false)
	h.ok("write 1")
	expect("back again", 2, 2, true)
}
