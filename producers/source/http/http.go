// Package http is the source that takes records over HTTP.
//
// POST /v1/records, or just POST /, takes one JSON record, an array, a line each (NDJSON or text), a CloudEvent (binary, structured or batched), or any other
// container that unpack knows, compressed or not. The answer is JSON:
//
//	202  every record is in Kafka: {"accepted":3,"rejected":0}
//	400  some record cannot be read: {"accepted":2,"rejected":1,"errors":[{"record":3,"reason":"…"}]}. Those accepted are in Kafka as events,
//	     those rejected as dead letters: nothing is to be sent again as it was
//	401  no valid bearer token
//	413  larger than max_body, also after decompression. Its first 64 KiB, with length and SHA-256, are a dead letter
//	429  more than max_rate requests a second: send it again, after Retry-After seconds
//	503  Kafka did not take it in time, or too much is waiting: send it again, after Retry-After seconds. With an Idempotency-Key, or as
//	     CloudEvents, records that got through after all keep their uids
//
// Senders of webhooks have endpoints of their own, which exist once they are set up, and take what is authentic only:
//
//	github   POST /github: X-Hub-Signature-256 must be that of a configured secret. X-GitHub-Event and X-GitHub-Delivery become the attributes
//	         github-event and github-delivery; the delivery is the record's id
//	sns      POST /sns: messages of configured topics, signed by SNS (SignatureVersion 1 or 2; the certificate comes from SNS in the topic's
//	         region). Subscriptions are confirmed, notifications opened; MessageId is the record's id
//	standard POST /webhook: Standard Webhooks, as riposte's own receiver sends them: webhook-signature is that of a secret over id, time and
//	         body. What is older than `within` is refused, and what was taken within that time is not taken again; webhook-id is the record's id
//	falco    POST /falco: Falcosidekick, or Falco's own http_output, with one of the tokens as "Authorization: Bearer …"; the record's id is the
//	         uuid that Falcosidekick gives
//
// What is refused is answered with 401 or 403 and leaves a line in the log.
//
// The id that an Idempotency-Key gives is that of the first record; those after it have "#2", "#3" … behind it. GET /healthz answers 200
// while the source listens.
package http

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/web"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/schemas"
)

// Summary says in one line what the source does.
const Summary = "HTTP POST of records, arrays, NDJSON and CloudEvents, and webhooks of GitHub, SNS and Falco; answers when Kafka has them"

// Settings describes the settings.
func Settings() []schemas.Setting {
	return []schemas.Setting{
		{Name: "listen", Type: "string", Default: "127.0.0.1:8081", Help: "host:port"},
		{Name: "tokens", Type: "list", Help: "bearer tokens, of which a request must bear one; at least 16 characters each"},
		{Name: "open", Type: "bool", Default: "false", Help: "take records from anybody who can reach the port. Without tokens and without this, only loopback addresses may be listened on"},
		{Name: "tls_cert", Type: "string", Help: "file with the certificate chain (PEM); with tls_key it makes this HTTPS"},
		{Name: "tls_key", Type: "string", Help: "file with the private key (PEM)"},
		{Name: "max_body", Type: "int", Default: "10485760", Help: "largest request in bytes, before and after decompression"},
		{Name: "max_record", Type: "int", Default: "1048576", Help: "largest record in bytes; a larger one becomes a dead letter"},
		{Name: "max_rate", Type: "int", Default: "1000", Help: "requests a second that one sender (an IPv4 address, an IPv6 network of 64 bits) may make; 0: any number"},
		{Name: "github", Type: "object", Help: "webhook of GitHub: secrets (a list, of at least 16 characters each), path (default /github)"},
		{Name: "sns", Type: "object", Help: "HTTPS endpoint of SNS: topics (ARNs; others are refused), path (default /sns)"},
		{Name: "falco", Type: "object", Help: "webhook of Falcosidekick: path (default /falco)"},
		{Name: "standard", Type: "object", Help: "webhooks signed as Standard Webhooks asks: secrets (a list, as whsec_…), within (how far its clock may be off, default 5m), path (default /webhook)"},
		{Name: "timeout", Type: "duration", Default: "10s", Help: "how long to wait for Kafka before the answer is 503"},
	}
}

type settings struct {
	Listen    string        `yaml:"listen"`
	Tokens    []string      `yaml:"tokens"`
	Open      bool          `yaml:"open"`
	TLSCert   string        `yaml:"tls_cert"`
	TLSKey    string        `yaml:"tls_key"`
	MaxBody   int64         `yaml:"max_body"`
	MaxRecord int           `yaml:"max_record"`
	MaxRate   int           `yaml:"max_rate"`
	Timeout   time.Duration `yaml:"timeout"`

	GitHub *githubSettings `yaml:"github"`
	SNS    *snsSettings    `yaml:"sns"`
	Falco  *falcoSettings  `yaml:"falco"`

	Standard *standardSettings `yaml:"standard"`

	local bool // others cannot reach it
}

// Validate implements config.Validator.
func (s *settings) Validate() error {
	host, _, err := net.SplitHostPort(s.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	for _, t := range s.Tokens {
		if len(t) < 16 || strings.ContainsAny(t, " \t\r\n") {
			return errors.New("tokens: at least 16 characters expected, and no white space") // the token itself is not printed
		}
	}
	ip := net.ParseIP(host)
	if host == "localhost" || ip != nil && ip.IsLoopback() {
		s.local = true
	}
	if len(s.Tokens) == 0 && !s.Open && !s.local && (s.GitHub == nil && s.SNS == nil && s.Standard == nil || s.Falco != nil) {
		return fmt.Errorf("listen %s: tokens are required (or open: true) where others can reach it", s.Listen)
	}
	if err := s.validateHooks(); err != nil {
		return err
	}
	if (s.TLSCert == "") != (s.TLSKey == "") {
		return errors.New("tls_cert and tls_key go together")
	}
	if s.MaxBody < 1<<10 || s.MaxBody > 64<<20 {
		return fmt.Errorf("max_body %d: between 1024 and 67108864 expected", s.MaxBody)
	}
	if s.MaxRecord < 1<<10 || s.MaxRecord > 10<<20 {
		return fmt.Errorf("max_record %d: between 1024 and 10485760 expected", s.MaxRecord)
	}
	if s.MaxRate < 0 {
		return fmt.Errorf("max_rate %d: negative", s.MaxRate)
	}
	if s.Timeout < 100*time.Millisecond || s.Timeout > 5*time.Minute {
		return fmt.Errorf("timeout %s: between 100ms and 5m expected", s.Timeout)
	}
	return nil
}

const (
	readTimeout = 30 * time.Second // for a request, headers and body
	stopTimeout = 5 * time.Second  // for requests in course when ctx ends
	memory      = 128 << 20        // bytes of bodies in memory at the same time, about
	lobby       = 32 << 20         // the same, of senders who have not yet shown who they are
	connections = 4096             // at the same time
)

type source struct {
	settings
	name   string
	log    zerolog.Logger
	hashes [][sha256.Size]byte // of the tokens
	queue  chan *request
	room   *semaphore.Weighted
	lobby  *semaphore.Weighted
	listen func(ctx context.Context, network, addr string) (net.Listener, error)
}

// New makes the source. It does not listen before Run.
func New(cfg config.Node, deps producers.SourceDeps) (producers.Source, error) {
	s := &source{
		settings: settings{Listen: "127.0.0.1:8081", MaxBody: 10 << 20, MaxRecord: 1 << 20, MaxRate: 1000, Timeout: 10 * time.Second},
		name:     deps.Name, log: deps.Log,
		queue: make(chan *request, queueLength), room: semaphore.NewWeighted(memory),
		listen: (&net.ListenConfig{}).Listen,
	}
	if err := cfg.Decode(&s.settings); err != nil {
		return nil, fmt.Errorf("source http: %w", err)
	}
	s.lobby = semaphore.NewWeighted(max(lobby, 2*s.MaxBody))
	s.setUpHooks()
	for _, t := range s.Tokens {
		s.hashes = append(s.hashes, sha256.Sum256([]byte(t)))
	}
	return s, nil
}

// Listens implements producers.Listener.
func (s *source) Listens() (network, address string) { return "tcp", s.Listen }

// Run implements producers.Source. When ctx ends it takes no more requests, and answers those in course if Kafka has them in time.
func (s *source) Run(ctx context.Context, emit func(context.Context, []producers.Record) error) error {
	ln, err := s.listen(ctx, "tcp", s.Listen)
	if err != nil {
		return fmt.Errorf("source http: %w", err)
	}
	limits := web.Limits{Read: readTimeout, Write: readTimeout + s.Timeout + 5*time.Second, Connections: connections, Rate: s.MaxRate}
	ln = limits.Bounded(ln)
	mux := http.NewServeMux()
	for path, h := range s.hooks() {
		mux.HandleFunc("POST "+path, s.hook(h))
	}
	mux.HandleFunc("POST /v1/records", s.take)
	mux.HandleFunc("POST /{$}", s.take)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	server := web.Server(mux, limits)
	s.log.Info().Str("listen", ln.Addr().String()).Bool("tls", s.TLSCert != "").Msg("taking records over HTTP")

	// Publishing outlives ctx by the time that requests in course have for it.
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	g, gone := errgroup.WithContext(work)
	for range writers {
		g.Go(func() error { return s.write(gone, emit) })
	}
	g.Go(func() error {
		serve := func() error { return server.Serve(ln) }
		if s.TLSCert != "" {
			serve = func() error { return server.ServeTLS(ln, s.TLSCert, s.TLSKey) }
		}
		if err := serve(); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("source http: %w", err)
		}
		return nil
	})
	g.Go(func() error {
		defer stopWork()
		select {
		case <-ctx.Done():
		case <-gone.Done():
		}
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		if err := server.Shutdown(within); err != nil {
			return server.Close()
		}
		return nil
	})
	return g.Wait()
}

// authorized compares in constant time: of the token's hash, so that not even its length shows.
func (s *source) authorized(r *http.Request) bool {
	if len(s.hashes) == 0 {
		return s.Open || s.local // with webhooks alone, nothing else is taken from others
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return false
	}
	got := sha256.Sum256([]byte(strings.TrimSpace(token)))
	ok := 0
	for _, h := range s.hashes {
		ok |= subtle.ConstantTimeCompare(got[:], h[:])
	}
	return ok == 1
}
