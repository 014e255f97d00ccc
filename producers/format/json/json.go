// Package json reads JSON objects of any form. One that claims no class becomes a Base Event (0) with the object under unmapped, so that a
// rule says `unmapped.kind == "login_failed"`. A CloudEvent in structured mode stands for its data, with its other attributes in
// metadata.source and metadata.tags. An object with class_uid is an OCSF event already: it is checked against OCSF 1.8.0 and passed on as it
// is; where it has no metadata.uid, one is put in.
//
// An event's time is its own, else that of the message it came in, else that of reception.
package json

import (
	"fmt"
	"time"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/producers"
	ocsfformat "github.com/riposte-security/riposte/producers/format/ocsf"
	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/schemas"
	"github.com/riposte-security/riposte/schemas/ocsf"
)

// Name is the format's name, and metadata.log_name of the events that it makes.
const Name = schemas.LogNameJSON

// settings: the format has none, so that any key is refused.
type settings struct{}

type format struct {
	events    *ocsfjson.Pool
	quick     *ocsfformat.Reader
	validator *ocsf.Validator
}

// New makes the format. It has no settings.
func New(cfg config.Node) (producers.Format, error) {
	var s settings
	if err := cfg.Decode(&s); err != nil {
		return nil, err
	}
	schema, err := ocsf.Load()
	if err != nil {
		return nil, err
	}
	quick, err := ocsfformat.NewReader()
	if err != nil {
		return nil, err
	}
	return format{events: new(ocsfjson.Pool), quick: quick, validator: ocsf.NewValidator(schema)}, nil
}

// Parse makes one event of one object.
func (f format) Parse(r producers.Record) ([]schemas.Event, error) {
	event, err := f.parse(r)
	if err != nil {
		return nil, fault.Permanent(fmt.Errorf("%s: %w", Name, err))
	}
	return []schemas.Event{event}, nil
}

func (f format) parse(r producers.Record) (schemas.Event, error) {
	e := f.events.Get()
	defer f.events.Put(e)
	d := &e.Doc
	if err := d.Parse(r.Data); err != nil {
		return schemas.Event{}, err
	}
	if k := d.Kind(d.Root()); k != ocsfjson.Object {
		return schemas.Event{}, fmt.Errorf("offset 0: an object expected, %s found", k)
	}
	from := schemas.Envelope{
		ID: r.Attrs[producers.AttrID], Source: r.Attrs[producers.AttrSource], Origin: r.Origin, Position: r.Position, Appended: r.Received,
	}
	if t, err := time.Parse(time.RFC3339, r.Attrs[producers.AttrTime]); err == nil {
		from.Time = t
	}
	text := r.Data
	if raw := d.Raw(d.Root()); len(raw) != len(text) || d.Get(d.Root(), "class_uid") >= 0 { // such an event is kept as it is: it needs its own memory
		text = []byte(raw)
	}
	event, err := schemas.ReadEvent(text, from)
	if err != nil {
		return schemas.Event{}, err
	}
	event.Source = "" // the producer vouches for what it publishes, not the record for itself
	if (d.Get(d.Root(), "class_uid") >= 0 || event.Class != schemas.ClassBase) && !f.quick.Valid(d) {
		if err := f.validator.Validate(event.Data); err != nil {
			return schemas.Event{}, err
		}
	}
	return event, nil
}
