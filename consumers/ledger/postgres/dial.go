package postgres

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// A dialer makes the connections of a pool, and can cut them all: pgx waits up to 15 s for the goodbye of a server that hangs.
type dialer struct {
	net net.Dialer

	mu   sync.Mutex
	cuts map[*conn]func() // end a connection, or the making of one
	over bool
}

func newDialer() *dialer {
	return &dialer{
		net:  net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}},
		cuts: map[*conn]func(){},
	}
}

// A conn is known to its dialer until it is closed.
type conn struct {
	net.Conn
	of *dialer
}

// Close ends the connection.
func (c *conn) Close() error {
	c.of.forget(c)
	return c.Conn.Close()
}

// dial is a pgconn.DialFunc.
func (d *dialer) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := &conn{of: d}
	if !d.note(c, cancel) {
		return nil, net.ErrClosed
	}
	raw, err := d.net.DialContext(ctx, network, addr)
	if err != nil {
		d.forget(c)
		return nil, err
	}
	c.Conn = raw
	if !d.note(c, func() { _ = raw.Close() }) {
		return nil, errors.Join(net.ErrClosed, raw.Close())
	}
	return c, nil
}

// note keeps how to cut a connection; false says that all is over.
func (d *dialer) note(c *conn, cut func()) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.over {
		d.cuts[c] = cut
	}
	return !d.over
}

func (d *dialer) forget(c *conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.cuts, c)
}

// cut ends all connections, and lets no other begin.
func (d *dialer) cut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.over = true
	for _, end := range d.cuts {
		end()
	}
}
