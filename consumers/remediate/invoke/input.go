package invoke

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/riposte-security/riposte/schemas"
)

const (
	kib        = 1 << 10
	mostOutput = 64 * kib // bytes of a result that are kept
	mostTexts  = 8 * kib  // bytes of environment variables and parameters
)

// An input is what goes along: `input`, any JSON; `message`, a text as it is; else the whole event.
type input struct {
	Input   map[string]any `json:"input"`
	Message string         `json:"message"`
}

// body gives the bytes to send, which are most at most.
func (in input) body(cmd schemas.Command, most int) ([]byte, error) {
	var b []byte
	what := "input"
	switch {
	case in.Input != nil && in.Message != "":
		return nil, errors.New("with: input or message expected, not both")
	case in.Message != "":
		what, b = "message", []byte(in.Message)
	case in.Input != nil:
		var err error
		if b, err = compact(in.Input); err != nil {
			return nil, fmt.Errorf("with.input: %w", err)
		}
	default:
		what = "whole event (name what is needed of it with input)"
		var out bytes.Buffer
		if err := json.Compact(&out, cmd.Event); err != nil {
			return nil, fmt.Errorf("event: %w", err)
		}
		b = out.Bytes()
	}
	if len(b) > most {
		return nil, fmt.Errorf("the %s has %d bytes; at most %d are taken", what, len(b), most)
	}
	return b, nil
}

func inputSettings(message bool) []schemas.Setting {
	s := []schemas.Setting{{Name: "input", Type: "map", Help: "what to send, as JSON; by default the whole event"}}
	if message {
		s = append(s, schemas.Setting{Name: "message", Type: "string", Help: "a text to send, in the place of input"})
	}
	return s
}

// compact writes JSON as people do, without escapes for HTML.
func compact(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// texts are values that go along as texts: numbers and booleans are written as JSON writes them.
type texts map[string]string

// UnmarshalJSON reads a mapping.
func (t *texts) UnmarshalJSON(b []byte) error {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	*t = make(texts, len(raw))
	for k, v := range raw {
		s := string(v)
		if s == "null" {
			continue
		}
		if v[0] == '"' {
			if err := json.Unmarshal(v, &s); err != nil {
				return err
			}
		}
		(*t)[k] = s
	}
	return nil
}

// names are the keys in order.
func (t texts) names() []string { return slices.Sorted(maps.Keys(t)) }

// environment is what a task, job or build finds in its environment: what the command is, and what the rule adds.
func (t texts) environment(cmd schemas.Command) (texts, error) {
	all := texts{
		"RIPOSTE_COMMAND": cmd.ID, "RIPOSTE_RULE": cmd.Rule, "RIPOSTE_SEVERITY": cmd.Severity, "RIPOSTE_EVENT": cmd.EventUID, "RIPOSTE_TARGET": cmd.Target.ID,
	}
	size := 0
	for k, v := range t {
		if k == "" || strings.ContainsAny(k, "=\x00") || strings.HasPrefix(k, "RIPOSTE_") || strings.HasPrefix(k, "AWS_") {
			return nil, fmt.Errorf("with.environment: %q: names that begin with RIPOSTE_ or AWS_ are taken, and none has an equals sign", k)
		}
		if strings.ContainsRune(v, 0) {
			return nil, fmt.Errorf("with.environment: %s has a NUL", k)
		}
		all[k] = v
	}
	for k, v := range all {
		size += len(k) + len(v)
	}
	if size > mostTexts {
		return nil, fmt.Errorf("with.environment: %d bytes; at most %d are taken", size, mostTexts)
	}
	return all, nil
}

// result is what the outcome of a run holds.
type result struct {
	Run    string `json:"run"`
	Status string `json:"status"`
	Output any    `json:"output,omitempty"`
}

func resultOf(ref string, is progress) (json.RawMessage, error) {
	return compact(result{ref, is.status, is.output})
}

// outputOf makes what a run says about itself a value for the outcome: JSON as such, other things as text, of bounded length.
func outputOf(b []byte) any {
	if len(b) == 0 {
		return nil
	}
	if len(b) <= mostOutput && json.Valid(b) {
		return json.RawMessage(b)
	}
	return clip(string(b), mostOutput)
}

// clip bounds a text, at a rune's border.
func clip(s string, most int) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most] + "..."
}
