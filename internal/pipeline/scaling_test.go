//go:build integration

package pipeline

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/riposte-security/riposte/internal/testproc"
)

// scaling: one router, then two, then four on twelve partitions under a steady load. How soon the last to come takes part, and how the work is shared then.
func scaling(b *testing.B, l *lab) {
	const prefix, partitions, perSecond, watched = "scaling", 12, 3000, 5 * time.Second
	c := l.client(b, prefix, partitions)
	rules := rulesFolder(b, 100)
	ctx, cancel := context.WithCancel(b.Context())
	var load sync.WaitGroup
	load.Go(func() { offer(ctx, b, c, perSecond, 10*time.Minute) })
	defer load.Wait()
	defer cancel()
	var at []string // where their metrics are
	for _, routers := range []int{1, 2, 4} {
		var joined time.Duration
		for len(at) < routers {
			cfg, http := l.settings(b, prefix, partitions, routing(rules, prefix))
			began := time.Now()
			p := l.riposte(b, cfg, "route")
			defer p.Kill()
			at = append(at, http)
			until(b, "the new one takes part", func() bool { return handled(http) > 0 })
			joined = max(joined, time.Since(began))
		}
		<-time.After(time.Second) // the others have what was moved
		before := make([]float64, routers)
		for i, a := range at {
			before[i] = handled(a)
		}
		<-time.After(watched)
		shares := make([]string, routers)
		each := make([]float64, routers)
		for i, a := range at {
			each[i] = (handled(a) - before[i]) / watched.Seconds()
			shares[i] = fmt.Sprintf("%.0f", each[i])
		}
		slices.Sort(each)
		b.ReportMetric(each[len(each)-1]/each[0], fmt.Sprintf("most_to_least_of_%d", routers))
		l.row(b, "%d routers on %d partitions, %d events/s   each %s/s   the last took part %s after its start (bar 5 s)", routers, partitions, perSecond,
			strings.Join(shares, ", "), joined.Round(10*time.Millisecond))
	}
}

// handled is how many events a router has dealt with; 0 while it does not answer.
func handled(addr string) float64 { return metric(addr, "riposte_router_events_total", "") }

// metric sums the series of a metric that have a label; 0 while nobody answers.
func metric(addr, name, label string) float64 {
	res, err := http.Get("http://" + addr + "/metrics") //nolint:noctx // on loopback, and looked at again
	if err != nil {
		return 0
	}
	defer res.Body.Close() //nolint:errcheck // only read
	sum := 0.0
	for s := bufio.NewScanner(res.Body); s.Scan(); {
		if strings.HasPrefix(s.Text(), name+"{") && strings.Contains(s.Text(), label) {
			n, err := strconv.ParseFloat(s.Text()[strings.LastIndexByte(s.Text(), ' ')+1:], 64)
			if err == nil {
				sum += n
			}
		}
	}
	return sum
}

// pressure: twice what a router gets through, for a time. The topic grows, the router does not, and afterwards all is worked off.
func pressure(b *testing.B, l *lab) {
	const prefix, partitions, perSecond = "pressure", 6, 20_000
	c, p := l.working(b, prefix, partitions, 10_000)
	defer p.Kill()
	before, stopWatch := memory(b, p), watch(b, p)
	began := time.Now()
	half := func() bool { return float64(2*lag(b, c, prefix)) >= time.Since(began).Seconds()*perSecond }
	pausing, stop := context.WithCancel(b.Context())
	var brake sync.WaitGroup
	brake.Go(func() { brakes(pausing, b, p, half) })
	offered := offer(b.Context(), b, c, perSecond, lasting(b, "RIPOSTE_PRESSURE", "30s"))
	took, left := time.Since(began), lag(b, c, prefix)
	during := stopWatch()
	stop()
	brake.Wait()
	until(b, "all is worked off", func() bool { return lag(b, c, prefix) == 0 })
	drained := time.Since(began) - took
	again := complete(b, c, offered)
	through := float64(int64(offered)-left) / took.Seconds()
	if left < int64(offered)/3 {
		b.Errorf("%d of %d events waited: the router was not held back enough to tell", left, offered)
	}
	l.row(b, "back-pressure: %.0f events/s offered for %s, %.0f/s worked off (the router was held back), %d waited, drained in %s   memory %d MB before, %d MB at most   nothing lost, %d commands published again with their ids",
		float64(offered)/took.Seconds(), took.Round(time.Second), through, left, drained.Round(100*time.Millisecond), before, during, again)
}

// brakes lets a process run for a moment at a time, and seldom as long as less waits than it should: so a load that goes beyond it is one that the same machine can
// make.
func brakes(ctx context.Context, b *testing.B, p *testproc.Process, waits func() bool) {
	const run, often, seldom = 5 * time.Millisecond, 10 * time.Millisecond, 400 * time.Millisecond
	for ctx.Err() == nil {
		signalled(b, p, stopSignal)
		rest := seldom
		if waits() {
			rest = often
		}
		<-time.After(rest)
		signalled(b, p, goSignal)
		<-time.After(run)
	}
}
