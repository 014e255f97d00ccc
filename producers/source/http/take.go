package http

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/unpack"
)

// answer is the body of every answer.
type answer struct {
	Accepted int      `json:"accepted"`
	Rejected int      `json:"rejected"`
	Errors   []reason `json:"errors,omitempty"` // the first hundred
	Error    string   `json:"error,omitempty"`  // about the request as a whole
	Said     string   `json:"said,omitempty"`   // of a request without records: what was done
}

type reason struct {
	Record int    `json:"record"` // 1-based position in the request
	Reason string `json:"reason"`
}

const maxErrors = 100

func reply(w http.ResponseWriter, status int, a answer) {
	w.Header().Set("Content-Type", "application/json")
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "2")
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(a) // the sender is gone, or has it
}

// take handles one POST.
func (s *source) take(w http.ResponseWriter, r *http.Request) {
	if !s.authorized(r) {
		w.Header().Set("WWW-Authenticate", "Bearer")
		reply(w, http.StatusUnauthorized, answer{Error: "a valid bearer token is required"})
		return
	}
	body, release, ok := s.admit(w, r)
	if !ok {
		return
	}
	defer release()
	if r.ContentLength > s.MaxBody {
		s.oversized(w, r, body)
		return
	}
	records, err := s.records(r, body)
	switch {
	case tooLarge(err):
		s.oversized(w, r, body)
	case err != nil:
		reply(w, http.StatusBadRequest, answer{Error: err.Error()})
	case len(records) == 0:
		reply(w, http.StatusBadRequest, answer{Error: "no record in the request"})
	default:
		s.submit(w, r, records, http.StatusBadRequest)
	}
}

// weight is how much memory a request may need.
func (s *source) weight(r *http.Request, body *body) int64 {
	if r.ContentLength > s.MaxBody {
		return producers.DeadLetterBytes // no more is kept of it
	}
	head, _ := body.Peek(4) // a shorter body is not compressed, and an error comes again with the next read
	if r.ContentLength < 0 || unpack.Compressed(head) {
		return s.MaxBody
	}
	return max(r.ContentLength, 1)
}

// submit hands records over to the writers, answers when Kafka has them, or not in time, and tells which. bad is the status if some become dead letters.
func (s *source) submit(w http.ResponseWriter, r *http.Request, records []producers.Record, bad int) (taken bool) {
	req := &request{records: records, count: len(records), done: make(chan struct{})}
	for _, rec := range records {
		req.size += len(rec.Data)
	}
	timer := time.NewTimer(s.Timeout)
	defer timer.Stop()
	select {
	case s.queue <- req:
	default:
		reply(w, http.StatusServiceUnavailable, answer{Error: errCrowded.Error()})
		return false
	}
	select {
	case <-req.done:
	case <-timer.C:
		req.abandon()
		reply(w, http.StatusServiceUnavailable, answer{Error: "Kafka did not take it in time"})
		return false
	case <-r.Context().Done():
		req.abandon()
		return false
	}
	if req.err != nil {
		reply(w, http.StatusServiceUnavailable, answer{Error: "Kafka did not take it"})
		return false
	}
	a := answer{Accepted: req.count - len(req.rejected), Rejected: len(req.rejected)}
	for i := 0; i < req.count && len(a.Errors) < maxErrors; i++ {
		if why, bad := req.rejected[i]; bad {
			text, _, _ := strings.Cut(why.Error(), "\n")
			a.Errors = append(a.Errors, reason{Record: i + 1, Reason: text})
		}
	}
	status := http.StatusAccepted
	if a.Rejected > 0 {
		status = bad
	}
	reply(w, status, a)
	return true
}

// records reads the records of a request. The error is about the request as a whole: then none of it is taken.
func (s *source) records(r *http.Request, body io.Reader) ([]producers.Record, error) {
	base := s.base(r)
	key := r.Header.Get("Idempotency-Key")
	if len(key) > 255 {
		return nil, errors.New("Idempotency-Key: at most 255 bytes expected")
	}
	kind := cloudEventMode(r.Header)
	if kind == modeBinary {
		if err := binaryAttrs(r.Header, base.Attrs); err != nil {
			return nil, err
		}
	}
	records, err := s.unpack(r, body, base, kind)
	if err != nil {
		return nil, err
	}
	number(records, key, "riposte/http/"+s.name, kind)
	return records, nil
}

// base is what all records of a request have in common.
func (s *source) base(r *http.Request) producers.Record {
	return producers.Record{
		Origin: "http:" + s.name + ":" + uuid.NewString(), Received: time.Now(),
		Attrs: map[string]string{producers.AttrPeer: r.RemoteAddr},
	}
}

// unpack takes the records out of a body.
func (s *source) unpack(r *http.Request, body io.Reader, base producers.Record, kind mode) (records []producers.Record, err error) {
	err = unpack.Unpack(r.Context(), body, base, unpack.Options{MaxRecord: s.MaxRecord, MaxTotal: s.MaxBody}, func(it unpack.Item) error {
		rec := it.Record
		if it.Err != nil && errors.Is(it.Err, unpack.ErrTooLarge) {
			return it.Err
		}
		if it.Err == nil && kind == modeStructured {
			var err error
			if rec, err = openStructured(rec); err != nil {
				rec.Attrs[producers.AttrProblem] = err.Error()
			}
		}
		records = append(records, rec)
		return nil
	})
	return records, err
}

// number gives every record of a request an id of its own, where the request gave one.
func number(records []producers.Record, key, source string, kind mode) {
	for i := range records {
		rec := &records[i]
		id, from := key, source
		if kind == modeBinary {
			id, from = rec.Attrs[producers.AttrID], rec.Attrs[producers.AttrSource]
			if i == 0 {
				continue
			}
		} else if rec.Attrs[producers.AttrID] != "" || key == "" {
			continue // it has an id of its own, or there is none to give
		}
		if i > 0 {
			id += "#" + strconv.Itoa(i+1)
		}
		rec.Attrs = copyAttrs(rec.Attrs)
		rec.Attrs[producers.AttrID], rec.Attrs[producers.AttrSource] = id, from
	}
}

func copyAttrs(attrs map[string]string) map[string]string {
	m := make(map[string]string, len(attrs)+4)
	maps.Copy(m, attrs)
	return m
}
