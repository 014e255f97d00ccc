package app

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/approve"
	"github.com/riposte-security/riposte/consumers/ledger"
)

// deskRoutes are what the consumers serve beside health and metrics: the kill switch, and the pages on which people decide.
func (s *stack) deskRoutes(conf consumers.Config, desk func() ledger.Desk) error {
	if s.routes == nil {
		s.routes = map[string]http.Handler{}
	}
	for _, what := range []string{consumers.ControlStop, consumers.ControlResume} {
		s.routes["POST /api/"+what] = s.allowed(turnHandler(what, desk))
	}
	if conf.Approval.URL == "" {
		return nil
	}
	h, err := approve.NewHandler(approve.Handler{
		Signer: signer(conf), Desk: desk, UserHeader: conf.Approval.UserHeader, Now: time.Now, Log: s.log,
	})
	if err != nil {
		return fmt.Errorf("approval pages: %w", err)
	}
	s.routes[approve.Path] = h
	return nil
}

func signer(conf consumers.Config) *approve.Signer {
	return &approve.Signer{URL: conf.Approval.URL, Secret: string(conf.Approval.Secret), Within: conf.Approval.Within}
}

// allowed lets those call who know http.token. Without one, only this machine can.
func (s *stack) allowed(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := string(s.cfg.HTTP.Token)
		given := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		switch {
		case token != "" && subtle.ConstantTimeCompare([]byte(given), []byte(token)) != 1:
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "Authorization: Bearer with the value of http.token expected", http.StatusUnauthorized)
		case token == "" && (!fromHere(r) || r.Header.Get("Origin") != ""): // no page in a browser on this machine either
			http.Error(w, "set http.token to allow this from elsewhere", http.StatusForbidden)
		default:
			h.ServeHTTP(w, r)
		}
	})
}

// fromHere tells whether a request comes from this machine, and not by way of a proxy.
func fromHere(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	ip := net.ParseIP(host)
	return err == nil && ip != nil && ip.IsLoopback() && r.Header.Get("X-Forwarded-For") == "" && r.Header.Get("Forwarded") == ""
}

// turnHandler stops or resumes: POST with an empty body, or a control message without its type.
func turnHandler(what string, desk func() ledger.Desk) http.Handler {
	const most = 16 << 10
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var m consumers.Control
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
		if err == nil && len(body) > 0 {
			err = json.Unmarshal(body, &m)
		}
		if err != nil {
			http.Error(w, "body: "+err.Error(), http.StatusBadRequest)
			return
		}
		m.Type, m.At = what, time.Now().UTC()
		if m.By == "" {
			m.By = "the API, from " + r.RemoteAddr
		}
		d := desk()
		if d == nil {
			http.Error(w, "the ledger is away", http.StatusServiceUnavailable)
			return
		}
		if err := d.Turn(r.Context(), m.Switches()...); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(m.Switches()) // the switch is turned, whoever reads the answer
	})
}
