package alert

import (
	"net/url"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/riposte-security/riposte/schemas"
)

// links collects addresses where a person finds more: the rule's runbook, the target and the record in the AWS console.
func links(cmd schemas.Command, n Notification, ev gjson.Result) []Link {
	var out []Link
	if u, err := url.Parse(text(cmd.With[WithRunbook])); err == nil && u.Scheme == "https" && u.Host != "" {
		out = append(out, Link{Name: "runbook", URL: Clean(u.String(), maxField)})
	}
	if n.Region == "" {
		return out
	}
	region := url.QueryEscape(n.Region)
	base := "https://" + console(n.Region)
	switch n.Target.Type {
	case "s3-bucket":
		out = append(out, Link{"bucket", base + "/s3/buckets/" + url.PathEscape(n.Target.ID) + "?region=" + region})
	case "ec2-instance":
		out = append(out, Link{"instance", base + "/ec2/home?region=" + region + "#InstanceDetails:instanceId=" + url.QueryEscape(n.Target.ID)})
	}
	if id := ev.Get("metadata.uid").String(); id != "" && ev.Get("metadata.log_name").String() == "cloudtrail" {
		out = append(out, Link{"CloudTrail record", base + "/cloudtrailv2/home?region=" + region + "#/events/" + url.PathEscape(id)})
	}
	return out
}

// console is the host of the AWS console for the partition that a region belongs to.
func console(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "console.amazonaws.cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "console.amazonaws-us-gov.com"
	}
	return "console.aws.amazon.com"
}
