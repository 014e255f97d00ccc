package linux

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/riposte-security/riposte/schemas"
)

// Limits of one audit event.
const (
	maxRecords = 4096 // lines
	maxFields  = 8192 // of all its lines
	maxSearch  = 2048 // of one line
)

// An auditRecord is one line of an audit event.
type auditRecord struct {
	before   string // what stood before type=, apart from the first line's
	node     string
	typeText string // as it stands there
	kind     string // its name
	stamp    string // seconds.milliseconds:serial
	serial   string
	fields   []auditField
	inner    []auditField // of msg='…'
	enriched []auditField // of what auditd adds: numbers by their names
	words    string       // what is no field
}

// An auditField is one key=value.
type auditField struct {
	key, value string
	again      bool   // its name stood there already, or is one that we use ourselves
	plain      bool   // its name is letters, digits and the like
	decoded    string // where the value is in hexadecimal because of what is in it
}

func find(fields []auditField, key string) (value string, ok bool) {
	for i := range fields {
		if f := &fields[i]; f.key == key {
			if f.decoded != "" {
				return f.decoded, true
			}
			return f.value, true
		}
	}
	return "", false
}

// get is the value of a field, decoded, first of those inside msg='…'; "" if it is not there or not set.
func (r *auditRecord) get(key string) string {
	v, ok := find(r.inner, key)
	if !ok {
		v, _ = find(r.fields, key)
	}
	if v == "?" || v == "(null)" || v == "(none)" || v == "(unknown)" {
		return ""
	}
	return v
}

// outer is get for a field that is not inside msg='…'.
func (r *auditRecord) outer(key string) string {
	v, _ := find(r.fields, key)
	if v == "?" || v == "(null)" || v == "(none)" {
		return ""
	}
	return v
}

// named is what auditd says a number stands for: AUID for auid.
func (r *auditRecord) named(key string) string {
	v, _ := find(r.enriched, key)
	if v == "unset" || v == "unknown" || strings.HasPrefix(v, "unknown(") {
		return ""
	}
	return v
}

// auditLine tells whether a line is a record of the audit system, as auditd writes it.
func auditLine(s string) bool {
	return (strings.HasPrefix(s, "type=") || strings.HasPrefix(s, "node=")) && strings.Contains(s[:min(len(s), 512)], "msg=audit(")
}

// kernelAudit is what is left of a message of the kernel from type= on, if it is a record of the audit system: "audit: type=1400 audit(…): …".
func kernelAudit(m string) string {
	head := m[:min(len(m), 128)]
	if i := strings.Index(head, "type="); i >= 0 && strings.Contains(head[i:], " audit(") {
		return m[i:]
	}
	return ""
}

// audit reads an audit event: its records, a line each.
func (e *entry) audit(text string) (schemas.Event, error) {
	fields := 0
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n \t")
		if line == "" {
			continue
		}
		if len(e.audits) == maxRecords {
			return schemas.Event{}, fmt.Errorf("an audit event of more than %d records", maxRecords)
		}
		n := len(e.audits) + 1
		r, err := e.parseAudit(line)
		if err != nil {
			return schemas.Event{}, fmt.Errorf("record %d: %w", n, err)
		}
		if n == 1 {
			r.before = "" // it has been read as a header
		} else if r.serial != e.audits[0].serial {
			return schemas.Event{}, fmt.Errorf("record %d: of another event, %s", n, strconv.QuoteToASCII(clip(r.stamp)))
		}
		if fields += len(r.fields) + len(r.inner); fields > maxFields {
			return schemas.Event{}, fmt.Errorf("an audit event of more than %d fields", maxFields)
		}
		e.audits = append(e.audits, r)
	}
	t, err := auditTime(e.audits[0].stamp)
	if err != nil {
		return schemas.Event{}, err
	}
	e.head.time = t
	e.head.host = first(e.audits[0].node, e.head.host)
	e.classify()
	return e.finish(), nil
}

// auditMessage reads "USER_LOGIN pid=1 uid=0 …", which is how journald has records of the audit system. It tells false for anything else.
func (e *entry) auditMessage(m string) bool {
	kind, rest, ok := strings.Cut(m, " ")
	if !ok || strings.Trim(kind, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") != "" || !strings.Contains(rest, "=") || digits(kind) == len(kind) {
		return false
	}
	r := auditRecord{typeText: kind, kind: kind}
	e.fields(&r, rest)
	if len(r.fields) > maxFields {
		return false
	}
	e.audits = append(e.audits, r)
	e.classify()
	return true
}

// parseAudit reads one line.
func (e *entry) parseAudit(line string) (auditRecord, error) {
	var r auditRecord
	if !auditLine(line) {
		i := max(strings.Index(line, " node="), strings.Index(line, " type="))
		if j := strings.Index(line, " node="); j >= 0 && j < i && auditLine(line[j+1:]) {
			i = j
		}
		if i < 0 {
			return r, fmt.Errorf("type=...msg=audit( expected, %s found", strconv.QuoteToASCII(clip(line)))
		}
		r.before, line = line[:i], line[i+1:]
	}
	if rest, ok := strings.CutPrefix(line, "node="); ok {
		r.node, line, _ = strings.Cut(rest, " ")
	}
	rest, ok := strings.CutPrefix(line, "type=")
	if !ok {
		return r, fmt.Errorf("type= expected, %s found", strconv.QuoteToASCII(clip(line)))
	}
	r.typeText, rest, _ = strings.Cut(rest, " ")
	r.kind = r.typeText
	if len(r.typeText) > 0 && (r.typeText[0] <= '9' || r.typeText[0] == 'U') {
		r.kind = e.f.tables.kind(r.typeText)
	}
	rest = strings.TrimPrefix(strings.TrimPrefix(rest, "msg="), "audit(")
	stamp, rest, ok := strings.Cut(rest, ")")
	_, serial, ok2 := strings.Cut(stamp, ":")
	if !ok || !ok2 || number(serial) < 0 {
		return r, fmt.Errorf("msg=audit(seconds:serial) expected, %s found", strconv.QuoteToASCII(clip(stamp)))
	}
	r.stamp, r.serial = stamp, serial
	e.fields(&r, strings.TrimPrefix(rest, ":"))
	return r, nil
}

// auditTime reads seconds.milliseconds:serial.
func auditTime(stamp string) (time.Time, error) {
	text, _, _ := strings.Cut(stamp, ":")
	sec, frac, _ := strings.Cut(text, ".")
	n := number(sec)
	if n < 0 || n > 253402300799 || digits(frac) != len(frac) {
		return time.Time{}, fmt.Errorf("msg=audit(%s: seconds since 1970 expected", strconv.QuoteToASCII(clip(stamp)))
	}
	return time.Unix(n, int64(fraction(frac))).UTC(), nil
}

// writeRecords writes the records of an audit event with their own names.
func (e *entry) writeRecords() {
	if len(e.audits) == 0 {
		return
	}
	list := e.List("records")
	for i := range e.audits {
		r := &e.audits[i]
		at := e.Open("")
		e.Str("type", r.typeText)
		e.text("node", r.node)
		e.text("audit", r.stamp)
		e.auditFields(r.fields, nil)
		e.auditFields(r.enriched, r.fields)
		if len(r.inner) > 0 {
			e.quotedKey("msg")
			e.B = append(e.B, '{')
			e.auditFields(r.inner, nil)
			e.decoded(r.inner)
			e.B = append(e.B, '}')
		}
		e.text("text", r.words)
		e.text("header", r.before)
		e.decoded(r.fields)
		e.Close(at)
	}
	e.Close(list)
}

// auditFields writes fields as they stand there. One whose name is taken, by another field or by us, gets its number behind the name.
func (e *entry) auditFields(fields, others []auditField) {
	for i := range fields {
		f := &fields[i]
		if !f.again && f.plain && len(others) == 0 { // most of them
			if e.B[len(e.B)-1] != '{' {
				e.B = append(e.B, ',')
			}
			e.B = append(append(append(e.B, '"'), f.key...), '"', ':')
			e.Quote(f.value)
			continue
		}
		e.quotedKey(f.key)
		if f.again || len(others) > 0 && has(others, f.key) {
			e.B = append(e.B[:len(e.B)-2], '#')
			e.B = append(strconv.AppendInt(e.B, int64(len(others)+i+1), 10), '"', ':')
		}
		e.Quote(f.value)
	}
}

func has(fields []auditField, key string) bool {
	for i := range fields {
		if fields[i].key == key {
			return true
		}
	}
	return false
}

// decoded writes what stood in hexadecimal.
func (e *entry) decoded(fields []auditField) {
	open := false
	for i := range fields {
		f := &fields[i]
		if f.decoded == "" || f.again {
			continue
		}
		if !open {
			e.quotedKey("decoded")
			e.B = append(e.B, '{')
			open = true
		}
		e.quotedKey(f.key)
		e.Quote(f.decoded)
	}
	if open {
		e.B = append(e.B, '}')
	}
}
