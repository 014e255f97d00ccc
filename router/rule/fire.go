package rule

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/riposte-security/riposte/router/correlate"
	"github.com/riposte-security/riposte/router/rule/predicate"
	"github.com/riposte-security/riposte/schemas"
)

// contribute adds what correlations need of an event that the rule holds for. firing is nil, or what the event is the finding of.
func (r *Rule) contribute(ev schemas.Event, decoded map[string]any, firing *correlate.Firing, out *Decision) {
	if r.Correlation != nil && firing == nil && isFindingOf(r.ID, ev, decoded) {
		return // what it finds would lead to more of it, without end
	}
	for i := range r.feeds {
		f := &r.feeds[i]
		if r.Correlation != nil && (f.to == r) != (firing == nil) {
			continue // it counts events, and others count what it finds
		}
		c, ok, err := f.contribution(ev, decoded)
		if firing != nil {
			c.Time, c.Until = firing.Spec.Window(firing.Bucket)
		}
		if err != nil {
			out.Misses = append(out.Misses, Miss{Rule: f.to.ID, Step: "correlate", Reason: err.Error()})
		}
		if ok && err == nil {
			out.Contributions = append(out.Contributions, c)
		}
	}
}

// isFindingOf tells whether an event is a finding of a correlation.
func isFindingOf(id string, ev schemas.Event, decoded map[string]any) bool {
	return ev.Class == schemas.ClassDetectionFinding && textAt(decoded, "metadata", "log_name") == correlate.LogName &&
		textAt(decoded, "finding_info", "analytic", "uid") == id
}

// contribution makes it; ok is false if the event lacks a value of group_by, or the value that is compared: it belongs to no group then.
func (f *feed) contribution(ev schemas.Event, decoded map[string]any) (c correlate.Contribution, ok bool, err error) {
	spec := &f.to.Correlation.Spec
	c = correlate.Contribution{Rule: f.to.ID, Part: f.part, Form: spec.Form, UID: ev.UID, Time: ev.Time.UnixMilli(), Source: correlate.SourceOf(ev)}
	values := make([]any, len(f.groupBy))
	for i, p := range f.groupBy {
		v, err := p.Eval(decoded)
		if err != nil {
			return c, false, fmt.Errorf("group_by %s: %w", spec.GroupBy[i], err)
		}
		if v == nil {
			return c, false, nil
		}
		values[i] = v
	}
	if c.Group, err = correlate.Group(values); err != nil {
		return c, false, err
	}
	if f.value == nil {
		return c, true, nil
	}
	v, err := f.value.Eval(decoded)
	if err != nil {
		return c, false, fmt.Errorf("value: %w", err)
	}
	ok, err = valued(&c, spec.Type, v)
	return c, ok, err
}

// valued puts the value in that a correlation compares.
func valued(c *correlate.Contribution, t correlate.Type, v any) (ok bool, err error) {
	if v == nil {
		return false, nil
	}
	switch t {
	case correlate.ValueSum:
		if c.Number, ok = number(v); ok && c.Number < 0 {
			return false, fmt.Errorf("value: %g is negative; a sum of such values depends on what is added first", c.Number)
		}
		return ok, nil
	case correlate.Travel:
		c.Place = placeOf(v)
		return c.Place != nil, nil
	case correlate.ValueCount, correlate.NewValue:
		if c.Value = predicate.Text(v); len(c.Value) > correlate.MaxValue {
			return false, fmt.Errorf("the value has %d bytes, %d are allowed", len(c.Value), correlate.MaxValue)
		}
	case correlate.EventCount, correlate.Temporal, correlate.TemporalOrdered, correlate.Absence:
	}
	return true, nil
}

// placeOf reads what geo(ip) gives, which has latitude and longitude, or a location of OCSF, which has lat and long.
func placeOf(v any) *correlate.Place {
	m, _ := v.(map[string]any)
	for _, names := range [][2]string{{"latitude", "longitude"}, {"lat", "long"}} {
		lat, ok := number(m[names[0]])
		lon, ok2 := number(m[names[1]])
		p := correlate.Place{Latitude: lat, Longitude: lon, Name: textAt(m, "country")}
		if ok && ok2 && p.Valid() {
			return &p
		}
	}
	return nil
}

// Fire carries out the steps of a correlation that holds, and adds what they give to out. It returns the finding, which is the event of those
// steps.
func (r *Rule) Fire(f correlate.Firing, now time.Time, out *Decision) (schemas.Event, error) {
	values, err := f.Values()
	if err != nil || r.Correlation == nil || len(values) != len(r.Correlation.GroupBy) {
		return schemas.Event{}, fmt.Errorf("correlation %s: a group of another edition of the rule: %s", r.ID, f.Group)
	}
	finding := correlate.Finding{Title: r.Title, Desc: r.Description, Severity: r.Severity, Now: now}
	for i, name := range r.Correlation.GroupBy {
		if path, ok := predicate.IsPath(name); ok && slices.Contains(r.Correlation.evidence, name) {
			if finding.Evidence == nil {
				finding.Evidence = map[string]any{}
			}
			graft(finding.Evidence, path, values[i])
		}
	}
	doc, err := f.Doc(finding)
	if err != nil {
		return schemas.Event{}, err
	}
	ev, err := f.Event(doc)
	if err != nil {
		return ev, err
	}
	decoded, err := predicate.Decode(ev.Data)
	if err != nil {
		return ev, fmt.Errorf("finding %s: %w", ev.UID, err)
	}
	for i, name := range r.Correlation.GroupBy { // where the event has them, for targets and settings
		if path, ok := predicate.IsPath(name); ok {
			graft(decoded, path, values[i])
		}
	}
	ev.Key = cmp.Or(groupText(r.Correlation.GroupBy, values), r.ID)
	out.Fired = append(out.Fired, r.ID)
	r.contribute(ev, decoded, &f, out)
	r.respond(ev, decoded, now, out)
	return ev, nil
}

// graft sets a value at a path, unless something else is in the way.
func graft(m map[string]any, path []string, v any) {
	for _, name := range path[:len(path)-1] {
		next, ok := m[name].(map[string]any)
		if !ok {
			if m[name] != nil {
				return
			}
			next = map[string]any{}
			m[name] = next
		}
		m = next
	}
	m[path[len(path)-1]] = v
}
