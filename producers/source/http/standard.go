package http

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/riposte-security/riposte/producers"
)

// standardSettings set up the webhook of senders that sign as Standard Webhooks asks.
type standardSettings struct {
	Path    string        `yaml:"path"`
	Secrets []string      `yaml:"secrets"` // whsec_ and base64, or base64
	Within  time.Duration `yaml:"within"`

	keys [][]byte
	now  func() time.Time
	seen *seen
}

const (
	defaultWithin = 5 * time.Minute
	longestWithin = time.Hour
	maxID         = 255 // bytes of a webhook-id
)

func (s *standardSettings) validate() error {
	if len(s.Secrets) == 0 {
		return errors.New("secrets: at least one is required")
	}
	s.keys = nil
	for _, text := range s.Secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, "whsec_"))
		if err != nil || len(key) < 16 {
			return errors.New("secrets: whsec_ and the base64 of at least 16 bytes expected") // the secret itself is not printed
		}
		s.keys = append(s.keys, key)
	}
	if s.Within == 0 {
		s.Within = defaultWithin
	}
	if s.Within < time.Second || s.Within > longestWithin {
		return fmt.Errorf("within %s: between 1s and %s expected", s.Within, longestWithin)
	}
	return nil
}

func (s *standardSettings) setUp(now func() time.Time) { s.now, s.seen = now, newSeen(maxSeen) }

// open implements hook: time and signature first, and then whether it came before.
func (s *standardSettings) open(r *http.Request, body []byte) (delivery, error) {
	id := r.Header.Get("Webhook-Id")
	sums := s.sums(r)
	for _, h := range sums {
		h.Write(body)
	}
	if err := s.authentic(r, sums); err != nil {
		return delivery{}, err
	}
	if s.seen.has(id, s.now()) {
		return delivery{said: "taken before"}, nil
	}
	return delivery{
		body: body, attrs: map[string]string{producers.AttrID: id, producers.AttrSource: "webhook"},
		done: func() { s.seen.add(id, s.now(), s.now().Add(2*s.Within)) },
	}, nil
}

// whole implements hook.
func (s *standardSettings) whole(r *http.Request) (io.Writer, func() bool) {
	sums := s.sums(r)
	all := make([]io.Writer, len(sums))
	for i, h := range sums {
		all[i] = h
	}
	return io.MultiWriter(all...), func() bool { return s.authentic(r, sums) == nil }
}

// sums are those of the keys, begun with what stands before the body.
func (s *standardSettings) sums(r *http.Request) []hash.Hash {
	sums := make([]hash.Hash, len(s.keys))
	for i, key := range s.keys {
		sums[i] = hmac.New(sha256.New, key)
		fmt.Fprintf(sums[i], "%s.%s.", r.Header.Get("Webhook-Id"), r.Header.Get("Webhook-Timestamp"))
	}
	return sums
}

// authentic tells whether a request is one that a secret has signed, and young enough. sums have seen the body.
func (s *standardSettings) authentic(r *http.Request, sums []hash.Hash) error {
	id := r.Header.Get("Webhook-Id")
	if id == "" || len(id) > maxID || strings.Contains(id, ".") {
		return refuse(http.StatusUnauthorized, "webhook-id expected: at most %d bytes, without a dot", maxID)
	}
	at, err := strconv.ParseInt(r.Header.Get("Webhook-Timestamp"), 10, 64)
	if err != nil {
		return refuse(http.StatusUnauthorized, "webhook-timestamp expected: seconds since 1970")
	}
	for signature := range strings.FieldsSeq(r.Header.Get("Webhook-Signature")) {
		mac, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(signature, "v1,"))
		if err != nil || !strings.HasPrefix(signature, "v1,") {
			continue
		}
		for _, h := range sums {
			if hmac.Equal(mac, h.Sum(nil)) {
				return s.young(at)
			}
		}
	}
	return refuse(http.StatusUnauthorized, "webhook-signature is none of a secret here")
}

// young refuses what is out of time: who has caught a request cannot send it again later.
func (s *standardSettings) young(at int64) error {
	if off := s.now().Sub(time.Unix(at, 0)).Abs(); off > s.Within {
		return refuse(http.StatusUnauthorized, "webhook-timestamp is %s off; at most %s allowed", off.Round(time.Second), s.Within)
	}
	return nil
}

// maxSeen bounds how many ids are remembered. When there are more, the oldest go; their events still have the same uid when they come again.
const maxSeen = 100_000

// seen remembers ids for a time. It is safe for concurrent use.
type seen struct {
	most int

	mu    sync.Mutex
	until map[string]time.Time
	order []string // as they came
}

func newSeen(most int) *seen { return &seen{most: most, until: map[string]time.Time{}} }

func (s *seen) has(id string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	until, ok := s.until[id]
	return ok && now.Before(until)
}

func (s *seen) add(id string, now, until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.order) > 0 && (len(s.order) >= s.most || !now.Before(s.until[s.order[0]])) {
		delete(s.until, s.order[0])
		s.order = s.order[1:]
	}
	if _, ok := s.until[id]; !ok {
		s.order = append(s.order, id)
	}
	s.until[id] = until
}
