package correlate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/riposte-security/riposte/schemas"
)

// LogName is metadata.log_name of findings.
const LogName = "riposte.correlate"

// A Finding is what is to be said of a firing beside the firing itself.
type Finding struct {
	Title, Desc, Severity string
	// Evidence is a set of attributes, nested as in OCSF, that stands in evidences; nil where the group makes up no valid ones.
	Evidence map[string]any
	// Now is the latest that the finding may be of: a time of an event that lies after it is not believed.
	Now time.Time
}

// Doc makes the OCSF event of a firing, a Detection Finding (2004), as values of JSON.
func (f *Firing) Doc(d Finding) (map[string]any, error) {
	values, err := f.Values()
	if err != nil {
		return nil, fmt.Errorf("finding of %s: %w", f.Spec.Rule, err)
	}
	uid, last := f.UID(), f.Last
	if last.After(d.Now) { // forged, or the end of a window that is not over
		last = d.Now
	}
	at := f.Last
	if f.Spec.Type == Absence { // the event is that nothing came
		at = at.Add(f.Spec.Within)
	}
	if at.After(d.Now) {
		at = d.Now
	}
	related := make([]any, 0, len(f.UIDs))
	for _, u := range f.UIDs {
		related = append(related, map[string]any{"uid": u})
	}
	info := map[string]any{
		"uid": uid, "title": d.Title, "types": []any{"correlation"},
		"analytic":        map[string]any{"uid": f.Spec.Rule, "name": d.Title, "type_id": 1, "type": "Rule"},
		"first_seen_time": f.First.UnixMilli(), "last_seen_time": last.UnixMilli(), "related_events_count": f.Events,
	}
	if d.Desc != "" {
		info["desc"] = d.Desc
	}
	if len(related) > 0 {
		info["related_events"] = related
	}
	doc := map[string]any{
		"activity_id": 1, "activity_name": "Create", "category_uid": schemas.ClassDetectionFinding / 1000,
		"class_uid": schemas.ClassDetectionFinding, "type_uid": schemas.ClassDetectionFinding*100 + 1,
		"severity_id": schemas.SeverityID(d.Severity), "status_id": 1, "status": "New", "is_alert": true,
		"time": at.UnixMilli(), "start_time": f.First.UnixMilli(), "end_time": last.UnixMilli(), "count": f.Events,
		"message": d.Title + f.what(values), "finding_info": info,
		"metadata": map[string]any{
			"version": schemas.Version, "uid": uid, "log_name": LogName,
			"product": map[string]any{"name": "riposte", "vendor_name": "riposte"},
		},
		"unmapped": map[string]any{"correlation": f.facts(values)},
	}
	if d.Evidence != nil {
		doc["evidences"] = []any{d.Evidence}
	}
	var observables []any
	for i, v := range values {
		o := map[string]any{"name": "unmapped.correlation.group." + f.Spec.GroupBy[i], "type_id": 99, "type": "Other", "value": fmt.Sprint(v)}
		if text, ok := v.(string); ok {
			if _, err := netip.ParseAddr(text); err == nil {
				o["type_id"], o["type"] = 2, "IP Address"
			}
		}
		observables = append(observables, o)
	}
	if observables != nil {
		doc["observables"] = observables
	}
	return doc, nil
}

// what says in words what was found.
func (f *Firing) what(values []any) string {
	var b strings.Builder
	for i, v := range values {
		fmt.Fprintf(&b, ", %s %v", f.Spec.GroupBy[i], v)
	}
	switch within := schemas.Duration(f.Spec.Within); f.Spec.Type {
	case EventCount:
		fmt.Fprintf(&b, ": %d events within %s", f.Measure/milli, within)
	case ValueCount:
		fmt.Fprintf(&b, ": %d different values within %s", f.Measure/milli, within)
	case ValueSum:
		fmt.Fprintf(&b, ": %g within %s", float64(f.Measure)/milli, within)
	case NewValue:
		fmt.Fprintf(&b, ": %s was not seen for %s", f.Value, within)
	case Temporal:
		fmt.Fprintf(&b, ": %s within %s", strings.Join(f.Spec.Rules, " and "), within)
	case TemporalOrdered:
		fmt.Fprintf(&b, ": %s within %s", strings.Join(f.Spec.Rules, ", then "), within)
	case Absence:
		fmt.Fprintf(&b, ": nothing for %s after %s", within, f.Last.Format(time.RFC3339))
	case Travel:
		fmt.Fprintf(&b, ": %d km/h", f.Measure/milli)
	}
	return b.String()
}

// facts are what stands under unmapped.correlation.
func (f *Firing) facts(values []any) map[string]any {
	group := map[string]any{}
	for i, v := range values {
		group[f.Spec.GroupBy[i]] = v
	}
	m := map[string]any{
		"rule": f.Spec.Rule, "type": string(f.Spec.Type), "group": group, "within": schemas.Duration(f.Spec.Within).String(),
		"bucket": f.Spec.Start(f.Bucket).Format(time.RFC3339Nano), "events": f.Events, "sources": f.Sources,
	}
	switch f.Spec.Type {
	case EventCount, ValueCount:
		m["count"] = f.Measure / milli
	case ValueSum:
		m["sum"] = float64(f.Measure) / milli
	case NewValue:
		m["value"] = f.Value
	case Travel:
		m["speed"] = float64(f.Measure) / milli
		m["km"] = 0.0
		if len(f.Places) == 2 {
			m["km"] = f.Places[0].distance(f.Places[1])
			m["from"] = map[string]any{"latitude": f.Places[0].Latitude, "longitude": f.Places[0].Longitude}
			m["to"] = map[string]any{"latitude": f.Places[1].Latitude, "longitude": f.Places[1].Longitude}
		}
	case Temporal, TemporalOrdered:
		m["rules"] = f.Spec.Rules
	case Absence:
	}
	return m
}

// Event encodes a finding. Its source names all that the events came from, with blanks between them.
func (f *Firing) Event(doc map[string]any) (schemas.Event, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(doc); err != nil {
		return schemas.Event{}, fmt.Errorf("finding of %s: %w", f.Spec.Rule, err)
	}
	ev, err := schemas.ReadEvent(bytes.TrimSuffix(b.Bytes(), []byte("\n")), schemas.Envelope{Source: f.source(), Replay: f.replay()})
	if err != nil {
		return ev, fmt.Errorf("finding of %s: %w", f.Spec.Rule, err)
	}
	return ev, nil
}

// IsFinding tells whether an event is the finding of a correlation.
func IsFinding(ev schemas.Event) bool {
	if ev.Class != schemas.ClassDetectionFinding || !bytes.Contains(ev.Data, []byte(LogName)) {
		return false
	}
	var doc struct {
		Metadata struct {
			LogName string `json:"log_name"`
		} `json:"metadata"`
	}
	return json.Unmarshal(ev.Data, &doc) == nil && doc.Metadata.LogName == LogName
}

// source is empty if one of the events had none: nobody vouches for the whole then.
func (f *Firing) source() string {
	var all []string
	for _, s := range f.Sources {
		if s = strings.TrimPrefix(s, replayed); s == "" {
			return ""
		}
		if !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return strings.Join(all, " ")
}

// replay is empty if none of the events was replayed.
func (f *Firing) replay() string {
	if slices.ContainsFunc(f.Sources, func(s string) bool { return strings.HasPrefix(s, replayed) }) {
		return "as one of those that the finding is made of"
	}
	return ""
}
