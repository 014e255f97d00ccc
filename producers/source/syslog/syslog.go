// Package syslog is the source that takes what syslog daemons send: datagrams over UDP (RFC 5426), and streams over TCP (RFC 6587) or TLS
// (RFC 5425), in which each message has its length in front or a line feed behind it; which of the two is found out for each connection by
// its first bytes. What a message means is the format's business (linux).
//
// Syslog has no acknowledgement. Over TCP and TLS, a sender that is faster than Kafka has to wait: when the queue is full nothing more is read.
// Over UDP nobody can be told to wait: what does not fit into the queue is dropped, counted (riposte_producer_dropped_total), and the count is
// logged; so is what comes from addresses that are not allowed. (What the kernel drops before it is read cannot be counted here.) When the source stops it takes what has
// arrived already, and what could not be published stays queued for the next run within the same process.
//
// Lines of the audit system are joined by their serial, for each connection. The origin of a record is its connection (of a datagram the run
// of the listener), which never comes again, and its position the number within: two equal messages are two records.
package syslog

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/schemas"
)

// Summary says in one line what the source does.
const Summary = "syslog over UDP, TCP (octet-counted or a line each) and TLS"

// Settings describes the settings.
func Settings() []schemas.Setting {
	return []schemas.Setting{
		{Name: "listen", Type: "string", Default: "127.0.0.1:5514", Help: "host:port"},
		{Name: "protocol", Type: "string", Default: "tcp", Help: "udp, tcp or tls"},
		{Name: "framing", Type: "string", Default: "auto", Help: "of streams: octets (length in front), lines, or auto: each connection's first bytes tell"},
		{Name: "allow", Type: "list", Help: "addresses and CIDR blocks that may send; empty: all that reach the port"},
		{Name: "open", Type: "bool", Default: "false", Help: "take messages from anybody who can reach the port. Without this, allow or tls_client_ca, only loopback addresses may be listened on"},
		{Name: "tls_cert", Type: "string", Help: "file with the certificate chain (PEM); required for tls"},
		{Name: "tls_key", Type: "string", Help: "file with the private key (PEM); required for tls"},
		{Name: "tls_client_ca", Type: "string", Help: "file with the certificates (PEM) of which a client's must be signed; without it clients need none"},
		{Name: "max_record", Type: "int", Default: "262144", Help: "largest message in bytes; a larger one becomes a dead letter"},
		{Name: "max_connections", Type: "int", Default: "512", Help: "connections at the same time; more are refused"},
		{Name: "idle_timeout", Type: "duration", Default: "1h", Help: "a connection on which nothing came for so long is closed"},
	}
}

type settings struct {
	Listen         string        `yaml:"listen"`
	Protocol       string        `yaml:"protocol"`
	Framing        string        `yaml:"framing"`
	Allow          []string      `yaml:"allow"`
	Open           bool          `yaml:"open"`
	TLSCert        string        `yaml:"tls_cert"`
	TLSKey         string        `yaml:"tls_key"`
	TLSClientCA    string        `yaml:"tls_client_ca"`
	MaxRecord      int           `yaml:"max_record"`
	MaxConnections int           `yaml:"max_connections"`
	IdleTimeout    time.Duration `yaml:"idle_timeout"`

	allowed []netip.Prefix
}

// Validate implements config.Validator.
func (s *settings) Validate() error {
	host, _, err := net.SplitHostPort(s.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	switch s.Protocol {
	case "udp", "tcp", "tls":
	default:
		return fmt.Errorf("protocol %q: udp, tcp or tls expected", s.Protocol)
	}
	switch s.Framing {
	case "auto", "octets", "lines":
	default:
		return fmt.Errorf("framing %q: auto, octets or lines expected", s.Framing)
	}
	if (s.Protocol == "tls") != (s.TLSCert != "") || (s.TLSCert == "") != (s.TLSKey == "") || s.TLSClientCA != "" && s.Protocol != "tls" {
		return errors.New("tls_cert and tls_key go with protocol tls, and tls_client_ca with them")
	}
	s.allowed = nil
	for _, a := range s.Allow {
		p, err := netip.ParsePrefix(a)
		if err != nil {
			addr, err := netip.ParseAddr(a)
			if err != nil || addr.Zone() != "" {
				return fmt.Errorf("allow %q: an address or a CIDR block expected", a)
			}
			p = netip.PrefixFrom(addr, addr.BitLen())
		}
		s.allowed = append(s.allowed, p.Masked())
	}
	ip := net.ParseIP(host)
	if !s.Open && len(s.allowed) == 0 && s.TLSClientCA == "" && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("listen %s: allow, tls_client_ca or open: true is required where others can reach it", s.Listen)
	}
	if s.MaxRecord < 1<<10 || s.MaxRecord > 10<<20 {
		return fmt.Errorf("max_record %d: between 1024 and 10485760 expected", s.MaxRecord)
	}
	if s.MaxConnections < 1 || s.MaxConnections > 100_000 {
		return fmt.Errorf("max_connections %d: between 1 and 100000 expected", s.MaxConnections)
	}
	if s.IdleTimeout < time.Second {
		return fmt.Errorf("idle_timeout %s: at least 1s expected", s.IdleTimeout)
	}
	return nil
}

const (
	queueLength = 8192            // records that wait for Kafka
	queueBytes  = 32 << 20        // and their bytes, about
	quietFor    = 1 * time.Second // after which no more lines of an audit event are waited for
	lastLook    = 200 * time.Millisecond
	stopTimeout = 5 * time.Second // for what is queued when ctx ends
	reportEvery = 10 * time.Second
)

type source struct {
	settings
	name  string
	log   zerolog.Logger
	queue chan producers.Record
	room  *semaphore.Weighted
	rest  []producers.Record // a batch that could not be published in an earlier run

	dropped, refused, lost atomic.Int64 // since the last report

	bound func(net.Addr) // told where it listens; for tests
}

// New makes the source. It does not listen before Run.
func New(cfg config.Node, deps producers.SourceDeps) (producers.Source, error) {
	s := &source{
		settings: settings{
			Listen: "127.0.0.1:5514", Protocol: "tcp", Framing: "auto", MaxRecord: 256 << 10, MaxConnections: 512, IdleTimeout: time.Hour,
		},
		name: deps.Name, log: deps.Log,
		queue: make(chan producers.Record, queueLength), room: semaphore.NewWeighted(queueBytes),
		bound: func(net.Addr) {},
	}
	if err := cfg.Decode(&s.settings); err != nil {
		return nil, fmt.Errorf("source syslog: %w", err)
	}
	return s, nil
}

// Listens implements producers.Listener.
func (s *source) Listens() (network, address string) {
	if s.Protocol == "udp" {
		return "udp", s.Listen
	}
	return "tcp", s.Listen
}

// Run implements producers.Source. When ctx ends it takes what has arrived, and publishes what is queued if Kafka takes it in time.
func (s *source) Run(ctx context.Context, emit func(context.Context, []producers.Record) error) error {
	serve, err := s.listen(ctx)
	if err != nil {
		return fmt.Errorf("source syslog: %w", err)
	}
	// Publishing outlives ctx by the time that queued records have for it; reading ends with ctx, or when publishing fails.
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	reading, stopReading := context.WithCancel(ctx)
	defer stopReading()
	read := make(chan struct{}) // closed when nothing more comes
	var g errgroup.Group
	g.Go(func() error {
		defer close(read)
		defer stopReading()
		if err := serve(reading, work); err != nil {
			return fmt.Errorf("source syslog: %w", err)
		}
		return nil
	})
	g.Go(func() error {
		defer stopWork() // a reader may wait for room in the queue
		defer stopReading()
		return s.write(work, read, emit)
	})
	g.Go(func() error {
		<-reading.Done()
		timer := time.NewTimer(stopTimeout)
		defer timer.Stop()
		select {
		case <-timer.C:
			stopWork()
		case <-work.Done():
		}
		return nil
	})
	g.Go(func() error { return s.report(work) })
	err = g.Wait()
	s.tell(ctx)
	if ctx.Err() != nil {
		return nil // ctx has ended: what could not be published is queued or was told
	}
	return err
}
