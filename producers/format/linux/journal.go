package linux

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/schemas"
)

// journal reads an entry as journalctl -o json prints it.
func (e *entry) journal(text string) (schemas.Event, error) {
	d := &e.Doc
	e.json = true
	if err := d.ParseText(text); err != nil {
		return schemas.Event{}, err
	}
	if k := d.Kind(d.Root()); k != ocsfjson.Object {
		return schemas.Event{}, fmt.Errorf("offset 0: an object expected, %s found", k)
	}
	message := d.Get(d.Root(), "MESSAGE")
	stamp := d.Get(d.Root(), "__REALTIME_TIMESTAMP")
	if message < 0 && stamp < 0 {
		return schemas.Event{}, errors.New("no entry of journald: neither MESSAGE nor __REALTIME_TIMESTAMP")
	}
	if stamp >= 0 {
		us := number(strings.Trim(d.Raw(stamp), `"`))
		if us < 0 || us > 253402300799999999 {
			return schemas.Event{}, fmt.Errorf("__REALTIME_TIMESTAMP: microseconds since 1970 expected, %s found", clip(d.Raw(stamp)))
		}
		e.head.time = time.UnixMicro(us).UTC()
	}
	h := &e.head
	body, err := e.journalText(message)
	if err != nil {
		return schemas.Event{}, err
	}
	h.message = body
	h.host = e.field("_HOSTNAME")
	h.program = first(e.field("SYSLOG_IDENTIFIER"), e.field("_COMM"))
	h.pid = first(e.field("SYSLOG_PID"), e.field("_PID"))
	if p := number(e.field("PRIORITY")); p >= 0 && p < 8 {
		h.priority = int(p)
	}
	e.act.proc.exe, e.act.proc.cmdLine = e.field("_EXE"), e.field("_CMDLINE")
	e.act.proc.name = e.field("_COMM")
	e.act.proc.auid = optional(e.field("_AUDIT_LOGINUID"))
	e.act.proc.owner.uid = e.field("_UID")
	if e.field("_TRANSPORT") == "audit" && e.auditMessage(body) {
		return e.finish(), nil
	}
	e.understand(body)
	return e.finish(), nil
}

// field is the text of a field of the journal. A field that stands there several times is a list: its first.
func (e *entry) field(name string) string {
	d := &e.Doc
	n := d.Get(d.Root(), name)
	if d.Kind(n) == ocsfjson.Array {
		n = d.First(n)
	}
	if d.Kind(n) == ocsfjson.Number {
		return d.Raw(n)
	}
	return d.Str(n)
}

// journalText is the text of a field: a string or, where it is not printable, a list of its bytes. null stands for one that is too large.
func (e *entry) journalText(n ocsfjson.Node) (string, error) {
	d := &e.Doc
	switch d.Kind(n) {
	case ocsfjson.String:
		return d.Str(n), nil
	case ocsfjson.Array:
		if c := d.First(n); d.Kind(c) == ocsfjson.String || d.Kind(c) == ocsfjson.Array {
			return e.journalText(c)
		}
		var b []byte
		for c := d.First(n); c >= 0; c = d.Next(c) {
			v, ok := d.Int(c)
			if !ok || v < 0 || v > 255 {
				return "", fmt.Errorf("MESSAGE: a byte expected, %s found", strconv.QuoteToASCII(clip(d.Raw(c))))
			}
			b = append(b, byte(v))
		}
		return strings.ToValidUTF8(string(b), "\ufffd"), nil
	case ocsfjson.Missing, ocsfjson.Null:
		return "", nil
	default:
		return "", fmt.Errorf("MESSAGE: a string or a list of bytes expected, %s found", d.Kind(n))
	}
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// document is the text of the journal's entry; empty for a line.
func (e *entry) document() string {
	if !e.json {
		return ""
	}
	return e.Doc.Raw(e.Doc.Root())
}
