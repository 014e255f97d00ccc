// Package lists keeps the named lists that rules ask for (inList), and the files that know where an address is (geo, asn): read from files,
// over HTTP and from Kafka, refreshed while the router runs, swapped in one step. A source that is away or brings something bad changes
// nothing: the last good copy stays, and over HTTP it is kept on disk as well, so that it is there again after a restart.
package lists

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/internal/obs"
	"github.com/riposte-security/riposte/router/rule/predicate"
)

// Deps are what lists work with. All have defaults: no log, no metrics, the system's clock; without Dir nothing is kept on disk, and without
// Kafka a list from there is an error.
type Deps struct {
	Log        *zerolog.Logger
	Registerer prometheus.Registerer
	Now        func() time.Time
	Dir        string // of the copies kept
	Kafka      *kafka.Client
}

// A Manager holds all lists of a process. It implements predicate.Sources.
type Manager struct {
	conf  Config
	deps  Deps
	log   zerolog.Logger
	now   func() time.Time
	lists map[string]*List
	order []*List

	city, asn *geoFile // nil if there is none
}

// New makes the lists without any I/O: they are empty until Run has loaded them.
func New(conf Config, d Deps) (*Manager, error) {
	m := &Manager{conf: conf, deps: d, log: zerolog.Nop(), now: d.Now, lists: map[string]*List{}}
	if d.Log != nil {
		m.log = *d.Log
	}
	if m.now == nil {
		m.now = time.Now
	}
	counts, err := newMetrics(m, d.Registerer)
	if err != nil {
		return nil, fmt.Errorf("lists: %w", err)
	}
	for _, c := range conf.Lists {
		if c.kafka != nil && d.Kafka == nil {
			return nil, fmt.Errorf("list %q: there is no Kafka here", c.Name)
		}
		l := &List{
			follower: newFollower(c.Name, c.Refresh, counts, obs.NewCondition(m.log, "list "+c.Name)),
			conf:     c, log: m.log, now: m.now, kind: c.Kind,
		}
		m.lists[c.Name] = l
		m.order = append(m.order, l)
	}
	geo := func(name, path, suffix string, pick func(map[string]any) map[string]any) *geoFile {
		if path == "" {
			return nil
		}
		return &geoFile{
			follower: newFollower("geoip."+name, geoRefresh, counts, obs.NewCondition(m.log, "geoip "+name)),
			path:     path, suffix: suffix, log: m.log, pick: pick,
		}
	}
	m.city, m.asn = geo("city", conf.GeoIP.City, "City or Country", pickCity), geo("asn", conf.GeoIP.ASN, "ASN", pickASN)
	return m, nil
}

// Run keeps the lists as their sources are, until ctx ends.
func (m *Manager) Run(ctx context.Context) error {
	var running sync.WaitGroup
	defer running.Wait()
	for _, l := range m.order {
		running.Go(func() { m.keep(ctx, l) })
	}
	for _, g := range m.geoFiles() {
		running.Go(func() { g.follow(ctx, newWatched(g.path, m.log), g) })
	}
	<-ctx.Done()
	return nil
}

// keep keeps one list as its source is.
func (m *Manager) keep(ctx context.Context, l *List) {
	switch {
	case l.conf.kafka != nil:
		l.followTopic(ctx, m.deps.Kafka)
	case l.conf.http != nil:
		l.follow(ctx, newRemote(l.name, *l.conf.http, m.deps.Dir, m.log, m.now), l)
	default:
		l.follow(ctx, newWatched(l.conf.file, m.log), l)
	}
}

func (m *Manager) geoFiles() []*geoFile {
	var out []*geoFile
	for _, g := range []*geoFile{m.city, m.asn} {
		if g != nil {
			out = append(out, g)
		}
	}
	return out
}

// Wait waits until every list has been loaded or could not be, at most for so long. Run must be running. It tells which lists hold nothing.
func (m *Manager) Wait(ctx context.Context, most time.Duration) (missing []string) {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	for _, l := range m.order {
		select {
		case <-l.tried:
		case <-ctx.Done():
		}
		if l.copy.Load() == nil {
			missing = append(missing, l.name)
		}
	}
	for _, g := range m.geoFiles() {
		select {
		case <-g.tried:
		case <-ctx.Done():
		}
		if g.open.Load() == nil {
			missing = append(missing, g.name)
		}
	}
	return missing
}

// List implements predicate.Sources.
func (m *Manager) List(name string) (predicate.List, bool) {
	l, ok := m.lists[name]
	return l, ok
}

// ListNames implements predicate.Sources.
func (m *Manager) ListNames() []string { return m.conf.Names() }

// Geo implements predicate.Sources.
func (m *Manager) Geo(ip netip.Addr) map[string]any { return m.city.lookup(ip) }

// ASN implements predicate.Sources.
func (m *Manager) ASN(ip netip.Addr) map[string]any { return m.asn.lookup(ip) }

// States tells how the lists are, in the order of the configuration.
func (m *Manager) States() []State {
	out := make([]State, len(m.order))
	for i, l := range m.order {
		out[i].Name = l.name
		if h := l.copy.Load(); h != nil {
			out[i].Loaded, out[i].Entries, out[i].Confirmed = true, h.set.Stats().Entries, h.at
		}
	}
	return out
}
