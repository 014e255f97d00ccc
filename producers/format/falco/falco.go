package falco

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
const Name = "falco"

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

// Parse makes one event of one alert.
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

// An alert is one alert with its known members looked up, and the event that it becomes.
type alert struct {
	*ocsfjson.Event
	members
	fields
	in   producers.Record
	time time.Time
	uid  string
}

func parse(e *ocsfjson.Event, in producers.Record) (schemas.Event, error) {
	if err := e.Doc.Parse(in.Data); err != nil {
		return schemas.Event{}, err
	}
	a := &alert{Event: e, in: in}
	if err := a.read(); err != nil {
		return schemas.Event{}, err
	}
	a.write()
	a.KeyResource, a.KeyUser, a.KeyIP = strings.Clone(a.KeyResource), strings.Clone(a.KeyUser), strings.Clone(a.KeyIP)
	return a.Finish(schemas.ClassDetectionFinding, strings.Clone(a.uid), a.time), nil
}

// read looks up the members and checks those without which this is no alert.
func (a *alert) read() error {
	d := &a.Doc
	if k := d.Kind(d.Root()); k != ocsfjson.Object {
		return fmt.Errorf("offset 0: an object expected, %s found", k)
	}
	a.members.lookup(d)
	a.fields.lookup(d, a.outputFields)
	switch {
	case d.Str(a.rule) == "":
		return errors.New("no Falco alert: rule is missing")
	case d.Str(a.priority) == "":
		return errors.New("no Falco alert: priority is missing")
	}
	a.uid = ocsfjson.UID(a.in)
	if own := d.Str(a.uuid); own != "" && usable(own) {
		a.uid = own
	}
	return a.readTime()
}

func (a *alert) readTime() error {
	d := &a.Doc
	if text := d.Str(a.when); text != "" {
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return fmt.Errorf("time: %w", err)
		}
		a.time = t.UTC()
		return nil
	}
	if ns, ok := d.Int(a.evtTime); ok && ns > 0 {
		a.time = time.Unix(0, ns).UTC()
		return nil
	}
	a.time = ocsfjson.Received(a.in)
	return nil
}

// usable tells whether an id from outside can be that of an event.
func usable(id string) bool {
	const longest = 200
	return len(id) <= longest && !strings.ContainsFunc(id, func(c rune) bool { return c < ' ' || c == 0x7f })
}

// severity gives Falco's priorities, which are those of syslog, on OCSF's scale.
func severity(priority string) int {
	switch strings.ToLower(priority) {
	case "emergency", "alert", "critical":
		return 5
	case "error":
		return 4
	case "warning":
		return 3
	case "notice":
		return 2
	case "informational", "info", "debug":
		return 1
	}
	return 0
}
