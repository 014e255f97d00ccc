package ocsf

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/format/eventbridge/envelope"
	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/producers/unpack"
	"github.com/riposte-security/riposte/schemas"
	"github.com/riposte-security/riposte/schemas/ocsf"
)

// Name is the format's name.
const Name = "ocsf"

// settings: the format has none, so that any key is refused.
type settings struct{}

// A Reader checks events that are OCSF already. It is safe for concurrent use.
type Reader struct {
	schema    *ocsf.Schema
	validator *ocsf.Validator
	checker   *checker
	events    ocsfjson.Pool
}

// NewReader makes a Reader.
func NewReader() (*Reader, error) {
	schema, err := ocsf.Load()
	if err != nil {
		return nil, err
	}
	quick, err := newChecker(schema)
	if err != nil {
		return nil, err
	}
	return &Reader{schema: schema, validator: ocsf.NewValidator(schema), checker: quick}, nil
}

// New makes the format. It has no settings.
func New(cfg config.Node) (producers.Format, error) {
	var s settings
	if err := cfg.Decode(&s); err != nil {
		return nil, err
	}
	return NewReader()
}

// Parse gives the one event that the record is.
func (r *Reader) Parse(in producers.Record) ([]schemas.Event, error) {
	in = envelope.Open(in)
	add := Add{}
	if around := in.Attrs[unpack.AttrEnvelope]; around != "" {
		add.Beside = `{"envelope":` + around + `}`
	}
	event, err := r.Read(in, in.Data, add)
	if err != nil {
		return nil, fault.Permanent(fmt.Errorf("%s: %w", Name, err))
	}
	return []schemas.Event{event}, nil
}

// Add is what an event is given on its way.
type Add struct {
	Beside  string // a JSON object whose members go to unmapped; empty for none
	LogName string // metadata.log_name where the event has none
	Updates bool   // metadata.uid of an event that updates or closes a finding gets the time of the change
}

// Read checks the event that data is, and returns it: as it is where it is of the version that riposte speaks, else made valid by it. in
// says where it came from.
func (r *Reader) Read(in producers.Record, data []byte, add Add) (schemas.Event, error) {
	e := r.events.Get()
	defer r.events.Put(e)
	if err := e.Doc.Parse(data); err != nil {
		return schemas.Event{}, err
	}
	d := &e.Doc
	if k := d.Kind(d.Root()); k != ocsfjson.Object {
		return schemas.Event{}, fmt.Errorf("offset 0: an object expected, %s found", k)
	}
	class, err := r.class(d)
	if err != nil {
		return schemas.Event{}, err
	}
	version, err := checkVersion(d)
	if err != nil {
		return schemas.Event{}, err
	}
	text := []byte(d.Raw(d.Root()))
	if version != schemas.Version || add != (Add{}) {
		m := &move{schema: r.schema, d: d, out: &e.Writer, convert: version != schemas.Version, add: add}
		if err := m.event(class); err != nil {
			return schemas.Event{}, err
		}
		text = e.B
	}
	event, err := schemas.ReadEvent(text, schemas.Envelope{
		ID: in.Attrs[producers.AttrID], Source: in.Attrs[producers.AttrSource], Origin: in.Origin, Position: in.Position, Appended: in.Received,
	})
	if err != nil {
		return schemas.Event{}, err
	}
	if err := r.check(e, class, event.Data); err != nil {
		return schemas.Event{}, err
	}
	event.Data = append(make([]byte, 0, len(event.Data)), event.Data...) // ReadEvent may have kept e.B
	event.UID, event.Key = strings.Clone(event.UID), strings.Clone(event.Key)
	event.Source = "" // the producer vouches for what it publishes, not the record for itself
	return event, nil
}

// check holds an event against its class.
func (r *Reader) check(e *ocsfjson.Event, class *ocsf.Class, data []byte) error {
	if len(e.B) > 0 { // it was written anew
		if err := e.Doc.Parse(data); err != nil {
			return err
		}
	}
	if r.checker.valid(&e.Doc, class) {
		return nil
	}
	return r.validator.Validate(data)
}

// Valid tells whether d is an event that is valid for sure. Where it says no, the schema's validator may still have no objection.
func (r *Reader) Valid(d *ocsfjson.Doc) bool {
	class, err := r.class(d)
	return err == nil && r.checker.valid(d, class)
}

// class finds the event's class.
func (r *Reader) class(d *ocsfjson.Doc) (*ocsf.Class, error) {
	n := d.Get(d.Root(), "class_uid")
	if n < 0 {
		return nil, errors.New("no OCSF event: class_uid is missing")
	}
	uid, ok := d.Int(n)
	if ok {
		if class, known := r.schema.ClassByUID(int(uid)); known {
			return class, nil
		}
	}
	return nil, fmt.Errorf("class_uid %s: no class that riposte reads; those are: %s", d.Raw(n), r.classes())
}

// classes lists the classes that there are, for messages.
func (r *Reader) classes() string {
	var uids []int
	for _, name := range r.schema.ClassNames() {
		if c, ok := r.schema.Class(name); ok {
			uids = append(uids, c.UID)
		}
	}
	slices.Sort(uids)
	return strings.Trim(fmt.Sprint(uids), "[]")
}

// checkVersion reads metadata.version. Versions 1.x are compatible with each other by OCSF's rules; before and beyond, names mean other things.
func checkVersion(d *ocsfjson.Doc) (string, error) {
	n := d.Path(d.Root(), "metadata", "version")
	text := d.Str(n)
	major, rest, ok := strings.Cut(text, ".")
	if text == "" {
		return "", errors.New("no OCSF event: metadata.version is missing")
	}
	if !ok || major != "1" || rest == "" || strings.Contains(rest, "-") { // drafts keep no promises
		return "", fmt.Errorf("metadata.version %s: only released versions 1.x of OCSF are read", d.Raw(n))
	}
	return text, nil
}
