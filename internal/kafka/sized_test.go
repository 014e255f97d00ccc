package kafka

import "testing"

// TestPagesKeepTheirSize: whatever compression makes of an answer, after a few of them a page is about as large as it should be, and no smaller than what a
// broker hands over at most.
func TestPagesKeepTheirSize(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ ratio, least, most int }{
		{1, fetchBytes, fetchBytes},
		{10, pageBytes / 10 / 2, pageBytes / 10},
		{1000, leastFetch, leastFetch},
	} {
		asked := fetchBytes / 8
		for range 20 {
			asked = page{bytes: asked * c.ratio}.sized(asked)
		}
		if asked < c.least || asked > c.most {
			t.Errorf("what becomes %d times as much: %d bytes are asked for, %d to %d expected", c.ratio, asked, c.least, c.most)
		}
	}
	if asked := (page{bytes: 100}).sized(leastFetch); asked != 2*leastFetch {
		t.Errorf("after a page of next to nothing %d bytes are asked for", asked)
	}
}
