package suricata

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/schemas"
)

// Name is the format's name, and the events' metadata.log_name.
const Name = "suricata"

// settings: the format has none, so that any key is refused.
type settings struct{}

type format struct{ events *ocsfjson.Pool }

// New makes the format. It has no settings.
func New(cfg config.Node) (producers.Format, error) {
	var s settings
	if err := cfg.Decode(&s); err != nil {
		return nil, err
	}
	return format{events: new(ocsfjson.Pool)}, nil
}

// Parse makes one event of one EVE record.
func (f format) Parse(r producers.Record) ([]schemas.Event, error) {
	e := f.events.Get()
	defer f.events.Put(e)
	event, err := parse(e, r)
	if err != nil {
		return nil, fault.Permanent(fmt.Errorf("%s: %w", Name, err))
	}
	return []schemas.Event{event}, nil
}

type node = ocsfjson.Node

// The classes' own names for what they do.
const (
	traffic = 6
	other   = 99
)

// A record is one EVE record with its known members looked up, and the event that it becomes.
type record struct {
	*ocsfjson.Event
	fields
	in   producers.Record
	uid  string
	kind string // event_type
	time time.Time
	at   string // where endpoints and the like stand in the event, for observables: empty, or a path with a dot
}

func parse(e *ocsfjson.Event, in producers.Record) (schemas.Event, error) {
	if err := e.Doc.Parse(in.Data); err != nil {
		return schemas.Event{}, err
	}
	r := &record{Event: e, in: in, uid: ocsfjson.UID(in)}
	if err := r.read(); err != nil {
		return schemas.Event{}, err
	}
	class := r.class()
	switch class {
	case schemas.ClassDetectionFinding:
		r.writeFinding()
	case schemas.ClassDNSActivity:
		r.writeDNS()
	case schemas.ClassHTTPActivity:
		r.writeHTTP()
	case schemas.ClassNetworkActivity:
		r.writeNetwork()
	default:
		r.Begin(class, other, r.kind, r.time)
		r.Severity(1)
		r.writeMetadata("")
		r.AttrCloud(in)
	}
	r.KeyIP = strings.Clone(r.KeyIP)
	return r.Finish(class, r.uid, r.time), nil
}

// read looks up the members and checks those without which this is no EVE record.
func (r *record) read() error {
	d := &r.Doc
	if k := d.Kind(d.Root()); k != ocsfjson.Object {
		return fmt.Errorf("offset 0: an object expected, %s found", k)
	}
	r.lookup(d)
	if r.kind = d.Str(r.eventType); r.kind == "" {
		return errors.New("no EVE record: event_type is missing")
	}
	text := d.Str(r.timestamp)
	if text == "" {
		return errors.New("no EVE record: timestamp is missing")
	}
	t, ok := parseTime(text)
	if !ok {
		return fmt.Errorf("timestamp: %q is no time like 2006-01-02T15:04:05.000000+0000", text)
	}
	r.time = t
	return nil
}

// parseTime reads the times of EVE: with an offset, with or without a colon in it; without one they are UTC.
func parseTime(text string) (time.Time, bool) {
	for _, layout := range [...]string{"2006-01-02T15:04:05Z0700", time.RFC3339, "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// class chooses the class that has a place for what the record says.
func (r *record) class() int {
	d := &r.Doc
	placed := d.Str(r.srcIP) != "" || d.Str(r.destIP) != ""
	switch {
	case r.kind == "alert" && (d.Str(d.Get(r.alert, "signature")) != "" || d.Kind(d.Get(r.alert, "signature_id")) == ocsfjson.Number):
		return schemas.ClassDetectionFinding
	case (r.kind == "dns" || r.kind == "mdns" || r.kind == "llmnr") && placed && d.Kind(r.dns) == ocsfjson.Object:
		return schemas.ClassDNSActivity
	case (r.kind == "http" || r.kind == "fileinfo") && r.hasHTTP():
		return schemas.ClassHTTPActivity
	case placed:
		return schemas.ClassNetworkActivity
	}
	return schemas.ClassBase
}
