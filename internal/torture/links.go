package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// Names of links; those to brokers are kafka-1 and so on.
const (
	linkPostgres = "postgres"
	linkRecorder = "recorder"
)

// links are the ways from riposte to what it needs, each of which can be cut, delayed and held up.
type links struct {
	server *toxiproxy.ApiServer // its API does not listen
	all    map[string]*toxiproxy.Proxy
	busy   map[string]*sync.Mutex // held by the one fault that happens to a link
}

func newLinks() *links {
	zerolog.SetGlobalLevel(zerolog.WarnLevel) // one of toxiproxy's toxics has a logger of its own, and much to say
	return &links{server: toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop()), all: map[string]*toxiproxy.Proxy{}, busy: map[string]*sync.Mutex{}}
}

// add begins to listen, and passes on to an address.
func (l *links) add(name, listen, to string) error {
	p := toxiproxy.NewProxy(l.server, name, listen, to)
	if err := p.Start(); err != nil {
		return fmt.Errorf("link %s: %w", name, err)
	}
	l.all[name], l.busy[name] = p, &sync.Mutex{}
	return nil
}

// addr is where a link listens.
func (l *links) addr(name string) string { return l.all[name].Listen }

// cut breaks off what is open, and lets nobody in until mend.
func (l *links) cut(name string) { l.all[name].Stop() }

func (l *links) mend(name string) error {
	if err := l.all[name].Start(); err != nil {
		return fmt.Errorf("link %s: %w", name, err)
	}
	return nil
}

// poison makes a link bad in a way that toxiproxy knows, both ways, until cure.
func (l *links) poison(name, toxic string, attributes map[string]any) error {
	for _, stream := range []string{"upstream", "downstream"} {
		text, err := json.Marshal(map[string]any{"name": stream, "type": toxic, "stream": stream, "attributes": attributes})
		if err == nil {
			_, err = l.all[name].Toxics.AddToxicJson(bytes.NewReader(text))
		}
		if err != nil {
			return fmt.Errorf("link %s: %w", name, err)
		}
	}
	return nil
}

// cure takes away what poison did, also when ctx has ended.
func (l *links) cure(ctx context.Context, name string) {
	l.all[name].Toxics.ResetToxics(context.WithoutCancel(ctx))
}

func (l *links) close() {
	for _, p := range l.all {
		p.Stop()
	}
}
