package cloud

import (
	"strings"
	"testing"

	"github.com/riposte-security/riposte/schemas"
)

func TestARNs(t *testing.T) {
	for _, c := range []struct{ kind, id, region, want string }{
		{"s3-bucket", "logs", "eu-west-1", "arn:aws:s3:::logs"},
		{"ec2-instance", "i-0123456789abcdef0", "eu-west-1", "arn:aws:ec2:eu-west-1:111122223333:instance/i-0123456789abcdef0"},
		{"ec2-security-group", "sg-0123456789abcdef0", "cn-north-1", "arn:aws-cn:ec2:cn-north-1:111122223333:security-group/sg-0123456789abcdef0"},
		{"lambda-function", "resize", "us-gov-west-1", "arn:aws-us-gov:lambda:us-gov-west-1:111122223333:function:resize"},
		{"iam-user", "eve", "", "arn:aws:iam::111122223333:user/eve"},
		{"iam-role", "arn:aws:iam::444455556666:role/team/deploy", "", "arn:aws:iam::444455556666:role/team/deploy"},
		{"wafv2-ip-set", "regional/ipset/blocked/0a1b", "eu-west-1", "arn:aws:wafv2:eu-west-1:111122223333:regional/ipset/blocked/0a1b"},
		{"ec2-network-acl", "acl-0123456789abcdef0", "eu-west-1", "arn:aws:ec2:eu-west-1:111122223333:network-acl/acl-0123456789abcdef0"},
		{"network-firewall-rule-group", "stateful-rulegroup/blocked", "eu-west-1", "arn:aws:network-firewall:eu-west-1:111122223333:stateful-rulegroup/blocked"},
		{"ip", "203.0.113.7", "", ""},
	} {
		if got := strings.Join(ARNs(schemas.Target{Type: c.kind, ID: c.id, Account: "111122223333", Region: c.region}), " "); got != c.want {
			t.Errorf("%s %s: %q; %q expected", c.kind, c.id, got, c.want)
		}
	}
}
