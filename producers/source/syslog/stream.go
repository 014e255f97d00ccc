package syslog

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/unpack"
)

// serveFunc reads until reading ends; what it reads it may queue until work does.
type serveFunc func(reading, work context.Context) error

// listen opens the port.
func (s *source) listen(ctx context.Context) (serveFunc, error) {
	var c net.ListenConfig
	if s.Protocol == "udp" {
		pc, err := c.ListenPacket(ctx, "udp", s.Listen)
		if err != nil {
			return nil, err
		}
		conn, ok := pc.(*net.UDPConn)
		if !ok {
			return nil, fmt.Errorf("listen %s: not UDP", s.Listen)
		}
		s.listening(conn.LocalAddr())
		return func(reading, work context.Context) error { return s.datagrams(reading, work, conn) }, nil
	}
	conf, err := s.tlsConfig()
	if err != nil {
		return nil, err
	}
	ln, err := c.Listen(ctx, "tcp", s.Listen)
	if err != nil {
		return nil, err
	}
	s.listening(ln.Addr())
	return func(reading, work context.Context) error { return s.accept(reading, work, ln, conf) }, nil
}

func (s *source) listening(at net.Addr) {
	s.log.Info().Str("listen", at.String()).Str("protocol", s.Protocol).Msg("taking syslog")
	s.bound(at)
}

// tlsConfig reads the certificates; nil without TLS.
func (s *source) tlsConfig() (*tls.Config, error) {
	if s.Protocol != "tls" {
		return nil, nil //nolint:nilnil // none is no error
	}
	cert, err := tls.LoadX509KeyPair(s.TLSCert, s.TLSKey)
	if err != nil {
		return nil, fmt.Errorf("tls_cert, tls_key: %w", err)
	}
	conf := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	if s.TLSClientCA != "" {
		pem, err := os.ReadFile(s.TLSClientCA)
		if err != nil {
			return nil, fmt.Errorf("tls_client_ca: %w", err)
		}
		conf.ClientCAs, conf.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
		if !conf.ClientCAs.AppendCertsFromPEM(pem) {
			return nil, fault.Permanent(fmt.Errorf("tls_client_ca %s: no certificate in it", s.TLSClientCA))
		}
	}
	return conf, nil
}

// permitted tells whether somebody at that address may send.
func (s *source) permitted(addr netip.Addr) bool {
	if len(s.allowed) == 0 {
		return true
	}
	addr = addr.Unmap().WithZone("")
	for _, p := range s.allowed {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// accept takes connections, and waits for all of them when reading ends.
func (s *source) accept(reading, work context.Context, ln net.Listener, conf *tls.Config) error {
	var g sync.WaitGroup
	defer g.Wait()
	stop := context.AfterFunc(reading, func() { _ = ln.Close() })
	defer stop()
	defer func() { _ = ln.Close() }()
	slots := make(chan struct{}, s.MaxConnections)
	for {
		conn, err := ln.Accept()
		if err != nil {
			if reading.Err() != nil {
				return nil // closed by us
			}
			return err
		}
		from, _ := netip.ParseAddrPort(conn.RemoteAddr().String())
		if !s.permitted(from.Addr()) {
			s.refused.Add(1)
			_ = conn.Close()
			continue
		}
		select {
		case slots <- struct{}{}:
		default:
			s.refused.Add(1)
			_ = conn.Close()
			continue
		}
		g.Go(func() {
			defer func() { <-slots }()
			defer func() { _ = conn.Close() }()
			stream, ok := s.handshake(reading, conn, conf)
			if !ok {
				s.refused.Add(1)
				return
			}
			s.read(reading, work, stream)
			_ = stream.Close()
		})
	}
}

// handshake begins TLS, where it is set.
func (s *source) handshake(ctx context.Context, conn net.Conn, conf *tls.Config) (net.Conn, bool) {
	if conf == nil {
		return conn, true
	}
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	t := tls.Server(conn, conf)
	if err := t.HandshakeContext(ctx); err != nil {
		s.log.Debug().Err(err).Str("peer", conn.RemoteAddr().String()).Msg("TLS handshake")
		return nil, false
	}
	return t, true
}

// records returns a function that makes records of what comes from one place and joins the lines of the audit system.
func (s *source) records(out func(producers.Record) error) (add func(frame, string) error, serials *unpack.Serials) {
	origin := "syslog:" + s.name + ":" + uuid.NewString()
	n := int64(0)
	serials = unpack.NewSerials(s.MaxRecord, 0, func(it unpack.Item) error { return out(it.Record) })
	attrs := map[string]string{}
	return func(f frame, peer string) error {
		n++
		if attrs[producers.AttrPeer] != peer { // shared by records: never changed
			attrs = map[string]string{producers.AttrPeer: peer}
		}
		it := unpack.Item{Resume: n, Record: producers.Record{
			Data: f.data, Origin: origin, Position: strconv.FormatInt(n, 10), Received: time.Now(), Attrs: attrs,
		}}
		if f.reason != "" {
			own := map[string]string{producers.AttrPeer: peer, producers.AttrProblem: f.reason}
			if f.sum != "" {
				own[producers.AttrLength], own[producers.AttrSHA256] = strconv.FormatInt(f.length, 10), f.sum
			}
			it.Record.Attrs = own
			it.Err = fault.Permanent(errors.New(f.reason))
		}
		return serials.Add(it)
	}, serials
}

// read takes the messages of one connection until it ends.
func (s *source) read(reading, work context.Context, conn net.Conn) {
	peer := conn.RemoteAddr().String()
	add, serials := s.records(func(r producers.Record) error { return s.push(work, r) })
	f := &framer{max: s.MaxRecord, emit: func(m frame) error { return add(m, peer) }}
	switch s.Framing {
	case "octets":
		f.mode = octets
	case "lines":
		f.mode = lines
	}
	stop := context.AfterFunc(reading, func() { _ = conn.SetReadDeadline(time.Now().Add(lastLook)) })
	defer stop()
	cut, err := s.pump(reading, conn, f, serials)
	if err == nil {
		err = f.end(cut)
	}
	if flushErr := serials.Flush(); err == nil {
		err = flushErr
	}
	if err != nil && work.Err() == nil {
		s.log.Warn().Err(err).Str("peer", peer).Msg("a syslog connection is given up")
	}
}

// pump reads until the connection ends, is idle for too long, or reading is over; cut tells that it was not the sender who ended it. The
// error is that of a framer.
func (s *source) pump(reading context.Context, conn net.Conn, f *framer, serials *unpack.Serials) (cut bool, err error) {
	buf := make([]byte, 32<<10)
	since := time.Now()
	var until time.Time // when reading is over
	for {
		deadline := since.Add(s.IdleTimeout)
		if serials.Held() {
			deadline = time.Now().Add(quietFor)
		}
		if reading.Err() != nil {
			if until.IsZero() {
				until = time.Now().Add(stopTimeout / 2)
			}
			if deadline = time.Now().Add(lastLook); deadline.After(until) { // who never stops sending is cut off
				return true, nil
			}
		}
		_ = conn.SetReadDeadline(deadline) // a connection that is closed says so when it is read
		if reading.Err() != nil && until.IsZero() {
			continue // the deadline set when reading ended was overwritten
		}
		n, readErr := conn.Read(buf)
		if n > 0 {
			since = time.Now()
			if err := f.feed(buf[:n]); err != nil {
				return true, err
			}
		}
		switch {
		case readErr == nil:
		case errors.Is(readErr, os.ErrDeadlineExceeded):
			if reading.Err() != nil && !until.IsZero() {
				return true, nil
			}
			if err := serials.Flush(); err != nil {
				return true, err
			}
			if time.Since(since) >= s.IdleTimeout {
				return true, nil
			}
		case errors.Is(readErr, io.EOF):
			return false, nil
		default:
			s.log.Debug().Err(readErr).Str("peer", conn.RemoteAddr().String()).Msg("a syslog connection ended")
			return true, nil
		}
	}
}
