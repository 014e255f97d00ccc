package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"text/template"
	"time"

	"github.com/tidwall/gjson"

	"github.com/riposte-security/riposte/internal/callout"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

const (
	opBlock     = "block"
	opUnblock   = "unblock"
	longestBody = 1 << 20
	longestURL  = 8 << 10
)

// A view is what templates see.
type view struct {
	ID, Operation, Rule, RuleTitle, Severity string
	Target                                   schemas.Target
	For                                      string
	Seconds                                  int64 // 0: until it is undone
}

func viewOf(cmd schemas.Command, operation string) view {
	return view{
		ID: cmd.ID, Operation: operation, Rule: cmd.Rule, RuleTitle: cmd.RuleTitle, Severity: cmd.Severity, Target: cmd.Target,
		For: strings.TrimPrefix(cmd.For.String(), "0s"), Seconds: int64(time.Duration(cmd.For) / time.Second),
	}
}

// A request is one call, as it is sent.
type request struct{ method, url, body string }

// render fills in the templates of a call.
func (s settings) render(cmd schemas.Command, operation string) (request, error) {
	method, where, text := s.Method, s.URL, s.Body
	if operation == opUnblock {
		method, where, text = s.UnblockMethod, s.UnblockURL, s.UnblockBody
	}
	v := viewOf(cmd, operation)
	r := request{method: method}
	var err error
	if r.url, err = s.address("url", where, cmd, v); err != nil {
		return r, err
	}
	if text == "" {
		r.body, err = defaultBody(v)
		return r, err
	}
	if r.body, err = fill("body", text, cmd, v, longestBody); err != nil {
		return r, err
	}
	if strings.Contains(s.ContentType, "json") && !json.Valid([]byte(r.body)) {
		return r, fault.Permanent(errors.New("with.body: no JSON once it is filled in; write values as {{json .Target.ID}}"))
	}
	return r, nil
}

// address fills in a URL.
func (s settings) address(name, text string, cmd schemas.Command, v view) (string, error) {
	u, err := fill(name, text, cmd, v, longestURL)
	if err == nil {
		err = fault.Permanent(callout.CheckURL(u, s.PlainHTTP))
	}
	if err != nil {
		return "", fmt.Errorf("with.%s: %w", name, err)
	}
	return u, nil
}

// fill executes a template. Its errors are permanent: the same command gives the same.
func fill(name, text string, cmd schemas.Command, v view, most int) (string, error) {
	t, err := template.New(name).Option("missingkey=error").Funcs(template.FuncMap{
		"json": func(v any) (string, error) {
			b, err := json.Marshal(v)
			return string(b), err
		},
		"path":  func(s string) string { return url.PathEscape(s) },
		"query": func(s string) string { return url.QueryEscape(s) },
		"event": func(path string) string { return gjson.GetBytes(cmd.Event, path).String() },
	}).Parse(text)
	if err != nil {
		return "", fault.Permanent(fmt.Errorf("with.%s: %w", name, err))
	}
	b := bounded{most: most}
	if err := t.Execute(&b, v); err != nil {
		return "", fault.Permanent(fmt.Errorf("with.%s: %w", name, err))
	}
	return b.String(), nil
}

// bounded is a buffer that ends a template which prints too much.
type bounded struct {
	bytes.Buffer
	most int
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.most {
		return 0, fmt.Errorf("more than %d bytes", b.most)
	}
	return b.Buffer.Write(p)
}

func defaultBody(v view) (string, error) {
	b, err := json.Marshal(struct {
		ID         string         `json:"id"`
		Operation  string         `json:"operation"`
		Target     schemas.Target `json:"target"`
		ForSeconds int64          `json:"for_seconds,omitempty"`
		Rule       string         `json:"rule,omitempty"`
		RuleTitle  string         `json:"rule_title,omitempty"`
		Severity   string         `json:"severity,omitempty"`
	}{v.ID, v.Operation, v.Target, v.Seconds, v.Rule, v.RuleTitle, v.Severity})
	if err != nil {
		return "", fault.Permanent(err)
	}
	return string(b), nil
}
