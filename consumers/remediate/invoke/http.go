package invoke

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/remediate/attribute"
	"github.com/riposte-security/riposte/internal/callout"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

const (
	mostBody   = 1 << 20
	mostAnswer = 1 << 20
)

type httpSettings struct {
	input
	Endpoint string `json:"endpoint"`
	Method   string `json:"method"`
	Path     string `json:"path"`
	Query    texts  `json:"query"`
}

func toHTTP() Target {
	s := spec("http", "Sends a request to a system that the configuration names (invoke.endpoints), with its OAuth token or API key, and keeps the answer in the outcome. The idempotency key "+
		"is the command's id.", nil,
		append([]schemas.Setting{
			{Name: "endpoint", Type: "string", Required: true, Help: "name in invoke.endpoints"},
			{Name: "method", Type: "string", Default: "POST", Help: "POST, PUT, PATCH, DELETE or GET"},
			{Name: "path", Type: "string", Help: "path below the endpoint's URL; what an event brings into it cannot leave that"},
			{Name: "query", Type: "map", Help: "parameters of the URL"},
		}, inputSettings(true)...)...)
	return Target{s, func(d Deps) (consumers.Action, error) {
		c, err := ReadConfig(d.Config)
		if err != nil {
			return nil, err
		}
		return &action{&caller{endpoints: c.Endpoints, client: callout.Client(d.Callouts.Named()), now: d.Now, tokens: map[string]*oauth2.Token{}}, d.Now}, nil
	}}
}

// caller sends requests to endpoints.
type caller struct {
	endpoints map[string]Endpoint
	client    *http.Client
	now       func() time.Time

	mu     sync.Mutex
	tokens map[string]*oauth2.Token // by endpoint
}

func (c *caller) plan(cmd schemas.Command) (planned, error) {
	s := httpSettings{Method: http.MethodPost}
	if err := attribute.Settings(cmd, &s); err != nil {
		return planned{}, err
	}
	e, ok := c.endpoints[s.Endpoint]
	if !ok {
		known := slices.Sorted(maps.Keys(c.endpoints))
		return planned{}, fmt.Errorf("with.endpoint %q: the configuration has none of that name (invoke.endpoints: %s)", clip(s.Endpoint, 100), orElse(strings.Join(known, ", "), "none"))
	}
	if !slices.Contains([]string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodGet}, s.Method) {
		return planned{}, fmt.Errorf("with.method %q: POST, PUT, PATCH, DELETE or GET expected", clip(s.Method, 20))
	}
	address, err := e.address(s)
	if err != nil {
		return planned{}, err
	}
	params := map[string]any{"endpoint": s.Endpoint, "path": address, "idempotency_key": cmd.ID}
	if s.Method != http.MethodGet {
		body, err := s.body(cmd, mostBody)
		if err != nil {
			return planned{}, err
		}
		params["body"], params["content_type"] = string(body), "application/json"
		if s.Message != "" {
			params["content_type"] = "text/plain; charset=utf-8"
		}
	}
	return planned{summary: s.Method + " " + address + " at " + s.Endpoint, call: schemas.Call{Service: "http", Operation: s.Method, Params: params}}, nil
}

// address is the path and query of a request, below the endpoint's own.
func (e Endpoint) address(s httpSettings) (string, error) {
	path := strings.TrimPrefix(s.Path, "/")
	if strings.ContainsAny(path, "?#\\") || strings.ContainsFunc(path, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", errors.New("with.path: no ?, #, \\ and control characters in it; parameters stand in query")
	}
	for part := range strings.SplitSeq(path, "/") {
		if plain, err := url.PathUnescape(part); err != nil || plain == ".." || plain == "." || strings.ContainsAny(plain, "/\\") {
			return "", fmt.Errorf("with.path: %q leads elsewhere", clip(part, 100))
		}
	}
	q := url.Values{}
	for k, v := range s.Query {
		q.Set(k, v)
	}
	u := url.URL{Path: path, RawQuery: q.Encode()}
	address := u.String()
	if len(address) > 8*kib {
		return "", fmt.Errorf("with.path and query have %d bytes; at most %d are taken", len(address), 8*kib)
	}
	return address, nil
}

func (c *caller) start(ctx context.Context, cmd schemas.Command, call schemas.Call) (schemas.Run, error) {
	text := func(name string) string { s, _ := call.Params[name].(string); return s }
	e, ok := c.endpoints[text("endpoint")]
	if !ok {
		return schemas.Run{}, fault.Permanent(fmt.Errorf("endpoint %s is not configured any more", text("endpoint")))
	}
	ctx, cancel := context.WithTimeout(ctx, e.Timeout)
	defer cancel()
	body := text("body")
	req, err := http.NewRequestWithContext(ctx, call.Operation, e.base()+strings.TrimPrefix(text("path"), "./"), strings.NewReader(body))
	if err != nil {
		return schemas.Run{}, fault.Permanent(fmt.Errorf("endpoint %s: %w", text("endpoint"), callout.WithoutURL(err)))
	}
	req.Header.Set("User-Agent", "riposte")
	callout.Idempotent(req, cmd.ID)
	if kind := text("content_type"); kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	for name, v := range e.Headers {
		req.Header.Set(name, string(v))
	}
	token, err := c.token(ctx, text("endpoint"), e)
	if err != nil {
		return schemas.Run{}, err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return c.send(req, text("endpoint"), e, token)
}

// send makes one request. No error of it, and no result, holds a secret.
func (c *caller) send(req *http.Request, name string, e Endpoint, token string) (schemas.Run, error) {
	res, err := c.client.Do(req)
	if err != nil {
		return schemas.Run{}, fmt.Errorf("endpoint %s: %w", name, callout.WithoutURL(err))
	}
	defer res.Body.Close() //nolint:errcheck // only read
	answer, err := io.ReadAll(io.LimitReader(res.Body, mostAnswer))
	if err != nil {
		return schemas.Run{}, fmt.Errorf("endpoint %s: its answer: %w", name, err)
	}
	if res.StatusCode == http.StatusUnauthorized && token != "" {
		c.forget(name, token)
		return schemas.Run{}, fmt.Errorf("endpoint %s: the token is refused; asking for another one", name)
	}
	if err := callout.Judge("endpoint "+name, res, c.now()); err != nil {
		return schemas.Run{}, err
	}
	out := map[string]any{"status": res.StatusCode}
	switch body := outputOf(answer); {
	case e.told(answer, token):
		out["body"] = "(it repeats a secret of ours, and is not kept)"
	case body != nil:
		out["body"] = body
	}
	return runOf(req.Method+" "+req.URL.EscapedPath(), out)
}

// told tells whether an answer repeats what only we should know.
func (e Endpoint) told(answer []byte, token string) bool {
	secrets := []string{token}
	for _, h := range e.Headers {
		_, value, _ := strings.Cut(string(h), " ") // "Bearer …": what comes after it
		secrets = append(secrets, string(h), value)
	}
	if e.OAuth != nil {
		secrets = append(secrets, string(e.OAuth.ClientSecret))
	}
	return slices.ContainsFunc(secrets, func(s string) bool { return s != "" && bytes.Contains(answer, []byte(s)) })
}

// poll: the answer is all there is.
func (c *caller) poll(_ context.Context, _ schemas.Command, _ schemas.Call, run schemas.Run) (progress, error) {
	return progress{status: "accepted", ended: true, output: run.Result}, nil
}

// token is the endpoint's access token, "" where it needs none. One that is still good is used again.
func (c *caller) token(ctx context.Context, name string, e Endpoint) (string, error) {
	if e.OAuth == nil {
		return "", nil
	}
	c.mu.Lock()
	kept := c.tokens[name]
	c.mu.Unlock()
	if kept.Valid() {
		return kept.AccessToken, nil
	}
	params := url.Values{}
	for k, v := range e.OAuth.Params {
		params.Set(k, v)
	}
	asked := clientcredentials.Config{
		ClientID: e.OAuth.ClientID, ClientSecret: string(e.OAuth.ClientSecret), TokenURL: e.OAuth.TokenURL, Scopes: e.OAuth.Scopes, EndpointParams: params,
	}
	got, err := asked.Token(context.WithValue(ctx, oauth2.HTTPClient, c.client))
	if err != nil {
		return "", refused(name, err, c.now())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tokens[name] = got
	return got.AccessToken, nil
}

// forget drops a token that is refused.
func (c *caller) forget(name, token string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.tokens[name]; t != nil && t.AccessToken == token {
		delete(c.tokens, name)
	}
}

// refused is the error of a token that was not given. What the server said, but for the code that the standard has for it, is not shown: it may repeat the secret.
func refused(name string, err error, now time.Time) error {
	r, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok || r.Response == nil {
		return fmt.Errorf("endpoint %s: token: %w", name, callout.WithoutURL(err))
	}
	judged := callout.Judge("endpoint "+name+": token", r.Response, now)
	if judged == nil {
		return fmt.Errorf("endpoint %s: token: the answer holds none", name)
	}
	switch r.ErrorCode {
	case "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope":
		return fmt.Errorf("%w: %s", judged, r.ErrorCode)
	}
	return judged
}
