package securitygrouprevert

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// most is how many rules one event may name.
const most = 1000

// An event is what the record of a call says that it did to the group.
type event struct {
	operation        string
	added, removed   []rule
	modified, absent []string // ids of rules: that were modified, and that were removed without a word of what they were
}

// tells says whether the event is one that changed rules.
func (e event) tells() bool { return e.operation != "" }

func (e event) modifies() bool { return len(e.modified) > 0 }

// eventOf reads the record of a call that changed rules. An event of another kind tells nothing.
func eventOf(cmd schemas.Command) (event, error) {
	ev := gjson.ParseBytes(cmd.Event)
	e := event{operation: ev.Get("api.operation").String()}
	request, response := ev.Get("api.request.data"), ev.Get("api.response.data")
	egress := strings.HasSuffix(e.operation, "Egress")
	switch e.operation {
	case "AuthorizeSecurityGroupIngress", "AuthorizeSecurityGroupEgress":
		if e.added = described(response.Get("securityGroupRuleSet"), egress); len(e.added) == 0 {
			e.added = requested(request, egress)
		}
	case "RevokeSecurityGroupIngress", "RevokeSecurityGroupEgress":
		if e.removed = described(response.Get("revokedSecurityGroupRuleSet"), egress); len(e.removed) == 0 {
			e.removed = requested(request, egress)
		}
		if len(e.removed) == 0 {
			for _, id := range elements(request.Get("securityGroupRuleIds")) {
				e.absent = append(e.absent, id.Get("securityGroupRuleId").String()+id.Get("content").String())
			}
		}
	case "ModifySecurityGroupRules":
		list := request.Get("ModifySecurityGroupRulesRequest.SecurityGroupRule")
		if !list.IsArray() { // one stands alone
			e.modified = ids([]gjson.Result{list})
		} else {
			e.modified = ids(list.Array())
		}
	default:
		return event{}, nil
	}
	if n := len(e.added) + len(e.removed) + len(e.modified); n > most {
		return event{}, fault.Permanent(fmt.Errorf("the event names %d rules, and a group has %d at most", n, most))
	}
	if group := groupOf(request, response); group != "" && group != cmd.Target.ID {
		return event{}, fault.Permanent(fmt.Errorf("the event is about security group %s", group))
	}
	return e, nil
}

func groupOf(request, response gjson.Result) string {
	for _, v := range []gjson.Result{request.Get("groupId"), request.Get("ModifySecurityGroupRulesRequest.GroupId"), response.Get("securityGroupRuleSet.items.0.groupId")} {
		if v.String() != "" {
			return v.String()
		}
	}
	return ""
}

func ids(list []gjson.Result) (all []string) {
	for _, v := range list {
		if id := v.Get("SecurityGroupRuleId").String(); id != "" {
			all = append(all, id)
		}
	}
	return all
}

// described reads rules as EC2 describes them in an answer: one source each.
func described(list gjson.Result, egress bool) (rules []rule) {
	for _, v := range elements(list) {
		r := rule{
			ID: v.Get("securityGroupRuleId").String(), Egress: egress, Protocol: v.Get("ipProtocol").String(), From: port(v.Get("fromPort")), To: port(v.Get("toPort")),
			CIDR: v.Get("cidrIpv4").String(), CIDRv6: v.Get("cidrIpv6").String(), PrefixList: v.Get("prefixListId").String(), Description: v.Get("description").String(),
			Group: v.Get("referencedGroupId").String() + v.Get("referencedGroupInfo.groupId").String(), GroupOwner: v.Get("referencedGroupInfo.userId").String(),
		}
		if r.Protocol != "" {
			rules = append(rules, r)
		}
	}
	return rules
}

// requested reads rules as a caller names them: as permissions, or one IPv4 source spelt out flat.
func requested(request gjson.Result, egress bool) []rule {
	if rules := permissionsIn(request.Get("ipPermissions"), egress); len(rules) > 0 {
		return rules
	}
	if request.Get("cidrIp").String() == "" {
		return nil
	}
	return []rule{{
		Egress: egress, Protocol: request.Get("ipProtocol").String(), From: port(request.Get("fromPort")), To: port(request.Get("toPort")), CIDR: request.Get("cidrIp").String(),
	}}
}

// change reverses what the event did. What a rule was before it was modified, or a rule that was named by its id alone, no record says.
func (e event) change(rules []rule) (change, error) {
	c := change{from: ", by the record of the event", add: e.removed}
	switch {
	case !e.tells():
		return c, fault.Permanent(errors.New("AWS Config has no record of it before the event, and the event is not of a change of its rules"))
	case len(e.absent) > 0:
		return c, fault.Permanent(fmt.Errorf("AWS Config has no record of it before the event, and the event does not say what the rules %s were", strings.Join(e.absent, ", ")))
	case len(e.added)+len(e.removed)+len(e.modified) == 0:
		return c, fault.Permanent(errors.New("the event does not say which rules it changed"))
	}
	for _, r := range rules {
		if has(e.added, r) || slices.Contains(e.modified, r.ID) {
			c.remove = append(c.remove, r)
		}
	}
	if e.modifies() && len(c.remove) > 0 {
		c.approval = "neither AWS Config nor the event says what the modified rules were before: they would be revoked, and nothing put in their place"
	}
	return c, nil
}
