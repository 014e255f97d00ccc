package correlate

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// A Firing says that a correlation holds for a group in a bucket.
type Firing struct {
	Spec   *Spec
	Group  json.RawMessage
	Bucket int64
	// Value is the new value of new_value; it counts as a part of the group.
	Value string
	// Measure is the count or sum, in thousandths, or the speed in km/h, likewise, as far as it was known when this was decided.
	Measure int64
	// Events is how many events there were, First and Last the times of the first and the last.
	Events      int
	First, Last time.Time
	// UIDs are those of some of them, Sources all their sources, sorted.
	UIDs, Sources []string
	// Places are those of impossible_travel.
	Places []Place
}

// UID is that of the finding: a hash of rule, group and bucket, so that it is the same whoever decides, when, and by which of the events.
func (f *Firing) UID() string {
	parts := []string{"correlation", f.Spec.Rule, string(f.Group), strconv.FormatInt(f.Bucket, 10)}
	if f.Spec.Type == NewValue {
		parts = append(parts, f.Value)
	}
	sum := hash(parts...)
	return hex.EncodeToString(sum[:16])
}

// Values are the group's, in the order of group_by.
func (f *Firing) Values() ([]any, error) {
	var values []any
	d := json.NewDecoder(bytes.NewReader(f.Group))
	d.UseNumber()
	if err := d.Decode(&values); err != nil {
		return nil, fmt.Errorf("group of %s: %w", f.Spec.Rule, err)
	}
	for i, v := range values {
		n, ok := v.(json.Number)
		if !ok {
			continue
		}
		if whole, err := n.Int64(); err == nil {
			values[i] = whole
		} else if x, err := n.Float64(); err == nil {
			values[i] = x
		} else {
			return nil, fmt.Errorf("group of %s: %w", f.Spec.Rule, err)
		}
	}
	return values, nil
}

// firing makes the firing of a window.
func (s *State) firing(spec *Spec, key string, g *group, bucket int64, w window) Firing {
	f := Firing{Spec: spec, Group: json.RawMessage(key), Bucket: bucket, Measure: w.measure, Events: len(w.entries)}
	if spec.Temporal() {
		f.Events = distinct(spec, w.entries)
	}
	for i := range w.entries {
		e := &w.entries[i]
		if at := time.UnixMilli(e.time).UTC(); f.First.IsZero() {
			f.First, f.Last = at, at
		} else if at.After(f.Last) {
			f.Last = at
		}
		if src := s.sources.text(e.from); !slices.Contains(f.Sources, src) {
			f.Sources = append(f.Sources, src)
		}
		for _, u := range g.uids {
			if u.hash == e.of(spec) && !slices.Contains(f.UIDs, u.uid) {
				f.UIDs = append(f.UIDs, u.uid)
			}
		}
		if spec.Type == Travel {
			f.Places = append(f.Places, unpack(e.value))
		}
	}
	slices.Sort(f.Sources)
	return f
}

// distinct is how many events and findings there are among entries.
func distinct(spec *Spec, es []entry) int {
	n := len(es)
	for i := range es {
		if uid := es[i].of(spec); uid != es[i].uid && slices.ContainsFunc(es[:i], func(e entry) bool { return e.uid == uid && e.part == es[i].part }) {
			n--
		}
	}
	return n
}

// interned are the few texts that many entries share, as sources of events are.
type interned struct {
	texts []string
	index map[string]uint16
}

// of gives the number of a text. When there are too many different ones, the others share a number that stands for none of them.
func (n *interned) of(text string) uint16 {
	if i, ok := n.index[text]; ok {
		return i
	}
	const most = 1000
	if n.index == nil {
		n.index, n.texts = map[string]uint16{"": 0}, []string{""}
		if text == "" {
			return 0
		}
	}
	if len(n.texts) == most {
		return 0 // as if it named no source: nobody vouches for it
	}
	i := uint16(len(n.texts)) //nolint:gosec // below most
	n.index[text], n.texts = i, append(n.texts, text)
	return i
}

func (n *interned) text(i uint16) string {
	if int(i) >= len(n.texts) {
		return ""
	}
	return n.texts[i]
}
