//go:build integration

package pipeline

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/servers"
	"github.com/riposte-security/riposte/internal/testproc"
)

// narrow: a broker that takes what the router writes at a part of the rate at which it hands over what the router reads. What was read and cannot be written must not
// pile up in between.
func narrow(b *testing.B, l *lab) {
	const prefix, partitions, perSecond, kBPerSecond = "narrow", 6, 20_000, 24 // for each connection
	told := testproc.FreeAddr(b)
	cluster, err := servers.StartCluster(b.Context(), []string{told})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := cluster.Close(context.WithoutCancel(b.Context())); err != nil {
			b.Error(err)
		}
	})
	zerolog.SetGlobalLevel(zerolog.WarnLevel) // one of toxiproxy's toxics has a logger of its own, and much to say
	way := toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop()), prefix, told, cluster.Brokers[0].Front)
	if err := way.Start(); err != nil {
		b.Fatal(err)
	}
	defer way.Stop()
	direct, front := &lab{bin: l.bin, broker: cluster.Direct()[0]}, &lab{bin: l.bin, broker: told}
	c := direct.client(b, prefix, partitions)
	cfg, _ := front.settings(b, prefix, partitions, routing(rulesFolder(b, 10_000), prefix))
	p := front.riposte(b, cfg, "route")
	defer p.Kill()
	fill(b, c, first)
	until(b, "the router works", func() bool { return lag(b, c, prefix) == 0 })

	if _, err := way.Toxics.AddToxicJson(strings.NewReader(fmt.Sprintf(`{"name":"narrow","type":"bandwidth","stream":"upstream","attributes":{"rate":%d}}`, kBPerSecond))); err != nil {
		b.Fatal(err)
	}
	before, stopWatch := memory(b, p), watch(b, p)
	began := time.Now()
	offered := offer(b.Context(), b, c, perSecond, lasting(b, "RIPOSTE_PRESSURE", "30s"))
	took, left := time.Since(began), lag(b, c, prefix)
	during := stopWatch()
	way.Toxics.ResetToxics(b.Context())
	until(b, "all is worked off", func() bool { return lag(b, c, prefix) == 0 })
	drained := time.Since(began) - took
	again := complete(b, c, offered)
	if left < int64(offered)/3 {
		b.Errorf("%d of %d events waited: the way was not narrow enough to tell", left, offered)
	}
	l.row(b, "a broker that takes %d kB/s a connection: %.0f events/s offered for %s, %.0f/s worked off, %d waited, drained in %s   memory %d MB before, %d MB at most   nothing lost, %d commands published again with their ids",
		kBPerSecond, float64(offered)/took.Seconds(), took.Round(time.Second), float64(int64(offered)-left)/took.Seconds(), left, drained.Round(100*time.Millisecond), before, during, again)
}
