package router

import (
	"testing"
	"time"
)

// TestSteady: a clock that is put forward is not followed until Kafka's messages say the same; one that is put back is, as what was decided stays so.
func TestSteady(t *testing.T) {
	t.Parallel()
	began := time.UnixMilli(1_772_800_000_000).UTC()
	after := func(d time.Duration) time.Time { return began.Add(d) }
	var s steady
	for i, c := range []struct{ wall, elapsed, appended, want time.Duration }{
		{0, 0, 0, 0},
		{time.Second, time.Second, 0, time.Second},
		{24 * time.Hour, time.Second, time.Second, 2 * time.Second},                                    // put forward by a day
		{24*time.Hour + time.Second, time.Second, 3 * time.Second, 3 * time.Second},                    // still wrong
		{4 * time.Second, time.Second, 4 * time.Second, 4 * time.Second},                               // put right
		{2 * time.Hour, time.Second, 4 * time.Second, 5 * time.Second},                                 // the machine was asleep
		{2*time.Hour + time.Second, time.Second, 2*time.Hour + time.Second, 2*time.Hour + time.Second}, // and Kafka was not
		{time.Hour, time.Second, 2 * time.Hour, time.Hour},                                             // put back
	} {
		if got := s.next(after(c.wall), c.elapsed, after(c.appended)); !got.Equal(after(c.want)) {
			t.Errorf("%d: %s, want %s", i, got.Sub(began), c.want)
		}
	}
}
