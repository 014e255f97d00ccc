//go:build integration

package pipeline

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"
)

// soak: a steady load of about half of what router, broker and sender together get through on two processors, for a time. Neither time nor the length of the topic
// makes the router larger.
func soak(b *testing.B, l *lab) {
	const prefix, partitions, perSecond = "soak", 6, 20_000
	during := lasting(b, "RIPOSTE_SOAK", "1m")
	c, p := l.working(b, prefix, partitions, 10)
	defer p.Kill()
	ctx, stop := context.WithCancel(b.Context())
	var looking sync.WaitGroup
	var sizes []int // one a second
	looking.Go(func() {
		for ctx.Err() == nil {
			sizes = append(sizes, memory(b, p))
			<-time.After(time.Second)
		}
	})
	offered := offer(b.Context(), b, c, perSecond, during)
	until(b, "all is worked off", func() bool { return lag(b, c, prefix) == 0 })
	stop()
	looking.Wait()
	complete(b, c, offered)
	quarter := max(1, len(sizes)/4)
	first, last := slices.Max(sizes[:quarter]), slices.Max(sizes[len(sizes)-quarter:])
	b.ReportMetric(float64(last)/float64(first), "last_quarter_to_first")
	l.row(b, "soak: %d events/s for %s, %d events   memory in the first quarter at most %d MB, in the last %d MB (bar 300)", perSecond, during, offered, first, last)
}
