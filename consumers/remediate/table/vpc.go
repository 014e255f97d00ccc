package table

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// flows says whether a VPC has flow logs that will do, and which are ours.
type flows struct {
	Logged bool     `json:"logged"`
	Ours   []string `json:"ours,omitempty"`
}

const flowsTag = "riposte"

func ec2FlowLogs() Action {
	return action(row[*ec2.Client, flows]{
		Name: "ec2-enable-flow-logs", Controls: []string{"EC2.6"}, Target: ec2Kind("vpc", "VPC", "vpc-"), API: (*cloud.Clients).EC2,
		Does: "Makes flow logs of a VPC that has none, to a bucket. An undo removes only what was made so.",
		Settings: []schemas.Setting{
			{Name: "destination", Type: "string", Required: true, Help: "ARN of the bucket that the logs go to, and a prefix if you like (arn:aws:s3:::logs/flows/); it must let delivery.logs.amazonaws.com write"},
			{Name: "traffic", Type: "string", Default: "ALL", OneOf: []string{"ALL", "ACCEPT", "REJECT"}, Help: "which traffic is logged"},
		},
		Irreversible: "what was logged stays where it is",
		Policy: []string{"ec2:DescribeVpcs", "ec2:DescribeFlowLogs", "ec2:CreateFlowLogs", "ec2:DeleteFlowLogs", "ec2:CreateTags",
			"logs:CreateLogDelivery", "logs:DeleteLogDelivery"},
		Do: "make flow logs of", Done: "has flow logs",
		Read: readFlows,
		Want: func(_ input, now flows) (flows, error) { return flows{true, now.Ours}, nil },
		Write: func(in input, from, to flows) []call[*ec2.Client] {
			if !to.Logged {
				return []call[*ec2.Client]{checked((*ec2.Client).DeleteFlowLogs, &ec2.DeleteFlowLogsInput{FlowLogIds: from.Ours},
					func(out *ec2.DeleteFlowLogsOutput) error { return unsuccessful(out.Unsuccessful) })}
			}
			return []call[*ec2.Client]{checked((*ec2.Client).CreateFlowLogs, &ec2.CreateFlowLogsInput{
				ResourceIds: []string{in.ID}, ResourceType: types.FlowLogsResourceTypeVpc, TrafficType: types.TrafficType(in.text("traffic")),
				LogDestinationType: types.LogDestinationTypeS3, LogDestination: aws.String(in.text("destination")), ClientToken: &in.Command,
				TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeVpcFlowLog, Tags: []types.Tag{{Key: aws.String(flowsTag), Value: aws.String("ec2-enable-flow-logs")}}}},
			}, func(out *ec2.CreateFlowLogsOutput) error { return unsuccessful(out.Unsuccessful) })}
		},
		Same: func(a, b flows) bool { return a.Logged == b.Logged },
		Code: &schemas.Code{
			Attribute: "flow logs, of which it has none", Resources: []string{"aws_vpc"},
			HCL: "\nresource \"aws_flow_log\" \"{{ .Name }}\" {\n  vpc_id               = {{ quote .Target.ID }}\n  traffic_type         = {{ quote .With.traffic }}\n" +
				"  log_destination_type = \"s3\"\n  log_destination      = {{ quote .With.destination }}\n}",
			YAML: "\n{{ .Name }}FlowLog:\n  Type: AWS::EC2::FlowLog\n  Properties:\n    ResourceType: VPC\n    ResourceId: !Ref {{ .Name }}\n    TrafficType: {{ quote .With.traffic }}\n" +
				"    LogDestinationType: s3\n    LogDestination: {{ quote .With.destination }}",
		},
	})
}

func readFlows(ctx context.Context, api *ec2.Client, in input, _ *flows) (flows, error) {
	var f flows
	if _, err := api.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{VpcIds: []string{in.ID}}); err != nil { // of one that does not exist there are no flow logs
		return f, err
	}
	pages := ec2.NewDescribeFlowLogsPaginator(api, &ec2.DescribeFlowLogsInput{Filter: []types.Filter{{Name: aws.String("resource-id"), Values: []string{in.ID}}}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return f, err
		}
		for _, l := range page.FlowLogs {
			will := l.TrafficType == types.TrafficTypeAll || l.TrafficType == types.TrafficType(in.text("traffic"))
			f.Logged = f.Logged || will && aws.ToString(l.FlowLogStatus) == "ACTIVE"
			if slices.ContainsFunc(l.Tags, func(t types.Tag) bool { return aws.ToString(t.Key) == flowsTag }) {
				f.Ours = append(f.Ours, aws.ToString(l.FlowLogId))
			}
		}
	}
	slices.Sort(f.Ours)
	return f, nil
}

// unsuccessful is the error in an answer that is none by its status.
func unsuccessful(items []types.UnsuccessfulItem) error {
	for _, i := range items {
		if i.Error != nil {
			return fault.Permanent(fmt.Errorf("%s: %s: %s", aws.ToString(i.ResourceId), aws.ToString(i.Error.Code), aws.ToString(i.Error.Message)))
		}
	}
	return nil
}

// An elastic address of an instance. The id of the association is made anew each time.
type elastic struct {
	Allocation  string `json:"allocation"`
	Interface   string `json:"interface"`
	Private     string `json:"private"`
	association string
}

// addresses are the public ones of an instance. Automatic is one that AWS gave it at launch.
type addresses struct {
	Elastic   []elastic `json:"elastic"`
	Automatic string    `json:"automatic,omitempty"`
}

func ec2PublicAddress() Action {
	return action(row[*ec2.Client, addresses]{
		Name: "ec2-remove-public-address", Controls: []string{"EC2.9"}, Target: instanceKind(), API: (*cloud.Clients).EC2,
		Does:   "Takes the elastic addresses from an instance; they stay allocated. An address that AWS gave the instance at launch cannot be taken from it: that is an error.",
		Policy: []string{"ec2:DescribeInstances", "ec2:DescribeAddresses", "ec2:DisassociateAddress", "ec2:AssociateAddress"},
		Do:     "take the public addresses from", Done: "has no public address",
		Read: func(ctx context.Context, api *ec2.Client, in input, _ *addresses) (addresses, error) {
			var a addresses
			i, err := running(ctx, api, in.ID)
			if err != nil {
				return a, err
			}
			interfaces := types.Filter{Name: aws.String("network-interface-id")}
			for _, n := range i.NetworkInterfaces {
				interfaces.Values = append(interfaces.Values, aws.ToString(n.NetworkInterfaceId))
			}
			out, err := api.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{Filters: []types.Filter{interfaces}})
			if err != nil {
				return a, err
			}
			for _, e := range out.Addresses {
				a.Elastic = append(a.Elastic, elastic{aws.ToString(e.AllocationId), aws.ToString(e.NetworkInterfaceId), aws.ToString(e.PrivateIpAddress), aws.ToString(e.AssociationId)})
			}
			slices.SortFunc(a.Elastic, func(x, y elastic) int { return cmp.Compare(x.Allocation, y.Allocation) })
			if len(a.Elastic) == 0 {
				a.Automatic = aws.ToString(i.PublicIpAddress)
			}
			return a, nil
		},
		Want: func(_ input, now addresses) (addresses, error) {
			if now.Automatic != "" {
				return now, fault.Permanent(errors.New("its address " + now.Automatic + " is from its launch: it goes when the instance is stopped in a subnet that gives none"))
			}
			return addresses{}, nil
		},
		Write: func(_ input, from, to addresses) (calls []call[*ec2.Client]) {
			for _, e := range less(from.Elastic, to.Elastic) {
				calls = append(calls, calling((*ec2.Client).DisassociateAddress, &ec2.DisassociateAddressInput{AssociationId: &e.association}))
			}
			for _, e := range less(to.Elastic, from.Elastic) {
				in := &ec2.AssociateAddressInput{AllocationId: &e.Allocation, NetworkInterfaceId: &e.Interface, PrivateIpAddress: &e.Private, AllowReassociation: aws.Bool(false)}
				calls = append(calls, calling((*ec2.Client).AssociateAddress, in))
			}
			return calls
		},
		Same: func(a, b addresses) bool { return same(a.Elastic, b.Elastic) },
		Code: &schemas.Code{ // the association has an id of its own, by which nobody finds it
			Attribute: "elastic address (aws_eip, aws_eip_association, AWS::EC2::EIP, AWS::EC2::EIPAssociation)", Resources: []string{"aws_instance"},
		},
	})
}

func ec2SubnetAddresses() Action {
	return action(row[*ec2.Client, bool]{
		Name: "ec2-disable-subnet-public-addresses", Controls: []string{"EC2.15"}, Target: ec2Kind("subnet", "subnet", "subnet-"), API: (*cloud.Clients).EC2,
		Does:   "Makes a subnet give no public addresses to what is launched in it.",
		Policy: []string{"ec2:DescribeSubnets", "ec2:ModifySubnetAttribute"},
		Do:     "give no public addresses in", Done: "gives no public addresses",
		Read: func(ctx context.Context, api *ec2.Client, in input, _ *bool) (bool, error) {
			out, err := api.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{SubnetIds: []string{in.ID}})
			if err != nil {
				return false, err
			}
			if len(out.Subnets) != 1 {
				return false, absent("InvalidSubnetID.NotFound")
			}
			return aws.ToBool(out.Subnets[0].MapPublicIpOnLaunch), nil
		},
		Want: func(input, bool) (bool, error) { return false, nil },
		Write: func(in input, _, gives bool) []call[*ec2.Client] {
			return one((*ec2.Client).ModifySubnetAttribute, &ec2.ModifySubnetAttributeInput{SubnetId: &in.ID, MapPublicIpOnLaunch: &types.AttributeBooleanValue{Value: &gives}})
		},
		Code: declared("aws_subnet", "public addresses", "map_public_ip_on_launch = false", "MapPublicIpOnLaunch: false"),
	})
}
