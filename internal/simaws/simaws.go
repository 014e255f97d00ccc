// Package simaws is a simulated AWS, for the demonstration alone: it answers just the calls that the recorded attack in examples/attack leads
// to, in the wire formats of AWS, and keeps what they change in memory. It authenticates nobody, and any other call gets an error in the
// form of its service. Tests of actions use a real server with an AWS API instead.
package simaws

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxBody bounds a request, in bytes.
const maxBody = 1 << 20

// An AWS is one simulated account. It is an http.Handler, to be named by AWS_ENDPOINT_URL, and safe for concurrent use.
type AWS struct {
	account, region string
	now             func() time.Time

	mu         sync.Mutex
	requests   int
	calls      []Call
	buckets    map[string]*Bucket
	instances  map[string]*Instance
	groups     map[string]SecurityGroup
	policies   map[string]*Policy
	inline     map[string]string // kind/name/policy → document
	principals map[string]bool   // kind/name
	sets       map[string]*ipSet // by id
	topics     map[string][]Message
}

// A Call is one call that was answered.
type Call struct {
	Time      time.Time
	Service   string // s3 ec2 iam wafv2 sns sts
	Operation string
	Changed   bool   // whether it is one that changes something
	Error     string // error code, where it failed
}

// New returns an empty account of that id (twelve digits) whose regional things are in region.
func New(account, region string, now func() time.Time) *AWS {
	return &AWS{
		account: account, region: region, now: now,
		buckets: map[string]*Bucket{}, instances: map[string]*Instance{}, groups: map[string]SecurityGroup{}, policies: map[string]*Policy{},
		inline: map[string]string{}, principals: map[string]bool{}, sets: map[string]*ipSet{}, topics: map[string][]Message{},
	}
}

// Calls returns the calls that were answered so far, in their order.
func (a *AWS) Calls() []Call {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.calls)
}

// A request is one call, as far as all services have it in common.
type request struct {
	*http.Request
	body            []byte
	service, region string
	id              string
}

// A fault is an error that AWS answers.
type fault struct {
	status        int
	code, message string
}

func refuse(status int, code, format string, args ...any) *fault {
	return &fault{status: status, code: code, message: fmt.Sprintf(format, args...)}
}

// ServeHTTP answers one call.
func (a *AWS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "request too large, or broken off", http.StatusRequestEntityTooLarge)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.requests++
	req := &request{Request: r, body: body, id: fmt.Sprintf("00000000-0000-4000-8000-%012d", a.requests)}
	req.service, req.region = scope(r.Header.Get("Authorization"))
	w.Header().Set("X-Amzn-Requestid", req.id)
	switch {
	case strings.HasPrefix(r.Header.Get("X-Amz-Target"), wafTarget):
		a.serveWAF(w, req)
	case strings.HasPrefix(r.Header.Get("X-Amz-Target"), configTarget):
		a.serveConfig(w)
	case strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded"):
		a.serveQuery(w, req)
	default:
		a.serveS3(w, req)
	}
}

// note records a call.
func (a *AWS) note(service, operation string, changes bool, f *fault) {
	c := Call{Time: a.now(), Service: service, Operation: operation, Changed: changes && f == nil}
	if f != nil {
		c.Error = f.code
	}
	a.calls = append(a.calls, c)
}

// scope reads service and region out of a signature: Credential=KEY/DATE/REGION/SERVICE/aws4_request.
func scope(authorization string) (service, region string) {
	_, rest, _ := strings.Cut(authorization, "Credential=")
	credential, _, _ := strings.Cut(rest, ",")
	if parts := strings.Split(credential, "/"); len(parts) == 5 && parts[4] == "aws4_request" {
		return parts[3], parts[2]
	}
	return "", ""
}
