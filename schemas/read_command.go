package schemas

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

const (
	idLength  = 32   // of a command's id: 16 bytes in hex
	maxName   = 512  // bytes of a rule's id, a step's and an action's name
	maxTarget = 2048 // bytes of a target's key: databases index it
)

// Severities lists the severities of rules and commands, lowest first.
func Severities() []string { return []string{"informational", "low", "medium", "high", "critical"} }

// SeverityID is OCSF's severity_id of a severity: 1 informational to 5 critical, 0 for what is none.
func SeverityID(severity string) int { return slices.Index(Severities(), severity) + 1 }

// UnmarshalJSON reads a command. Numbers in With come as int64, or float64 if written with a fraction, so that none of 64 bits is rounded; a number
// that fits neither stays a json.Number.
func (c *Command) UnmarshalJSON(text []byte) error {
	return c.decode(text, false)
}

func (c *Command) decode(text []byte, strict bool) error {
	type plain Command // without methods
	var p plain
	if err := decode(text, &p, strict); err != nil {
		return err
	}
	plainMap(p.With)
	*c = Command(p)
	return nil
}

// ReadCommand reads the value of a message on a command topic. A field that it does not know is refused: it may hold a restriction, and
// a command must not act as if that was not there. Every error is a *MalformedError: no retry will mend it.
func ReadCommand(value []byte) (Command, error) {
	obj, start, err := object(value, commandDepth)
	if err != nil {
		return Command{}, err
	}
	var c Command
	if err := c.decode(obj, true); err != nil {
		return Command{}, notCommand(err, start)
	}
	return c, c.Check()
}

// notCommand makes the decoder's error one of ours, with the place where the library knows it.
func notCommand(err error, start int) error {
	if typ, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return &MalformedError{Offset: int64(start) + typ.Offset, Reason: "command: " + typ.Field + " is of type " + typ.Value}
	}
	return malformed("command: %s", strings.TrimPrefix(err.Error(), "json: "))
}

// Check tells whether a command says all that a consumer needs, in words that exist. Its error is a *MalformedError.
func (c *Command) Check() error {
	if err := c.checkNames(); err != nil {
		return err
	}
	switch {
	case c.Mode != "" && c.Mode != "dry_run":
		return malformed(`command: mode is %q, want "dry_run" or nothing`, clip(c.Mode))
	case c.Approval != "" && c.Approval != ApprovalRequired && c.Approval != ApprovalWaived:
		return malformed(`command: approval is %q, want "required", "waived" or nothing`, clip(c.Approval))
	case c.Accept != "" && c.Accept != "any":
		return malformed(`command: accept is %q, want "any" or nothing`, clip(c.Accept))
	case c.For < 0:
		return malformed("command: for is negative")
	case c.Created.IsZero():
		return malformed("command: created is missing")
	case c.Shed != nil: // stands for many events
		return nil
	case c.RuleHash == "":
		return malformed("command: rule_hash is missing")
	case c.EventTime.IsZero():
		return malformed("command: event_time is missing")
	case c.EventUID == "":
		return malformed("command: event_uid is missing")
	case !gjson.ParseBytes(c.Event).IsObject():
		return malformed("command: event is no object")
	}
	return nil
}

// checkNames checks what identifies the command, its rule and its target.
func (c *Command) checkNames() error {
	if len(c.ID) != idLength || strings.Trim(c.ID, "0123456789abcdef") != "" {
		return malformed("command: id is %q, want %d hexadecimal digits", clip(c.ID), idLength)
	}
	for _, f := range []struct {
		name, value string
		missing     bool
		most        int
	}{
		{"rule", c.Rule, c.Rule == "", maxName},
		{"step", c.Step, c.Step == "", maxName},
		{"action", c.Action, c.Action == "", maxName},
		{"event_uid", c.EventUID, false, maxUID},
		{"target.type", c.Target.Type, c.Target.Type == "", maxName},
		{"target.id", c.Target.ID, c.Target.ID == "", maxTarget},
		{"target", c.Target.Key(), false, maxTarget},
	} {
		switch {
		case f.missing:
			return malformed("command: %s is missing", f.name)
		case len(f.value) > f.most:
			return malformed("command: %s has %d bytes, at most %d are allowed", f.name, len(f.value), f.most)
		case strings.ContainsRune(f.value, 0):
			return malformed("command: %s has a NUL", f.name)
		}
	}
	if !slices.Contains(Lanes(), c.Lane) {
		return malformed("command: lane is %q, want alert, block or remediate", clip(string(c.Lane)))
	}
	if SeverityID(c.Severity) == 0 {
		return malformed("command: severity is %q, want one of %s", clip(c.Severity), strings.Join(Severities(), ", "))
	}
	return nil
}
