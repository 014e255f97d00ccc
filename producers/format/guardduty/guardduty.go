package guardduty

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/format/eventbridge/envelope"
	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/schemas"
)

// Name is the format's name, and the events' metadata.log_name.
const Name = "guardduty"

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

// Parse makes an event of a finding, or one of each where the record is an answer of GetFindings.
func (f format) Parse(in producers.Record) ([]schemas.Event, error) {
	events, err := envelope.Events(f.events, in, one)
	if err != nil {
		return nil, fault.Permanent(fmt.Errorf("%s: %w", Name, err))
	}
	return events, nil
}

func one(e *ocsfjson.Event, in producers.Record, _ int, _ string) (schemas.Event, error) {
	return newFinding(e, in).event()
}

type node = ocsfjson.Node

// A finding is one finding while it becomes an event.
type finding struct {
	*ocsfjson.Event
	in producers.Record

	root, resource, service, action node
	kind                            string // type
	time                            time.Time
	uid                             string
	account, region, partition      string
}

func newFinding(e *ocsfjson.Event, in producers.Record) *finding {
	r := &finding{Event: e, in: in, root: e.Doc.Root()}
	r.resource, r.service = r.get(r.root, "resource"), r.get(r.root, "service")
	r.action = r.get(r.service, "action")
	return r
}

// get is the member of n with that name, whatever the case of its letters: the event of EventBridge and the API's own form begin names with
// a small letter, the command line and the SDKs with a capital.
func (r *finding) get(n node, name string) node {
	d := &r.Doc
	if d.Kind(n) != ocsfjson.Object {
		return ocsfjson.None
	}
	for c := d.First(n); c >= 0; c = d.Next(c) {
		if key := d.RawKey(c); len(key) == len(name) && same(key, name) {
			return c
		}
	}
	return ocsfjson.None
}

// same tells whether two texts of one length are the same but for the case of ASCII letters.
func same(a, b string) bool {
	for i := range len(a) {
		if x, y := a[i], b[i]; x != y && (x|0x20 != y|0x20 || x|0x20 < 'a' || x|0x20 > 'z') {
			return false
		}
	}
	return true
}

// at follows names through objects.
func (r *finding) at(n node, names ...string) node {
	for _, name := range names {
		n = r.get(n, name)
	}
	return n
}

func (r *finding) str(n node, name string) string { return r.Doc.Str(r.get(n, name)) }

// event makes the event.
func (r *finding) event() (schemas.Event, error) {
	if err := r.read(); err != nil {
		return schemas.Event{}, err
	}
	activity, name := r.activity()
	r.Begin(schemas.ClassDetectionFinding, activity, name, r.time)
	r.Severity(r.severity())
	if activity == 3 {
		r.Lit(`"status":"Archived","status_id":5`)
	} else {
		r.Lit(`"status":"New","status_id":1`)
	}
	r.Lit(`"is_alert":true`)
	r.writeTimes()
	r.writeMetadata()
	r.writeCloud()
	if err := r.writeFindingInfo(); err != nil {
		return schemas.Event{}, err
	}
	r.writeActor()
	r.writeAPI()
	r.writeEvidences()
	r.writeResources()
	r.writeMalware()
	r.observeRest()
	r.KeyUser, r.KeyIP = strings.Clone(r.KeyUser), strings.Clone(r.KeyIP)
	return r.Finish(schemas.ClassDetectionFinding, r.uid, r.time), nil
}

// read looks up what names the finding.
func (r *finding) read() error {
	d := &r.Doc
	id := r.str(r.root, "id")
	r.kind = r.str(r.root, "type")
	switch {
	case r.kind == "":
		return errors.New("no GuardDuty finding: type is missing")
	case id == "":
		return errors.New("no GuardDuty finding: id is missing")
	}
	r.time = ocsfjson.Received(r.in)
	for _, n := range []struct {
		in   node
		name string
	}{{r.root, "updatedAt"}, {r.root, "createdAt"}, {r.service, "eventLastSeen"}} {
		t, ok, err := envelope.Time(d, r.get(n.in, n.name))
		if err != nil {
			return fmt.Errorf("%s: %w", n.name, err)
		}
		if ok {
			r.time = t
			break
		}
	}
	r.account, r.region = r.str(r.root, "accountId"), r.str(r.root, "region")
	if r.account == "" {
		r.account = r.in.Attrs[producers.AttrAccount]
	}
	if r.region == "" {
		r.region = r.in.Attrs[producers.AttrRegion]
	}
	if r.partition = r.str(r.root, "partition"); r.partition == "" {
		r.partition = "aws"
	}
	r.uid = envelope.UID(id, d.Raw(r.get(r.root, "updatedAt")))
	return nil
}

// severity is OCSF's for the number that GuardDuty gives: low from 1, medium from 4, high from 7, critical from 9.
func (r *finding) severity() int {
	n := r.get(r.root, "severity")
	text := r.Doc.Raw(n)
	if r.Doc.Kind(n) == ocsfjson.String {
		text = r.Doc.Str(n)
	}
	return severity(text)
}

func severity(text string) int {
	s, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil || s < 0 || s > 10:
		return 0
	case s >= 9:
		return 5
	case s >= 7:
		return 4
	case s >= 4:
		return 3
	case s >= 1:
		return 2
	}
	return 1
}

// activity: GuardDuty sends a finding again when it has seen more of it, and when it is archived.
func (r *finding) activity() (int, string) {
	created, updated := r.str(r.root, "createdAt"), r.str(r.root, "updatedAt")
	switch {
	case r.Doc.Raw(r.get(r.service, "archived")) == "true":
		return 3, "Close"
	case created != "" && updated != "" && created != updated:
		return 2, "Update"
	}
	return 1, "Create"
}
