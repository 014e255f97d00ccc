package inventory

import (
	"context"
	"fmt"
	"iter"
	"maps"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// pairs reads the tags of any service.
func pairs[T any](tags []T, of func(T) (key, value *string)) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, t := range tags {
			k, v := of(t)
			if !yield(aws.ToString(k), aws.ToString(v)) {
				return
			}
		}
	}
}

func ec2Tag(t types.Tag) (key, value *string) { return t.Key, t.Value }

// instances looks at the instances of a region, those that have ended left out.
func (w *sweep) instances(ctx context.Context, account, region string) error {
	client, err := w.aws.ec2(ctx, account, region)
	if err != nil {
		return err
	}
	in := &ec2.DescribeInstancesInput{}
	for {
		page, err := ask(ctx, w, func() (*ec2.DescribeInstancesOutput, error) { return client.DescribeInstances(ctx, in) })
		if err != nil {
			return err
		}
		for _, r := range page.Reservations {
			for _, i := range r.Instances {
				if i.State != nil && i.State.Name == types.InstanceStateNameTerminated {
					continue
				}
				it := &item{kind: "AWS::EC2::Instance", id: aws.ToString(i.InstanceId), account: account, region: region, created: aws.ToTime(i.LaunchTime)}
				it.arn = arnOf("ec2", region, account, "instance/"+it.id)
				it.tags = maps.Collect(pairs(i.Tags, ec2Tag))
				if i.Placement != nil {
					it.zone = aws.ToString(i.Placement.AvailabilityZone)
				}
				if err := w.described(ctx, it, i); err != nil {
					return err
				}
			}
		}
		if in.NextToken = page.NextToken; in.NextToken == nil {
			return nil
		}
	}
}

// groups looks at the security groups of a region.
func (w *sweep) groups(ctx context.Context, account, region string) error {
	client, err := w.aws.ec2(ctx, account, region)
	if err != nil {
		return err
	}
	in := &ec2.DescribeSecurityGroupsInput{}
	for {
		page, err := ask(ctx, w, func() (*ec2.DescribeSecurityGroupsOutput, error) { return client.DescribeSecurityGroups(ctx, in) })
		if err != nil {
			return err
		}
		for _, sg := range page.SecurityGroups {
			it := &item{kind: "AWS::EC2::SecurityGroup", id: aws.ToString(sg.GroupId), name: aws.ToString(sg.GroupName), account: account, region: region}
			it.arn = arnOf("ec2", region, account, "security-group/"+it.id)
			it.tags = maps.Collect(pairs(sg.Tags, ec2Tag))
			if err := w.described(ctx, it, sg); err != nil {
				return err
			}
		}
		if in.NextToken = page.NextToken; in.NextToken == nil {
			return nil
		}
	}
}

// described hands over an item whose configuration is what a Describe call answers.
func (w *sweep) described(ctx context.Context, it *item, v any) error {
	c, err := camel(v)
	if err != nil {
		return fmt.Errorf("%s: %w", it.key(), err)
	}
	it.config, _ = c.(map[string]any) // of a struct it is one
	for _, list := range []string{"ipPermissions", "ipPermissionsEgress"} {
		permissions, _ := it.config[list].([]any) // nil for anything else
		for _, p := range permissions {
			if m, ok := p.(map[string]any); ok {
				likeConfig(m)
			}
		}
	}
	if it.supplemental == nil {
		it.supplemental = map[string]any{}
	}
	return w.add(ctx, it)
}

// likeConfig writes the ranges of a permission as AWS Config does: ipv4Ranges as EC2 has ipRanges, and ipRanges as a list of texts.
func likeConfig(permission map[string]any) {
	ranges, _ := permission["ipRanges"].([]any) // nil for anything else
	texts := []any{}
	for _, r := range ranges {
		if m, ok := r.(map[string]any); ok {
			texts = append(texts, m["cidrIp"])
		}
	}
	permission["ipv4Ranges"], permission["ipRanges"] = ranges, texts
	if ranges == nil {
		permission["ipv4Ranges"] = []any{}
	}
}
