package http

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/riposte-security/riposte/producers"
)

// Attributes that only webhooks give.
const (
	attrGitHubEvent    = "github-event"    // what happened: push, member, repository_vulnerability_alert …
	attrGitHubDelivery = "github-delivery" // GUID of the delivery, which is not signed; the same when it is sent again
	attrGitHubHook     = "github-hook"     // id of the webhook
)

// githubSettings set up the webhook of GitHub.
type githubSettings struct {
	Path    string   `yaml:"path"`
	Secrets []string `yaml:"secrets"`
}

func (g *githubSettings) validate() error {
	if len(g.Secrets) == 0 {
		return errors.New("secrets: at least one is required, the one that GitHub signs with")
	}
	for _, s := range g.Secrets {
		if len(s) < 16 {
			return errors.New("secrets: at least 16 characters expected") // the secret itself is not printed
		}
	}
	return nil
}

// open implements hook: the signature first, over the bytes as they came.
func (g *githubSettings) open(r *http.Request, body []byte) (delivery, error) {
	if err := g.signed(r.Header.Get("X-Hub-Signature-256"), body); err != nil {
		return delivery{}, err
	}
	event, id := r.Header.Get("X-Github-Event"), r.Header.Get("X-Github-Delivery")
	if event == "" || id == "" || len(event) > 255 || len(id) > 255 {
		return delivery{}, errors.New("X-GitHub-Event and X-GitHub-Delivery expected")
	}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return delivery{}, fmt.Errorf("form: %w", err)
		}
		body = []byte(form.Get("payload"))
	}
	if !gjson.ValidBytes(body) {
		return delivery{}, errors.New("the payload is no JSON")
	}
	return delivery{body: body, attrs: map[string]string{
		producers.AttrID: id, producers.AttrSource: "github",
		attrGitHubEvent: event, attrGitHubDelivery: id, attrGitHubHook: clipped(r.Header.Get("X-Github-Hook-Id")),
	}}, nil
}

// whole implements hook.
func (g *githubSettings) whole(r *http.Request) (io.Writer, func() bool) {
	var sums []hash.Hash
	var all []io.Writer
	for _, secret := range g.Secrets {
		h := hmac.New(sha256.New, []byte(secret))
		sums, all = append(sums, h), append(all, h)
	}
	return io.MultiWriter(all...), func() bool { return compare(r.Header.Get("X-Hub-Signature-256"), sums) == nil }
}

// signed tells whether a body is signed with one of the secrets.
func (g *githubSettings) signed(header string, body []byte) error {
	sums := make([]hash.Hash, 0, len(g.Secrets))
	for _, secret := range g.Secrets {
		h := hmac.New(sha256.New, []byte(secret))
		h.Write(body)
		sums = append(sums, h)
	}
	return compare(header, sums)
}

// compare takes constant time.
func compare(header string, sums []hash.Hash) error {
	text, ok := strings.CutPrefix(header, "sha256=")
	if !ok {
		return refuse(http.StatusUnauthorized, "X-Hub-Signature-256: sha256=… expected")
	}
	got, err := hex.DecodeString(text)
	if err != nil {
		return refuse(http.StatusUnauthorized, "X-Hub-Signature-256: %w", err)
	}
	good := false
	for _, h := range sums {
		good = hmac.Equal(got, h.Sum(nil)) || good
	}
	if !good {
		return refuse(http.StatusUnauthorized, "X-Hub-Signature-256: the signature is not that of a configured secret")
	}
	return nil
}

func clipped(s string) string { return s[:min(len(s), 255)] }

// falcoSettings set up the webhook of Falco and Falcosidekick, who bear a token in a header of their own configuration.
type falcoSettings struct {
	Path string `yaml:"path"`

	source *source
}

// whole implements hook.
func (f *falcoSettings) whole(r *http.Request) (io.Writer, func() bool) {
	return nil, func() bool { return f.source.authorized(r) }
}

// open implements hook. Falcosidekick gives every alert a uuid; Falco by itself gives none.
func (f *falcoSettings) open(r *http.Request, body []byte) (delivery, error) {
	if !f.source.authorized(r) {
		return delivery{}, refuse(http.StatusUnauthorized, "a valid bearer token is required")
	}
	body = bytes.TrimSpace(body)
	doc := gjson.ParseBytes(body)
	if !gjson.ValidBytes(body) || !doc.IsObject() || doc.Get("rule").Type != gjson.String || doc.Get("priority").Type != gjson.String {
		return delivery{}, errors.New("an alert of Falco expected: a JSON object with rule and priority")
	}
	d := delivery{body: body, attrs: map[string]string{}}
	if id := doc.Get("uuid").String(); id != "" && len(id) <= 255 {
		d.attrs[producers.AttrID], d.attrs[producers.AttrSource] = id, "falco"
	}
	return d, nil
}
