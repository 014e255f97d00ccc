package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/schemas"
)

// Name is the format's name, and the events' metadata.log_name.
const Name = "config"

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

// Parse makes one event of one item or notification.
func (f format) Parse(in producers.Record) ([]schemas.Event, error) {
	e := f.events.Get()
	defer f.events.Put(e)
	r := &record{
		Event: e, received: ocsfjson.Received(in), uid: ocsfjson.UID(in),
		account: in.Attrs[producers.AttrAccount], region: in.Attrs[producers.AttrRegion],
	}
	event, err := r.parse(in.Data)
	if err != nil {
		return nil, fault.Permanent(fmt.Errorf("%s: %w", Name, err))
	}
	return []schemas.Event{event}, nil
}

type node = ocsfjson.Node

// A record is one record while it becomes an event.
type record struct {
	*ocsfjson.Event
	envelope        node   // the EventBridge event around the message; None if there is none
	message         node   // the notification; None for an item by itself
	item            node   // the configuration item, or its summary
	kind            string // messageType
	received        time.Time
	uid             string
	account, region string // what the source knows
}

func (r *record) parse(data []byte) (schemas.Event, error) {
	d := &r.Doc
	if err := d.Parse(data); err != nil {
		return schemas.Event{}, err
	}
	if k := d.Kind(d.Root()); k != ocsfjson.Object {
		return schemas.Event{}, fmt.Errorf("offset 0: an object expected, %s found", k)
	}
	if err := r.open(); err != nil {
		return schemas.Event{}, err
	}
	r.message, r.item = d.Detail(d.Root()), ocsfjson.None
	r.envelope = ocsfjson.None
	if r.message != d.Root() {
		r.envelope = d.Root()
	}
	r.kind = d.Str(d.Get(r.message, "messageType"))
	switch {
	case r.kind == "ComplianceChangeNotification":
		return r.compliance()
	case r.kind != "":
		if r.item = d.Get(r.message, "configurationItem"); d.Kind(r.item) != ocsfjson.Object {
			r.item = d.Get(r.message, "configurationItemSummary")
		}
		if d.Kind(r.item) != ocsfjson.Object {
			return r.notice()
		}
		return r.inventory(1, "Log")
	case d.Str(d.Get(r.message, "resourceType")) != "" && d.Get(r.message, "configurationItemCaptureTime") >= 0:
		r.message, r.item = ocsfjson.None, r.message
		return r.inventory(2, "Collect")
	}
	return schemas.Event{}, errors.New("no record of Config: neither a messageType nor a resourceType with configurationItemCaptureTime")
}

// open replaces the document by the one in its invokingEvent, if it has such.
func (r *record) open() error {
	n := r.Doc.Get(r.Doc.Root(), "invokingEvent")
	if r.Doc.Str(n) == "" {
		return nil
	}
	return r.Unwrap(n, "invokingEvent")
}

// time reads a time: RFC 3339, or seconds since 1970 as some tools print them. ok is false where there is none.
func (r *record) timeOf(n node, name string) (t time.Time, ok bool, err error) {
	switch r.Doc.Kind(n) {
	case ocsfjson.String:
		if r.Doc.Str(n) == "" {
			return t, false, nil
		}
		if t, err = time.Parse(time.RFC3339, r.Doc.Str(n)); err != nil {
			return t, false, fmt.Errorf("%s: %w", name, err)
		}
		return t, true, nil
	case ocsfjson.Number:
		s, err := strconv.ParseFloat(r.Doc.Raw(n), 64)
		if err != nil || s < 0 || s > 253402300799 {
			return t, false, fmt.Errorf("%s: %s is no time", name, r.Doc.Raw(n))
		}
		return time.UnixMilli(int64(math.Round(s * 1000))), true, nil
	case ocsfjson.Missing, ocsfjson.Null:
		return t, false, nil
	default:
		return t, false, fmt.Errorf("%s: a time expected, %s found", name, r.Doc.Kind(n))
	}
}

// eventTime is the first of the given times that there is, else that of the notification, the envelope, and reception.
func (r *record) eventTime(name string, n node) (time.Time, error) {
	d := &r.Doc
	for _, c := range [...]struct {
		name string
		node node
	}{{name, n}, {"notificationCreationTime", d.Get(r.message, "notificationCreationTime")}, {"time", d.Get(r.envelope, "time")}} {
		if t, ok, err := r.timeOf(c.node, c.name); ok || err != nil {
			return t, err
		}
	}
	return r.received, nil
}
