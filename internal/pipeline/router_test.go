//go:build integration

package pipeline

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/internal/testproc"
	"github.com/riposte-security/riposte/schemas"
)

// routerThroughput: how fast events that wait are worked off, from the first that was committed to the last.
func routerThroughput(b *testing.B, l *lab) {
	const events, partitions, warming, rounds = 1_000_000, 6, 3, 7
	c := l.client(b, "throughput", partitions)
	fill(b, c, events)
	settle(b)
	for i := range warming { // a broker that has just started compiles itself, and it is asked in two ways
		l.rawRate(b, c, fmt.Sprint("warm-raw-", i), events)
		l.routerRate(b, c, fmt.Sprint("warm-", i), partitions, 10, events)
	}
	for _, rules := range []int{10, 10_000} {
		var raws, rates, ratios []float64
		rss := 0
		for i := range rounds { // by turns: the machine is not the same from one minute to the next
			raws = append(raws, l.rawRate(b, c, fmt.Sprintf("raw-%d-%d", rules, i), events))
			rate, most := l.routerRate(b, c, fmt.Sprintf("rules-%d-%d", rules, i), partitions, rules, events)
			rates, rss = append(rates, rate), max(rss, most)
			ratios = append(ratios, rate/raws[i])
		}
		ratio := median(ratios)
		b.ReportMetric(ratio, fmt.Sprintf("of_raw_%d_rules", rules))
		l.row(b, "router, %6d rules   %9.0f events/s   raw loop %9.0f   ratio %.2f, from %.2f to %.2f (bar 0.60)   peak memory %d MB (bar 300)", rules, median(rates), median(raws),
			ratio, slices.Min(ratios), slices.Max(ratios), rss)
	}
	if n, want := onTopic(b, c, c.Topics().Alert), int64(warming+2*rounds)*events/100; n != want {
		b.Errorf("%d commands, %d expected", n, want)
	}
}

func median(of []float64) float64 {
	slices.Sort(of)
	return of[len(of)/2]
}

// settle has what was written brought to the disk, which the system would do meanwhile, at somebody's cost.
func settle(b *testing.B) {
	b.Helper()
	if err := exec.CommandContext(b.Context(), "sync").Run(); err != nil {
		b.Fatal(err)
	}
}

// routerRate starts a router and has it work off the events; rss is the most memory it had, in MB.
func (l *lab) routerRate(b *testing.B, c *kafka.Client, group string, partitions, rules, events int) (rate float64, rss int) {
	b.Helper()
	cfg, _ := l.settings(b, c.Topics().Prefix(), partitions, routing(rulesFolder(b, rules), group))
	p := l.riposte(b, cfg, "route")
	defer p.Kill()
	stop := watch(b, p)
	rate = l.rate(b, c, group, events)
	return rate, stop()
}

// first is how many events a router has before what is offered to it counts.
const first = 10_000

// working starts a router whose group is named like its prefix, and waits until it has worked off the first events.
func (l *lab) working(b *testing.B, prefix string, partitions, rules int) (*kafka.Client, *testproc.Process) {
	b.Helper()
	c := l.client(b, prefix, partitions)
	cfg, _ := l.settings(b, prefix, partitions, routing(rulesFolder(b, rules), prefix))
	p := l.riposte(b, cfg, "route")
	fill(b, c, first)
	until(b, "the router works", func() bool { return lag(b, c, prefix) == 0 })
	return c, p
}

// complete tells whether every hundredth of the first events and of those that were offered has become a command, and no other. A router that was held still for
// longer than its session publishes some again: with the same id, by which a consumer knows them.
func complete(b *testing.B, c *kafka.Client, offered int) (again int) {
	b.Helper()
	ids := map[string]bool{}
	n := 0
	err := c.ReadAll(b.Context(), c.Topics().Alert, func(_ context.Context, m kafka.Message) error {
		n++
		ids[m.Header(schemas.HeaderID)] = true
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	if want := (offered + first) / 100; len(ids) != want {
		b.Errorf("%d commands, %d expected", len(ids), want)
	}
	return n - len(ids)
}

func (l *lab) rawRate(b *testing.B, c *kafka.Client, group string, events int) float64 {
	b.Helper()
	p := l.raw(b, c, group)
	defer p.Kill()
	return l.rate(b, c, group, events)
}

// rate watches a group work off its topic, by what it commits, and returns messages a second.
func (l *lab) rate(b *testing.B, c *kafka.Client, group string, events int) float64 {
	b.Helper()
	var first, done int64
	var began time.Time
	const often = 50 * time.Millisecond // each look costs the broker and this process what the measured one does not have
	untilEvery(b, often, group+" is through", func() bool {
		done = int64(events) - lag(b, c, group)
		if first == 0 && done > 0 {
			first, began = done, time.Now()
		}
		return done >= int64(events)
	})
	return float64(done-first) / time.Since(began).Seconds()
}

// lag is how many events a group has before it.
func lag(b *testing.B, c *kafka.Client, group string) (n int64) {
	b.Helper()
	var all map[string]map[int]int64
	var err error
	for range 50 { // a coordinator that was asked for the first time says at first that it is none
		if all, err = c.Lag(b.Context(), group, c.Topics().Events); err == nil {
			break
		}
		<-time.After(100 * time.Millisecond)
	}
	if err != nil {
		b.Fatal(err)
	}
	for _, p := range all[c.Topics().Events] {
		n += p
	}
	return n
}

// onTopic counts what is on a topic.
func onTopic(b *testing.B, c *kafka.Client, topic string) (n int64) {
	b.Helper()
	ends, err := c.Ends(b.Context(), topic)
	if err != nil {
		b.Fatal(err)
	}
	for _, end := range ends[topic] {
		n += end
	}
	return n
}

// watch looks ten times a second at the memory of a process, until the function that it returns is called, which gives the most there was, in MB. What it took
// to load rules, before, does not count.
func watch(b *testing.B, p *testproc.Process) func() int {
	b.Helper()
	most, end, ended := 0, make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-end:
				return
			case <-time.After(100 * time.Millisecond):
				most = max(most, memory(b, p))
			}
		}
	}()
	return func() int {
		close(end)
		<-ended
		return most
	}
}

// memory is what a process has at this moment (its resident set), in MB.
func memory(b *testing.B, p *testproc.Process) int {
	b.Helper()
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", p.Process.Pid))
	if err != nil {
		b.Error(err)
		return 0
	}
	defer f.Close() //nolint:errcheck // only read
	for s := bufio.NewScanner(f); s.Scan(); {
		if kb, ok := strings.CutPrefix(s.Text(), "VmRSS:"); ok {
			n, err := strconv.Atoi(strings.Fields(kb)[0])
			if err != nil {
				b.Error(err)
			}
			return n / 1024
		}
	}
	b.Error("no VmRSS")
	return 0
}

// quantile of times that are sorted.
func quantile(took []time.Duration, q float64) time.Duration {
	slices.Sort(took)
	return took[int(q*float64(len(took)-1))]
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", d.Seconds()*1000) }
