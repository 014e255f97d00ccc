//go:build integration

package pipeline

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/internal/servers"
	"github.com/riposte-security/riposte/internal/testproc"
)

const (
	warmUp   = 3 * time.Second
	measured = 15 * time.Second
)

// arrivals collects how long events took, of those that were sent after the warm-up.
type arrivals struct {
	mu    sync.Mutex
	after time.Time
	took  []time.Duration
	seen  int
}

func (a *arrivals) came(carrier []byte) {
	now := time.Now()
	sent, ok := sentOf(carrier)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.seen++
	if ok && sent.After(a.after) {
		a.took = append(a.took, now.Sub(sent))
	}
}

func (a *arrivals) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.seen
}

// routerLatency: from when an event is due to be published until what comes of it can be read, at rates that do not wait for anybody.
func routerLatency(b *testing.B, l *lab) {
	rules := rulesFolder(b, 100)
	for _, perSecond := range []int{1000, 5000, 20_000} {
		var p50, p99 [2]time.Duration
		for i, who := range []string{"raw", "router"} {
			prefix := fmt.Sprintf("latency-%s-%d", who, perSecond)
			c := l.client(b, prefix, 6)
			topic := c.Topics().Alert
			var p *testproc.Process
			if who == "raw" {
				topic = prefix + ".raw"
				p = l.raw(b, c, prefix)
			} else {
				cfg, _ := l.settings(b, prefix, 6, routing(rules, prefix))
				p = l.riposte(b, cfg, "route")
			}
			took := followed(b, c, topic, func(a *arrivals) int { return offered(b, c, a, prefix, perSecond) })
			p.Kill() // or it would take part in what is measured next
			p50[i], p99[i] = quantile(took, 0.50), quantile(took, 0.99)
		}
		b.ReportMetric(p99[1].Seconds()/p99[0].Seconds(), fmt.Sprintf("p99_of_raw_at_%d", perSecond))
		l.row(b, "publish -> command at %6d/s   p50 %s, p99 %s   raw loop %s, %s   ratio of p99 %.2f (bar 2)", perSecond, ms(p50[1]), ms(p99[1]), ms(p50[0]), ms(p99[0]),
			p99[1].Seconds()/p99[0].Seconds())
	}
}

// offered offers a load once whoever is measured has joined, and returns how many messages are to come of it.
func offered(b *testing.B, c *kafka.Client, a *arrivals, group string, perSecond int) int {
	b.Helper()
	fill(b, c, 100)
	until(b, "the group works", func() bool { return lag(b, c, group) == 0 })
	until(b, "what it writes is read", func() bool { return a.count() > 0 })
	before := a.count()
	a.mu.Lock()
	a.after = time.Now().Add(warmUp)
	a.mu.Unlock()
	return before + offer(b.Context(), b, c, perSecond, warmUp+measured)/100
}

// followed reads a topic while load offers, until all that is to come has come.
func followed(b *testing.B, c *kafka.Client, topic string, load func(*arrivals) int) []time.Duration {
	b.Helper()
	a := &arrivals{after: time.Now().Add(time.Hour)}
	ctx, cancel := context.WithCancel(b.Context())
	var reading sync.WaitGroup
	reading.Go(func() {
		if err := c.Tail(ctx, topic, false, func(_ context.Context, m kafka.Message) error { a.came(m.Value); return nil }); err != nil {
			b.Error(err)
		}
	})
	expected := load(a)
	// The raw loop counts by offsets, so that a partition may have one more or less.
	until(b, "everything has come", func() bool { return a.count() >= expected-6 })
	cancel()
	reading.Wait()
	return a.took
}

// publishToEffect: from when an event is due to be published until the webhook is called, with a ledger in PostgreSQL.
func publishToEffect(b *testing.B, l *lab) {
	const perSecond = 5000
	prefix := fmt.Sprintf("effect-%d", time.Now().Unix()) // where the broker has seen another run, its commands would be none of this one's
	a := &arrivals{after: time.Now().Add(time.Hour)}
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			b.Error(err)
		}
		a.came(body)
	}))
	defer hook.Close()
	database := servers.Schema(b, servers.DirectPostgres(b))
	c := l.client(b, prefix, 6)
	route, _ := l.settings(b, prefix, 6, routing(rulesFolder(b, 100), prefix))
	responding := fmt.Sprintf("ledger: { url: %q }\ncallouts: { allow_loopback: true }\nreceivers: [ { name: hook, webhook: { url: %q, include_event: true, unsigned: true } } ]", database, hook.URL)
	consume, at := l.settings(b, prefix, 6, responding)
	r, w := l.riposte(b, route, "route"), l.riposte(b, consume, "consume", "alert")
	defer r.Kill()
	defer w.Kill()
	expected := offered(b, c, a, prefix, perSecond)
	until(b, "every effect has come", func() bool { return a.count() >= expected })
	p50, p99 := quantile(a.took, 0.50), quantile(a.took, 0.99)
	b.ReportMetric(float64(p50.Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(p99.Microseconds())/1000, "p99-ms")
	l.row(b, "publish -> effect at %d/s, 1 %% commands, PostgreSQL   p50 %s (bar 30), p99 %s (bar 100)", perSecond, ms(p50), ms(p99))
	joins(b, l, c, prefix, responding, at)
}

// joins has a second consumer come to one that had all the work, which stays as much as it was: how soon it takes part, and how the work is shared then.
func joins(b *testing.B, l *lab, c *kafka.Client, prefix, settings, first string) {
	const perSecond, watched = 5000, 10 * time.Second
	ctx, cancel := context.WithCancel(b.Context())
	var load sync.WaitGroup
	load.Go(func() { offer(ctx, b, c, perSecond, 10*time.Minute) })
	defer load.Wait()
	defer cancel()
	verified := func(addr string) float64 { return metric(addr, "riposte_consumer_commands_total", `state="verified"`) }
	had := verified(first)
	until(b, "the first one works", func() bool { return verified(first) > had })
	cfg, second := l.settings(b, prefix, 6, settings)
	began := time.Now()
	p := l.riposte(b, cfg, "consume", "alert")
	defer p.Kill()
	until(b, "the second one takes part", func() bool { return metric(second, "riposte_consumer_entered_total", "") > 0 && verified(second) > 0 })
	joined := time.Since(began)
	before := [2]float64{verified(first), verified(second)}
	<-time.After(watched)
	one, two := (verified(first)-before[0])/watched.Seconds(), (verified(second)-before[1])/watched.Seconds()
	l.row(b, "2 consumers, %d events/s, 1 %% commands   %.0f and %.0f commands/s   the second took part %s after its start (bar 5 s)", perSecond, one, two, joined.Round(10*time.Millisecond))
}
