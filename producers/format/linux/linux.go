package linux

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/schemas"
)

// Name is the format's name, and the events' metadata.log_name.
const Name = "linux"

// maxEntry is the largest entry that is read, in bytes: the lines of one audit event together, or one line of syslog.
const maxEntry = 256 << 10

type settings struct {
	Year     int    `yaml:"year"`
	Timezone string `yaml:"timezone"`
	Host     string `yaml:"host"`
	zone     *time.Location
}

// Validate checks the year and finds the time zone.
func (s *settings) Validate() error {
	if s.Year != 0 && (s.Year < 1970 || s.Year > 9999) {
		return fmt.Errorf("year %d: between 1970 and 9999 expected", s.Year)
	}
	if strings.ContainsAny(s.Host, " \t\r\n") {
		return errors.New("host: a name without white space expected")
	}
	zone, err := time.LoadLocation(s.Timezone)
	if err != nil || s.Timezone == "Local" {
		return fmt.Errorf("timezone %q: a name of the time zone database expected, such as Europe/Berlin", s.Timezone)
	}
	s.zone = zone
	return nil
}

// Settings describes the format's settings.
func Settings() []schemas.Setting {
	return []schemas.Setting{
		{Name: "year", Type: "int", Help: "year of time stamps that have none; by default the one that puts the entry before its receipt, most closely"},
		{Name: "timezone", Type: "string", Default: "UTC", Help: "time zone of time stamps that have none"},
		{Name: "host", Type: "string", Help: "name of the machine where entries do not say it, as raw audit logs without node="},
	}
}

type format struct {
	settings
	texts, documents *ocsfjson.Pool // two, since a document stays in the event that it was parsed into
	entries          *sync.Pool     // of *entry
	tables           *tables
}

// New makes the format.
func New(cfg config.Node) (producers.Format, error) {
	f := &format{texts: new(ocsfjson.Pool), documents: new(ocsfjson.Pool), entries: new(sync.Pool), tables: newTables()}
	if err := cfg.Decode(&f.settings); err != nil {
		return nil, err
	}
	return f, nil
}

// Parse makes one event of one entry.
func (f *format) Parse(r producers.Record) ([]schemas.Event, error) {
	out, err := f.parse(r)
	if err != nil {
		return nil, fault.Permanent(fmt.Errorf("%s: %w", Name, err))
	}
	return out, nil
}

func (f *format) parse(r producers.Record) ([]schemas.Event, error) {
	if len(r.Data) > maxEntry {
		return nil, fmt.Errorf("entry of %d bytes, at most %d are read", len(r.Data), maxEntry)
	}
	text := strings.Trim(string(r.Data), "\r\n \t\x00")
	text = strings.TrimPrefix(text, "\ufeff")
	if text == "" {
		return nil, errors.New("an empty line")
	}
	pool := f.texts
	if text[0] == '{' {
		pool = f.documents
	}
	e := f.entry()
	e.Event, e.uid, e.received = pool.Get(), ocsfjson.UID(r), ocsfjson.Received(r)
	defer func() {
		pool.Put(e.Event)
		f.put(e)
	}()
	e.head.time = e.received
	e.peer, e.account, e.region = r.Attrs[producers.AttrPeer], r.Attrs[producers.AttrAccount], r.Attrs[producers.AttrRegion]
	event, err := e.read(text, r.Data)
	if err != nil {
		return nil, err
	}
	return e.One(event), nil
}

// read finds out what kind of entry the text is, and makes its event.
func (e *entry) read(text string, data []byte) (schemas.Event, error) {
	if text[0] == '{' {
		return e.journal(text)
	}
	if !utf8.ValidString(text) { // what JSON cannot hold is kept beside
		e.raw = base64.StdEncoding.EncodeToString(data)
		text = strings.ToValidUTF8(text, "\ufffd")
	}
	if auditLine(text) {
		return e.audit(text)
	}
	if err := e.header(text); err != nil {
		return schemas.Event{}, err
	}
	if m := e.head.message; auditLine(m) || e.head.program == "kernel" && kernelAudit(m) != "" {
		return e.audit(text)
	}
	if e.head.program == "audit" && e.auditMessage(e.head.message) {
		return e.finish(), nil
	}
	e.understand(e.head.message)
	return e.finish(), nil
}

// entry returns an empty entry.
func (f *format) entry() *entry {
	e, ok := f.entries.Get().(*entry)
	if !ok {
		e = new(entry)
	}
	e.f = f
	e.head.priority = -1
	return e
}

// put takes an entry back.
func (f *format) put(e *entry) {
	audits := e.audits
	if cap(audits) > 16 {
		audits = nil
	}
	for i := range audits { // the texts of their fields are kept until they are used again, or collected with the pool
		audits[i].reset()
	}
	e.head, e.act = header{}, activity{}
	e.Event, e.f, e.uid, e.received = nil, nil, "", time.Time{}
	e.audits, e.raw, e.json = audits[:0], "", false
	e.peer, e.account, e.region = "", "", ""
	f.entries.Put(e)
}

// An entry is one log entry while it becomes an event.
type entry struct {
	*ocsfjson.Event
	f        *format
	uid      string
	received time.Time
	head     header
	act      activity
	audits   []auditRecord // of an audit event
	raw      string        // base64 of an entry that is not UTF-8
	json     bool          // the entry is one of the journal, in Doc

	peer, account, region string // what the source knows
}
