package table

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/schemas"
)

func elbRows() []Action {
	return []Action{elbInvalidHeaders(), elbProtect(), elbAccessLogs(), elbDesync()}
}

// attributes are some of the attributes of a load balancer, by their keys.
type attributes map[string]string

// balancer completes a row that sets attributes of a load balancer: those that its Want names.
func balancer(keys []string, r row[*elb.Client, attributes]) Action {
	r.Target = named("elb-load-balancer", "load balancer", func(id string) bool { // app/name/50dc6c495c0c9188
		kind, _, ok := strings.Cut(id, "/")
		return ok && slices.Contains([]string{"app", "net", "gwy"}, kind) && strings.Count(id, "/") == 2 && isName(id, 64, "/-")
	})
	r.API, r.Policy = (*cloud.Clients).ELBV2, []string{"elasticloadbalancing:DescribeLoadBalancerAttributes", "elasticloadbalancing:ModifyLoadBalancerAttributes"}
	r.Read = func(ctx context.Context, api *elb.Client, in input, _ *attributes) (attributes, error) {
		out, err := api.DescribeLoadBalancerAttributes(ctx, &elb.DescribeLoadBalancerAttributesInput{LoadBalancerArn: in.arn()})
		if err != nil {
			return nil, err
		}
		now := attributes{}
		for _, a := range out.Attributes {
			if slices.Contains(keys, aws.ToString(a.Key)) {
				now[*a.Key] = aws.ToString(a.Value)
			}
		}
		return now, nil
	}
	r.Write = func(in input, from, to attributes) []call[*elb.Client] {
		m := &elb.ModifyLoadBalancerAttributesInput{LoadBalancerArn: in.arn()}
		for _, k := range slices.Sorted(maps.Keys(to)) {
			if to[k] != from[k] {
				m.Attributes = append(m.Attributes, types.LoadBalancerAttribute{Key: &k, Value: aws.String(to[k])})
			}
		}
		return one((*elb.Client).ModifyLoadBalancerAttributes, m)
	}
	return action(r)
}

func elbInvalidHeaders() Action {
	const key = "routing.http.drop_invalid_header_fields.enabled"
	return balancer([]string{key}, row[*elb.Client, attributes]{
		Name: "elb-drop-invalid-headers", Controls: []string{"ELB.4"},
		Does: "Has an application load balancer drop header fields that are not valid instead of passing them on.",
		Do:   "drop invalid headers at", Done: "drops invalid headers",
		Want: always(attributes{key: "true"}),
		Code: declared("aws_lb", "invalid headers", "drop_invalid_header_fields = true", "LoadBalancerAttributes:\n  - Key: "+key+"\n    Value: \"true\""),
	})
}

func elbProtect() Action {
	const key = "deletion_protection.enabled"
	return balancer([]string{key}, row[*elb.Client, attributes]{
		Name: "elb-protect-load-balancer", Controls: []string{"ELB.6"},
		Does: "Turns the deletion protection of a load balancer on.",
		Do:   "protect from deletion", Done: "is protected from deletion",
		Want: always(attributes{key: "true"}),
		Code: declared("aws_lb", "deletion protection", "enable_deletion_protection = true", "LoadBalancerAttributes:\n  - Key: "+key+"\n    Value: \"true\""),
	})
}

func elbDesync() Action {
	const key = "routing.http.desync_mitigation_mode"
	return balancer([]string{key}, row[*elb.Client, attributes]{
		Name: "elb-mitigate-desync", Controls: []string{"ELB.12"},
		Does: "Has an application load balancer treat requests that two servers may read differently in defensive mode; the strictest mode is left alone.",
		Do:   "mitigate request smuggling at", Done: "mitigates request smuggling",
		Want: func(_ input, now attributes) (attributes, error) {
			if now[key] == "strictest" {
				return now, nil
			}
			return attributes{key: "defensive"}, nil
		},
		Code: declared("aws_lb", "desync mitigation", `desync_mitigation_mode = "defensive"`, "LoadBalancerAttributes:\n  - Key: "+key+"\n    Value: defensive"),
	})
}

func elbAccessLogs() Action {
	const on, bucket, prefix = "access_logs.s3.enabled", "access_logs.s3.bucket", "access_logs.s3.prefix"
	return balancer([]string{on, bucket, prefix}, row[*elb.Client, attributes]{
		Name: "elb-enable-access-logs", Controls: []string{"ELB.5"},
		Does: "Turns access logs on for a load balancer that has none. Where one logs to already is left alone.",
		Settings: []schemas.Setting{
			{Name: "log_bucket", Type: "string", Required: true, Help: "bucket that the logs go to, in the same region; its policy must let Elastic Load Balancing write"},
			{Name: "prefix", Type: "string", Help: "prefix of the logs"},
		},
		Do: "turn access logs on for", Done: "has access logs",
		Want: func(in input, now attributes) (attributes, error) {
			if now[on] == "true" {
				return now, nil
			}
			return attributes{on: "true", bucket: in.text("log_bucket"), prefix: in.text("prefix")}, nil
		},
		Code: declared("aws_lb", "access logs", "access_logs {\n  bucket  = {{ quote .With.log_bucket }}{{ with .With.prefix }}\n  prefix  = {{ quote . }}{{ end }}\n  enabled = true\n}",
			"LoadBalancerAttributes:\n  - Key: "+on+"\n    Value: \"true\"\n  - Key: "+bucket+"\n    Value: {{ quote .With.log_bucket }}"),
	})
}
