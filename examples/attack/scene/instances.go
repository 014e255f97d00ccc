package scene

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// instances starts three instances in a VPC of their own, which has the groups web and administrator.
func (s *setter) instances(ctx context.Context) error {
	client, err := s.clients.EC2(ctx, "", region)
	if err != nil {
		return fmt.Errorf("instances: %w", err)
	}
	vpc, err := client.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.20.0.0/16")})
	if err != nil {
		return fmt.Errorf("vpc: %w", err)
	}
	subnet, err := client.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: vpc.Vpc.VpcId, CidrBlock: aws.String("10.20.1.0/24")})
	if err != nil {
		return fmt.Errorf("subnet: %w", err)
	}
	var web *ec2.CreateSecurityGroupOutput
	for _, g := range []struct{ name, recorded string }{{"administrator", "sg-0ac0de00000000002"}, {"web", "sg-0ac0de00000000001"}} {
		web, err = client.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{GroupName: aws.String(g.name), Description: aws.String("riposte demo"), VpcId: vpc.Vpc.VpcId})
		if err != nil {
			return fmt.Errorf("security group %s: %w", g.name, err)
		}
		s.names = append(s.names, g.recorded, *web.GroupId)
	}
	image, err := anImage(ctx, client)
	if err != nil {
		return err
	}
	run, err := client.RunInstances(ctx, &ec2.RunInstancesInput{
		ImageId: image, InstanceType: types.InstanceTypeT3Micro, MinCount: aws.Int32(3), MaxCount: aws.Int32(3),
		SubnetId: subnet.Subnet.SubnetId, SecurityGroupIds: []string{*web.GroupId},
	})
	if err != nil {
		return fmt.Errorf("instances: %w", err)
	}
	for i, inst := range run.Instances {
		s.names = append(s.names, fmt.Sprintf("i-0bad%013d", i+1), *inst.InstanceId)
	}
	return nil
}

// anImage is any image that instances can be started from.
func anImage(ctx context.Context, client *ec2.Client) (*string, error) {
	images, err := client.DescribeImages(ctx, &ec2.DescribeImagesInput{Owners: []string{"amazon"}})
	if err != nil {
		return nil, fmt.Errorf("images: %w", err)
	}
	if len(images.Images) == 0 {
		return nil, errors.New("images: there are none")
	}
	return images.Images[0].ImageId, nil
}
