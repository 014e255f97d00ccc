//go:build integration

package catalog_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func (w *world) ec2(t *testing.T) *ec2.Client {
	t.Helper()
	return must(w.EC2(t.Context(), w.account, region))(t)
}

// onEC2 makes a thing of EC2 and returns its id.
func onEC2(name string, f func(t *testing.T, api *ec2.Client) string) makes {
	return makes{name: func(t *testing.T, w *world) string { return f(t, w.ec2(t)) }}
}

// account is what is wrong with an account as it is made.
func account(_ *testing.T, w *world) string { return w.account }

func vpc(t *testing.T, api *ec2.Client) string {
	t.Helper()
	return *must(api.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.7.0.0/16")}))(t).Vpc.VpcId
}

func anInstance(t *testing.T, api *ec2.Client) string {
	t.Helper()
	return launch(t, api, vpc(t, api))
}

func terminate(t *testing.T, w *world, id string) {
	t.Helper()
	api := w.ec2(t)
	must(api.ModifyInstanceAttribute(t.Context(), &ec2.ModifyInstanceAttributeInput{InstanceId: &id, DisableApiTermination: &types.AttributeBooleanValue{Value: aws.Bool(false)}}))(t)
	must(api.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{id}}))(t)
}

func snapshot(t *testing.T, api *ec2.Client) string {
	t.Helper()
	v := must(api.CreateVolume(t.Context(), &ec2.CreateVolumeInput{AvailabilityZone: aws.String(region + "a"), Size: aws.Int32(1)}))(t)
	id := must(api.CreateSnapshot(t.Context(), &ec2.CreateSnapshotInput{VolumeId: v.VolumeId}))(t).SnapshotId
	must(api.ModifySnapshotAttribute(t.Context(), &ec2.ModifySnapshotAttributeInput{SnapshotId: id, Attribute: types.SnapshotAttributeNameCreateVolumePermission,
		OperationType: types.OperationTypeAdd, GroupNames: []string{"all"}, UserIds: []string{otherAccount}}))(t)
	return *id
}

func image(t *testing.T, api *ec2.Client) string {
	t.Helper()
	id := must(api.RegisterImage(t.Context(), &ec2.RegisterImageInput{Name: aws.String(unique("image"))}))(t).ImageId
	must(api.ModifyImageAttribute(t.Context(), &ec2.ModifyImageAttributeInput{ImageId: id, LaunchPermission: &types.LaunchPermissionModifications{
		Add: []types.LaunchPermission{{Group: types.PermissionGroupAll}, {UserId: aws.String(otherAccount)}}}}))(t)
	return *id
}

// openGroup is open to everybody in four ways, and to others in two.
func openGroup(t *testing.T, api *ec2.Client) string {
	t.Helper()
	v := vpc(t, api)
	id := must(api.CreateSecurityGroup(t.Context(), &ec2.CreateSecurityGroupInput{GroupName: aws.String("web"), Description: aws.String("test"), VpcId: &v}))(t).GroupId
	port := func(protocol string, from, to int32, ranges ...string) types.IpPermission {
		p := types.IpPermission{IpProtocol: &protocol, FromPort: &from, ToPort: &to}
		for _, r := range ranges {
			p.IpRanges = append(p.IpRanges, types.IpRange{CidrIp: aws.String(r), Description: aws.String("from " + r)})
		}
		return p
	}
	six := port("tcp", 22, 22)
	six.Ipv6Ranges = []types.Ipv6Range{{CidrIpv6: aws.String("::/0")}}
	must(api.AuthorizeSecurityGroupIngress(t.Context(), &ec2.AuthorizeSecurityGroupIngressInput{GroupId: id, IpPermissions: []types.IpPermission{
		port("tcp", 22, 22, "0.0.0.0/0", "10.0.0.0/8"), port("tcp", 3000, 4000, "0.0.0.0/0"), port("tcp", 443, 443, "0.0.0.0/0"), six,
	}}))(t)
	return *id
}

func defaultGroup(t *testing.T, api *ec2.Client) string {
	t.Helper()
	v := vpc(t, api)
	id := must(api.DescribeSecurityGroups(t.Context(), &ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{
		{Name: aws.String("vpc-id"), Values: []string{v}}, {Name: aws.String("group-name"), Values: []string{"default"}}}}))(t).SecurityGroups[0].GroupId
	must(api.AuthorizeSecurityGroupIngress(t.Context(), &ec2.AuthorizeSecurityGroupIngressInput{GroupId: id, IpPermissions: []types.IpPermission{
		{IpProtocol: aws.String("-1"), UserIdGroupPairs: []types.UserIdGroupPair{{GroupId: id}}}, // AWS makes it with the group
	}}))(t)
	return *id
}

func withElasticAddress(t *testing.T, api *ec2.Client) string {
	t.Helper()
	id := anInstance(t, api)
	a := must(api.AllocateAddress(t.Context(), &ec2.AllocateAddressInput{Domain: types.DomainTypeVpc}))(t).AllocationId
	nic := describe(t, api, id).NetworkInterfaces[0]
	must(api.AssociateAddress(t.Context(), &ec2.AssociateAddressInput{AllocationId: a, NetworkInterfaceId: nic.NetworkInterfaceId, PrivateIpAddress: nic.PrivateIpAddress}))(t)
	return id
}

func publicSubnet(t *testing.T, api *ec2.Client) string {
	t.Helper()
	v := vpc(t, api)
	id := must(api.CreateSubnet(t.Context(), &ec2.CreateSubnetInput{VpcId: &v, CidrBlock: aws.String("10.7.1.0/24")}))(t).Subnet.SubnetId
	must(api.ModifySubnetAttribute(t.Context(), &ec2.ModifySubnetAttributeInput{SubnetId: id, MapPublicIpOnLaunch: &types.AttributeBooleanValue{Value: aws.Bool(true)}}))(t)
	return *id
}

func ec2Fixtures() map[string]fixture {
	return map[string]fixture{
		"ec2-close-open-ingress": {wrong: onEC2("open", openGroup), gone: func(t *testing.T, w *world, id string) {
			must(w.ec2(t).DeleteSecurityGroup(t.Context(), &ec2.DeleteSecurityGroupInput{GroupId: &id}))(t)
		}},
		"ec2-close-default-group": {wrong: onEC2("as made", defaultGroup), gone: func(t *testing.T, w *world, id string) { // with its VPC
			group := must(w.ec2(t).DescribeSecurityGroups(t.Context(), &ec2.DescribeSecurityGroupsInput{GroupIds: []string{id}}))(t).SecurityGroups[0]
			must(w.ec2(t).DeleteVpc(t.Context(), &ec2.DeleteVpcInput{VpcId: group.VpcId}))(t)
		}},
		"ec2-require-imdsv2":                {wrong: onEC2("as made", anInstance), gone: terminate},
		"ec2-enable-termination-protection": {wrong: onEC2("as made", anInstance), gone: terminate},
		"ec2-encrypt-volumes-by-default":    {wrong: makes{"as made": account}},
		"ec2-make-snapshot-private": {wrong: onEC2("public", snapshot), gone: func(t *testing.T, w *world, id string) {
			must(w.ec2(t).DeleteSnapshot(t.Context(), &ec2.DeleteSnapshotInput{SnapshotId: &id}))(t)
		}},
		"ec2-make-image-private": {wrong: onEC2("public", image), gone: func(t *testing.T, w *world, id string) {
			must(w.ec2(t).DeregisterImage(t.Context(), &ec2.DeregisterImageInput{ImageId: &id}))(t)
		}},
		"ec2-block-public-snapshots": {wrong: makes{"as made": account}, exchange: blockedSharing("SnapshotBlockPublicAccess", "State", "state")},
		"ec2-block-public-images":    {wrong: makes{"as made": account}, exchange: blockedSharing("ImageBlockPublicAccess", "ImageBlockPublicAccessState", "imageBlockPublicAccessState")},
		"ec2-enable-flow-logs": {
			wrong: makes{"none": func(t *testing.T, w *world) string {
				must(w.s3(t).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("flows"), CreateBucketConfiguration: &s3types.CreateBucketConfiguration{
					LocationConstraint: "us-west-2"}}))(t)
				return vpc(t, w.ec2(t))
			}},
			with: map[string]any{"destination": "arn:aws:s3:::flows"},
			also: []string{"ec2:CreateTags", "logs:CreateLogDelivery", "logs:DeleteLogDelivery"}, // EC2 asks for them when flow logs are made and removed
			gone: func(t *testing.T, w *world, id string) {
				must(w.ec2(t).DeleteVpc(t.Context(), &ec2.DeleteVpcInput{VpcId: &id}))(t)
			},
		},
		"ec2-remove-public-address": {wrong: onEC2("elastic", withElasticAddress), gone: terminate},
		"ec2-disable-subnet-public-addresses": {wrong: onEC2("gives", publicSubnet), gone: func(t *testing.T, w *world, id string) {
			must(w.ec2(t).DeleteSubnet(t.Context(), &ec2.DeleteSubnetInput{SubnetId: &id}))(t)
		}},
	}
}

// blockedSharing answers the calls about public sharing, which moto does not know, as the API reference of EC2 has them: GetSnapshotBlockPublicAccessState,
// EnableSnapshotBlockPublicAccess and DisableSnapshotBlockPublicAccess, and those of images.
func blockedSharing(what, param, element string) func() exchange {
	return func() exchange {
		state := "unblocked"
		answer := func(action string) string {
			return fmt.Sprintf(`<%[1]sResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r</requestId><%[2]s>%[3]s</%[2]s></%[1]sResponse>`, action, element, state)
		}
		return exchange{
			"Get" + what + "State": func(*http.Request) string { return answer("Get" + what + "State") },
			"Enable" + what: func(r *http.Request) string {
				state = r.FormValue(param)
				return answer("Enable" + what)
			},
			"Disable" + what: func(*http.Request) string {
				state = "unblocked"
				return answer("Disable" + what)
			},
		}
	}
}
