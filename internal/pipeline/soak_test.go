//go:build integration

package pipeline

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// soak: a steady load of about half of what router, broker and sender together get through on two processors, for a time. Neither time nor the length of the topic
// makes the router larger.
func soak(b *testing.B, l *lab) {
	const prefix, partitions, perSecond = "soak", 6, 20_000
	const shown, mayGrow = 12, 1.2 // parts of the time; what is usual in the last may be so much more than after a third, by when all is warm
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
	parts := slices.Collect(slices.Chunk(sizes, len(sizes)/shown+1))
	var usual, most []string
	for _, part := range parts {
		slices.Sort(part)
		usual, most = append(usual, strconv.Itoa(part[len(part)/2])), append(most, strconv.Itoa(part[len(part)-1]))
	}
	first, last := parts[len(parts)/3], parts[len(parts)-1]
	grown := float64(last[len(last)/2]) / float64(first[len(first)/2])
	b.ReportMetric(grown, "last_to_third")
	if grown > mayGrow {
		b.Errorf("the router's memory grew to %.2f of what it was", grown)
	}
	l.row(b, "soak: %d events/s for %s, %d events, nothing lost   memory by %s, usually %s MB, at most %s MB (bar 300)", perSecond, during, offered,
		(during / shown).Round(time.Second), strings.Join(usual, " "), strings.Join(most, " "))
}
