package k8saudit

import (
	"crypto/sha256"
	"encoding/hex"
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
const Name = "k8saudit"

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

// Parse makes one event of an audit event, and as many of a list as it has members. A list with a member that cannot be read is refused
// whole: the record is what becomes a dead letter.
func (f format) Parse(r producers.Record) ([]schemas.Event, error) {
	events, err := f.parse(r)
	if err != nil {
		return nil, fault.Permanent(fmt.Errorf("%s: %w", Name, err))
	}
	return events, nil
}

func (f format) parse(in producers.Record) ([]schemas.Event, error) {
	e := f.events.Get()
	defer f.events.Put(e)
	d := &e.Doc
	if err := d.Parse(in.Data); err != nil {
		return nil, err
	}
	if k := d.Kind(d.Root()); k != ocsfjson.Object {
		return nil, fmt.Errorf("offset 0: an object expected, %s found", k)
	}
	if log := d.Path(d.Root(), "properties", "log"); d.Str(log) != "" && d.Get(d.Root(), "auditID") < 0 { // Azure's diagnostic settings
		if err := e.Unwrap(log, "properties.log"); err != nil {
			return nil, err
		}
	}
	items := d.Get(d.Root(), "items")
	if d.Kind(items) != ocsfjson.Array {
		event, err := parse(e, in, "")
		if err != nil {
			return nil, err
		}
		return []schemas.Event{event}, nil
	}
	return f.list(d, items, in)
}

// list makes an event of each member of a list. What the list says of itself goes to the unmapped part of the first one.
func (f format) list(list *ocsfjson.Doc, items node, in producers.Record) ([]schemas.Event, error) {
	outer, err := wrapper(list, items)
	if err != nil {
		return nil, err
	}
	e := f.events.Get()
	defer f.events.Put(e)
	var events []schemas.Event
	for c := list.First(items); c >= 0; c = list.Next(c) {
		event, err := parseItem(e, in, list, c, outer)
		if err != nil {
			return nil, fmt.Errorf("items[%d]: %w", len(events), err)
		}
		events, outer = append(events, event), nil
	}
	return events, nil
}

func parseItem(e *ocsfjson.Event, in producers.Record, list *ocsfjson.Doc, item node, outer *ocsfjson.Doc) (schemas.Event, error) {
	if k := list.Kind(item); k != ocsfjson.Object {
		return schemas.Event{}, fmt.Errorf("an object expected, %s found", k)
	}
	if err := e.Doc.ParseText(list.Raw(item)); err != nil {
		return schemas.Event{}, err
	}
	e.Reset()
	e.Outer = outer
	return parse(e, in, list.Str(list.Get(list.Root(), "apiVersion")))
}

// wrapper is the list without its items.
func wrapper(list *ocsfjson.Doc, items node) (*ocsfjson.Doc, error) {
	w := ocsfjson.Writer{B: []byte{'{'}}
	for c := list.First(list.Root()); c >= 0; c = list.Next(c) {
		if c != items {
			w.Raw(list.RawKey(c), list.Raw(c))
		}
	}
	outer := new(ocsfjson.Doc)
	return outer, outer.ParseText(string(append(w.B, '}')))
}

type node = ocsfjson.Node

// A record is one audit event with its known members looked up, and the event that it becomes.
type record struct {
	*ocsfjson.Event
	fields
	in      producers.Record
	time    time.Time
	uid     string
	version string // apiVersion, of the event or of its list
	code    int64  // of responseStatus, 0 where there is none
	outcome int    // status_id
}

// parse makes the event of the audit event in e.Doc. version is that of the list it is a member of.
func parse(e *ocsfjson.Event, in producers.Record, version string) (schemas.Event, error) {
	r := &record{Event: e, in: in, version: version}
	if err := r.read(); err != nil {
		return schemas.Event{}, err
	}
	activity, name := activityOf(e.Doc.Str(r.verb))
	r.Begin(schemas.ClassAPIActivity, activity, name, r.time)
	r.Severity(1)
	r.writeStatus()
	r.writeMetadata()
	r.writeAPI()
	r.writeActor()
	r.writeSource()
	r.writeHTTP()
	r.writeResource()
	r.observeRest()
	r.KeyResource, r.KeyUser, r.KeyIP = strings.Clone(r.KeyResource), strings.Clone(r.KeyUser), strings.Clone(r.KeyIP)
	return r.Finish(schemas.ClassAPIActivity, r.uid, r.time), nil
}

// read looks up the members and checks those without which this is no audit event.
func (r *record) read() error {
	d := &r.Doc
	r.lookup(d)
	id, stage := d.Str(r.auditID), d.Str(r.stage)
	if own := d.Str(r.apiVersion); own != "" {
		r.version = own
	}
	switch {
	case r.version != "" && !strings.HasPrefix(r.version, "audit.k8s.io/v"):
		return fmt.Errorf("no audit event: apiVersion is %q, not of audit.k8s.io", clip(r.version))
	case id == "":
		return errors.New("no audit event: auditID is missing")
	case stage == "":
		return errors.New("no audit event: stage is missing")
	case d.Str(r.verb) == "":
		return errors.New("no audit event: verb is missing")
	}
	if err := r.readTime(); err != nil {
		return err
	}
	r.uid = uidOf(id, stage, d.Raw(d.Root()))
	r.code, _ = d.Int(d.Get(r.responseStatus, "code"))
	r.outcome = r.outcomeOf(stage)
	return nil
}

func (r *record) readTime() error {
	d := &r.Doc
	for _, n := range [...]node{r.stageTimestamp, r.requestReceivedTimestamp, r.timestamp} {
		text := d.Str(n)
		if text == "" {
			continue
		}
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return fmt.Errorf("%s: %w", d.Key(n), err)
		}
		r.time = t
		return nil
	}
	return errors.New("no audit event: stageTimestamp is missing")
}

// outcomeOf is the status_id: 2 where the event says that the request failed, 0 where it does not say anything yet.
func (r *record) outcomeOf(stage string) int {
	d := &r.Doc
	status := d.Str(d.Get(r.responseStatus, "status"))
	switch {
	case r.code >= 400 || status == "Failure" || stage == "Panic" || d.Str(r.decision) == "forbid":
		return 2
	case r.code > 0 || status == "Success" || stage == "ResponseComplete":
		return 1
	}
	return 0
}

// uidOf names a stage of a request. The digest keeps events apart whose clients chose the same id.
func uidOf(id, stage, text string) string {
	const longest = 200 // of an id and a stage that are taken over
	sum := sha256.Sum256([]byte(text))
	digest := hex.EncodeToString(sum[:8])
	if len(id)+len(stage) > longest || strings.ContainsFunc(id+stage, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		return hex.EncodeToString(sum[:16])
	}
	return id + "/" + stage + "/" + digest
}

// clip bounds a text for an error message.
func clip(s string) string {
	const most = 60
	if len(s) > most {
		return s[:most]
	}
	return s
}

// activityOf is the activity for a verb; requests for other things than resources have the HTTP method in its place.
func activityOf(verb string) (int, string) {
	switch verb {
	case "create", "post":
		return 1, "Create"
	case "get", "list", "watch", "head":
		return 2, "Read"
	case "update", "patch", "put":
		return 3, "Update"
	case "delete", "deletecollection":
		return 4, "Delete"
	}
	return 99, verb
}
