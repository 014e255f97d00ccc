package ec2isolate

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/schemas"
)

// commandTag holds the id of the command that a snapshot was taken for. By it, a command that is repeated finds that it has taken them already.
const commandTag = "riposte:command"

type snapshotAPI interface {
	CreateSnapshots(context.Context, *ec2.CreateSnapshotsInput, ...func(*ec2.Options)) (*ec2.CreateSnapshotsOutput, error)
	DescribeSnapshots(context.Context, *ec2.DescribeSnapshotsInput, ...func(*ec2.Options)) (*ec2.DescribeSnapshotsOutput, error)
}

// snapshots lists those taken for a command, sorted. An instance has fewer volumes than a page has room.
func snapshots(ctx context.Context, api snapshotAPI, cmd schemas.Command) ([]string, error) {
	out, err := api.DescribeSnapshots(ctx, &ec2.DescribeSnapshotsInput{OwnerIds: []string{"self"}, Filters: []types.Filter{
		{Name: aws.String("tag:" + commandTag), Values: []string{cmd.ID}},
	}})
	if err != nil {
		return nil, cloud.Classify(err)
	}
	var ids []string
	for _, s := range out.Snapshots {
		ids = append(ids, aws.ToString(s.SnapshotId))
	}
	slices.Sort(ids)
	return ids, nil
}

func snapshotCall(cmd schemas.Command) schemas.Call {
	return schemas.Call{Service: "ec2", Operation: "CreateSnapshots", Params: map[string]any{
		"InstanceId": cmd.Target.ID, "Tags": map[string]string{commandTag: cmd.ID},
	}}
}

// takeSnapshots begins snapshots of all volumes, all of one moment. From then on they show the volumes of that moment, whatever is written later and
// however long it takes to fill them.
func takeSnapshots(ctx context.Context, api snapshotAPI, cmd schemas.Command) error {
	_, err := api.CreateSnapshots(ctx, &ec2.CreateSnapshotsInput{
		InstanceSpecification: &types.InstanceSpecification{InstanceId: &cmd.Target.ID},
		Description:           aws.String("Before isolation, command " + cmd.ID),
		TagSpecifications:     []types.TagSpecification{{ResourceType: types.ResourceTypeSnapshot, Tags: []types.Tag{{Key: aws.String(commandTag), Value: &cmd.ID}}}},
	})
	return cloud.Classify(err)
}
