package consumers

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/riposte-security/riposte/consumers/guard"
	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/schemas"
)

// Guards is what the configuration says of the guards.
type Guards struct {
	// Never lists what is never blocked and never touched.
	Never []guard.Entry `yaml:"never"`
	// Operators are the addresses, ARNs and user names of those who run this: the same as entries of Never, in short.
	Operators []string `yaml:"operators"`
	// Exemptions names a file.
	Exemptions string `yaml:"exemptions"`
	// Approval says how people are asked.
	Approval ApprovalConfig `yaml:"approval"`
	// Budgets are how many effects there may be.
	Budgets []guard.Limit `yaml:"budgets"`
	// Loop is when to suspect that responses answer each other.
	Loop LoopConfig `yaml:"loop"`
	// StopFile names a file that stops block and remediate for as long as it is there.
	StopFile string `yaml:"stop_file"`
}

// ApprovalConfig says how people are asked.
type ApprovalConfig struct {
	// Within is how long an answer may take; then the command is refused. Zero: any time.
	Within time.Duration `yaml:"within"`
	// FourEyes asks two people instead of one, always.
	FourEyes bool `yaml:"four_eyes"`
	// URL is where people reach this process from outside: alerts about commands that wait then carry links to decide. Secret signs them; it is the same in
	// all processes.
	URL    string        `yaml:"url"`
	Secret config.Secret `yaml:"secret"`
	// UserHeader is the header in which a proxy in front says who a person is; without it, the person says so.
	UserHeader string `yaml:"user_header"`
}

// LoopConfig is when to suspect that responses answer each other.
type LoopConfig struct {
	// Times is how often a rule may want one target changed Within a time: that time itself waits for an approval.
	Times  int           `yaml:"times"`
	Within time.Duration `yaml:"within"`
	// Chain is how many responses may lead to each other.
	Chain int `yaml:"chain"`
}

func defaultGuards() Guards {
	return Guards{
		Approval: ApprovalConfig{Within: 24 * time.Hour},
		Budgets:  guard.DefaultLimits(),
		Loop:     LoopConfig{Times: 3, Within: 24 * time.Hour, Chain: 3},
	}
}

func (g Guards) validateGuards() []error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for i, e := range g.Never {
		if err := e.Validate(); err != nil {
			bad("never[%d]: %w", i, err)
		}
	}
	for i, o := range g.Operators {
		if o == "" {
			bad("operators[%d] is empty", i)
		} else if err := operator(o).Validate(); err != nil {
			bad("operators[%d]: %w", i, err)
		}
	}
	for i, l := range g.Budgets {
		if err := l.Validate(); err != nil {
			bad("budgets[%d]: %w", i, err)
		}
	}
	const longest = 30 * 24 * time.Hour
	a, l := g.Approval, g.Loop
	if a.Within < 0 || a.Within > longest {
		bad("approval.within is %s; 0 to %s expected", a.Within, longest)
	}
	if (a.URL == "") != (a.Secret == "") {
		errs = append(errs, errors.New("approval: url and secret go together"))
	}
	if a.URL != "" && !strings.HasPrefix(a.URL, "https://") && !strings.HasPrefix(a.URL, "http://") {
		bad("approval.url is %q; https://… expected", a.URL)
	}
	if a.Secret != "" && len(a.Secret) < shortestSecret {
		bad("approval.secret has %d characters; at least %d expected", len(a.Secret), shortestSecret)
	}
	if l.Times < 0 || l.Chain < 0 || l.Times > 100 || l.Chain > 100 {
		bad("loop: times is %d and chain %d; 0 to 100 expected", l.Times, l.Chain)
	}
	if l.Within < 0 || l.Within > longest {
		bad("loop.within is %s; 0 to %s expected", l.Within, longest)
	}
	return errs
}

// shortestSecret is how many characters a secret has at least: who guesses it decides.
const shortestSecret = 32

// operator reads an entry of the list of operators.
func operator(s string) guard.Entry {
	e := guard.Entry{Name: s, Reason: "operators"}
	if strings.HasPrefix(s, "arn:") {
		e.Name, e.ARN = "", s
	}
	if c := (guard.Entry{CIDR: s}); c.Validate() == nil {
		e.Name, e.CIDR = "", s
	}
	return e
}

// approval is what the configuration wants of an action.
func (c Config) approval(cmd schemas.Command) guard.Wanted {
	w := guard.Wanted{Because: fmt.Sprintf("actions.%s.approval is required", cmd.Action)}
	w.Required, w.Waived = c.Actions[cmd.Action].Approval == schemas.ApprovalRequired, c.Actions[cmd.Action].Approval == schemas.ApprovalWaived
	return w
}

// approvers is how many people have to approve what waits.
func (c Config) approvers(cmd schemas.Command) int {
	if c.Approval.FourEyes && cmd.Lane != schemas.LaneAlert {
		return 2
	}
	return 0
}

// guards puts the guards in the order in which they are asked: those that need no plan, and those that see it. What refuses comes before what asks, and
// the budget, which counts what passes, comes last.
func (s *Service) guards() (before, after []guard.Guard) {
	never := s.never()
	before = append(slices.Clone(s.d.Before), guard.Trust{Sources: s.cfg.TrustedSources}, never)
	if s.d.Exemptions != nil {
		before = append(before, guard.Exempt{List: s.d.Exemptions})
	}
	after = append(slices.Clone(s.d.After),
		never,
		guard.Stale{Within: s.cfg.MaxAge},
		guard.Replay{},
		guard.Hold{},
		guard.Loop{Times: s.cfg.Loop.Times, Within: s.cfg.Loop.Within, Chain: s.cfg.Loop.Chain, List: s.d.Ledger.List, Ours: s.d.Ours},
		guard.Approval{Of: s.cfg.approval},
		guard.Budget{Limits: s.cfg.Budgets, Spend: s.d.Ledger.Spend},
	)
	return before, after
}

// never is the guard of what is never touched.
func (s *Service) never() guard.Never {
	n := s.d.Never
	n.Entries = slices.Clone(s.cfg.Never)
	for _, o := range s.cfg.Operators {
		n.Entries = append(n.Entries, operator(o))
	}
	return n
}

// touches is what a plan changes beside the target, as the action says.
func touches(action Action, cmd schemas.Command, p schemas.Plan) (all []schemas.Target, err error) {
	t, ok := action.(Toucher)
	if !ok || p.Empty() {
		return nil, nil
	}
	err = guarded(func() (err error) { all, err = t.Touches(cmd, p); return err })
	return all, err
}
