package networkfirewallrulegroup

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/riposte-security/riposte/consumers/block/address"
	"github.com/riposte-security/riposte/consumers/remediate/attribute"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

const defaultVariable = "RIPOSTE_BLOCKED"

// Spec describes the action.
func Spec() schemas.ActionSpec {
	return schemas.ActionSpec{
		Name: "network-firewall-rule-group",
		Lane: schemas.LaneBlock,
		Summary: "Puts an address, or a range up to /16 (IPv6: /32), into an IP-set variable of a stateful rule group of AWS Network Firewall, however its rules are written, beside whatever else is " +
			"in there; the group needs the variable and a rule that drops what it names ($" + defaultVariable + "). An address that was in there before stays there afterwards. " +
			"Addresses that are not public are refused. The target is an address or CIDR.",
		TargetType: address.TargetType,
		Settings: []schemas.Setting{
			{Name: "rule_group", Type: "string", Required: true, Help: "name or ARN of the rule group"},
			{Name: "ip_set", Type: "string", Default: defaultVariable, Help: "name of the IP-set variable, which holds both kinds of addresses"},
			{Name: "account", Type: "string", Help: "account that the group belongs to; default that of its ARN, or our own"},
			{Name: "region", Type: "string", Help: "region of the group; default that of its ARN, or of the configuration"},
			address.Never(),
		},
		Undo:      true,
		Expires:   true,
		Policy:    []string{"network-firewall:DescribeRuleGroup", "network-firewall:UpdateRuleGroup"},
		Canonical: address.Canonical,
	}
}

type settings struct {
	RuleGroup string            `json:"rule_group"`
	IPSet     string            `json:"ip_set"`
	Account   string            `json:"account"`
	Region    string            `json:"region"`
	Never     attribute.Strings `json:"never"`
}

// A ref names an IP-set variable of a rule group.
type ref struct {
	Account string `json:"account,omitempty"`
	Region  string `json:"region,omitempty"`
	Group   string `json:"group"`
	IPSet   string `json:"ip_set"`
}

func (r ref) String() string { return "IP set " + r.IPSet + " of rule group " + r.Group }

// refOf reads the settings. region is where groups are that do not say. An ARN stands for the name, so that both are the same enforcer.
func refOf(cmd schemas.Command, region string) (ref, settings, error) {
	s := settings{IPSet: defaultVariable}
	if err := attribute.Settings(cmd, &s); err != nil {
		return ref{}, s, err
	}
	r := ref{Account: s.Account, Region: s.Region, Group: s.RuleGroup, IPSet: strings.TrimPrefix(s.IPSet, "$")}
	if strings.HasPrefix(s.RuleGroup, "arn:") {
		a, err := arn.Parse(s.RuleGroup)
		name, ok := strings.CutPrefix(a.Resource, "stateful-rulegroup/")
		if err != nil || a.Service != "network-firewall" || !ok {
			return r, s, fault.Permanent(fmt.Errorf("with.rule_group %q: not the ARN of a stateful rule group", s.RuleGroup))
		}
		if s.Account != "" && s.Account != a.AccountID || s.Region != "" && s.Region != a.Region {
			return r, s, fault.Permanent(fmt.Errorf("with.rule_group %q: account and region are others than those given", s.RuleGroup))
		}
		r.Account, r.Region, r.Group = a.AccountID, a.Region, name
	}
	if r.Region == "" {
		r.Region = region
	}
	if r.Group == "" || r.IPSet == "" {
		return r, s, fault.Permanent(errors.New("with: rule_group and ip_set expected"))
	}
	return r, s, nil
}
