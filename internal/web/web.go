// Package web is how riposte serves HTTP: bounds on what a stranger can make it wait for and hold, whoever the handler is.
package web

import (
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"
)

// Limits bound a server. All of them are needed.
type Limits struct {
	Read        time.Duration // for a request, head and body
	Write       time.Duration // from the end of its head to that of the answer
	Connections int           // at the same time; others wait to be accepted
	Rate        int           // requests a second by one sender, who may save up those of a second; others are answered 429. 0: any number
}

const (
	headTimeout = 5 * time.Second
	idleTimeout = 2 * time.Minute
	maxHead     = 32 << 10 // bytes
)

// Server returns a server for a handler. The caller serves and shuts it down.
func Server(h http.Handler, l Limits) *http.Server {
	return &http.Server{
		Handler: closing(rated(h, l.Rate)), ReadHeaderTimeout: headTimeout, ReadTimeout: l.Read, WriteTimeout: l.Write, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHead,
	}
}

// Bounded returns the listener with no more connections than the limits say.
func (l Limits) Bounded(ln net.Listener) net.Listener {
	return netutil.LimitListener(ln, l.Connections)
}

// closing ends the connection after a request in chunks. net/http goes by the chunks where a request says a length as well, as it should, but then goes
// on with the connection, which RFC 9112 (6.3) forbids, and does not tell handlers: somebody in between who went by the length sees other requests behind it.
func closing(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor == 1 && len(r.TransferEncoding) > 0 {
			w.Header().Set("Connection", "close")
		}
		h.ServeHTTP(w, r)
	})
}
