package guardduty

import (
	"strconv"
	"strings"

	"github.com/riposte-security/riposte/producers/format/ocsfjson"
)

// address writes an address, and tells whether n is one.
func (r *finding) address(n node, path string) bool {
	ip, canonical, ok := r.IP("ip", r.Doc.Str(n), path)
	if !ok {
		return false
	}
	if canonical {
		r.Doc.Take(n)
	}
	if r.KeyIP == "" {
		r.KeyIP = ip
	}
	return true
}

// port moves a port; anything else that stands in its place stays unmapped.
func (r *finding) port(n node) {
	if p, ok := r.Doc.Int(n); ok && p >= 0 && p <= 65535 {
		r.MoveAny("port", n)
	}
}

// remote writes the other side of an action: an address, a domain, a service or an account. It tells whether the record names it.
func (r *finding) remote(name, path string, action node) bool {
	details := r.get(action, "remoteIpDetails")
	at := r.Open(name)
	known := r.address(r.get(details, "ipAddressV4"), path+".ip") || r.address(r.get(details, "ipAddressV6"), path+".ip")
	domain := r.at(action, "domainDetails", "domain")
	if text := r.Doc.Str(domain); strings.HasSuffix(text, ".amazonaws.com") || strings.HasSuffix(text, ".amazonaws.com.cn") {
		known = r.Move("svc_name", domain) || known
	} else {
		known = r.MoveSeen("domain", domain, ocsfjson.Hostname, path+".domain") || known
	}
	if !known {
		return r.Close(at)
	}
	r.port(r.at(action, "remotePortDetails", "port"))
	organization := r.get(details, "organization")
	r.location(r.at(details, "city", "cityName"), r.get(details, "country"), r.get(details, "geoLocation"))
	r.autonomous(r.get(organization, "asn"), r.get(organization, "asnOrg"))
	r.Move("isp", r.get(organization, "isp"))
	r.Move("isp_org", r.get(organization, "org"))
	if account := r.at(action, "remoteAccountDetails", "accountId"); r.Doc.Str(account) != "" {
		owner := r.Open("owner")
		in := r.Open("account")
		r.MoveSeen("uid", account, ocsfjson.AccountUID, path+".owner.account.uid")
		r.Close(in)
		r.Close(owner)
	}
	return r.Close(at)
}

// location writes where something is. OCSF's country is a code of two letters: the name of a country describes it.
func (r *finding) location(city, country, geo node) {
	code := r.get(country, "countryCode")
	name := r.get(country, "countryName")
	if r.Doc.Kind(country) == ocsfjson.String {
		if code = country; len(r.Doc.Str(country)) != 2 {
			code, name = ocsfjson.None, country
		}
	}
	if r.Doc.Str(city) == "" && r.Doc.Str(code) == "" {
		return
	}
	at := r.Open("location")
	r.Move("city", city)
	r.Move("country", code)
	r.Move("desc", name)
	for _, c := range [...]struct{ name, member string }{{"lat", "lat"}, {"long", "lon"}} {
		if n := r.get(geo, c.member); r.Doc.Kind(n) == ocsfjson.Number {
			r.MoveAny(c.name, n)
		}
	}
	r.Close(at)
}

// autonomous writes the autonomous system, whose number is a text in most findings.
func (r *finding) autonomous(number, name node) {
	at := r.Open("autonomous_system")
	if _, ok := r.Doc.Int(number); ok {
		r.MoveAny("number", number)
	} else if n, err := strconv.ParseUint(r.Doc.Str(number), 10, 32); err == nil {
		r.Int("number", int64(n))
	}
	r.Move("name", name)
	r.Close(at)
}

// local writes the resource's side of a connection.
func (r *finding) local(name, path string, action node) {
	instance := r.get(r.resource, "instanceDetails")
	card := r.Doc.First(r.get(instance, "networkInterfaces"))
	details := r.get(action, "localIpDetails")
	at := r.Open(name)
	known := r.address(r.get(details, "ipAddressV4"), path+".ip") || r.address(r.get(details, "ipAddressV6"), path+".ip")
	known = r.Copy("instance_uid", r.get(instance, "instanceId")) || known
	known = r.Move("interface_uid", r.get(action, "localNetworkInterface")) || known
	if known {
		r.port(r.at(action, "localPortDetails", "port"))
		r.Copy("vpc_uid", r.get(card, "vpcId"))
		r.Copy("subnet_uid", r.get(card, "subnetId"))
	}
	r.Close(at)
}

// connection writes direction and protocol.
func (r *finding) connection(direction, protocol string) {
	at := r.Open("connection_info")
	switch direction {
	case "INBOUND":
		r.Lit(`"direction":"Inbound","direction_id":1`)
	case "OUTBOUND":
		r.Lit(`"direction":"Outbound","direction_id":2`)
	default:
		r.Lit(`"direction":"Unknown","direction_id":0`)
	}
	if protocol != "" {
		r.Str("protocol_name", strings.ToLower(protocol))
	}
	switch protocol {
	case "TCP":
		r.Int("protocol_num", 6)
	case "UDP":
		r.Int("protocol_num", 17)
	case "ICMP":
		r.Int("protocol_num", 1)
	}
	r.Close(at)
}
