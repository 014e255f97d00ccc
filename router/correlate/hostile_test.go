package correlate

import (
	"fmt"
	"testing"
	"time"
)

// TestLargeBounds: what may be asked for is found, also where it is more than is kept of a bucket otherwise.
func TestLargeBounds(t *testing.T) {
	t.Parallel()
	for _, bound := range []int64{2048, 2049, 5000, MaxEntries} {
		s := NewState(spec(Spec{Type: EventCount, Within: time.Minute, Lateness: time.Minute, Min: bound * milli}), &Budget{Limit: 1 << 24})
		fired, shed := 0, 0
		for i := range bound { // half of them in one bucket, half in the next
			at := 30*time.Second + time.Duration(i)*59*time.Second/time.Duration(bound)
			c := contribution(fmt.Sprint(i), "g", at)
			f, v := s.Apply(&c, arrives(at))
			if v == Shed {
				shed++
			}
			if fired += len(f); fired > 0 && i < bound-1 {
				t.Fatalf("%d: fires at %d", bound, i)
			}
		}
		if fired != 1 || shed > 0 {
			t.Errorf("%d: fired %d times, %d shed", bound, fired, shed)
		}
		again := 0
		for i := range bound { // all in one
			c := contribution(fmt.Sprint("x", i), "h", time.Duration(i)*59*time.Second/time.Duration(bound))
			f, _ := s.Apply(&c, arrives(2*time.Minute))
			again += len(f)
		}
		if again != 1 {
			t.Errorf("%d in one bucket: fired %d times", bound, again)
		}
	}
}
