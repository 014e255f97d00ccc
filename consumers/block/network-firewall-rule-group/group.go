// Package networkfirewallrulegroup blocks addresses in an IP-set variable of a stateful rule group of AWS Network Firewall. Several commands, processes and
// people may write to one group: a command adds and removes its own address and leaves the rest as it is.
package networkfirewallrulegroup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/networkfirewall"
	"github.com/aws/aws-sdk-go-v2/service/networkfirewall/types"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/block/address"
	"github.com/riposte-security/riposte/consumers/block/batch"
	"github.com/riposte-security/riposte/consumers/remediate/attribute"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

const within = time.Minute

// API is what the action needs of Network Firewall.
type API interface {
	DescribeRuleGroup(context.Context, *networkfirewall.DescribeRuleGroupInput, ...func(*networkfirewall.Options)) (*networkfirewall.DescribeRuleGroupOutput, error)
	UpdateRuleGroup(context.Context, *networkfirewall.UpdateRuleGroupInput, ...func(*networkfirewall.Options)) (*networkfirewall.UpdateRuleGroupOutput, error)
}

// Deps is what the action is made of.
type Deps struct {
	Firewall func(ctx context.Context, account, region string) (API, error)
	Region   string // of groups for which none is given
	Now      func() time.Time
}

// state is whether an address is in the variable. What else is in the group is none of the command's business.
type state struct {
	In      ref    `json:"in"`
	Address string `json:"address"`
	Present bool   `json:"present"`
}

// OnAWS makes the action with real clients.
func OnAWS(c *cloud.Clients, now func() time.Time) consumers.Action {
	return New(Deps{Now: now, Region: c.Region(), Firewall: func(ctx context.Context, account, region string) (API, error) {
		return c.NetworkFirewall(ctx, account, region)
	}})
}

// New makes the action. Commands that block one address in one variable share their effect.
func New(d Deps) consumers.Action {
	b := &blocker{Deps: d}
	b.Action = attribute.New(attribute.Row[state]{
		Noun:   func(cmd schemas.Command) string { return "address " + cmd.Target.ID },
		Read:   b.read,
		Want:   want,
		Write:  b.write,
		Same:   func(x, y state) bool { return x.Present == y.Present },
		Now:    d.Now,
		Within: within,
	})
	return b
}

type blocker struct {
	*attribute.Action[state]
	Deps
	writers batch.Writers[ref]
}

// Enforcer implements consumers.Sharer: it names the variable, whatever else the settings say.
func (b *blocker) Enforcer(cmd schemas.Command) string {
	r, _, err := refOf(cmd, b.Region)
	if err != nil {
		return ""
	}
	return strings.Join([]string{r.Account, r.Region, r.Group, r.IPSet}, " ")
}

// Touches implements consumers.Toucher: the rule group.
func (b *blocker) Touches(_ schemas.Command, p schemas.Plan) ([]schemas.Target, error) {
	s, err := attribute.Before[state](p)
	return []schemas.Target{{Type: cloud.TypeRuleGroup, Account: s.In.Account, Region: s.In.Region, ID: "stateful-rulegroup/" + s.In.Group}}, err
}

// Inspect implements consumers.Inspector, with one DescribeRuleGroup.
func (b *blocker) Inspect(ctx context.Context, cmds []schemas.Command) (missing, others []string, err error) {
	if len(cmds) == 0 {
		return nil, nil, fault.Permanent(errors.New("no command to inspect a rule group for"))
	}
	r, _, err := refOf(cmds[0], b.Region)
	if err != nil {
		return nil, nil, err
	}
	api, err := b.Firewall(ctx, r.Account, r.Region)
	if err != nil {
		return nil, nil, err
	}
	_, held, err := get(ctx, api, r)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", r, err)
	}
	return address.Compare(cmds, held)
}

func (b *blocker) read(ctx context.Context, cmd schemas.Command, like *state) (state, error) {
	p, err := address.Of(cmd)
	if err != nil {
		return state{}, err
	}
	r, set, err := refOf(cmd, b.Region)
	if err != nil {
		return state{}, err
	}
	s := state{In: r, Address: p.String()}
	if like != nil {
		s.In = like.In
	} else if err := address.Refuse(p, set.Never); err != nil {
		return s, err
	}
	api, err := b.Firewall(ctx, s.In.Account, s.In.Region)
	if err != nil {
		return s, err
	}
	_, held, err := get(ctx, api, s.In)
	if cloud.Missing(err) && like != nil { // a group that is gone blocks nothing
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("%s: %w", s.In, err)
	}
	s.Present = address.Holds(held, p)
	return s, nil
}

// get reads a rule group whole, and what its variable holds.
func get(ctx context.Context, api API, r ref) (*networkfirewall.DescribeRuleGroupOutput, []string, error) {
	out, err := api.DescribeRuleGroup(ctx, &networkfirewall.DescribeRuleGroupInput{RuleGroupName: &r.Group, Type: types.RuleGroupTypeStateful})
	if err != nil {
		return nil, nil, judge(err)
	}
	if out.RuleGroup == nil || out.RuleGroupResponse == nil || out.UpdateToken == nil {
		return nil, nil, errors.New("network-firewall DescribeRuleGroup: the answer does not hold the group")
	}
	if v := out.RuleGroup.RuleVariables; v != nil {
		if s, ok := v.IPSets[r.IPSet]; ok {
			return out, s.Definition, nil
		}
	}
	return nil, nil, fault.Permanent(errors.New("the rule group has no such IP-set variable: make it, and a rule that drops what it names"))
}

// judge knows the errors that Network Firewall alone has.
func judge(err error) error {
	switch cloud.Code(err) {
	case "InvalidRequestException", "InvalidOperationException", "LimitExceededException", "UnsupportedOperationException":
		return fault.Permanent(cloud.Classify(err))
	}
	return cloud.Classify(err)
}

func want(cmd schemas.Command, current state) (attribute.Change[state], error) {
	c := attribute.Change[state]{Before: current, After: current}
	c.After.Present = true
	if current.Present {
		c.Summary = current.Address + " is in " + current.In.String() + " already"
		return c, nil
	}
	c.Summary = "add " + current.Address + " to " + current.In.String() + attribute.Lasting(cmd)
	c.Calls = []schemas.Call{{Service: "network-firewall", Operation: "UpdateRuleGroup", Params: map[string]any{
		"RuleGroupName": current.In.Group, "Type": string(types.RuleGroupTypeStateful),
		"RuleGroup": map[string]any{"RuleVariables": map[string]any{"IPSets": map[string]any{current.In.IPSet: map[string]any{"Definition": map[string]any{"add": current.Address}}}}},
	}}}
	return c, nil
}

func (b *blocker) write(ctx context.Context, cmd schemas.Command, from, to state) error {
	p, err := address.Of(cmd)
	if err != nil {
		return err
	}
	api, err := b.Firewall(ctx, from.In.Account, from.In.Region)
	if err != nil {
		return err
	}
	err = b.writers.Of(from.In).Write(ctx, p, to.Present, func(ctx context.Context, changes []*batch.Change) error { return commit(ctx, api, from.In, changes) })
	if err != nil {
		return fmt.Errorf("%s: %w", from.In, err)
	}
	return nil
}

// commit reads the group, merges the changes in, and writes it whole, again when somebody else came between.
func commit(ctx context.Context, api API, r ref, changes []*batch.Change) error {
	stale := func(err error) bool { return cloud.Code(err) == "InvalidTokenException" }
	return batch.Retry(ctx, stale, func() error {
		out, held, err := get(ctx, api, r)
		if err != nil {
			return err
		}
		merged := batch.Merge(held, changes, 0, nil)
		if slices.Equal(merged, held) {
			return nil
		}
		out.RuleGroup.RuleVariables.IPSets[r.IPSet] = types.IPSet{Definition: merged}
		about := out.RuleGroupResponse // what is not said again would be lost
		_, err = api.UpdateRuleGroup(ctx, &networkfirewall.UpdateRuleGroupInput{
			RuleGroupName: &r.Group, Type: types.RuleGroupTypeStateful, UpdateToken: out.UpdateToken, RuleGroup: out.RuleGroup,
			Description: about.Description, EncryptionConfiguration: about.EncryptionConfiguration, SourceMetadata: about.SourceMetadata,
			SummaryConfiguration: about.SummaryConfiguration,
		})
		return judge(err)
	})
}
