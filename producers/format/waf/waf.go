package waf

import (
	"errors"
	"fmt"
	"time"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/format/accesslog"
	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/schemas"
)

// Name is the format's name, and the events' metadata.log_name.
const Name = "waf"

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

// Parse makes one event of one request.
func (f format) Parse(in producers.Record) ([]schemas.Event, error) {
	e := f.events.Get()
	defer f.events.Put(e)
	r := &record{
		Event: e, uid: ocsfjson.UID(in),
		account: in.Attrs[producers.AttrAccount], region: in.Attrs[producers.AttrRegion],
	}
	event, err := r.parse(in.Data)
	if err != nil {
		return nil, fault.Permanent(fmt.Errorf("%s: %w", Name, err))
	}
	return []schemas.Event{event}, nil
}

type node = ocsfjson.Node

// A record is one request while it becomes an event. Members that are named in it are found in one pass.
type record struct {
	*ocsfjson.Event
	uid, account, region string
	time                 time.Time

	at [members]node
}

// A member is a place in the record that the mapping knows.
type member uint8

const (
	unknown member = iota
	timestamp
	formatVersion
	acl
	action
	ruleID
	ruleType
	details
	sourceName
	sourceID
	rateRules
	groups
	request
	labels
	code
	captcha
	challenge
	ja3
	ja4
	asn
	bodySize
	clientIP // from here on in httpRequest
	country
	headers
	uri
	args
	version
	method
	requestID
	scheme
	host
	userAgent // from here on values of headers
	referer
	forwarded
	hostHeader
	members // how many there are
)

func (r *record) parse(data []byte) (schemas.Event, error) {
	d := &r.Doc
	if err := d.Parse(data); err != nil {
		return schemas.Event{}, err
	}
	if k := d.Kind(d.Root()); k != ocsfjson.Object {
		return schemas.Event{}, fmt.Errorf("offset 0: an object expected, %s found", k)
	}
	r.find()
	switch {
	case d.Kind(r.at[request]) != ocsfjson.Object:
		return schemas.Event{}, errors.New("no record of AWS WAF: httpRequest is missing")
	case d.Str(r.at[action]) == "":
		return schemas.Event{}, errors.New("no record of AWS WAF: action is missing")
	}
	if err := r.when(); err != nil {
		return schemas.Event{}, err
	}
	if text := d.Str(r.at[clientIP]); text != "" {
		if _, port, ok := accesslog.Address(text); !ok || port != "" {
			return schemas.Event{}, fmt.Errorf("httpRequest.clientIp: an IP address expected, %q found", accesslog.Clip(text))
		}
	}
	return r.write(), nil
}

// find looks for the members that the mapping knows.
func (r *record) find() {
	d := &r.Doc
	for i := range r.at {
		r.at[i] = ocsfjson.None
	}
	for c := d.First(d.Root()); c >= 0; c = d.Next(c) {
		r.at[topMember(d.Key(c))] = c
	}
	if d.Kind(r.at[request]) == ocsfjson.Object {
		for c := d.First(r.at[request]); c >= 0; c = d.Next(c) {
			r.at[requestMember(d.Key(c))] = c
		}
	}
	if d.Kind(r.at[headers]) == ocsfjson.Array {
		for c := d.First(r.at[headers]); c >= 0; c = d.Next(c) {
			if m := headerMember(d.Str(d.Get(c, "name"))); m != unknown && r.at[m] < 0 {
				r.at[m] = d.Get(c, "value")
			}
		}
	}
}

// when finds the time.
func (r *record) when() error {
	d, n := &r.Doc, r.at[timestamp]
	if ms, ok := d.Int(n); ok && ms >= 0 && ms <= maxMillis {
		r.time = time.UnixMilli(ms).UTC()
		return nil
	}
	t, ok := ocsfjson.ParseTime(d.Str(n))
	if !ok {
		return fmt.Errorf("timestamp: milliseconds since 1970 expected, %q found", accesslog.Clip(d.Raw(n)))
	}
	r.time = t
	return nil
}

// maxMillis is the end of the year 9999.
const maxMillis = 253402300799999
