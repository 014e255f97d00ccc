package guard

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/schemas"
)

// A Limit is how many effects of one kind there may be in a time. It is a line of the configuration.
type Limit struct {
	// Lanes are those in which effects are counted together; both block and remediate if empty.
	Lanes []schemas.Lane `yaml:"lanes"`
	// Per is what has a budget of its own: rule, action, account or target_type.
	Per string `yaml:"per"`
	// Max is how many effects there may be Within a time, over all processes.
	Max    int           `yaml:"max"`
	Within time.Duration `yaml:"within"`
}

// Validate checks a limit.
func (l Limit) Validate() error {
	const longest = 7 * 24 * time.Hour
	switch {
	case l.of(schemas.Command{}) == "":
		return fmt.Errorf("per is %q; rule, action, account or target_type expected", l.Per)
	case l.Max < 0 || l.Max > 1_000_000:
		return fmt.Errorf("max is %d; 0 to 1000000 expected", l.Max)
	case l.Within < time.Second || l.Within > longest:
		return fmt.Errorf("within is %s; %s to %s expected", l.Within, time.Second, longest)
	}
	for _, lane := range l.Lanes {
		if !slices.Contains(schemas.EffectLanes(), lane) {
			return fmt.Errorf("lanes: %q; block or remediate expected", lane)
		}
	}
	return nil
}

// of names what of a command the limit is about; "" if there is no such thing.
func (l Limit) of(cmd schemas.Command) string {
	switch l.Per {
	case "rule":
		return "rule " + cmd.Rule
	case "action":
		return "action " + cmd.Action
	case "account":
		if cmd.Target.Account == "" {
			return "no account"
		}
		return "account " + cmd.Target.Account
	case "target_type":
		return "targets of type " + cmd.Target.Type
	}
	return ""
}

// DefaultLimits are those of whoever says nothing: more than a busy day needs, and little enough that a misguided rule does not reach far.
func DefaultLimits() []Limit {
	block, remediate := []schemas.Lane{schemas.LaneBlock}, []schemas.Lane{schemas.LaneRemediate}
	return []Limit{
		{Lanes: block, Per: "rule", Max: 500, Within: time.Hour},
		{Lanes: block, Per: "action", Max: 2000, Within: time.Hour},
		{Lanes: block, Per: "target_type", Max: 2000, Within: time.Hour},
		{Lanes: remediate, Per: "rule", Max: 50, Within: time.Hour},
		{Lanes: remediate, Per: "action", Max: 100, Within: time.Hour},
		{Lanes: remediate, Per: "account", Max: 200, Within: time.Hour},
		{Lanes: remediate, Per: "target_type", Max: 200, Within: time.Hour},
	}
}

// Budget lets so many effects pass in a time, and asks a person about those beyond. What a person approved passes, and is not counted.
type Budget struct {
	Limits []Limit
	// Spend is the ledger's.
	Spend func(ctx context.Context, now time.Time, id string, budgets []ledger.Budget) (*ledger.Budget, error)
}

// Check is a Guard's. It must be the last that is asked: it counts what passes.
func (g Budget) Check(ctx context.Context, c Case) (Verdict, error) {
	if c.Alert() || c.Approved() || c.DryRun != "" {
		return Verdict{}, nil
	}
	var budgets []ledger.Budget
	for _, l := range g.Limits {
		if len(l.Lanes) > 0 && !slices.Contains(l.Lanes, c.Command.Lane) {
			continue
		}
		budgets = append(budgets, ledger.Budget{Key: l.key(c.Command), Max: l.Max, Within: l.Within})
	}
	over, err := g.Spend(ctx, c.Now, c.Command.ID, budgets)
	if err != nil || over == nil {
		return Verdict{}, err
	}
	v := ask(fmt.Sprintf("the budget of %s is spent: %d in %s", over.Key, over.Max, over.Within))
	v.Notice = &schemas.Notice{
		Kind: schemas.NoticeBudget, Subject: over.Key, Severity: "high", Command: c.Command.ID, Rule: c.Command.Rule,
		Message: fmt.Sprintf("%s: %d effects in %s, and there are more; they wait for an approval (riposte commands --state approval)", over.Key, over.Max, over.Within),
		Once:    c.Now.Truncate(over.Within), // one alert a window, however many commands there are and whoever finds out
	}
	return v, nil
}

func (l Limit) key(cmd schemas.Command) string {
	lanes := "all lanes"
	switch len(l.Lanes) {
	case 1:
		lanes = "lane " + string(l.Lanes[0])
	case 0, 2:
	}
	return fmt.Sprintf("%s in %s within %s", l.of(cmd), lanes, l.Within)
}
