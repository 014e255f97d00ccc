package web

import (
	"net/http"
	"net/netip"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// senders is how many are remembered: the limiter of one takes some hundred bytes. Whoever has more addresses than that is limited by connections and memory alone.
const senders = 20_000

// rated answers what comes too fast from one sender with 429, before anything of its body is read.
func rated(h http.Handler, perSecond int) http.Handler {
	if perSecond <= 0 {
		return h
	}
	known, err := lru.New[netip.Prefix, *rate.Limiter](senders)
	if err != nil { // of a size below one
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		of := senderOf(r.RemoteAddr)
		l, ok := known.Get(of)
		if !ok {
			l = rate.NewLimiter(rate.Limit(perSecond), perSecond)
			if before, there, _ := known.PeekOrAdd(of, l); there { // by another request at the same moment
				l = before
			}
		}
		if !l.Allow() {
			w.Header().Set("Retry-After", "1")
			w.Header().Set("Connection", "close")
			http.Error(w, "too many requests", http.StatusTooManyRequests)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// senderOf is who sends from an address: the address, or the network of 64 bits that anybody with IPv6 has to himself. What is no address is one sender.
func senderOf(addr string) netip.Prefix {
	const alone = 64
	at, err := netip.ParseAddrPort(addr)
	if err != nil {
		return netip.Prefix{}
	}
	ip := at.Addr().Unmap().WithZone("")
	bits := ip.BitLen()
	if ip.Is6() {
		bits = alone
	}
	p, err := ip.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
