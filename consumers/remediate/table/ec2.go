package table

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"

	"github.com/riposte-security/riposte/consumers/remediate/instance"
	"github.com/riposte-security/riposte/internal/cloud"
)

func ec2Rows() []Action {
	return []Action{
		ec2OpenIngress(), ec2DefaultGroup(), ec2IMDSv2(), ec2EncryptVolumes(), ec2SnapshotPrivate(), ec2ImagePrivate(), ec2BlockSnapshots(), ec2BlockImages(),
		ec2FlowLogs(), ec2PublicAddress(), ec2SubnetAddresses(), ec2Termination(),
	}
}

func instanceKind() kind {
	return kind{typ: instance.TargetType, name: "instance", takes: "the instance's id or ARN", canonical: instance.Canonical}
}

// ec2Kind is a kind of thing of EC2: ids begin with a prefix (vpc-), ARNs say what it is (vpc/).
func ec2Kind(what, name, prefix string) kind {
	return resource("ec2-"+what, name, "ec2", what+"/", func(id string) bool { return cloud.IsEC2ID(id, prefix) })
}

// absent is the error for an answer that ought to hold a thing and does not: AWS has a code for that, which it does not always give.
func absent(code string) error {
	return &smithy.GenericAPIError{Code: code, Message: "the answer does not hold it"}
}

// running reads an instance. One that is terminated is beyond any remedy.
func running(ctx context.Context, api *ec2.Client, id string) (types.Instance, error) {
	i, err := instance.Find(ctx, api, id)
	if err == nil && instance.Gone(i) {
		err = instance.ErrGone()
	}
	return i, err
}

func ec2IMDSv2() Action {
	type tokens = types.HttpTokensState
	return action(row[*ec2.Client, tokens]{
		Name: "ec2-require-imdsv2", Controls: []string{"EC2.8"}, Target: instanceKind(), API: (*cloud.Clients).EC2,
		Does:   "Makes the metadata service of an instance ask for a session token (IMDSv2).",
		Policy: []string{"ec2:DescribeInstances", "ec2:ModifyInstanceMetadataOptions"},
		Do:     "require IMDSv2 of", Done: "requires IMDSv2",
		Read: func(ctx context.Context, api *ec2.Client, in input, _ *tokens) (tokens, error) {
			i, err := running(ctx, api, in.ID)
			if err != nil || i.MetadataOptions == nil || i.MetadataOptions.HttpTokens == "" {
				return types.HttpTokensStateOptional, err
			}
			return i.MetadataOptions.HttpTokens, nil
		},
		Want: func(input, tokens) (tokens, error) { return types.HttpTokensStateRequired, nil },
		Write: func(in input, _, to tokens) []call[*ec2.Client] {
			return one((*ec2.Client).ModifyInstanceMetadataOptions, &ec2.ModifyInstanceMetadataOptionsInput{InstanceId: &in.ID, HttpTokens: to})
		},
		Code: declared("aws_instance", "metadata options", "metadata_options {\n  # what stands here stays\n  http_tokens = \"required\"\n}",
			"MetadataOptions:\n  # what stands here stays\n  HttpTokens: required"),
	})
}

func ec2Termination() Action {
	return action(row[*ec2.Client, bool]{
		Name: "ec2-enable-termination-protection", Target: instanceKind(), API: (*cloud.Clients).EC2,
		Does:   "Protects an instance from being terminated by mistake.",
		Policy: []string{"ec2:DescribeInstances", "ec2:DescribeInstanceAttribute", "ec2:ModifyInstanceAttribute"},
		Do:     "protect from termination", Done: "is protected from termination",
		Read: func(ctx context.Context, api *ec2.Client, in input, _ *bool) (bool, error) {
			if _, err := running(ctx, api, in.ID); err != nil {
				return false, err
			}
			out, err := api.DescribeInstanceAttribute(ctx, &ec2.DescribeInstanceAttributeInput{InstanceId: &in.ID, Attribute: types.InstanceAttributeNameDisableApiTermination})
			if err != nil || out.DisableApiTermination == nil {
				return false, err
			}
			return aws.ToBool(out.DisableApiTermination.Value), nil
		},
		Want: func(input, bool) (bool, error) { return true, nil },
		Write: func(in input, _, to bool) []call[*ec2.Client] {
			return one((*ec2.Client).ModifyInstanceAttribute, &ec2.ModifyInstanceAttributeInput{InstanceId: &in.ID, DisableApiTermination: &types.AttributeBooleanValue{Value: &to}})
		},
		Code: declared("aws_instance", "termination protection", "disable_api_termination = true", "DisableApiTermination: true"),
	})
}

func ec2EncryptVolumes() Action {
	return action(row[*ec2.Client, bool]{
		Name: "ec2-encrypt-volumes-by-default", Controls: []string{"EC2.7"}, Target: accountKind(true), API: (*cloud.Clients).EC2,
		Does:         "Encrypts new EBS volumes and copies of snapshots in an account and region by default.",
		Irreversible: "volumes made in the meantime stay encrypted",
		Policy:       []string{"ec2:GetEbsEncryptionByDefault", "ec2:EnableEbsEncryptionByDefault", "ec2:DisableEbsEncryptionByDefault"},
		Do:           "encrypt new EBS volumes by default in", Done: "encrypts new EBS volumes by default",
		Read: func(ctx context.Context, api *ec2.Client, _ input, _ *bool) (bool, error) {
			out, err := api.GetEbsEncryptionByDefault(ctx, &ec2.GetEbsEncryptionByDefaultInput{})
			if err != nil {
				return false, err
			}
			return aws.ToBool(out.EbsEncryptionByDefault), nil
		},
		Want: func(input, bool) (bool, error) { return true, nil },
		Write: func(_ input, _, to bool) []call[*ec2.Client] {
			if to {
				return one((*ec2.Client).EnableEbsEncryptionByDefault, &ec2.EnableEbsEncryptionByDefaultInput{})
			}
			return one((*ec2.Client).DisableEbsEncryptionByDefault, &ec2.DisableEbsEncryptionByDefaultInput{})
		},
	})
}
