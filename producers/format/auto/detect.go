package auto

import (
	"bytes"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/unpack"
)

// Detect names the format of a record; empty if it is of none. It only looks at names and at the beginning: whether the record is sound, the
// format finds out.
func Detect(r producers.Record) string {
	return detect(recognisers(), r)
}

func detect(all []recogniser, r producers.Record) string {
	p := newProbe(r)
	for _, is := range all {
		if p.json == is.json && is.test(p) {
			return is.name
		}
	}
	return ""
}

// A recogniser tells whether a record is of a format. The first one that says so wins.
type recogniser struct {
	name string
	json bool // asked of JSON objects; else of lines
	test func(p *probe) bool
}

// recognisers has a line for every format, and for every kind of record that it reads. Those that ask for more stand first.
func recognisers() []recogniser {
	return []recogniser{
		{"eventbridge", true, func(p *probe) bool {
			return p.attr(unpack.AttrDetailType) != "" || p.has("detail-type", "source", "detail")
		}},
		{"ocsf", true, func(p *probe) bool { return p.has("class_uid", "metadata") }},
		{"securityhub", true, func(p *probe) bool { return p.has("Id") && p.some("ProductArn", "AwsAccountId", "SchemaVersion") }},
		{"securityhub", true, func(p *probe) bool { return p.listed("Id", "ProductArn") || p.listed("class_uid") }},
		{"guardduty", true, func(p *probe) bool { return p.has("id", "type", "service") || p.has("Id", "Type", "Service") }},
		{"guardduty", true, func(p *probe) bool {
			return p.has("id", "type", "severity", "resource") || p.listed("Id", "Type") || p.listed("id", "type")
		}},
		{"cloudtrail", true, func(p *probe) bool {
			return p.has("eventSource", "eventName") || p.has("insightDetails", "eventTime") || p.has("eventSource", "eventCategory", "timeWindow") ||
				p.has("CloudTrailEvent")
		}},
		{"config", true, func(p *probe) bool { return p.has("invokingEvent") || p.has("messageType", "recordVersion") }},
		{"config", true, func(p *probe) bool {
			return p.has("messageType") && p.some("configurationItem", "configurationItemSummary", "configRuleName")
		}},
		{"config", true, func(p *probe) bool { return p.has("resourceType", "configurationItemCaptureTime") }},
		{"k8saudit", true, func(p *probe) bool {
			return strings.HasPrefix(p.text("apiVersion"), "audit.k8s.io/") || p.has("auditID", "verb") ||
				p.has("properties") && strings.HasPrefix(p.text("category"), "kube-audit")
		}},
		{"suricata", true, func(p *probe) bool {
			return p.has("event_type", "timestamp") && p.some("flow_id", "src_ip", "stats", "proto", "in_iface", p.text("event_type"))
		}},
		{"falco", true, func(p *probe) bool {
			return p.has("rule", "priority") && (isPriority(p.text("priority")) || p.some("output_fields"))
		}},
		{"waf", true, func(p *probe) bool {
			return p.has("httpRequest", "action") && p.some("webaclId", "terminatingRuleId", "formatVersion", "timestamp")
		}},
		{"route53", true, func(p *probe) bool {
			return p.has("query_name", "query_type") || p.has("query-name", "query-type") || p.has("query_timestamp")
		}},
		{"linux", true, func(p *probe) bool { return p.has("__REALTIME_TIMESTAMP") }},
		{"s3access", true, func(p *probe) bool {
			return p.has("operation") && p.some("bucket_owner", "bucket_owner_id") && p.some("bucket", "bucket_name", "bucket_arn")
		}},
		{"elb", true, func(p *probe) bool {
			return p.has("elb") && p.some("listener", "client_port", "client:port", "client_ip")
		}},
		{"cloudfront", true, func(p *probe) bool {
			return p.has("c-ip", "cs-method") || p.has("sc-status", "x-edge-location") || p.has("DistributionId", "cs-uri-stem")
		}},
		{"vpcflow", true, func(p *probe) bool {
			return p.some("interface-id", "interface_id") && p.some("srcaddr", "log-status", "log_status")
		}},
		{"json", true, func(*probe) bool { return true }},

		{"cloudfront", false, func(p *probe) bool { return strings.HasPrefix(p.attr(producers.AttrHeader), "#Fields:") }},
		{"vpcflow", false, func(p *probe) bool { return p.attr(producers.AttrHeader) != "" }},
		{"linux", false, func(p *probe) bool { return isAudit(p.line) || isSyslog(p.line) }},
		{"vpcflow", false, func(p *probe) bool { return isFlow(p.fields()) }},
		{"elb", false, func(p *probe) bool { return isBalancer(p.fields()) }},
		{"s3access", false, func(p *probe) bool { return isBucketLog(p.fields()) }},
		{"route53", false, func(p *probe) bool { return isZoneLog(p.fields()) }},
		{"cloudfront", false, func(p *probe) bool { return isEdgeLog(p.line) }},
		{"linux", false, func(p *probe) bool { return isStamped(p.fields()) }},
	}
}

// A probe is what recognisers look at.
type probe struct {
	record producers.Record
	json   bool
	line   string
	names  []member // of an object
	words  []string
}

type member struct {
	name  string
	value gjson.Result
}

const (
	maxLine    = 4 << 10 // as much of a line is looked at
	maxMembers = 256     // as many members of an object
)

func newProbe(r producers.Record) *probe {
	p := &probe{record: r}
	data := bytes.TrimLeft(r.Data, " \t\r\n")
	if len(data) > 0 && data[0] == '{' {
		p.json, p.names = true, make([]member, 0, 32)
		gjson.ParseBytes(data).ForEach(func(key, value gjson.Result) bool {
			p.names = append(p.names, member{key.Str, value})
			return len(p.names) < maxMembers
		})
		return p
	}
	p.line = string(data[:min(len(data), maxLine)])
	return p
}

func (p *probe) attr(name string) string { return p.record.Attrs[name] }

func (p *probe) value(name string) (gjson.Result, bool) {
	for i := range p.names {
		if p.names[i].name == name {
			return p.names[i].value, true
		}
	}
	return gjson.Result{}, false
}

// has tells whether the object has all these members.
func (p *probe) has(names ...string) bool {
	for _, n := range names {
		if _, ok := p.value(n); !ok {
			return false
		}
	}
	return true
}

// some tells whether the object has one of these members.
func (p *probe) some(names ...string) bool {
	for _, n := range names {
		if _, ok := p.value(n); ok {
			return true
		}
	}
	return false
}

func (p *probe) text(name string) string {
	v, _ := p.value(name)
	return v.Str
}

// listed tells whether the object is a list of findings of which the first has all these members.
func (p *probe) listed(names ...string) bool {
	for _, list := range [...]string{"findings", "Findings"} {
		found, _ := p.value(list)
		first := found.Get("0")
		if !first.IsObject() {
			continue
		}
		all := true
		for _, n := range names {
			all = all && first.Get(n).Exists()
		}
		if all {
			return true
		}
	}
	return false
}

// fields are the words of the line.
func (p *probe) fields() []string {
	if p.words == nil {
		p.words = strings.Fields(p.line)
	}
	return p.words
}

// isPriority recognises what Falco calls a priority.
func isPriority(word string) bool {
	const words = " emergency alert critical error warning notice informational debug "
	return word != "" && !strings.Contains(word, " ") && strings.Contains(words, " "+strings.ToLower(word)+" ")
}
