package rule

import (
	"cmp"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/riposte-security/riposte/router/correlate"
	"github.com/riposte-security/riposte/router/rule/predicate"
	"github.com/riposte-security/riposte/router/rule/yamltree"
	"github.com/riposte-security/riposte/schemas"
)

// A Moment is an entry of a test's timeline: an input, the time at which it happens, and how often.
type Moment struct {
	Input  Test          // event, or record with format and set
	At     time.Duration // from the beginning
	Late   time.Duration // how much later it arrives
	Repeat int
	Every  time.Duration // between repetitions
}

// A Timeline is the input of a test of a correlation.
type Timeline struct {
	Moments []Moment
	// Fires is how often the correlation must fire; -1: any number that agrees with match.
	Fires int

	firesAt [2]int
}

const (
	// timelineStart is when timelines begin: a round time, at which windows of all usual lengths begin, too.
	timelineStart  = 1_767_225_600_000 // 2026-01-01T00:00:00Z
	maxRepeat      = 10_000
	timelineMemory = 256 << 20
	testOrigin     = "rule test" // of events of tests
	mostNear       = 3           // groups of which it is said how near they came
)

func momentKeys() []string {
	return []string{"at", "late", "event", "record", "file", "format", "set", "repeat", "every"}
}

// timeline reads the input of a test of a correlation. match may be left out where fires tells.
func (d *decoder) timeline(n *yamltree.Node, m map[string]*yamltree.Node, t *Test) {
	list, ok := yamltree.Items(n)
	if !ok {
		d.fail(n, "timeline must be a list of what happens, not %s", yamltree.Kind(n))
		return
	}
	if len(list) == 0 {
		d.fail(n, "timeline needs something that happens")
	}
	t.Timeline = &Timeline{Fires: -1}
	if d.current.Correlation == nil {
		d.fail(n, "timeline goes with correlate; a rule over one event is tested by event or record")
	}
	for _, key := range []string{"event", "record", "file", "format", "set"} {
		if v, ok := m[key]; ok {
			d.fail(v, "%s stands within timeline, or there is no timeline", key)
		}
	}
	for _, e := range list {
		if x, ok := d.moment(e, t.Name); ok {
			t.Timeline.Moments = append(t.Timeline.Moments, x)
		}
	}
	if v, ok := m["fires"]; ok {
		x, ok := d.value(v).(int64)
		if !ok || x < 0 || x > maxRepeat {
			d.fail(v, "fires: a number of times is expected")
		}
		t.Timeline.Fires, t.Match = int(x), x > 0
		t.Timeline.firesAt[0], t.Timeline.firesAt[1] = yamltree.Place(v)
	}
}

func (d *decoder) moment(n *yamltree.Node, test string) (Moment, bool) {
	x := Moment{Repeat: 1, Every: time.Second}
	m, ok := d.mapping(n, "an entry of timeline", momentKeys()...)
	if !ok {
		return x, false
	}
	x.Input.Name = test
	x.Input.Line, x.Input.Column = yamltree.Place(n)
	if v, ok := m["at"]; ok {
		x.At = d.offset(v, "at")
	} else {
		d.fail(n, "an entry of timeline needs at, such as +30s")
	}
	if v, ok := m["late"]; ok {
		x.Late = d.duration(v, "late", 0, correlate.MaxWithin)
	}
	if v, ok := m["every"]; ok {
		x.Every = d.duration(v, "every", 0, correlate.MaxWithin)
	}
	if v, ok := m["repeat"]; ok {
		times, ok := d.value(v).(int64)
		if !ok || times < 1 || times > maxRepeat {
			d.fail(v, "repeat: 1 to %d times are possible", maxRepeat)
			times = 1
		}
		x.Repeat = int(times)
	}
	for _, key := range []string{"at", "late", "every", "repeat"} {
		delete(m, key)
	}
	d.testInput(n, m, &x.Input)
	return x, true
}

// offset reads a time from the beginning: 30s, +30s or -30s.
func (d *decoder) offset(n *yamltree.Node, what string) time.Duration {
	if v, ok := d.value(n).(int64); ok && v == 0 {
		return 0
	}
	text, ok := d.text(n, what)
	if !ok {
		return 0
	}
	digits, negative := strings.CutPrefix(text, "-")
	v, err := parseDuration(strings.TrimPrefix(digits, "+"))
	if err != nil || v > 10*correlate.MaxWithin {
		d.fail(n, "%s: a time from the beginning such as +30s, 5m or 2d is expected, not %q", what, text)
	}
	if negative {
		v = -v
	}
	return v
}

// runTimeline runs one test.
func (r *Rule) runTimeline(t *Test, x Runner, res *TestResult) {
	events, err := t.Timeline.unfold(func(in *Test) ([]schemas.Event, error) { return in.input(filepath.Dir(r.File), x) })
	if err != nil {
		res.Failures = append(res.Failures, err.Error())
		return
	}
	got := r.play(events, x.Decider)
	switch want := t.Timeline.Fires; {
	case want >= 0 && got.times != want:
		res.Line, res.Column = t.Timeline.firesAt[0], t.Timeline.firesAt[1]
		res.Failures = append(res.Failures, fmt.Sprintf("fires: %d expected, got %d (%s)", want, got.times, got.describe(r)))
		res.Parts = r.partsOf(got.passed)
	case t.Match != (got.times > 0):
		res.Line, res.Column = t.matchAt[0], t.matchAt[1]
		res.Failures = append(res.Failures, fmt.Sprintf("match: %v expected, got %v (%s)", t.Match, got.times > 0, got.describe(r)))
		res.Parts = r.partsOf(got.passed)
	default:
		t.compare(got.Decision, res)
	}
}

// feeding tells whether a contribution is one to this correlation.
func (r *Rule) feeding(c correlate.Contribution) bool { return c.Rule == r.ID }

// An arriving event is one of a timeline.
type arriving struct {
	ev schemas.Event
	at time.Time // when it arrives
}

// unfold gives the events of a timeline in the order of their arrival. input reads the event or record of a test.
func (l *Timeline) unfold(input func(*Test) ([]schemas.Event, error)) ([]arriving, error) {
	var out []arriving
	for i := range l.Moments {
		x := &l.Moments[i]
		for k := range x.Repeat {
			in := x.Input
			in.Event, in.Record = numbered(in.Event, k+1), numbered(in.Record, k+1)
			events, err := input(&in)
			if err != nil {
				return nil, fmt.Errorf("timeline, entry %d: %w", i+1, err)
			}
			at := time.UnixMilli(timelineStart).UTC().Add(x.At + time.Duration(k)*x.Every)
			for j, ev := range events {
				ev, err := dated(ev, at, fmt.Sprintf("%d.%d.%d", i+1, k+1, j+1), in.Event != nil && ev.UID != schemas.DerivedUID(testOrigin, in.Name, "0"))
				if err != nil {
					return nil, fmt.Errorf("timeline, entry %d: %w", i+1, err)
				}
				out = append(out, arriving{ev, at.Add(x.Late)})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b arriving) int { return a.at.Compare(b.at) })
	return out, nil
}

// numbered puts the number of a repetition where ${n} stands; a string that is nothing else becomes a number.
func numbered(text []byte, n int) []byte {
	if text == nil {
		return nil
	}
	number := strconv.Itoa(n)
	return []byte(strings.ReplaceAll(strings.ReplaceAll(string(text), `"${n}"`, number), "${n}", number))
}

// dated gives an event its time, and a uid of its own unless it was written with one.
func dated(ev schemas.Event, at time.Time, uid string, own bool) (schemas.Event, error) {
	doc, err := predicate.Decode(ev.Data)
	if err != nil {
		return ev, err
	}
	metadata, _ := doc["metadata"].(map[string]any)
	if metadata == nil {
		metadata = map[string]any{}
		doc["metadata"] = metadata
	}
	if !own {
		metadata["uid"] = uid
	}
	doc["time"] = at.UnixMilli()
	text, err := json.Marshal(doc)
	if err != nil {
		return ev, err
	}
	return schemas.ReadEvent(text, schemas.Envelope{Source: ev.Source})
}

// fired is what a timeline led to.
type fired struct {
	Decision

	times   int
	counted []correlate.Contribution
	events  int
	groups  []string
	passed  []schemas.Event // those that nothing counted
}

// play runs the events through the rules and the correlation, and lets enough time pass for what waits for its lateness.
func (r *Rule) play(events []arriving, decider Decider) fired {
	var out fired
	of := r.counted(nil)
	p := NewPlayer(of, timelineMemory, func(f Found) {
		for _, c := range f.Decision.Contributions {
			if r.feeding(c) {
				out.counted = append(out.counted, c)
			}
		}
		if f.Rule != r {
			return
		}
		out.add(&f.Decision)
		out.times++
		out.groups = append(out.groups, string(f.Firing.Group))
	})
	last := time.UnixMilli(timelineStart).UTC()
	for _, e := range events {
		last = e.at
		out.events++
		d := decider.Decide(e.ev, e.ev.Class == schemas.ClassRemediationActivity, e.at)
		counts := false
		for _, c := range d.Contributions {
			counts = counts || slices.ContainsFunc(of, func(o *Rule) bool { return o.feeding(c) })
			if r.feeding(c) {
				out.counted = append(out.counted, c)
			}
		}
		if !counts {
			out.passed = append(out.passed, e.ev)
		}
		p.Add(d.Contributions, e.at, out.events)
		for _, x := range d.Misses {
			if x.Rule == r.ID {
				out.Misses = append(out.Misses, x)
			}
		}
	}
	spec := &r.Correlation.Spec
	p.EndAt(last.Add(2*spec.Within + spec.Lateness + time.Second))
	return out
}

// counted adds the rules that a correlation counts, and those that those do, and itself.
func (r *Rule) counted(all []*Rule) []*Rule {
	if slices.Contains(all, r) {
		return all
	}
	all = append(all, r)
	for _, o := range r.over {
		all = o.counted(all)
	}
	return all
}

// add adds what another decision says of commands and misses.
func (d *Decision) add(o *Decision) {
	d.Commands = append(d.Commands, o.Commands...)
	d.Misses = append(d.Misses, o.Misses...)
}

// describe says what came of a timeline, for a message.
func (f *fired) describe(r *Rule) string {
	groups := slices.Clone(f.groups)
	slices.SortFunc(groups, cmp.Compare[string])
	var text strings.Builder
	fmt.Fprintf(&text, "%d of %d events counted", len(f.counted), f.events)
	if len(groups) > 0 {
		const most = 10
		text.WriteString(", it fired for " + strings.Join(groups[:min(len(groups), most)], " "))
	}
	told := 0
	for _, n := range r.Correlation.Nearest(f.counted) {
		if told == mostNear {
			break
		}
		if !slices.Contains(groups, string(n.Group)) {
			fmt.Fprintf(&text, "; %s: %s", n.Group, n.Text)
			told++
		}
	}
	return text.String()
}

// partsOf explains, for events that a correlation did not count, the predicates of what it counts.
func (r *Rule) partsOf(events []schemas.Event) (parts []Part) {
	const mostEvents, mostRules = 3, 5
	for _, ev := range events[:min(len(events), mostEvents)] {
		told := 0
		for _, o := range r.counted(nil) {
			if o.whenAt == nil || told == mostRules {
				continue
			}
			told++
			parts = append(parts, Part{Text: "the rule " + o.ID + " and the event", Value: ev.UID})
			parts = append(parts, o.parts([]schemas.Event{ev})...)
		}
	}
	return parts
}
