package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/router"
	"github.com/riposte-security/riposte/router/correlate"
	"github.com/riposte-security/riposte/router/engine"
	"github.com/riposte-security/riposte/router/rule"
	"github.com/riposte-security/riposte/schemas"
)

type rulesMatchCmd struct {
	Rules  []string          `required:"" name:"rules" placeholder:"PATH" help:"Files and folders with rules."`
	Format string            `default:"json" help:"Format of the records; by default they are events, or any JSON."`
	Set    map[string]string `mapsep:"none" placeholder:"KEY=VALUE" help:"A setting of the format."`
	Stats  bool              `help:"Close with figures, on stderr."`
	Quiet  bool              `help:"Print no matches."`
	Files  []string          `arg:"" optional:"" name:"FILE" help:"Files to read; stdin for none or '-'."`
}

// A match is what stdout says of a rule that fired.
type match struct {
	Rule     string            `json:"rule"`
	Event    string            `json:"event"`
	Record   int               `json:"record"` // 1-based position of the event; 0 for what was found because time passed
	Commands []schemas.Command `json:"commands"`
	// Finding is what a correlation found: Event is its uid then, and Record the event that completed it.
	Finding json.RawMessage `json:"finding,omitempty"`
}

// matchStats is the closing line of --stats.
type matchStats struct {
	Events          int     `json:"events"`
	Rules           int     `json:"rules"`
	Matches         int     `json:"matches"`
	Seconds         float64 `json:"seconds"`
	EventsPerSecond float64 `json:"events_per_second"`
}

// Run writes a line of JSON for every rule that fires on an event.
func (c *rulesMatchCmd) Run(ctx context.Context, a *App) error {
	cfg, sources, done, err := a.ruleInputs(ctx)
	if err != nil {
		return err
	}
	defer done()
	rules, err := a.loadRulesWith(cfg, sources, c.Rules...)
	if err != nil {
		return a.printProblems(err)
	}
	format, err := formatFlags{Format: c.Format, Set: c.Set}.build()
	if err != nil {
		return err
	}
	m := newMatcher(rules, newLines(a.Out), c.Quiet)
	began := time.Now()
	bad := 0
	err = a.eachEvent(ctx, format, c.Files, func(_ string, _ int, ev schemas.Event) error { return m.event(ev) },
		func(b badRecord) error {
			bad++
			return newEncoder(a.Err).Encode(b)
		})
	if err == nil {
		err = m.end()
	}
	if err := errors.Join(err, m.out.flush()); err != nil {
		return err
	}
	for _, r := range rules { // said as what cannot be read is
		if n := m.leftOut(r); n > 0 {
			bad++
			if err := newEncoder(a.Err).Encode(leftOut{r.ID, n, "too late, or more than the memory of correlations holds"}); err != nil {
				return fmt.Errorf("left out: %w", err)
			}
		}
	}
	if c.Stats {
		s := time.Since(began).Seconds()
		stats := matchStats{Events: m.events, Rules: len(rules), Matches: m.matches, Seconds: s, EventsPerSecond: float64(m.events) / max(s, 1e-9)}
		if err := newEncoder(a.Err).Encode(stats); err != nil {
			return fmt.Errorf("statistics: %w", err)
		}
	}
	if bad > 0 {
		return errReported
	}
	return nil
}

// leftOut says on stderr that a correlation did not count all events that it should have.
type leftOut struct {
	Rule    string `json:"rule"`
	LeftOut int    `json:"left_out"`
	Reason  string `json:"reason"`
}

// matcher decides on events, plays the correlations over them, and prints what fired.
type matcher struct {
	decider         engine.Decider
	player          *rule.Player
	out             *lines
	quiet           bool
	now             time.Time
	events, matches int
	err             error // of writing what correlations found
}

func newMatcher(rules []*rule.Rule, out *lines, quiet bool) *matcher {
	m := &matcher{decider: engine.New(rules, zerolog.Nop()), out: out, quiet: quiet, now: time.Now().UTC()}
	m.player = rule.NewPlayer(rules, router.DefaultMemory, m.found)
	return m
}

// event decides on one event. Among events from files, Remediation Activity is an outcome; everything else is not.
func (m *matcher) event(ev schemas.Event) error {
	m.events++
	return m.decide(ev, cameIn(ev, m.now), m.events)
}

// cameIn is when an event from a file is taken to have come in: when it happened, but not in the future.
func cameIn(ev schemas.Event, now time.Time) time.Time {
	if ev.Time.After(now) {
		return now
	}
	return ev.Time
}

func (m *matcher) decide(ev schemas.Event, at time.Time, record int) error {
	d := m.decider.Decide(ev, ev.Class == schemas.ClassRemediationActivity, ev.Time)
	m.player.Add(d.Contributions, at, record)
	return errors.Join(m.print(&d, match{Event: ev.UID, Record: record}), m.err)
}

// found prints what a correlation found, and decides on the finding, which is an event as well.
func (m *matcher) found(f rule.Found) {
	err := m.print(&f.Decision, match{Event: f.Event.UID, Record: f.Record, Finding: f.Event.Data})
	if err == nil {
		err = m.decide(f.Event, f.At, f.Record)
	}
	if m.err == nil {
		m.err = err
	}
}

// end closes the windows of correlations: nothing more comes.
func (m *matcher) end() error {
	m.player.End()
	return m.err
}

// leftOut is how many events made no difference to a correlation though they should have.
func (m *matcher) leftOut(r *rule.Rule) int {
	return m.player.Count(r.ID, correlate.Shed) + m.player.Count(r.ID, correlate.Late)
}

// print writes a line for every rule that fired.
func (m *matcher) print(d *rule.Decision, found match) error {
	m.matches += len(d.Fired)
	if m.quiet {
		return nil
	}
	for _, id := range d.Fired {
		found.Rule, found.Commands = id, []schemas.Command{}
		for _, cmd := range d.Commands {
			if cmd.Rule == id {
				found.Commands = append(found.Commands, cmd)
			}
		}
		var line strings.Builder
		if err := newEncoder(&line).Encode(found); err != nil {
			return fmt.Errorf("match: %w", err)
		}
		if err := m.out.write([]byte(strings.TrimSuffix(line.String(), "\n"))); err != nil {
			return err
		}
	}
	return nil
}
