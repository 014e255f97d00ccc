package route53

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/schemas"
)

type node = ocsfjson.Node

// A record is one entry of a Resolver query log, or one event of DNS Firewall, with its known members looked up.
type record struct {
	*ocsfjson.Event
	fields
	in       producers.Record
	envelope node // of EventBridge, None where the record has none
	time     time.Time
	uid      string
	action   string // firewall_rule_action
}

// read looks up the members and checks those without which this is no query.
func (r *record) read() error {
	d := &r.Doc
	if k := d.Kind(d.Root()); k != ocsfjson.Object {
		return fmt.Errorf("offset 0: an object expected, %s found", k)
	}
	at := d.Detail(d.Root())
	r.envelope = ocsfjson.None
	if at != d.Root() {
		r.envelope = d.Root()
	}
	r.lookup(d, at)
	r.uid = ocsfjson.UID(r.in)
	if id := d.Str(d.Get(r.envelope, "id")); id != "" { // as if the container had been opened before
		r.uid = schemas.CloudEventUID(d.Str(d.Get(r.envelope, "source")), id)
	}
	if d.Str(r.queryName) == "" {
		return errors.New("no Route 53 Resolver query: query_name is missing")
	}
	r.action = strings.ToUpper(d.Str(r.ruleAction))
	return r.readTime()
}

func (r *record) readTime() error {
	d := &r.Doc
	if text := d.Str(r.timestamp); text != "" {
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return fmt.Errorf("%s: %w", d.Key(r.timestamp), err)
		}
		r.time = t.UTC()
		return nil
	}
	if t, err := time.Parse(time.RFC3339, d.Str(d.Get(r.envelope, "time"))); err == nil {
		r.time = t.UTC()
		return nil
	}
	if r.in.Attrs[producers.AttrTime] == "" {
		return errors.New("no Route 53 Resolver query: query_timestamp is missing")
	}
	r.time = ocsfjson.Received(r.in)
	return nil
}

func (r *record) write() {
	d := &r.Doc
	begin(r.Event, r.time, d.Str(r.rcode), r.action == "BLOCK")
	r.writeVerdict()
	r.writeMetadata()
	r.writeCloud()
	r.writeSource()
	connection(r.Event, d.Str(r.transport))
	at := r.Open("query")
	r.MoveDNSName("hostname", r.queryName, "query.hostname")
	r.Move("type", r.queryType)
	r.Move("class", r.queryClass)
	r.Close(at)
	r.writeAnswers()
	r.KeyIP = strings.Clone(r.KeyIP)
}

// writeVerdict writes what DNS Firewall did, and by which rule.
func (r *record) writeVerdict() {
	switch r.action { // the captions differ from the words of Route 53
	case "ALLOW":
		r.Lit(`"action":"Allowed","action_id":1,"disposition":"Allowed","disposition_id":1`)
	case "ALERT":
		r.Lit(`"action":"Allowed","action_id":1,"disposition":"Alert","disposition_id":19,"is_alert":true`)
	case "BLOCK":
		r.Lit(`"action":"Denied","action_id":2,"disposition":"Blocked","disposition_id":2,"is_alert":true`)
	case "":
		return
	default:
		r.Lit(`"action_id":99,"disposition_id":99`)
		r.Copy("action", r.ruleAction)
		r.Copy("disposition", r.ruleAction)
	}
	at := r.Open("firewall_rule")
	if !r.MoveSeen("uid", r.ruleGroup, ocsfjson.ResourceUID, "firewall_rule.uid") {
		r.Str("name", "DNS Firewall") // OCSF demands a name or an id
	}
	r.Move("category", r.protection)
	if list := r.Doc.Str(r.domainList); list != "" {
		in := r.List("match_details")
		r.Quote(list)
		r.Close(in)
		r.Doc.Take(r.domainList)
		r.ObserveText(ocsfjson.ResourceUID, "firewall_rule.match_details[0]", list)
	}
	r.Close(at)
}

func (r *record) writeMetadata() {
	profiles := make([]string, 0, 3)
	profiles = append(profiles, "cloud")
	if r.Doc.Str(r.instance) != "" {
		profiles = append(profiles, "host")
	}
	if r.action != "" {
		profiles = append(profiles, "security_control")
	}
	at := r.Metadata(Name, profiles...)
	r.Str("uid", r.uid)
	r.Lit(`"product":{"name":"Amazon Route 53","vendor_name":"AWS","feature":{"name":"Resolver"}}`)
	r.Move("log_version", r.version)
	r.Close(at)
}

func (r *record) writeCloud() {
	d := &r.Doc
	at := r.Open("cloud")
	r.Lit(`"provider":"AWS"`)
	if !r.Move("region", r.region) {
		r.MoveOr("region", d.Get(r.envelope, "region"), r.in.Attrs[producers.AttrRegion])
	}
	account := r.Open("account")
	own := r.account
	if d.Str(own) == "" {
		own = d.Get(r.envelope, "account")
	}
	if uid := r.in.Attrs[producers.AttrAccount]; !r.MoveSeen("uid", own, ocsfjson.AccountUID, "cloud.account.uid") && uid != "" {
		r.Str("uid", uid)
		r.ObserveText(ocsfjson.AccountUID, "cloud.account.uid", uid)
	}
	r.Close(account)
	r.Close(at)
}

// writeSource writes who asked: an address in a VPC, an instance, or an endpoint of Resolver for a network outside.
func (r *record) writeSource() {
	at := r.Open("src_endpoint")
	ip, known := r.MoveIP("ip", r.srcAddr, "src_endpoint.ip")
	r.KeyIP = ip
	known = known || r.Move("name", r.srcAddr)
	known = r.Copy("instance_uid", r.instance) || known
	known = r.MoveSeen("uid", r.endpoint, ocsfjson.ResourceUID, "src_endpoint.uid") || known
	known = r.MoveSeen("interface_uid", r.iface, ocsfjson.ResourceUID, "src_endpoint.interface_uid") || known
	if !known {
		r.Str("svc_name", "route53resolver.amazonaws.com") // nobody is named: Resolver itself speaks
	}
	r.Port(r.srcPort)
	r.Move("vpc_uid", r.vpc)
	r.Close(at)
	device := r.Open("device")
	if r.MoveSeen("instance_uid", r.instance, ocsfjson.ResourceUID, "device.instance_uid") {
		r.Lit(`"type":"Server","type_id":1`)
		if ip != "" {
			r.Str("ip", ip)
		}
	}
	r.Close(device)
}

// writeAnswers moves the answers. One without data stays unmapped, and so do all then.
func (r *record) writeAnswers() {
	d := &r.Doc
	if d.Kind(r.answers) != ocsfjson.Array {
		return
	}
	list := r.List("answers")
	for c := d.First(r.answers); c >= 0; c = d.Next(c) {
		data, kind := d.Get(c, "Rdata"), d.Get(c, "Type")
		if d.Str(data) == "" {
			continue
		}
		at := r.Open("")
		r.Move("rdata", data)
		r.Move("type", kind)
		r.Move("class", d.Get(c, "Class"))
		r.Close(at)
		r.ObserveAnswer(d.Str(kind), d.Str(data), "answers[].rdata")
	}
	r.Close(list)
}
