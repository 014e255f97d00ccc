// Package iampolicy is what the actions on IAM policies have in common: documents, names, and the inline policies of users, roles and groups.
package iampolicy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// longest is more than IAM lets a policy document have, URL encoding included.
const longest = 64 << 10

// Decode turns what IAM hands out, URL-encoded JSON, into JSON.
func Decode(s string) (json.RawMessage, error) {
	if len(s) > longest {
		return nil, fmt.Errorf("policy document: %d bytes", len(s))
	}
	text, err := url.PathUnescape(s) // RFC 3986: a plus is a plus
	if err != nil {
		return nil, fmt.Errorf("policy document: %w", err)
	}
	if !json.Valid([]byte(text)) {
		return nil, errors.New("policy document: not JSON")
	}
	return json.RawMessage(text), nil
}

// Compact brings a document into one form, whatever its spacing and order; nil where there is none.
func Compact(doc json.RawMessage) []byte {
	if len(doc) == 0 || string(doc) == "null" {
		return nil
	}
	var v any
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return doc
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return doc
	}
	return bytes.TrimSpace(b.Bytes())
}

// IsName tells whether s is what IAM allows as the name of a user, role, group or policy.
func IsName(s string) bool {
	if s == "" || len(s) > 128 {
		return false
	}
	for _, r := range s {
		if r < '0' || r > '9' && r < 'A' || r > 'Z' && r < 'a' || r > 'z' {
			if !strings.ContainsRune("_+=,.@-", r) {
				return false
			}
		}
	}
	return true
}
