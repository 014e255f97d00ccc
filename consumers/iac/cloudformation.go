package iac

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/schemas"
)

// stackAPI is what is needed of CloudFormation.
type stackAPI interface {
	DescribeStackResources(context.Context, *cloudformation.DescribeStackResourcesInput, ...func(*cloudformation.Options)) (*cloudformation.DescribeStackResourcesOutput, error)
}

// stacks are those of CloudFormation, which knows by itself which of them a thing belongs to.
type stacks struct {
	api func(ctx context.Context, account, region string) (stackAPI, error)
}

// Policy lists the least AWS IAM actions that searching needs.
func Policy() []string { return []string{"cloudformation:DescribeStackResources", "s3:GetObject"} }

// Search implements Searcher.
func (s stacks) Search(ctx context.Context, t schemas.Target) ([]Place, error) {
	api, err := s.api(ctx, t.Account, t.Region)
	if err != nil {
		return nil, fmt.Errorf("cloudformation: %w", err)
	}
	for _, name := range names(t) { // a physical id is an ARN of some kinds of things and a name of others
		out, err := api.DescribeStackResources(ctx, &cloudformation.DescribeStackResourcesInput{PhysicalResourceId: &name})
		if cloud.Code(err) == "ValidationError" { // how CloudFormation says that no stack has it
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("cloudformation: %w", cloud.Classify(err))
		}
		for _, r := range out.StackResources { // all of the stack's come back
			if !strings.EqualFold(aws.ToString(r.PhysicalResourceId), name) {
				continue
			}
			logical := aws.ToString(r.LogicalResourceId)
			return []Place{{Tool: CloudFormation, Where: aws.ToString(r.StackName), Address: logical, Type: aws.ToString(r.ResourceType), Name: logical}}, nil
		}
	}
	return nil, nil
}
