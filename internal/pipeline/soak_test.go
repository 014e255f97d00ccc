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
	c := l.client(b, prefix, partitions)
	cfg, _ := l.settings(b, prefix, partitions, routing(rulesFolder(b, 10), prefix))
	p := l.riposte(b, cfg, "route")
	defer p.Kill()
	fill(b, c, 10_000)
	until(b, "the router works", func() bool { return lag(b, c, prefix) == 0 })
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
	if n, want := commands(b, c), int64(offered+10_000)/100; n != want {
		b.Errorf("%d commands, %d expected", n, want)
	}
	quarter := max(1, len(sizes)/4)
	first, last := slices.Max(sizes[:quarter]), slices.Max(sizes[len(sizes)-quarter:])
	b.ReportMetric(float64(last)/float64(first), "last_quarter_to_first")
	l.row(b, "soak: %d events/s for %s, %d events   memory in the first quarter at most %d MB, in the last %d MB (bar 300)", perSecond, during, offered, first, last)
}
