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
	words    []byte // what is no field

	interpreted bool // by ausearch -i: names for numbers, and no quotes
	fields      auditFields
	inner       auditFields // of msg='…'
	enriched    auditFields // of what auditd adds: numbers by their names
}

// reset empties the record.
func (r *auditRecord) reset() {
	r.interpreted = false
	r.before, r.node, r.typeText, r.kind, r.stamp, r.serial = "", "", "", "", "", ""
	if r.words = r.words[:0]; cap(r.words) > 1<<10 {
		r.words = nil
	}
	r.fields.reset()
	r.inner.reset()
	r.enriched.reset()
}

// get is the value of a field, decoded, first of those inside msg='…'; "" if it is not there or not set.
func (r *auditRecord) get(key string) string {
	f := r.inner.find(key)
	if f == nil {
		f = r.fields.find(key)
	}
	if f == nil || f.unset() || f.value == "(unknown)" {
		return ""
	}
	return f.text()
}

// outer is get for a field that is not inside msg='…'.
func (r *auditRecord) outer(key string) string {
	f := r.fields.find(key)
	if f == nil || f.unset() {
		return ""
	}
	return f.text()
}

// named is what auditd says a number stands for: AUID for auid.
func (r *auditRecord) named(key string) string {
	f := r.enriched.find(key)
	if f == nil || f.value == "unset" || strings.HasPrefix(f.value, "unknown(") || f.value == "unknown" {
		return ""
	}
	return f.text()
}

// person is the user that a field and the name beside it tell; interpreted, the name stands in the place of the number.
func (r *auditRecord) person(key, upper string) person {
	v := r.outer(key)
	switch {
	case v == "" || isUnset(v):
		return person{}
	case r.interpreted && digits(v) != len(v):
		return person{name: v}
	}
	return person{r.named(upper), v}
}

// isUnset tells whether an id is the kernel's "not set".
func isUnset(id string) bool { return id == "4294967295" || id == "unset" || id == "-1" }

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
		r := e.newAudit()
		n := len(e.audits)
		if err := e.parseAudit(r, line); err != nil {
			return schemas.Event{}, fmt.Errorf("record %d: %w", n, err)
		}
		if n == 1 {
			r.before = "" // it has been read as a header
		} else if r.serial != e.audits[0].serial {
			return schemas.Event{}, fmt.Errorf("record %d: of another event, %s", n, strconv.QuoteToASCII(clip(r.stamp)))
		}
		if fields += len(r.fields.list) + len(r.inner.list); fields > maxFields {
			return schemas.Event{}, fmt.Errorf("an audit event of more than %d fields", maxFields)
		}
	}
	t, err := e.auditTime(e.audits[0].stamp)
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
	r := e.newAudit()
	r.typeText, r.kind = kind, kind
	r.read(rest)
	e.classify()
	return true
}

// newAudit adds an empty record, which is good until the next is added.
func (e *entry) newAudit() *auditRecord {
	if n := len(e.audits); n < cap(e.audits) {
		e.audits = e.audits[:n+1]
	} else {
		e.audits = append(e.audits, auditRecord{})
	}
	return &e.audits[len(e.audits)-1]
}

// parseAudit reads one line.
func (e *entry) parseAudit(r *auditRecord, line string) error {
	if !auditLine(line) {
		i := max(strings.Index(line, " node="), strings.Index(line, " type="))
		if j := strings.Index(line, " node="); j >= 0 && j < i && auditLine(line[j+1:]) {
			i = j
		}
		if i < 0 {
			return fmt.Errorf("type=...msg=audit( expected, %s found", strconv.QuoteToASCII(clip(line)))
		}
		r.before, line = line[:i], line[i+1:]
	}
	if rest, ok := strings.CutPrefix(line, "node="); ok {
		r.node, line, _ = strings.Cut(rest, " ")
	}
	rest, ok := strings.CutPrefix(line, "type=")
	if !ok {
		return fmt.Errorf("type= expected, %s found", strconv.QuoteToASCII(clip(line)))
	}
	r.typeText, rest, _ = strings.Cut(rest, " ")
	r.kind = r.typeText
	if len(r.typeText) > 0 && (r.typeText[0] <= '9' || r.typeText[0] == 'U') {
		r.kind = e.f.tables.kind(r.typeText)
	}
	rest = strings.TrimPrefix(strings.TrimPrefix(rest, "msg="), "audit(")
	stamp, rest, ok := strings.Cut(rest, ")")
	at := strings.LastIndexByte(stamp, ':')
	serial := stamp[at+1:]
	if !ok || at < 0 || number(serial) < 0 {
		return fmt.Errorf("msg=audit(seconds:serial) expected, %s found", strconv.QuoteToASCII(clip(stamp)))
	}
	r.stamp, r.serial, r.interpreted = stamp, serial, strings.IndexByte(stamp, ' ') > 0
	if r.interpreted {
		rest = strings.TrimPrefix(rest, " ")
	}
	r.read(strings.TrimPrefix(rest, ":"))
	return nil
}

// auditTime reads seconds.milliseconds:serial, or the day and the time of day instead of seconds, as ausearch -i writes them: the day as month,
// day, year unless that cannot be, or with the year in front; in the zone that is set.
func (e *entry) auditTime(stamp string) (time.Time, error) {
	if day, text, ok := strings.Cut(stamp, " "); ok {
		return e.interpretedTime(stamp, day, text)
	}
	text, _, _ := strings.Cut(stamp, ":")
	sec, frac, _ := strings.Cut(text, ".")
	n := number(sec)
	if n < 0 || n > 253402300799 || digits(frac) != len(frac) {
		return time.Time{}, fmt.Errorf("msg=audit(%s: seconds since 1970 expected", strconv.QuoteToASCII(clip(stamp)))
	}
	return time.Unix(n, int64(fraction(frac))).UTC(), nil
}

func (e *entry) interpretedTime(stamp, day, text string) (time.Time, error) {
	part := strings.FieldsFunc(day, func(c rune) bool { return c == '/' || c == '-' || c == '.' })
	h, m, sec, ns, n := clock(text)
	if len(part) != 3 || n == 0 {
		return time.Time{}, fmt.Errorf("msg=audit(%s: a day and a time of day expected", strconv.QuoteToASCII(clip(stamp)))
	}
	a, b, c := number(part[0]), number(part[1]), number(part[2])
	year, month, date0 := c, a, b
	switch {
	case len(part[0]) == 4:
		year, month, date0 = a, b, c
	case a > 12 || strings.IndexByte(day, '.') > 0:
		month, date0 = b, a
	}
	if year >= 0 && year < 100 {
		year += 2000
	}
	if month < 1 || month > 12 || date0 < 1 || date0 > 31 || year > 9999 {
		return time.Time{}, fmt.Errorf("msg=audit(%s: no such day", strconv.QuoteToASCII(clip(stamp)))
	}
	return date(stamp, int(year), int(month), int(date0), h, m, sec, ns, e.f.zone)
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
		e.auditFields(r.fields.list, nil)
		e.auditFields(r.enriched.list, &r.fields)
		if len(r.inner.list) > 0 {
			e.quotedKey("msg")
			e.B = append(e.B, '{')
			e.auditFields(r.inner.list, nil)
			e.decoded(r.inner.list)
			e.B = append(e.B, '}')
		}
		e.text("text", string(r.words))
		e.text("header", r.before)
		e.decoded(r.fields.list)
		e.Close(at)
	}
	e.Close(list)
}

// auditFields writes fields as they stand there. One whose name is taken, by another field or by us, gets its number behind the name.
func (e *entry) auditFields(fields []auditField, others *auditFields) {
	before := 0
	if others != nil {
		before = len(others.list)
	}
	for i := range fields {
		f := &fields[i]
		if !f.again && f.plain && before == 0 { // most of them
			e.Key(f.key)
			e.Quote(f.value)
			continue
		}
		e.quotedKey(f.key)
		if f.again || before > 0 && others.find(f.key) != nil {
			e.B = append(e.B[:len(e.B)-2], '#')
			e.B = append(strconv.AppendInt(e.B, int64(before+i+1), 10), '"', ':')
		}
		e.Quote(f.value)
	}
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
