package syslog

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/riposte-security/riposte/producers"
)

// readBuffer is what the kernel is asked to hold for us, in bytes; it may grant less.
const readBuffer = 4 << 20

// datagrams takes messages over UDP, each of which is one.
func (s *source) datagrams(reading, _ context.Context, conn *net.UDPConn) error {
	defer func() { _ = conn.Close() }()
	if err := conn.SetReadBuffer(readBuffer); err != nil {
		s.log.Debug().Err(err).Msg("the receive buffer stays as it is")
	}
	add, serials := s.records(func(r producers.Record) error { s.offer(r); return nil })
	stop := context.AfterFunc(reading, func() { _ = conn.SetReadDeadline(time.Now().Add(lastLook)) })
	defer stop()
	buf := make([]byte, 64<<10)
	var until time.Time
	for {
		over := reading.Err() != nil
		switch {
		case over && until.IsZero():
			until = time.Now().Add(lastLook)
			_ = conn.SetReadDeadline(until)
		case over:
		case serials.Held():
			_ = conn.SetReadDeadline(time.Now().Add(quietFor))
		default:
			_ = conn.SetReadDeadline(time.Time{})
		}
		if !over && reading.Err() != nil {
			continue // the deadline set when reading ended was overwritten
		}
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			if err := serials.Flush(); err != nil {
				return err
			}
			if over {
				return nil
			}
			continue
		case err != nil && over:
			return nil
		case err != nil:
			return err
		}
		if !s.permitted(from.Addr()) {
			s.refused.Add(1)
			continue
		}
		if m, ok := s.message(buf[:n]); ok {
			if err := add(m, from.String()); err != nil {
				return err
			}
		}
	}
}

// message makes a frame of a datagram; false of one with nothing in it.
func (s *source) message(b []byte) (frame, bool) {
	if len(b) > s.MaxRecord {
		sum := sha256.Sum256(b)
		return frame{
			data: bytes.Clone(b[:min(len(b), producers.DeadLetterBytes)]), length: int64(len(b)), sum: hex.EncodeToString(sum[:]),
			reason: fmt.Sprintf("%d bytes: larger than the largest record (%d)", len(b), s.MaxRecord),
		}, true
	}
	b = bytes.Trim(b, "\r\n\x00")
	return frame{data: bytes.Clone(b)}, len(bytes.TrimSpace(b)) > 0
}
