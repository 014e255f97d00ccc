package cloud

import (
	"strings"

	"github.com/riposte-security/riposte/schemas"
)

// ARNs are the names of a target as IAM policies spell them; none where its kind is not known. A target that is in no account, or whose id is an
// ARN already, has that.
func ARNs(t schemas.Target) []string {
	if strings.HasPrefix(t.ID, "arn:") {
		return []string{t.ID}
	}
	partition := Partition(t.Region)
	arn := func(service, region, account, resource string) []string {
		return []string{strings.Join([]string{"arn", partition, service, region, account, resource}, ":")}
	}
	switch t.Type {
	case "s3-bucket":
		return arn("s3", "", "", t.ID)
	case TypeNetworkACL:
		return arn("ec2", t.Region, t.Account, "network-acl/"+t.ID)
	case TypeIPSet:
		return arn("wafv2", t.Region, t.Account, t.ID)
	case TypeRuleGroup:
		return arn("network-firewall", t.Region, t.Account, t.ID)
	case "aws-account":
		return arn("iam", "", t.Account, "root")
	case "iam-user":
		return arn("iam", "", t.Account, "user/"+t.ID)
	case "iam-role":
		return arn("iam", "", t.Account, "role/"+t.ID)
	case "iam-policy":
		return arn("iam", "", t.Account, "policy/"+t.ID)
	}
	if service, prefix := ARNOf(t.Type); service == "apigateway" {
		return arn(service, t.Region, "", prefix+t.ID)
	} else if service != "" {
		return arn(service, t.Region, t.Account, prefix+t.ID)
	}
	if resource, ok := strings.CutPrefix(t.Type, "ec2-"); ok { // ec2-vpc, ec2-snapshot, ec2-elastic-ip …
		return arn("ec2", t.Region, t.Account, resource+"/"+t.ID)
	}
	return nil
}

// ARNOf is the service of a type of target, and what stands before its id in an ARN; "" for another type.
func ARNOf(typ string) (service, prefix string) {
	switch typ {
	case "apigateway-stage":
		return "apigateway", "/restapis/"
	case "cloudtrail-trail":
		return "cloudtrail", "trail/"
	case "codebuild-project":
		return "codebuild", "project/"
	case "dynamodb-table":
		return "dynamodb", "table/"
	case "ecr-repository":
		return "ecr", "repository/"
	case "elb-load-balancer":
		return "elasticloadbalancing", "loadbalancer/"
	case TypeLambda:
		return "lambda", "function:"
	case "kms-key":
		return "kms", "key/"
	case "rds-instance":
		return "rds", "db:"
	case "rds-cluster", "rds-snapshot", "rds-cluster-snapshot":
		return "rds", strings.TrimPrefix(typ, "rds-") + ":"
	case "secret":
		return "secretsmanager", "secret:"
	case "sns-topic":
		return "sns", ""
	case "sqs-queue":
		return "sqs", ""
	}
	return "", ""
}

// Partition is the part of AWS that a region belongs to, as ARNs name it.
func Partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

// IsEC2ID tells whether s is an id of EC2 with a prefix ("sg-"): hexadecimal digits follow.
func IsEC2ID(s, prefix string) bool {
	hex, ok := strings.CutPrefix(s, prefix)
	return ok && len(hex) >= 8 && len(hex) <= 32 && strings.Trim(hex, "0123456789abcdef") == ""
}
