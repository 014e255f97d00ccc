package cloud

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// TagsPolicy lists the least AWS IAM actions that Tags needs.
func TagsPolicy() []string {
	return []string{
		"ec2:DescribeTags", "iam:ListPolicyTags", "iam:ListRoleTags", "iam:ListUserTags", "lambda:GetFunctionConfiguration", "lambda:ListTags",
		"network-firewall:DescribeRuleGroup", "s3:GetBucketTagging", "tag:GetResources", "wafv2:GetIPSet", "wafv2:ListTagsForResource",
	}
}

// Tags reads the tags of a target. A thing that does not exist has none. Of kinds whose tags cannot be read the error is permanent.
func (c *Clients) Tags(ctx context.Context, t schemas.Target) (map[string]string, error) {
	var tags map[string]string
	var err error
	switch t.Type {
	case "s3-bucket":
		tags, err = c.bucketTags(ctx, t)
	case TypeLambda:
		tags, err = c.lambdaTags(ctx, t)
	case TypeIPSet:
		tags, err = c.ipSetTags(ctx, t)
	case TypeRuleGroup:
		tags, err = c.ruleGroupTags(ctx, t)
	case "aws-account": // tags of accounts are kept by the organisation, which members do not see
	case "iam-access-key": // it has none; those of its user are asked for with the plan, which says who that is
	case "iam-user", "iam-role", "iam-policy":
		tags, err = c.iamTags(ctx, t)
	default:
		if strings.HasPrefix(t.Type, "ec2-") {
			tags, err = c.ec2Tags(ctx, t)
			break
		}
		if strings.HasPrefix(t.ID, "arn:") {
			tags, err = c.anyTags(ctx, t)
			break
		}
		return nil, fault.Permanent(fmt.Errorf("the tags of a target of type %s cannot be read: give the entry the type that it is for", t.Type))
	}
	err = Classify(err)
	switch {
	case Missing(err), Code(err) == "NoSuchTagSet":
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("tags of %s: %w", t.Key(), err)
	}
	return tags, nil
}

func (c *Clients) bucketTags(ctx context.Context, t schemas.Target) (map[string]string, error) {
	api, err := c.S3(ctx, t.Account, t.Region)
	if err != nil {
		return nil, err
	}
	out, err := api.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: &t.ID})
	if err != nil {
		return nil, err
	}
	tags := map[string]string{}
	for _, tag := range out.TagSet {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return tags, nil
}

// anyTags asks the service that knows the tags of all things that have an ARN. What has never had a tag it does not know.
func (c *Clients) anyTags(ctx context.Context, t schemas.Target) (map[string]string, error) {
	api, err := client(ctx, c, t.Account, t.Region, func(conf aws.Config) *resourcegroupstaggingapi.Client {
		return resourcegroupstaggingapi.NewFromConfig(conf)
	})
	if err != nil {
		return nil, err
	}
	out, err := api.GetResources(ctx, &resourcegroupstaggingapi.GetResourcesInput{ResourceARNList: []string{t.ID}})
	if err != nil {
		return nil, err
	}
	tags := map[string]string{}
	for _, r := range out.ResourceTagMappingList {
		for _, tag := range r.Tags {
			tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
		}
	}
	return tags, nil
}

func (c *Clients) ec2Tags(ctx context.Context, t schemas.Target) (map[string]string, error) {
	api, err := c.EC2(ctx, t.Account, t.Region)
	if err != nil {
		return nil, err
	}
	in := &ec2.DescribeTagsInput{Filters: []ec2types.Filter{{Name: aws.String("resource-id"), Values: []string{t.ID}}}} // 50 at most: one page
	out, err := api.DescribeTags(ctx, in)
	if err != nil {
		return nil, err
	}
	tags := map[string]string{}
	for _, tag := range out.Tags {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return tags, nil
}

func (c *Clients) iamTags(ctx context.Context, t schemas.Target) (map[string]string, error) {
	api, err := c.IAM(ctx, t.Account, t.Region)
	if err != nil {
		return nil, err
	}
	name := t.ID[strings.LastIndexAny(t.ID, "/:")+1:]
	kind := t.Type
	if owner := strings.Split(t.ID, "/"); kind == "iam-policy" && !strings.HasPrefix(t.ID, "arn:") { // an inline policy is a part of what it is in
		if len(owner) < 2 || owner[0] == "group" { // groups have no tags
			return nil, nil
		}
		kind, name = "iam-"+owner[0], owner[1]
	}
	var found []iamtypes.Tag // 50 at most: one page
	switch kind {
	case "iam-user":
		out, err := api.ListUserTags(ctx, &iam.ListUserTagsInput{UserName: &name})
		if err != nil {
			return nil, err
		}
		found = out.Tags
	case "iam-role":
		out, err := api.ListRoleTags(ctx, &iam.ListRoleTagsInput{RoleName: &name})
		if err != nil {
			return nil, err
		}
		found = out.Tags
	default:
		out, err := api.ListPolicyTags(ctx, &iam.ListPolicyTagsInput{PolicyArn: &t.ID})
		if err != nil {
			return nil, err
		}
		found = out.Tags
	}
	tags := map[string]string{}
	for _, tag := range found {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return tags, nil
}
