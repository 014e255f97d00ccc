package ec2isolate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/actiontest"
	"github.com/riposte-security/riposte/internal/cloud/cloudtest"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

const id = "i-0123456789abcdef0"

// fake is one instance with two network interfaces, and the security groups of its VPC.
type fake struct {
	nics      map[string][]string
	groups    map[string]*types.SecurityGroup // by id
	vpcs      map[string]string               // of interfaces that are elsewhere
	snapshots map[string]int                  // by command
	calls     []string
	state     types.InstanceStateName
	modify    func(nic string) error
}

func newFake() *fake {
	f := &fake{nics: map[string][]string{"eni-b": {"sg-2", "sg-1"}, "eni-a": {"sg-1"}}, groups: map[string]*types.SecurityGroup{}, vpcs: map[string]string{}, snapshots: map[string]int{},
		state: types.InstanceStateNameRunning}
	f.groups["sg-1"] = &types.SecurityGroup{GroupName: aws.String("web")}
	f.groups["sg-2"] = &types.SecurityGroup{GroupName: aws.String("db")}
	f.groups["sg-f"] = &types.SecurityGroup{GroupName: aws.String("forensics"), IpPermissions: all()}
	return f
}

func all() []types.IpPermission { return []types.IpPermission{{IpProtocol: aws.String("-1")}} }

func (f *fake) in(context.Context, string, string) (API, error) { return f, nil }

func (f *fake) own() *types.SecurityGroup {
	for _, g := range f.groups {
		if *g.GroupName == ownGroup {
			return g
		}
	}
	return nil
}

func (f *fake) DescribeInstances(context.Context, *ec2.DescribeInstancesInput, ...func(*ec2.Options)) (*ec2.DescribeInstancesOutput, error) {
	i := types.Instance{InstanceId: aws.String(id), VpcId: aws.String("vpc-1"), State: &types.InstanceState{Name: f.state}}
	for eni, groups := range f.nics {
		n := types.InstanceNetworkInterface{NetworkInterfaceId: aws.String(eni), VpcId: aws.String("vpc-1")}
		if v := f.vpcs[eni]; v != "" {
			n.VpcId = aws.String(v)
		}
		for _, g := range groups {
			n.Groups = append(n.Groups, types.GroupIdentifier{GroupId: aws.String(g)})
		}
		i.NetworkInterfaces = append(i.NetworkInterfaces, n)
	}
	return &ec2.DescribeInstancesOutput{Reservations: []types.Reservation{{Instances: []types.Instance{i}}}}, nil
}

func (f *fake) DescribeSecurityGroups(_ context.Context, in *ec2.DescribeSecurityGroupsInput, _ ...func(*ec2.Options)) (*ec2.DescribeSecurityGroupsOutput, error) {
	out := &ec2.DescribeSecurityGroupsOutput{}
	for id, g := range f.groups {
		if v := in.Filters[0].Values[0]; (v == id || v == *g.GroupName) && in.Filters[1].Values[0] == "vpc-1" {
			c := *g
			c.GroupId = aws.String(id)
			out.SecurityGroups = append(out.SecurityGroups, c)
		}
	}
	return out, nil
}

func (f *fake) CreateSecurityGroup(_ context.Context, in *ec2.CreateSecurityGroupInput, _ ...func(*ec2.Options)) (*ec2.CreateSecurityGroupOutput, error) {
	f.calls = append(f.calls, "create group")
	if f.own() != nil {
		return nil, cloudtest.Error("EC2", "CreateSecurityGroup", "InvalidGroup.Duplicate", 400)
	}
	f.groups["sg-q"] = &types.SecurityGroup{GroupName: in.GroupName, IpPermissionsEgress: all(), Tags: in.TagSpecifications[0].Tags}
	return &ec2.CreateSecurityGroupOutput{}, nil
}

func (f *fake) RevokeSecurityGroupEgress(_ context.Context, in *ec2.RevokeSecurityGroupEgressInput, _ ...func(*ec2.Options)) (*ec2.RevokeSecurityGroupEgressOutput, error) {
	f.calls = append(f.calls, "revoke egress")
	f.groups[*in.GroupId].IpPermissionsEgress = nil
	return &ec2.RevokeSecurityGroupEgressOutput{}, nil
}

func (f *fake) RevokeSecurityGroupIngress(_ context.Context, in *ec2.RevokeSecurityGroupIngressInput, _ ...func(*ec2.Options)) (*ec2.RevokeSecurityGroupIngressOutput, error) {
	f.calls = append(f.calls, "revoke ingress")
	f.groups[*in.GroupId].IpPermissions = nil
	return &ec2.RevokeSecurityGroupIngressOutput{}, nil
}

func (f *fake) ModifyNetworkInterfaceAttribute(_ context.Context, in *ec2.ModifyNetworkInterfaceAttributeInput, _ ...func(*ec2.Options)) (*ec2.ModifyNetworkInterfaceAttributeOutput, error) {
	if f.modify != nil {
		if err := f.modify(*in.NetworkInterfaceId); err != nil {
			return nil, err
		}
	}
	f.calls = append(f.calls, "modify "+*in.NetworkInterfaceId)
	for _, g := range in.Groups {
		if f.groups[g] == nil {
			return nil, cloudtest.Error("EC2", "ModifyNetworkInterfaceAttribute", "InvalidGroup.NotFound", 400)
		}
	}
	f.nics[*in.NetworkInterfaceId] = in.Groups
	return &ec2.ModifyNetworkInterfaceAttributeOutput{}, nil
}

func (f *fake) CreateSnapshots(_ context.Context, in *ec2.CreateSnapshotsInput, _ ...func(*ec2.Options)) (*ec2.CreateSnapshotsOutput, error) {
	f.calls = append(f.calls, "snapshots")
	f.snapshots[*in.TagSpecifications[0].Tags[0].Value]++
	return &ec2.CreateSnapshotsOutput{}, nil
}

func (f *fake) DescribeSnapshots(_ context.Context, in *ec2.DescribeSnapshotsInput, _ ...func(*ec2.Options)) (*ec2.DescribeSnapshotsOutput, error) {
	out := &ec2.DescribeSnapshotsOutput{}
	if n := f.snapshots[in.Filters[0].Values[0]]; n > 0 {
		out.Snapshots = []types.Snapshot{{SnapshotId: aws.String("snap-1")}}
	}
	return out, nil
}

// view is the interfaces, and what has a life beyond the command: the snapshots and the quarantine group are meant to stay.
func (f *fake) view() any {
	nics := maps.Clone(f.nics)
	for _, g := range nics {
		slices.Sort(g)
	}
	return nics
}

func command(with map[string]any) schemas.Command {
	return schemas.Command{ID: "c1", Target: schemas.Target{Type: "ec2-instance", ID: id}, With: with, For: schemas.Duration(time.Hour)}
}

func TestContract(t *testing.T) {
	for name, with := range map[string]map[string]any{
		"a group of our own": nil,
		"a group given":      {"group": "forensics"},
		"by id":              {"group": "sg-f", "snapshots": true},
	} {
		t.Run(name, func(t *testing.T) {
			actiontest.Run(t, func(*testing.T) actiontest.Subject {
				f := newFake()
				return actiontest.Subject{Action: New(Deps{EC2: f.in, Now: time.Now}), Command: command(with), State: f.view,
					Change: func() { f.nics["eni-b"] = []string{"sg-2"} }}
			})
		})
	}
}

// The plan says each call, and those are the calls: snapshots first, then a group that lets nothing through, then the interfaces.
func TestCalls(t *testing.T) {
	f := newFake()
	a, cmd := New(Deps{EC2: f.in, Now: time.Now}), command(map[string]any{"snapshots": true})
	p := actiontest.CarryOut(t, a, cmd)
	var said []string
	for _, c := range p.Calls {
		said = append(said, strings.TrimSpace(fmt.Sprint(c.Operation, " ", c.Params["NetworkInterfaceId"])))
	}
	want := []string{"CreateSnapshots <nil>", "CreateSecurityGroup <nil>", "RevokeSecurityGroupEgress <nil>", "ModifyNetworkInterfaceAttribute eni-a", "ModifyNetworkInterfaceAttribute eni-b"}
	if !slices.Equal(said, want) || !slices.Equal(f.calls, []string{"snapshots", "create group", "revoke egress", "modify eni-a", "modify eni-b"}) {
		t.Errorf("%v\n%v", said, f.calls)
	}
	if g := f.own(); g == nil || len(g.IpPermissions)+len(g.IpPermissionsEgress) != 0 {
		t.Errorf("%+v", g)
	}
	out, err := a.Verify(t.Context(), cmd, p)
	if err != nil || !strings.Contains(string(out.After), "snap-1") {
		t.Errorf("%s, %v", out.After, err)
	}
}

// A crash anywhere on the way: what is done is not done again, what is missing is.
func TestHalfWay(t *testing.T) {
	f := newFake()
	a, cmd := New(Deps{EC2: f.in, Now: time.Now}), command(map[string]any{"snapshots": true})
	p, err := a.Plan(t.Context(), cmd)
	if err != nil {
		t.Fatal(err)
	}
	busy := func(nic string) error {
		if nic == "eni-b" {
			return cloudtest.Error("EC2", "ModifyNetworkInterfaceAttribute", "RequestLimitExceeded", 503)
		}
		return nil
	}
	f.modify = busy
	if err := a.Apply(t.Context(), cmd, p); err == nil || fault.IsPermanent(err) {
		t.Fatal(err)
	}
	f.modify = nil
	f.own().IpPermissionsEgress = all() // as if it had ended before the group was tight
	if err := a.Apply(t.Context(), cmd, p); err != nil {
		t.Fatal(err)
	}
	if f.snapshots["c1"] != 1 || !slices.Equal(f.nics["eni-b"], []string{"sg-q"}) || len(f.own().IpPermissionsEgress) != 0 {
		t.Errorf("%v, %v, %+v", f.snapshots, f.nics, f.own())
	}
	f.modify = busy
	u := a.(consumers.Undoer)
	if err := u.Undo(t.Context(), cmd, p, false); err == nil || fault.IsPermanent(err) {
		t.Fatal(err)
	}
	f.modify = nil
	if err := u.Undo(t.Context(), cmd, p, false); err != nil || fmt.Sprint(f.view()) != fmt.Sprint(newFake().view()) {
		t.Errorf("%v, %v", err, f.nics)
	}
}

// Our own group is kept tight: one that somebody has opened is closed by the next command, and not opened again by its undo.
func TestOpened(t *testing.T) {
	f := newFake()
	a := New(Deps{EC2: f.in, Now: time.Now})
	first := actiontest.CarryOut(t, a, command(nil))
	f.own().IpPermissions = all()
	p := actiontest.CarryOut(t, a, command(nil))
	if p.Empty() || len(p.Calls) != 1 || p.Calls[0].Operation != "RevokeSecurityGroupIngress" || len(f.own().IpPermissions) != 0 {
		t.Errorf("%+v, %+v", p, f.own())
	}
	if _, err := a.Verify(t.Context(), command(nil), p); err != nil {
		t.Error(err)
	}
	f.own().IpPermissions = all()
	if err := a.(consumers.Undoer).Undo(t.Context(), command(nil), first, true); err != nil {
		t.Error(err)
	}
}

// An interface that was detached meanwhile: by force, the others are restored.
func TestDetached(t *testing.T) {
	f := newFake()
	a := New(Deps{EC2: f.in, Now: time.Now})
	p := actiontest.CarryOut(t, a, command(nil))
	delete(f.nics, "eni-a")
	u := a.(consumers.Undoer)
	if err := u.Undo(t.Context(), command(nil), p, false); !errors.Is(err, consumers.ErrChanged) {
		t.Error(err)
	}
	if err := u.Undo(t.Context(), command(nil), p, true); err != nil || !slices.Equal(f.nics["eni-b"], []string{"sg-1", "sg-2"}) {
		t.Errorf("%v, %v", err, f.nics)
	}
}

func TestPlan(t *testing.T) {
	for name, tt := range map[string]struct {
		with map[string]any
		edit func(*fake)
		want string // the error, or the summary
		ok   bool
	}{
		"terminated":        {nil, func(f *fake) { f.state = types.InstanceStateNameTerminated }, "is terminated", true},
		"no interface yet":  {nil, func(f *fake) { clear(f.nics) }, "no network interface", false},
		"two VPCs":          {nil, func(f *fake) { f.vpcs["eni-b"] = "vpc-2" }, "another VPC", false},
		"no such group":     {map[string]any{"group": "jail"}, func(*fake) {}, `no security group "jail" in vpc-1`, false},
		"a wildcard":        {map[string]any{"group": "*"}, func(*fake) {}, "with.group", false},
		"no group":          {map[string]any{"group": ""}, func(*fake) {}, "with.group", false},
		"unknown setting":   {map[string]any{"snapshot": true}, func(*fake) {}, "unknown field", false},
		"somebody's":        {nil, func(f *fake) { f.groups["sg-x"] = &types.SecurityGroup{GroupName: aws.String(ownGroup)} }, "give its id in with.group", false},
		"isolated in sg-f":  {map[string]any{"group": "sg-f"}, func(f *fake) { f.nics = map[string][]string{"eni-a": {"sg-f"}} }, "isolated already", true},
		"in more than sg-f": {map[string]any{"group": "sg-f"}, func(f *fake) { f.nics = map[string][]string{"eni-a": {"sg-f", "sg-1"}} }, "isolate instance", true},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake()
			tt.edit(f)
			p, err := New(Deps{EC2: f.in, Now: time.Now}).Plan(t.Context(), command(tt.with))
			if (err == nil) != tt.ok || !strings.Contains(p.Summary+fmt.Sprint(err), tt.want) {
				t.Errorf("%+v, %v", p, err)
			}
			if err != nil && fault.IsPermanent(err) == (name == "no interface yet") {
				t.Errorf("permanent is wrong: %v", err)
			}
		})
	}
}
