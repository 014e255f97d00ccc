package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/consumers/alert"
	actions "github.com/riposte-security/riposte/consumers/catalog"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/router/engine"
	"github.com/riposte-security/riposte/router/lists"
	"github.com/riposte-security/riposte/router/rule"
	"github.com/riposte-security/riposte/router/rule/predicate"
	"github.com/riposte-security/riposte/schemas"
)

type rulesCmd struct {
	Check rulesCheckCmd `cmd:"" help:"Check rules: fields, types, actions, receivers."`
	Test  rulesTestCmd  `cmd:"" help:"Run the tests that rules bring along."`
	Match rulesMatchCmd `cmd:"" help:"Say which rules fire on the events of files, and which commands follow."`

	Import  rulesImportCmd  `cmd:"" help:"Make rules of those of other tools."`
	Explain rulesExplainCmd `cmd:"" help:"Say why each rule did or did not fire on an event."`
	Schema  rulesSchemaCmd  `cmd:"" help:"Print the JSON Schema of a rule, for editors."`
}

// loadRules reads a set of rules and checks it against the actions and, where a configuration is given, its receivers.
func (a *App) loadRules(cfg *config.Config, paths ...string) ([]*rule.Rule, error) {
	return a.loadRulesWith(cfg, nil, paths...)
}

// loadRulesWith is loadRules for rules that look things up in sources; without, they see what their tests bring along.
func (a *App) loadRulesWith(cfg *config.Config, sources predicate.Sources, paths ...string) ([]*rule.Rule, error) {
	o, err := ruleOptions(cfg)
	if err != nil {
		return nil, err
	}
	o.Sources = sources
	return rule.Load(o, paths...)
}

// ruleOptions is what rules are checked against; receivers and lists are known only from a configuration.
func ruleOptions(cfg *config.Config) (rule.Options, error) {
	o := rule.Options{AlertSettings: alert.StepSettings()}
	for _, e := range actions.Actions() {
		o.Actions = append(o.Actions, e.Spec)
	}
	if cfg == nil {
		return o, nil
	}
	receivers, err := readReceivers(cfg.Receivers)
	if err != nil {
		return o, err
	}
	o.Receivers = []string{}
	for _, r := range receivers {
		o.Receivers = append(o.Receivers, r.Name)
	}
	l, err := lists.ReadConfig(cfg.Lists, cfg.GeoIP)
	if err != nil {
		return o, err
	}
	o.Lists = l.Names()
	return o, nil
}

// ruleConfig is the configuration to check rules against: only one that was asked for, or lies in this folder.
func (a *App) ruleConfig() (*config.Config, error) {
	cfg, found, err := a.find()
	if err != nil || !found {
		return nil, err
	}
	return &cfg, nil
}

// printProblems writes the problems of a rule set, one a line, and returns what the command is to return.
func (a *App) printProblems(err error) error {
	var problems rule.Problems
	if !errors.As(err, &problems) {
		return err
	}
	for _, p := range problems {
		fmt.Fprintln(a.Out, p)
	}
	return errReported
}

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
	Record   int               `json:"record"` // 1-based position of the event
	Commands []schemas.Command `json:"commands"`
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
	m := matcher{decider: engine.New(rules, zerolog.Nop()), out: newLines(a.Out), quiet: c.Quiet}
	began := time.Now()
	bad := 0
	err = a.eachEvent(ctx, format, c.Files, func(_ string, _ int, ev schemas.Event) error { return m.event(ev) },
		func(b badRecord) error {
			bad++
			return newEncoder(a.Err).Encode(b)
		})
	if err := errors.Join(err, m.out.flush()); err != nil {
		return err
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

// matcher decides on events and prints what fired.
type matcher struct {
	decider         engine.Decider
	out             *lines
	quiet           bool
	events, matches int
}

// event decides on one event. Among events from files, Remediation Activity is an outcome; everything else is not.
func (m *matcher) event(ev schemas.Event) error {
	m.events++
	outcomes := ev.Class == schemas.ClassRemediationActivity
	d := m.decider.Decide(ev, outcomes, ev.Time)
	m.matches += len(d.Fired)
	if m.quiet {
		return nil
	}
	var line strings.Builder
	for _, id := range d.Fired {
		found := match{Rule: id, Event: ev.UID, Record: m.events, Commands: []schemas.Command{}}
		for _, cmd := range d.Commands {
			if cmd.Rule == id {
				found.Commands = append(found.Commands, cmd)
			}
		}
		line.Reset()
		if err := newEncoder(&line).Encode(found); err != nil {
			return fmt.Errorf("match: %w", err)
		}
		if err := m.out.write([]byte(strings.TrimSuffix(line.String(), "\n"))); err != nil {
			return err
		}
	}
	return nil
}
