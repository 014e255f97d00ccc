package app

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/producers"
)

// A port is something that one process listens on.
type port struct {
	pos, what string // where in the configuration, and who

	network, host, number string
}

// portClash finds the first two that cannot listen in one process: producers, and what serves health and metrics.
func portClash(cfg config.Config, all []producers.Producer) error {
	var taken []port
	if cfg.HTTP.Listen != "" {
		pos := cfg.Pos("http", "listen")
		if cfg.HTTP == config.Defaults().HTTP {
			pos = "by default"
		}
		taken = append(taken, newPort(pos, "http.listen, for health and metrics", "tcp", cfg.HTTP.Listen))
	}
	for _, p := range all {
		l, ok := p.Source.(producers.Listener)
		if !ok {
			continue
		}
		network, address := l.Listens()
		mine := newPort(posOf(cfg, p.Name), "producer "+p.Name, network, address)
		for _, other := range taken {
			if mine.clashes(other) {
				return fmt.Errorf("%s: %s listens on %s, and so does %s (%s)", mine.pos, mine.what, address, other.what, other.pos)
			}
		}
		taken = append(taken, mine)
	}
	return nil
}

func newPort(pos, what, network, address string) port {
	host, number, err := net.SplitHostPort(address)
	if err != nil { // checked where the address was read
		return port{}
	}
	return port{pos: pos, what: what, network: network, host: host, number: number}
}

// clashes tells whether the two want the same port of the same address. Port 0 is any that is free.
func (p port) clashes(o port) bool {
	return p.network == o.network && p.number == o.number && p.number != "0" && (p.host == o.host || everywhere(p.host) || everywhere(o.host))
}

// everywhere tells whether a host stands for all addresses of the machine.
func everywhere(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "" || (err == nil && a.IsUnspecified())
}

func posOf(cfg config.Config, producer string) string {
	for _, p := range cfg.Producers {
		if p.Name == producer {
			return p.Pos("source")
		}
	}
	return ""
}
