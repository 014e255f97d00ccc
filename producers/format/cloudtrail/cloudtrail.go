package cloudtrail

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
const Name = "cloudtrail"

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

// Parse makes one event of one CloudTrail record.
func (f format) Parse(r producers.Record) ([]schemas.Event, error) {
	e := f.events.Get()
	defer f.events.Put(e)
	event, err := parse(e, r)
	if errors.Is(err, errNothing) {
		return nil, nil
	}
	if err != nil {
		return nil, fault.Permanent(fmt.Errorf("%s: %w", Name, err))
	}
	return e.One(event), nil
}

var errNothing = errors.New("an answer of LookupEvents without events")

// isEmptyAnswer tells whether a document is the answer of LookupEvents where there are no events.
func isEmptyAnswer(d *ocsfjson.Doc) bool {
	list := d.Get(d.Root(), "Events")
	return d.Kind(list) == ocsfjson.Array && d.First(list) == ocsfjson.None
}

// A record is one CloudTrail record with its known members looked up, and the event that it becomes.
type record struct {
	*ocsfjson.Event
	fields
	source, operation string    // eventSource and eventName, of an Insights event those of its details
	service, call     node      // where these two stand
	time              time.Time // eventTime
	uid               string    // metadata.uid
	account           string    // account that the source told, where the record does not
	region            string    // likewise
	failed            bool
}

func parse(e *ocsfjson.Event, in producers.Record) (schemas.Event, error) {
	if err := e.Doc.Parse(in.Data); err != nil {
		return schemas.Event{}, err
	}
	r := &record{Event: e, account: in.Attrs[producers.AttrAccount], region: in.Attrs[producers.AttrRegion]}
	if err := r.read(in); err != nil {
		return schemas.Event{}, err
	}
	if r.uid = e.Doc.Str(r.eventID); r.uid == "" {
		r.uid = ocsfjson.UID(in)
	}
	p := r.plan()
	r.Begin(p.class, p.activity, p.activityName, r.time)
	r.Severity(1) // CloudTrail has no scale of its own
	r.writeStatus()
	r.writeMetadata()
	r.writeCloud()
	r.writeAPI()
	r.writeActor()
	r.writeEndpoint()
	if p.write != nil {
		p.write(r)
	}
	r.observeRest()
	r.KeyResource, r.KeyUser, r.KeyIP = strings.Clone(r.KeyResource), strings.Clone(r.KeyUser), strings.Clone(r.KeyIP)
	return r.Finish(p.class, strings.Clone(r.uid), r.time), nil
}

// read looks up the members and checks those without which this is no CloudTrail record.
func (r *record) read(in producers.Record) error {
	d := &r.Doc
	if k := d.Kind(d.Root()); k != ocsfjson.Object {
		return fmt.Errorf("offset 0: an object expected, %s found", k)
	}
	root := d.Root()
	if r.lookup(d, root); r.eventTime < 0 && r.eventName < 0 && r.timeWindow < 0 {
		if err := r.open(); err != nil {
			return err
		}
		root = d.Detail(root)
		r.lookup(d, root)
	}
	r.service, r.call = r.eventSource, r.eventName
	if r.insightDetails >= 0 && r.eventName < 0 {
		r.service, r.call = d.Get(r.insightDetails, "eventSource"), d.Get(r.insightDetails, "eventName")
	}
	r.source, r.operation = d.Str(r.service), d.Str(r.call)
	if r.aggregated() && r.operation == "" {
		r.call = r.eventType
		r.operation = d.Str(r.call)
		r.eventTime = d.Get(r.timeWindow, "windowStart")
		r.eventID, r.recipientAccountID = d.Get(root, "eventId"), d.Get(root, "accountId")
	}
	switch {
	case r.source == "" && d.Get(d.Root(), "digestS3Object") >= 0:
		return errors.New("a digest, which vouches for log files and holds no records")
	case r.source == "" && isEmptyAnswer(d):
		return errNothing
	case r.source == "":
		return fmt.Errorf("no CloudTrail record: eventSource is missing")
	case r.operation == "":
		return fmt.Errorf("no CloudTrail record: eventName is missing")
	}
	if r.time = ocsfjson.Received(in); r.eventTime >= 0 {
		t, err := time.Parse(time.RFC3339, d.Str(r.eventTime))
		if err != nil {
			return fmt.Errorf("eventTime: %w", err)
		}
		r.time = t
	}
	r.failed = r.hasFailed()
	return nil
}

// open replaces the document by the one that an event of LookupEvents holds as a text, if it is such.
func (r *record) open() error {
	n := r.Doc.Get(r.Doc.Root(), "CloudTrailEvent")
	if r.Doc.Str(n) == "" {
		return nil
	}
	return r.Unwrap(n, "CloudTrailEvent")
}

// aggregated tells whether the record sums up data events over some minutes.
func (r *record) aggregated() bool {
	return r.Doc.Str(r.eventCategory) == "Aggregated" && r.timeWindow >= 0
}

// many tells whether the record tells of many calls, which as a whole neither succeed nor fail.
func (r *record) many() bool { return r.insightDetails >= 0 || r.aggregated() }

// speaker names who tells of an event that names no caller: the service itself, or CloudTrail where it tells of a pattern of calls.
func (r *record) speaker() string {
	if r.many() {
		return "cloudtrail.amazonaws.com"
	}
	return r.source
}

// hasFailed tells whether the record says that the call failed. Sign-in events say so in an element that bears the event's name.
func (r *record) hasFailed() bool {
	d := &r.Doc
	if d.Str(r.errorCode) != "" || d.Str(r.errorMessage) != "" {
		return true
	}
	return d.Str(d.Get(r.responseElements, r.operation)) == "Failure" || d.Str(d.Get(r.serviceEventDetails, r.operation)) == "Failure"
}
