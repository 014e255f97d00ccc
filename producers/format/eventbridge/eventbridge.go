// Package eventbridge reads events of Amazon EventBridge, whole or opened by unpack already: the detail is read by the format that its source
// and detail-type call for. Under it, metadata.log_name is that format's.
//
//	detail-type … via CloudTrail                   cloudtrail
//	aws.guardduty: GuardDuty Finding               guardduty
//	aws.securityhub, details with findings         securityhub
//	aws.config, details with messageType           config
//	aws.route53resolver, details with query-name   route53
//	details with class_uid                         ocsf
//	anything else (aws.s3, aws.health, your own)   Base Event (0), log_name json
//
// What the event says itself (id, source, account, region, time, resources …) is used where the detail does not say it: account and region go
// to cloud, the id makes metadata.uid, the time is the event's. All of it but the detail stands under unmapped.envelope.
//
// A detail of the first four that comes alone, as targets with an input path get it, is recognised by its names. Any other record that is no event
// of EventBridge is refused.
//
// A Base Event has detail-type in metadata.event_code, source in metadata.product.name, resources as observables, and the detail under
// unmapped.
package eventbridge

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/tidwall/gjson"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/format/eventbridge/envelope"
	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/producers/unpack"
	"github.com/riposte-security/riposte/schemas"
)

// Name is the format's name.
const Name = "eventbridge"

// settings: the format has none, so that any key is refused.
type settings struct{}

// A Make makes a format by its name.
type Make func(name string, cfg config.Node) (producers.Format, error)

type format struct {
	make   Make
	mu     sync.Mutex
	inner  map[string]producers.Format
	events ocsfjson.Pool
}

// New gives the constructor of the format. It has no settings; the formats of details are made with no settings by make, when they are first
// needed.
func New(newFormat Make) func(cfg config.Node) (producers.Format, error) {
	return func(cfg config.Node) (producers.Format, error) {
		var s settings
		if err := cfg.Decode(&s); err != nil {
			return nil, err
		}
		return &format{make: newFormat, inner: map[string]producers.Format{}}, nil
	}
}

// Parse makes the events of the detail.
func (f *format) Parse(in producers.Record) ([]schemas.Event, error) {
	opened := in.Attrs[unpack.AttrEnvelope] != "" // elsewhere, whose attributes they are
	in = envelope.Open(in)
	source, kind := in.Attrs[producers.AttrSource], in.Attrs[unpack.AttrDetailType]
	name := Inner(source, kind, in.Data)
	switch {
	case kind == "" && name == "":
		return nil, fault.Permanent(fmt.Errorf("%s: %w", Name, notOne(in.Data)))
	case name == "":
		event, err := f.other(in, source, kind)
		if err != nil {
			return nil, fault.Permanent(fmt.Errorf("%s: detail: %w", Name, err))
		}
		return []schemas.Event{event}, nil
	}
	inner, err := f.format(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", Name, err)
	}
	around := in.Attrs[unpack.AttrEnvelope]
	if around != "" { // the inner format needs not care for it
		if opened {
			in.Attrs = maps.Clone(in.Attrs)
		}
		delete(in.Attrs, unpack.AttrEnvelope)
	}
	events, err := inner.Parse(in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", Name, err)
	}
	if around == "" {
		return events, nil
	}
	if around, err = ocsfjson.Envelope(around); err != nil {
		return nil, fault.Permanent(fmt.Errorf("%s: %w", Name, err))
	}
	for i := range events {
		events[i].Data = ocsfjson.WithUnmapped(events[i].Data, "envelope", around)
	}
	return events, nil
}

// notOne says why a record is no event of EventBridge.
func notOne(data []byte) error {
	var d ocsfjson.Doc
	if err := d.Parse(data); err != nil {
		return err
	}
	if k := d.Kind(d.Root()); k != ocsfjson.Object {
		return fmt.Errorf("offset 0: an object expected, %s found", k)
	}
	for _, name := range [...]string{"detail-type", "source"} {
		if n := d.Get(d.Root(), name); d.Str(n) == "" {
			return fmt.Errorf("no event of EventBridge: %s is missing, or no text", name)
		}
	}
	if n := d.Get(d.Root(), "detail"); d.Kind(n) != ocsfjson.Object {
		return fmt.Errorf("detail: an object expected, %s found", d.Kind(n))
	}
	return errors.New("no event of EventBridge")
}

// Inner names the format for the detail of an event; empty for a Base Event. Without a detail-type it is the detail alone.
func Inner(source, detailType string, detail []byte) string {
	has := func(name string) bool { return gjson.GetBytes(detail, name).Exists() }
	switch {
	case detailType == "":
		return bare(has)
	case strings.HasSuffix(detailType, " via CloudTrail"):
		return "cloudtrail"
	case source == "aws.guardduty" && detailType == "GuardDuty Finding":
		return "guardduty"
	case source == "aws.securityhub" && has("findings.0"):
		return "securityhub"
	case source == "aws.config" && has("messageType"):
		return "config"
	case source == "aws.route53resolver" && has("query-name"):
		return "route53"
	case has("class_uid"):
		return "ocsf"
	}
	return ""
}

// bare names the format of a detail that comes alone.
func bare(has func(name string) bool) string {
	switch {
	case has("detail"):
		return ""
	case has("eventSource") && has("eventName"):
		return "cloudtrail"
	case has("invokingEvent") || has("messageType"):
		return "config"
	case has("findings") || has("Id") && has("ProductArn"):
		return "securityhub"
	case has("service") && has("type") && has("id"):
		return "guardduty"
	}
	return ""
}

// format returns the format of that name, made once.
func (f *format) format(name string) (producers.Format, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if have, ok := f.inner[name]; ok {
		return have, nil
	}
	made, err := f.make(name, config.Node{})
	if err != nil {
		return nil, err
	}
	f.inner[name] = made
	return made, nil
}

// other makes a Base Event of a detail that no format reads.
func (f *format) other(in producers.Record, source, kind string) (schemas.Event, error) {
	e := f.events.Get()
	defer f.events.Put(e)
	if err := e.Doc.Parse(in.Data); err != nil {
		return schemas.Event{}, err
	}
	if k := e.Doc.Kind(e.Doc.Root()); k != ocsfjson.Object {
		return schemas.Event{}, fmt.Errorf("offset 0: an object expected, %s found", k)
	}
	at, err := when(in)
	if err != nil {
		return schemas.Event{}, err
	}
	if e.Outer, err = (envelope.Listing{}).Outer(in); err != nil {
		return schemas.Event{}, err
	}
	uid := ocsfjson.UID(in)
	e.Begin(schemas.ClassBase, 99, kind, at)
	e.Severity(0)
	meta := e.Metadata(schemas.LogNameJSON, "cloud")
	e.Str("uid", uid)
	product := e.Open("product")
	e.Str("name", source)
	if strings.HasPrefix(source, "aws.") && !strings.HasPrefix(source, "aws.partner/") {
		e.Str("vendor_name", "AWS")
	}
	e.Close(product)
	e.Str("event_code", kind)
	e.Close(meta)
	if !e.AttrCloud(in) {
		e.Lit(`"cloud":{"provider":"AWS"}`)
	}
	i := 0
	for _, arn := range gjson.Parse(in.Attrs[unpack.AttrResources]).Array() {
		if arn.Type == gjson.String {
			e.ObserveText(ocsfjson.ResourceUID, fmt.Sprintf("unmapped.envelope.resources[%d]", i), arn.Str)
			if e.KeyResource == "" {
				e.KeyResource = arn.Str
			}
		}
		i++
	}
	return e.Finish(schemas.ClassBase, uid, at), nil
}

// when is the time of the event around a detail.
func when(in producers.Record) (time.Time, error) {
	text := in.Attrs[producers.AttrTime]
	if text == "" {
		return in.Received.UTC(), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, fmt.Errorf("time of the event around it: %w", err)
	}
	return t.UTC(), nil
}
