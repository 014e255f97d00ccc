// Package catalog lists what the producers can be made of: the one list to extend for a new format.
package catalog

import (
	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/format/auto"
	"github.com/riposte-security/riposte/producers/format/cloudfront"
	"github.com/riposte-security/riposte/producers/format/cloudtrail"
	awsconfig "github.com/riposte-security/riposte/producers/format/config"
	"github.com/riposte-security/riposte/producers/format/elb"
	"github.com/riposte-security/riposte/producers/format/eventbridge"
	"github.com/riposte-security/riposte/producers/format/falco"
	"github.com/riposte-security/riposte/producers/format/guardduty"
	"github.com/riposte-security/riposte/producers/format/json"
	"github.com/riposte-security/riposte/producers/format/k8saudit"
	"github.com/riposte-security/riposte/producers/format/linux"
	"github.com/riposte-security/riposte/producers/format/ocsf"
	"github.com/riposte-security/riposte/producers/format/route53"
	"github.com/riposte-security/riposte/producers/format/s3access"
	"github.com/riposte-security/riposte/producers/format/securityhub"
	"github.com/riposte-security/riposte/producers/format/suricata"
	"github.com/riposte-security/riposte/producers/format/vpcflow"
	"github.com/riposte-security/riposte/producers/format/waf"
	"github.com/riposte-security/riposte/schemas"
)

// A Format is what the catalogue knows of a format.
type Format struct {
	Name     string                                          `json:"name"`
	Summary  string                                          `json:"summary"`
	Settings []schemas.Setting                               `json:"settings,omitempty"`
	New      func(cfg config.Node) (producers.Format, error) `json:"-"`
}

// Formats lists every format, one a line.
func Formats() []Format {
	return []Format{
		{"auto", "any of the others: each record is recognised by its content", nil, auto.New(NewFormat)},
		{"cloudfront", "CloudFront access logs: standard logs of both generations, real-time logs; lines and JSON", cloudfront.Settings(), cloudfront.New},
		{"cloudtrail", "AWS CloudTrail records: management, data, Insights and network-activity events, sign-in", nil, cloudtrail.New},
		{"config", "AWS Config: configuration items, changes of items and of compliance", nil, awsconfig.New},
		{"elb", "Elastic Load Balancing: access logs of Application, Network and Classic Load Balancers, connection logs", nil, elb.New},
		{"eventbridge", "EventBridge events: the detail by the format of its source", nil, eventbridge.New(NewFormat)},
		{"falco", "Falco alerts in JSON, also as Falcosidekick passes them on", nil, falco.New},
		{"guardduty", "GuardDuty findings: EventBridge, S3 export, GetFindings", nil, guardduty.New},
		{"json", "any JSON object; CloudEvents and OCSF events are recognised", nil, json.New},
		{"k8saudit", "Kubernetes audit events, and lists of them as webhooks deliver them", nil, k8saudit.New},
		{"linux", "Linux logs: syslog (RFC 3164 and 5424), journald JSON, auditd with the records of one event joined", linux.Settings(), linux.New},
		{"ocsf", "events that are OCSF 1.x already, such as Security Lake exports: checked, passed on", nil, ocsf.New},
		{"route53", "Route 53 DNS queries: VPC Resolver with DNS Firewall, and public hosted zones", nil, route53.New},
		{"s3access", "S3 server access logs: lines, and the JSON of CloudWatch Logs", nil, s3access.New},
		{"securityhub", "Security Hub findings: ASFF and OCSF, one by one or in lists, from EventBridge or the API", nil, securityhub.New},
		{"suricata", "Suricata EVE records: alerts, DNS, HTTP, TLS, flows, files and all others", nil, suricata.New},
		{"vpcflow", "VPC and transit gateway flow logs, versions 2 to 11", vpcflow.Settings(), vpcflow.New},
		{"waf", "AWS WAF logs", nil, waf.New},
	}
}
