package http

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/unpack"
)

// A hook is an endpoint for one sender that has its own way of saying who it is and what it sends.
type hook interface {
	// open checks a request, whose body is whole and as it came, and says what is in it. An error of type refusal has the status of the
	// answer; any other one is the sender's mistake.
	open(r *http.Request, body []byte) (delivery, error)
	// whole returns what has to see all of a body (nil: nothing has to), and a function that tells then whether the sender is authentic: what
	// is too large to be opened becomes a dead letter if so, and is only refused otherwise.
	whole(r *http.Request) (io.Writer, func() bool)
}

// A delivery is what a request of a hook holds.
type delivery struct {
	body  []byte            // the records; nil: there are none, and all is done
	attrs map[string]string // of the records
	said  string            // what the answer says where there are none
	done  func()            // called when Kafka has the records; may be nil
}

// A refusal is an error with the status of the answer.
type refusal struct {
	status int
	err    error
}

func (r refusal) Error() string { return r.err.Error() }
func (r refusal) Unwrap() error { return r.err }

func refuse(status int, format string, args ...any) error {
	return refusal{status, fmt.Errorf(format, args...)}
}

// hooks are the endpoints that are set up, by path.
func (s *settings) hooks() map[string]hook {
	all := map[string]hook{}
	if s.GitHub != nil {
		all[s.GitHub.Path] = s.GitHub
	}
	if s.SNS != nil {
		all[s.SNS.Path] = s.SNS
	}
	if s.Falco != nil {
		all[s.Falco.Path] = s.Falco
	}
	if s.Standard != nil {
		all[s.Standard.Path] = s.Standard
	}
	return all
}

// validateHooks gives the endpoints their default paths, and checks their settings.
func (s *settings) validateHooks() error {
	var paths []string
	if s.GitHub != nil {
		s.GitHub.Path = cmp.Or(s.GitHub.Path, "/github")
		paths = append(paths, s.GitHub.Path)
		if err := s.GitHub.validate(); err != nil {
			return fmt.Errorf("github: %w", err)
		}
	}
	if s.SNS != nil {
		s.SNS.Path = cmp.Or(s.SNS.Path, "/sns")
		paths = append(paths, s.SNS.Path)
		if err := s.SNS.validate(); err != nil {
			return fmt.Errorf("sns: %w", err)
		}
	}
	if s.Falco != nil {
		s.Falco.Path = cmp.Or(s.Falco.Path, "/falco")
		paths = append(paths, s.Falco.Path)
	}
	if s.Standard != nil {
		s.Standard.Path = cmp.Or(s.Standard.Path, "/webhook")
		paths = append(paths, s.Standard.Path)
		if err := s.Standard.validate(); err != nil {
			return fmt.Errorf("standard: %w", err)
		}
	}
	taken := map[string]bool{"/": true, "/v1/records": true, "/healthz": true}
	for _, p := range paths {
		if !strings.HasPrefix(p, "/") || strings.Trim(p, "/abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != "" || path.Clean(p) != p {
			return fmt.Errorf("path %q: something like /hooks/name expected", p)
		}
		if taken[p] {
			return fmt.Errorf("path %q is taken", p)
		}
		taken[p] = true
	}
	return nil
}

// setUpHooks gives the endpoints what they need beyond settings.
func (s *source) setUpHooks() {
	if s.SNS != nil {
		s.SNS.log, s.SNS.client, s.SNS.certs = s.log, newSNSClient(), map[string]certificate{}
	}
	if s.Falco != nil {
		s.Falco.source = s
	}
	if s.Standard != nil {
		s.Standard.setUp(time.Now)
	}
}

// hook answers the requests of one endpoint.
func (s *source) hook(h hook) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		sees, authentic := h.whole(r)
		body := s.body(r, sees)
		body.room = s.lobby
		defer body.release()
		var whole []byte
		var err error
		if r.ContentLength <= s.MaxBody {
			whole, err = io.ReadAll(body)
		}
		switch {
		case r.ContentLength > s.MaxBody, tooLarge(err):
			s.oversizedHook(w, r, body, authentic)
			return
		case errors.Is(err, errCrowded):
			reply(w, http.StatusServiceUnavailable, answer{Error: err.Error()})
			return
		case err != nil:
			reply(w, http.StatusBadRequest, answer{Error: err.Error()})
			return
		}
		d, err := h.open(r, whole)
		var no refusal
		switch {
		case errors.As(err, &no):
			s.log.Warn().Err(err).Str("path", r.URL.Path).Str("peer", r.RemoteAddr).Msg("a webhook was refused")
			if no.status == http.StatusUnauthorized {
				w.Header().Set("WWW-Authenticate", "Signature")
			}
			reply(w, no.status, answer{Error: err.Error()})
		case err != nil:
			reply(w, http.StatusBadRequest, answer{Error: err.Error()})
		case d.body == nil:
			reply(w, http.StatusOK, answer{Said: d.said})
		default:
			s.deliver(w, r, body, d)
		}
	}
}

// oversizedHook is oversized where only the end of a body tells whether its sender may send.
func (s *source) oversizedHook(w http.ResponseWriter, r *http.Request, b *body, authentic func() bool) {
	if b.whole == nil && !authentic() || b.whole != nil && (b.drain() != nil || !authentic()) {
		s.log.Warn().Str("path", r.URL.Path).Str("peer", r.RemoteAddr).Int64("bytes", b.n).Msg("a webhook was refused: it is too large, and not known to be authentic")
		reply(w, http.StatusRequestEntityTooLarge, answer{Error: fmt.Sprintf("more than %d bytes", s.MaxBody)})
		return
	}
	s.oversized(w, r, b)
}

// deliver takes the records of a delivery.
func (s *source) deliver(w http.ResponseWriter, r *http.Request, b *body, d delivery) {
	base := s.base(r)
	for k, v := range d.attrs {
		if v != "" {
			base.Attrs[k] = v
		}
	}
	weight := int64(len(d.body))
	if unpack.Compressed(d.body) {
		weight = s.MaxBody
	}
	if !s.room.TryAcquire(weight) {
		reply(w, http.StatusServiceUnavailable, answer{Error: errCrowded.Error()})
		return
	}
	defer s.room.Release(weight)
	records, err := s.unpack(r, bytes.NewReader(d.body), base, modeNone)
	switch {
	case tooLarge(err):
		s.oversized(w, r, b)
	case err != nil:
		reply(w, http.StatusBadRequest, answer{Error: err.Error()})
	case len(records) == 0:
		reply(w, http.StatusBadRequest, answer{Error: "no record in the request"})
	default:
		if id := base.Attrs[producers.AttrID]; id != "" {
			number(records, "", "", modeBinary) // the id is that of the first record
		}
		if s.submit(w, r, records, http.StatusBadRequest) && d.done != nil {
			d.done()
		}
	}
}

// admit makes room for the body of somebody who may send, or answers that there is none. release is to be called when the request has been answered.
func (s *source) admit(w http.ResponseWriter, r *http.Request) (b *body, release func(), ok bool) {
	b = s.body(r, nil)
	weight := s.weight(r, b)
	if !s.room.TryAcquire(weight) {
		reply(w, http.StatusServiceUnavailable, answer{Error: errCrowded.Error()})
		return nil, nil, false
	}
	return b, func() { s.room.Release(weight) }, true
}
