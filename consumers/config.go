package consumers

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/riposte-security/riposte/consumers/guard"
	"github.com/riposte-security/riposte/consumers/iac"
	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/schemas"
)

// Config is the section `consumers` of the configuration. Decode it over Defaults().
type Config struct {
	// Mode is that of block and remediate: dry_run (the default) or enforce. Alerts are sent unless lanes.alert.mode says dry_run.
	Mode string `yaml:"mode"`
	// Lanes, Actions and Accounts say otherwise for a lane, an action, an AWS account. A lane's mode stands over Mode, that of an action or an account over
	// the lane's; where an action and an account disagree, it is a dry run.
	Lanes    map[schemas.Lane]LaneConfig `yaml:"lanes"`
	Actions  map[string]ActionConfig     `yaml:"actions"`
	Accounts map[string]ModeConfig       `yaml:"accounts"`

	// Workers is how many commands of a lane and an account one process carries out at once; zero: 8. Of further accounts it carries out as many again,
	// up to eight times that, so that an account whose API is slow keeps no other waiting; alerts have one share for all accounts. More of them carry out
	// more a second, since those that save at one time share a transaction, but each takes longer. Each has one call to the outside in course at most,
	// which is what a kill may lead to be made again. A call that lasts, to a function or a runbook, gives its place to another after five seconds; while there
	// are as many of those as workers, no further one begins.
	Workers int `yaml:"workers"`
	// Lease is how long a command stays with a process that is not heard of.
	Lease time.Duration `yaml:"lease"`
	// Attempts is how often a command is tried before it has failed; Backoff how long to wait in between.
	Attempts int     `yaml:"attempts"`
	Backoff  Backoff `yaml:"backoff"`
	// RespondWithin is how old an event may be for its commands to act without approval; zero: any age.
	RespondWithin time.Duration `yaml:"respond_within"`
	// TrustedSources are the values of ce_source whose events may block and remediate.
	TrustedSources []string `yaml:"trusted_sources"`
	// Hold is how long, after an undo, further commands of that rule on that target need approval.
	Hold time.Duration `yaml:"hold"`
	// Reconcile is how often blocks in force are compared with what is really there; zero: never.
	Reconcile time.Duration `yaml:"reconcile"`
	// Recheck is how long after a remediation was verified its target is read once more: what somebody has changed back by then is reverted. Zero: never.
	Recheck time.Duration `yaml:"recheck"`
	// Code is where to look for infrastructure code whose owner is to hear of a remediation.
	Code iac.Config `yaml:"code"`
	// TrustedKeys are the public keys of routers: when there are any, a command that none of them has signed is a dead letter.
	TrustedKeys []string `yaml:"trusted_keys"`
	// OperatorKeys are the public keys of people: when there are any, approvals, undos and messages on the control topic count only if one of them has
	// signed them, or this service itself by approval.secret.
	OperatorKeys []string `yaml:"operator_keys"`
	// Guards are in a file of their own.
	Guards `yaml:",inline"`
	// Retention is how long finished commands are kept. It must be longer than the retention of the command topics and RespondWithin
	// together: a command that Kafka can bring again must be known.
	Retention time.Duration `yaml:"retention"`
}

// A LaneConfig is what is different in a lane; zero values are Config's.
type LaneConfig struct {
	Mode          string         `yaml:"mode"`
	Workers       int            `yaml:"workers"`
	RespondWithin *time.Duration `yaml:"respond_within"`
}

// A ModeConfig is the mode of an account.
type ModeConfig struct {
	Mode string `yaml:"mode"`
}

// An ActionConfig is what is different for an action.
type ActionConfig struct {
	Mode string `yaml:"mode"`
	// Approval is required, to have a person asked each time, or waived, not to have one asked even where the action cannot take its effect back.
	Approval string `yaml:"approval"`
}

// A Backoff is how long to wait before the next try: Base after the first, twice as long each time, at most Max, each less up to a fifth by chance.
type Backoff struct {
	Base time.Duration `yaml:"base"`
	Max  time.Duration `yaml:"max"`
}

// Defaults is the configuration of whoever says nothing.
func Defaults() Config {
	return Config{
		Mode: guard.DryRun, Lease: time.Minute, Attempts: 10, Backoff: Backoff{Base: time.Second, Max: 5 * time.Minute},
		RespondWithin: 24 * time.Hour, Hold: 7 * 24 * time.Hour, Retention: 60 * 24 * time.Hour,
		Reconcile: time.Minute, Recheck: 10 * time.Minute, Code: iac.Defaults(), Guards: defaultGuards(),
	}
}

// Validate checks what YAML cannot say.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	mode := func(where, m string) {
		if m != guard.DryRun && m != guard.Enforce {
			bad("%s is %q; dry_run or enforce expected", where, m)
		}
	}
	mode("mode", c.Mode)
	for _, name := range slices.Sorted(maps.Keys(c.Lanes)) {
		l := c.Lanes[name]
		if !slices.Contains(schemas.Lanes(), name) {
			bad("lanes.%s: no such lane; alert, block or remediate expected", name)
		}
		if l.Mode != "" {
			mode(fmt.Sprintf("lanes.%s.mode", name), l.Mode)
		}
		if l.Workers < 0 || l.Workers > maxWorkers {
			bad("lanes.%s.workers is %d; 1 to %d expected", name, l.Workers, maxWorkers)
		}
		if l.RespondWithin != nil && *l.RespondWithin < 0 {
			bad("lanes.%s.respond_within is negative", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Actions)) {
		if a := c.Actions[name]; a.Mode != "" || a.Approval == "" {
			mode("actions."+name+".mode", a.Mode)
		}
		if a := c.Actions[name].Approval; a != "" && a != schemas.ApprovalRequired && a != schemas.ApprovalWaived {
			bad("actions.%s.approval is %q; required or waived expected", name, a)
		}
	}
	account := regexp.MustCompile(`^\d{12}$`)
	for _, id := range slices.Sorted(maps.Keys(c.Accounts)) {
		if !account.MatchString(id) {
			bad("accounts: %q is no AWS account; twelve digits in quotes expected", id)
		}
		mode("accounts."+id+".mode", c.Accounts[id].Mode)
	}
	errs = append(append(errs, c.validateTimes()...), c.validateGuards()...)
	errs = append(errs, c.Code.Validate())
	_, _, err := c.Rings()
	errs = append(errs, err)
	return errors.Join(append(errs, c.outlives(kafka.CommandRetention))...)
}

// outlives checks that the ledger knows every command for as long as Kafka, which keeps them for a time, can bring it again.
func (c Config) outlives(kept time.Duration) error {
	within, whose := c.RespondWithin, "respond_within"
	for _, lane := range schemas.Lanes() {
		if w := c.MaxAge(lane); w > within {
			within, whose = w, fmt.Sprintf("lanes.%s.respond_within", lane)
		}
	}
	if kept < c.Retention && within < c.Retention-kept {
		return nil
	}
	return fmt.Errorf("retention is %s; more than what Kafka keeps commands for (%s) and %s (%s) together expected", c.Retention,
		keptFor(kept), whose, within)
}

func keptFor(d time.Duration) string {
	if d == kafka.Forever {
		return "for ever: set retention.ms on the topics of commands"
	}
	return d.String()
}

// maxWorkers keeps a mistake from opening as many connections.
const maxWorkers = 1000

func (c Config) validateTimes() []error {
	var errs []error
	for _, r := range []struct {
		what         string
		is, from, to time.Duration
	}{
		{"lease", c.Lease, time.Second, time.Hour},
		{"backoff.base", c.Backoff.Base, time.Millisecond, time.Hour},
		{"backoff.max", c.Backoff.Max, c.Backoff.Base, 24 * time.Hour},
		{"respond_within", c.RespondWithin, 0, 10 * 365 * 24 * time.Hour},
		{"reconcile", c.Reconcile, 0, 24 * time.Hour},
		{"recheck", c.Recheck, 0, 7 * 24 * time.Hour},
		{"hold", c.Hold, 0, 10 * 365 * 24 * time.Hour},
		{"retention", c.Retention, c.RespondWithin + time.Hour, 100 * 365 * 24 * time.Hour},
	} {
		if r.is < r.from || r.is > r.to {
			errs = append(errs, fmt.Errorf("%s is %s; %s to %s expected", r.what, r.is, r.from, r.to))
		}
	}
	if c.Workers < 0 || c.Workers > maxWorkers {
		errs = append(errs, fmt.Errorf("workers is %d; 1 to %d expected", c.Workers, maxWorkers))
	}
	if c.Attempts < 1 || c.Attempts > 1000 {
		errs = append(errs, fmt.Errorf("attempts is %d; 1 to 1000 expected", c.Attempts))
	}
	return errs
}

// mode returns the mode of a command, and which setting says so.
func (c Config) mode(cmd schemas.Command) (mode, because string) {
	mode, because = c.Mode, "mode is "+c.Mode
	if cmd.Lane == schemas.LaneAlert {
		mode, because = guard.Enforce, "alerts are sent"
	}
	if l := c.Lanes[cmd.Lane].Mode; l != "" {
		mode, because = l, fmt.Sprintf("lanes.%s.mode is %s", cmd.Lane, l)
	}
	byAction, byAccount := c.Actions[cmd.Action].Mode, c.Accounts[cmd.Target.Account].Mode
	if byAction != "" {
		mode, because = byAction, fmt.Sprintf("actions.%s.mode is %s", cmd.Action, byAction)
	}
	if byAccount != "" && (byAction == "" || byAccount == guard.DryRun) {
		mode, because = byAccount, fmt.Sprintf("accounts.%s.mode is %s", cmd.Target.Account, byAccount)
	}
	return mode, because
}

func (c Config) workers(lane schemas.Lane) int {
	if n := c.Lanes[lane].Workers; n > 0 {
		return n
	}
	if c.Workers > 0 {
		return c.Workers
	}
	return 8
}

// MaxAge is how old an event may be for its commands to act in a lane without approval; zero: any age.
func (c Config) MaxAge(lane schemas.Lane) time.Duration {
	if d := c.Lanes[lane].RespondWithin; d != nil {
		return *d
	}
	return c.RespondWithin
}
