// Package instance is what the actions on EC2 instances have in common: the form of their targets, and finding them.
package instance

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// TargetType is the type of these targets.
const TargetType = "ec2-instance"

// Describer is the one call that finds an instance.
type Describer interface {
	DescribeInstances(context.Context, *ec2.DescribeInstancesInput, ...func(*ec2.Options)) (*ec2.DescribeInstancesOutput, error)
}

// Canonical takes an instance's id or ARN. An ARN's own account and region go before the event's.
func Canonical(raw, account, region string) (schemas.Target, error) {
	id := raw
	if strings.HasPrefix(raw, "arn:") {
		a, err := arn.Parse(raw)
		if err != nil {
			return schemas.Target{}, fmt.Errorf("instance %q: %w", raw, err)
		}
		if a.Service != "ec2" || !strings.HasPrefix(a.Resource, "instance/") {
			return schemas.Target{}, fmt.Errorf("instance %q: not the ARN of an instance", raw)
		}
		id, account, region = strings.TrimPrefix(a.Resource, "instance/"), a.AccountID, a.Region
	}
	if !cloud.IsEC2ID(id, "i-") {
		return schemas.Target{}, fmt.Errorf("instance %q: an id (i-0123456789abcdef0) or ARN expected", raw)
	}
	return schemas.Target{Type: TargetType, Account: account, Region: region, ID: id}, nil
}

// Find reads one instance. An instance that AWS does not know is an error for which cloud.Missing holds.
func Find(ctx context.Context, api Describer, id string) (types.Instance, error) {
	out, err := api.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{id}})
	if err != nil {
		return types.Instance{}, cloud.Classify(err)
	}
	for _, r := range out.Reservations {
		for _, i := range r.Instances {
			if i.InstanceId != nil && *i.InstanceId == id {
				return i, nil
			}
		}
	}
	return types.Instance{}, errors.New("ec2 DescribeInstances: the answer does not hold the instance")
}

// Gone tells whether an instance is terminated, or about to be, and so beyond any remedy.
func Gone(i types.Instance) bool {
	return i.State != nil && (i.State.Name == types.InstanceStateNameTerminated || i.State.Name == types.InstanceStateNameShuttingDown)
}

// ErrGone is what stands in the way of undoing something on an instance that is gone.
func ErrGone() error { return fault.Permanent(errors.New("the instance is terminated")) }
