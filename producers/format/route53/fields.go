package route53

import (
	"strings"

	"github.com/riposte-security/riposte/producers/format/ocsfjson"
)

// fields are the members of a query that the mapping names.
type fields struct {
	version, account, region, vpc, timestamp, queryName, queryType, queryClass, rcode, answers, srcAddr, srcPort, transport,
	instance, endpoint, iface, ruleAction, ruleGroup, domainList, protection node
}

// lookup finds the members in one pass. EventBridge joins the words of a name by hyphens.
func (f *fields) lookup(d *ocsfjson.Doc, at node) {
	const none = ocsfjson.None
	*f = fields{
		none, none, none, none, none, none, none, none, none, none,
		none, none, none, none, none, none, none, none, none, none,
	}
	for c := d.First(at); c >= 0; c = d.Next(c) {
		name := d.Key(c)
		if strings.Contains(name, "-") {
			name = strings.ReplaceAll(name, "-", "_")
		}
		if p := f.member(name); p != nil && *p < 0 {
			*p = c
			continue
		}
		switch name {
		case "srcids":
			f.instance, f.endpoint = d.Get(c, "instance"), d.Get(c, "resolver_endpoint")
			f.iface = d.Get(c, "resolver_network_interface")
		case "resources":
			f.resources(d, c)
		}
	}
}

// resources finds who asked in an event of DNS Firewall.
func (f *fields) resources(d *ocsfjson.Doc, list node) {
	if d.Kind(list) != ocsfjson.Array {
		return
	}
	for c := d.First(list); c >= 0; c = d.Next(c) {
		first(&f.instance, d.Path(c, "instance-details", "id"))
		first(&f.endpoint, d.Path(c, "resolver-endpoint-details", "id"))
		first(&f.iface, d.Path(c, "resolver-network-interface-details", "id"))
	}
}

// first keeps the first of several.
func first(p *node, n node) {
	if *p < 0 {
		*p = n
	}
}

func (f *fields) member(name string) *node {
	switch name {
	case "version":
		return &f.version
	case "account_id":
		return &f.account
	case "region":
		return &f.region
	case "vpc_id":
		return &f.vpc
	case "query_timestamp", "last_observed_at":
		return &f.timestamp
	case "query_name":
		return &f.queryName
	case "query_type":
		return &f.queryType
	case "query_class":
		return &f.queryClass
	case "rcode":
		return &f.rcode
	case "answers":
		return &f.answers
	}
	return f.more(name)
}

func (f *fields) more(name string) *node {
	switch name {
	case "srcaddr", "src_addr":
		return &f.srcAddr
	case "srcport", "src_port":
		return &f.srcPort
	case "transport":
		return &f.transport
	case "firewall_rule_action":
		return &f.ruleAction
	case "firewall_rule_group_id":
		return &f.ruleGroup
	case "firewall_domain_list_id":
		return &f.domainList
	case "firewall_protection":
		return &f.protection
	}
	return nil
}
