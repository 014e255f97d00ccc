package table

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/schemas"
)

// What is shared with everybody. The state of these rows is whether it is; with which accounts it is shared beside that is none of their business.

func ec2SnapshotPrivate() Action {
	return action(row[*ec2.Client, bool]{
		Name: "ec2-make-snapshot-private", Controls: []string{"EC2.1"}, Target: ec2Kind("snapshot", "snapshot", "snap-"), API: (*cloud.Clients).EC2,
		Does:         "Makes an EBS snapshot that everybody may use private. Accounts that it is shared with by name keep it.",
		Irreversible: "copies that others made while it was public",
		Policy:       []string{"ec2:DescribeSnapshotAttribute", "ec2:ModifySnapshotAttribute"},
		Do:           "make private", Done: "is private",
		Read: func(ctx context.Context, api *ec2.Client, in input, _ *bool) (bool, error) {
			out, err := api.DescribeSnapshotAttribute(ctx, &ec2.DescribeSnapshotAttributeInput{SnapshotId: &in.ID, Attribute: types.SnapshotAttributeNameCreateVolumePermission})
			if err != nil {
				return false, err
			}
			return slices.ContainsFunc(out.CreateVolumePermissions, func(p types.CreateVolumePermission) bool { return p.Group == types.PermissionGroupAll }), nil
		},
		Want: func(input, bool) (bool, error) { return false, nil },
		Write: func(in input, _, public bool) []call[*ec2.Client] {
			return one((*ec2.Client).ModifySnapshotAttribute, &ec2.ModifySnapshotAttributeInput{
				SnapshotId: &in.ID, Attribute: types.SnapshotAttributeNameCreateVolumePermission, OperationType: operation(public), GroupNames: []string{"all"},
			})
		},
	})
}

func ec2ImagePrivate() Action {
	return action(row[*ec2.Client, bool]{
		Name: "ec2-make-image-private", Target: ec2Kind("image", "image", "ami-"), API: (*cloud.Clients).EC2,
		Does:         "Makes a machine image (AMI) that everybody may launch private. Accounts that it is shared with by name keep it.",
		Irreversible: "copies that others made while it was public",
		Policy:       []string{"ec2:DescribeImages", "ec2:ModifyImageAttribute"},
		Do:           "make private", Done: "is private",
		Read: func(ctx context.Context, api *ec2.Client, in input, _ *bool) (bool, error) {
			out, err := api.DescribeImages(ctx, &ec2.DescribeImagesInput{ImageIds: []string{in.ID}})
			if err != nil {
				return false, err
			}
			if len(out.Images) != 1 {
				return false, absent("InvalidAMIID.NotFound")
			}
			return aws.ToBool(out.Images[0].Public), nil
		},
		Want: func(input, bool) (bool, error) { return false, nil },
		Write: func(in input, _, public bool) []call[*ec2.Client] {
			return one((*ec2.Client).ModifyImageAttribute, &ec2.ModifyImageAttributeInput{
				ImageId: &in.ID, Attribute: aws.String("launchPermission"), OperationType: operation(public), UserGroups: []string{"all"},
			})
		},
	})
}

func operation(add bool) types.OperationType {
	if add {
		return types.OperationTypeAdd
	}
	return types.OperationTypeRemove
}

func ec2BlockSnapshots() Action {
	type sharing = types.SnapshotBlockPublicAccessState
	return action(row[*ec2.Client, sharing]{
		Name: "ec2-block-public-snapshots", Controls: []string{"EC2.182"}, Target: accountKind(true), API: (*cloud.Clients).EC2,
		Does:   "Blocks all public sharing of the EBS snapshots of an account and region, of those that are public already as well.",
		Policy: []string{"ec2:GetSnapshotBlockPublicAccessState", "ec2:EnableSnapshotBlockPublicAccess", "ec2:DisableSnapshotBlockPublicAccess"},
		Do:     "block the public sharing of snapshots in", Done: "blocks the public sharing of snapshots",
		Read: func(ctx context.Context, api *ec2.Client, _ input, _ *sharing) (sharing, error) {
			out, err := api.GetSnapshotBlockPublicAccessState(ctx, &ec2.GetSnapshotBlockPublicAccessStateInput{})
			if err != nil {
				return "", err
			}
			return out.State, nil
		},
		Want: func(input, sharing) (sharing, error) { return types.SnapshotBlockPublicAccessStateBlockAllSharing, nil },
		Write: func(_ input, _, to sharing) []call[*ec2.Client] {
			if to == types.SnapshotBlockPublicAccessStateUnblocked {
				return one((*ec2.Client).DisableSnapshotBlockPublicAccess, &ec2.DisableSnapshotBlockPublicAccessInput{})
			}
			return one((*ec2.Client).EnableSnapshotBlockPublicAccess, &ec2.EnableSnapshotBlockPublicAccessInput{State: to})
		},
		Code: &schemas.Code{
			Attribute: "public sharing of snapshots", Resources: []string{"AWS::EC2::SnapshotBlockPublicAccess"},
			YAML: "\n{{ .Name }}:\n  Properties:\n    State: block-all-sharing",
		},
	})
}

func ec2BlockImages() Action {
	return action(row[*ec2.Client, string]{
		Name: "ec2-block-public-images", Target: accountKind(true), API: (*cloud.Clients).EC2,
		Does:   "Blocks that machine images (AMIs) of an account and region are made public. Those that are public already stay so: see ec2-make-image-private.",
		Policy: []string{"ec2:GetImageBlockPublicAccessState", "ec2:EnableImageBlockPublicAccess", "ec2:DisableImageBlockPublicAccess"},
		Do:     "block the public sharing of images in", Done: "blocks the public sharing of images",
		Read: func(ctx context.Context, api *ec2.Client, _ input, _ *string) (string, error) {
			out, err := api.GetImageBlockPublicAccessState(ctx, &ec2.GetImageBlockPublicAccessStateInput{})
			if err != nil {
				return "", err
			}
			return aws.ToString(out.ImageBlockPublicAccessState), nil
		},
		Want: func(input, string) (string, error) {
			return string(types.ImageBlockPublicAccessEnabledStateBlockNewSharing), nil
		},
		Write: func(_ input, _, to string) []call[*ec2.Client] {
			if to == string(types.ImageBlockPublicAccessDisabledStateUnblocked) {
				return one((*ec2.Client).DisableImageBlockPublicAccess, &ec2.DisableImageBlockPublicAccessInput{})
			}
			return one((*ec2.Client).EnableImageBlockPublicAccess, &ec2.EnableImageBlockPublicAccessInput{
				ImageBlockPublicAccessState: types.ImageBlockPublicAccessEnabledState(to),
			})
		},
	})
}
