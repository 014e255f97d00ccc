package nacldeny

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/actiontest"
	"github.com/riposte-security/riposte/consumers/block/batch"
	"github.com/riposte-security/riposte/internal/cloud/cloudtest"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// fake is the network ACLs acl-1 and acl-2 of vpc-1, used by subnet-1 and subnet-2, and acl-3 of vpc-1, used by none.
type fake struct {
	mu      sync.Mutex
	acls    map[string]map[string]types.NetworkAclEntry // by ACL, direction and number
	reads   int
	creates int
	foreign int           // this many creations are overtaken by another writer
	delay   time.Duration // a creation takes
	err     error         // that creations end in
}

func key(egress bool, n int32) string { return fmt.Sprintf("%v %05d", egress, n) }

func (f *fake) put(acl string, egress bool, n int32, action types.RuleAction, cidr string) {
	e := types.NetworkAclEntry{Egress: &egress, RuleNumber: &n, RuleAction: action, Protocol: aws.String("-1"), CidrBlock: &cidr}
	if strings.Contains(cidr, ":") {
		e.CidrBlock, e.Ipv6CidrBlock = nil, &cidr
	}
	f.acls[acl][key(egress, n)] = e
}

func newFake() *fake {
	f := &fake{acls: map[string]map[string]types.NetworkAclEntry{}}
	for _, acl := range []string{"acl-1", "acl-2", "acl-3"} {
		f.acls[acl] = map[string]types.NetworkAclEntry{}
		for _, egress := range []bool{false, true} {
			f.put(acl, egress, 100, "allow", "0.0.0.0/0")
			f.put(acl, egress, 101, "allow", "::/0")
			f.put(acl, egress, 32767, "deny", "0.0.0.0/0")
			f.put(acl, egress, 32768, "deny", "::/0")
		}
	}
	f.put("acl-1", false, 1, "deny", "198.51.100.0/24")
	return f
}

func (f *fake) in(context.Context, string, string) (API, error) { return f, nil }

func (f *fake) DescribeNetworkAcls(_ context.Context, in *ec2.DescribeNetworkAclsInput, _ ...func(*ec2.Options)) (*ec2.DescribeNetworkAclsOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reads++
	out := &ec2.DescribeNetworkAclsOutput{}
	for _, id := range in.NetworkAclIds {
		if f.acls[id] == nil {
			return nil, cloudtest.Error("EC2", "DescribeNetworkAcls", "InvalidNetworkAclID.NotFound", 400)
		}
	}
	for id, entries := range f.acls {
		subnet := map[string]string{"acl-1": "subnet-1", "acl-2": "subnet-2"}[id]
		fits := len(in.NetworkAclIds) == 0 || slices.Contains(in.NetworkAclIds, id)
		for _, filter := range in.Filters {
			has := map[string]string{"vpc-id": "vpc-1", "association.subnet-id": subnet}[*filter.Name]
			fits = fits && (slices.Contains(filter.Values, has))
		}
		if fits {
			a := types.NetworkAcl{NetworkAclId: &id, Entries: slices.Collect(maps.Values(entries))}
			if subnet != "" {
				a.Associations = []types.NetworkAclAssociation{{SubnetId: &subnet}}
			}
			out.NetworkAcls = append(out.NetworkAcls, a)
		}
	}
	return out, nil
}

func (f *fake) CreateNetworkAclEntry(ctx context.Context, in *ec2.CreateNetworkAclEntryInput, _ ...func(*ec2.Options)) (*ec2.CreateNetworkAclEntryOutput, error) {
	if f.delay > 0 {
		select {
		case <-time.After(f.delay):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.creates++
	if f.err != nil {
		return nil, f.err
	}
	if f.foreign > 0 {
		f.put(*in.NetworkAclId, *in.Egress, *in.RuleNumber, "deny", fmt.Sprintf("192.0.2.%d/32", f.foreign))
		f.foreign--
	}
	k := key(*in.Egress, *in.RuleNumber)
	if _, taken := f.acls[*in.NetworkAclId][k]; taken {
		return nil, cloudtest.Error("EC2", "CreateNetworkAclEntry", "NetworkAclEntryAlreadyExists", 400)
	}
	f.put(*in.NetworkAclId, *in.Egress, *in.RuleNumber, in.RuleAction, aws.ToString(in.CidrBlock)+aws.ToString(in.Ipv6CidrBlock))
	return &ec2.CreateNetworkAclEntryOutput{}, nil
}

func (f *fake) DeleteNetworkAclEntry(_ context.Context, in *ec2.DeleteNetworkAclEntryInput, _ ...func(*ec2.Options)) (*ec2.DeleteNetworkAclEntryOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	k := key(*in.Egress, *in.RuleNumber)
	if _, ok := f.acls[*in.NetworkAclId][k]; !ok {
		return nil, cloudtest.Error("EC2", "DeleteNetworkAclEntry", "InvalidNetworkAclEntry.NotFound", 400)
	}
	delete(f.acls[*in.NetworkAclId], k)
	return &ec2.DeleteNetworkAclEntryOutput{}, nil
}

// view is the entries of all ACLs, one a line.
func (f *fake) view() any {
	f.mu.Lock()
	defer f.mu.Unlock()
	var lines []string
	for id, entries := range f.acls {
		for k, e := range entries {
			lines = append(lines, fmt.Sprint(id, " ", k, " ", e.RuleAction, " ", aws.ToString(e.CidrBlock), aws.ToString(e.Ipv6CidrBlock), " ", *e.Protocol))
		}
	}
	slices.Sort(lines)
	return lines
}

func deny(address string, with map[string]any) schemas.Command {
	if with == nil {
		with = map[string]any{"network_acl": "acl-1"}
	}
	return schemas.Command{ID: address, Target: schemas.Target{Type: "ip", ID: address}, With: with, For: schemas.Duration(time.Hour)}
}

func TestContract(t *testing.T) {
	for name, cmd := range map[string]schemas.Command{
		"an address":   deny("203.0.113.7", nil),
		"a range":      deny("203.0.113.0/24", map[string]any{"subnet": "subnet-1"}),
		"IPv6":         deny("2001:db8::7", nil),
		"outbound":     deny("203.0.113.7", map[string]any{"network_acl": "acl-1", "direction": "outbound"}),
		"a whole VPC":  deny("203.0.113.7", map[string]any{"vpc": "vpc-1"}),
		"other number": deny("203.0.113.7", map[string]any{"network_acl": "acl-1", "first": 40, "last": 60}),
	} {
		t.Run(name, func(t *testing.T) {
			actiontest.Run(t, func(*testing.T) actiontest.Subject {
				f := newFake()
				return actiontest.Subject{Action: New(Deps{EC2: f.in, Now: time.Now}), Command: cmd, State: f.view}
			})
		})
	}
}

// Which number, or why none.
func TestNumber(t *testing.T) {
	for name, tt := range map[string]struct {
		with   map[string]any
		target string
		edit   func(*fake)
		want   string // of the first call, or part of the error or summary
	}{
		"the lowest free one":              {nil, "203.0.113.7", func(*fake) {}, "2"},
		"after a gap":                      {nil, "203.0.113.7", func(f *fake) { f.put("acl-1", false, 3, "deny", "192.0.2.0/24") }, "2"},
		"outbound numbers are others":      {map[string]any{"network_acl": "acl-1", "direction": "outbound"}, "203.0.113.7", func(*fake) {}, "1"},
		"from the range":                   {map[string]any{"network_acl": "acl-1", "first": 40}, "203.0.113.7", func(*fake) {}, "40"},
		"below what would let it through":  {map[string]any{"network_acl": "acl-1", "first": 40}, "203.0.113.7", func(f *fake) { f.put("acl-1", false, 40, "allow", "203.0.0.0/16") }, "before number 40"},
		"not below what is none of it":     {map[string]any{"network_acl": "acl-1", "first": 40}, "203.0.113.7", func(f *fake) { f.put("acl-1", false, 40, "allow", "198.51.100.0/24") }, "41"},
		"the range is used up":             {map[string]any{"network_acl": "acl-1", "last": 1}, "203.0.113.7", func(*fake) {}, "no free rule number from 1 to 1"},
		"denied already":                   {nil, "198.51.100.0/24", func(*fake) {}, "denied inbound by acl-1 already"},
		"denied too late":                  {nil, "203.0.113.7", func(f *fake) { f.put("acl-1", false, 200, "deny", "203.0.113.7/32") }, "2"},
		"denied outside of the range":      {map[string]any{"network_acl": "acl-1", "first": 40}, "198.51.100.0/24", func(*fake) {}, "already"},
		"full, AWS's own entries included": {map[string]any{"network_acl": "acl-1", "quota": 5}, "203.0.113.7", func(*fake) {}, "is full: it has 5 inbound entries"},
		"not yet full":                     {map[string]any{"network_acl": "acl-1", "quota": 6}, "203.0.113.7", func(*fake) {}, "2"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake()
			tt.edit(f)
			p, err := New(Deps{EC2: f.in, Now: time.Now}).Plan(t.Context(), deny(tt.target, tt.with))
			got := p.Summary
			if err != nil {
				got = err.Error()
				if !fault.IsPermanent(err) {
					t.Errorf("not permanent: %v", err)
				}
			} else if len(p.Calls) > 0 {
				got = fmt.Sprint(p.Calls[0].Params["RuleNumber"])
			}
			if got != tt.want && (len(tt.want) < 3 || !strings.Contains(got, tt.want)) {
				t.Errorf("%s", got)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	for name, cmd := range map[string]schemas.Command{
		"refused: 10.0.0.1":                    deny("10.0.0.1", nil),
		"refused: 203.0.113.7":                 deny("203.0.113.7", map[string]any{"network_acl": "acl-1", "never": "203.0.113.0/24"}),
		"one of network_acl":                   deny("203.0.113.7", map[string]any{"never": "203.0.113.0/24"}),
		"subnet and vpc":                       deny("203.0.113.7", map[string]any{"subnet": "subnet-1", "vpc": "vpc-1"}),
		"acl-…":                                deny("203.0.113.7", map[string]any{"network_acl": "subnet-1"}),
		"subnet-…":                             deny("203.0.113.7", map[string]any{"subnet": "subnet-*"}),
		"there is no network ACL for subnet-9": deny("203.0.113.7", map[string]any{"subnet": "subnet-9"}),
		"InvalidNetworkAclID.NotFound":         deny("203.0.113.7", map[string]any{"network_acl": "acl-9"}),
		"with.direction":                       deny("203.0.113.7", map[string]any{"network_acl": "acl-1", "direction": "ingress"}),
		"with.first":                           deny("203.0.113.7", map[string]any{"network_acl": "acl-1", "first": 50, "last": 49}),
		"with.quota":                           deny("203.0.113.7", map[string]any{"network_acl": "acl-1", "quota": 41}),
		"unknown field":                        deny("203.0.113.7", map[string]any{"network_acl": "acl-1", "number": 4}),
		"not an IP":                            deny("evil.example", nil),
		"wider than /16":                       deny("8.0.0.0/8", nil),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := New(Deps{EC2: newFake().in, Now: time.Now}).Plan(t.Context(), cmd); !fault.IsPermanent(err) || !strings.Contains(err.Error(), name) {
				t.Errorf("%v", err)
			}
		})
	}
	for code, permanent := range map[string]bool{"UnauthorizedOperation": true, "NetworkAclEntryLimitExceeded": true, "RequestLimitExceeded": false} {
		f := newFake()
		a := New(Deps{EC2: f.in, Now: time.Now})
		p, err := a.Plan(t.Context(), deny("203.0.113.7", nil))
		if err != nil {
			t.Fatal(err)
		}
		f.err = cloudtest.Error("EC2", "CreateNetworkAclEntry", code, 400)
		if err := a.Apply(t.Context(), deny("203.0.113.7", nil), p); err == nil || fault.IsPermanent(err) != permanent {
			t.Errorf("%s: %v", code, err)
		}
	}
}

// Other processes take the numbers that we choose: each entry ends up there, at another number, and undo finds it. It does not go on for ever.
func TestRace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		before := fmt.Sprint(f.view())
		a, cmd := New(Deps{EC2: f.in, Now: time.Now}), deny("203.0.113.7", nil)
		f.foreign = batch.Tries - 1
		p := actiontest.CarryOut(t, a, cmd)
		if _, err := a.Verify(t.Context(), cmd, p); err != nil {
			t.Error(err)
		}
		if err := a.(consumers.Undoer).Undo(t.Context(), cmd, p, false); err != nil {
			t.Fatal(err)
		}
		if got := f.view().([]string); len(got) != len(newFake().view().([]string))+batch.Tries-1 || strings.Contains(fmt.Sprint(got), "203.0.113.7") || fmt.Sprint(got) == before {
			t.Errorf("%v", got)
		}
		f = newFake()
		a = New(Deps{EC2: f.in, Now: time.Now})
		p, err := a.Plan(t.Context(), cmd)
		if err != nil {
			t.Fatal(err)
		}
		f.foreign = batch.Tries
		if err := a.Apply(t.Context(), cmd, p); err == nil || fault.IsPermanent(err) {
			t.Errorf("%v", err)
		}
	})
}

// Many at once: none is lost, and nobody who gives up waiting leaves an entry behind.
func TestStorm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.delay = time.Second
		a := New(Deps{EC2: f.in, Now: time.Now})
		var wg sync.WaitGroup
		for i := range 15 {
			cmd := deny(fmt.Sprintf("203.0.113.%d", i), nil)
			p, err := a.Plan(t.Context(), cmd)
			if err != nil {
				t.Fatal(err)
			}
			wg.Go(func() {
				if err := a.Apply(t.Context(), cmd, p); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		cmd := deny("203.0.113.99", nil)
		p, err := a.Plan(t.Context(), cmd)
		if err == nil {
			err = a.Apply(ctx, cmd, p)
		}
		if err == nil {
			t.Error("the hasty one did not give up")
		}
		wg.Wait()
		if f.creates != 15 || len(f.acls["acl-1"]) != 9+15 || strings.Contains(fmt.Sprint(f.view()), "203.0.113.99") {
			t.Errorf("%d creations: %v", f.creates, f.view())
		}
	})
}

func TestInspect(t *testing.T) {
	f := newFake()
	f.put("acl-1", false, 2, "deny", "203.0.113.7/32")
	f.put("acl-2", false, 2, "deny", "203.0.113.7/32")
	f.put("acl-2", false, 3, "deny", "203.0.113.8/32")
	f.put("acl-2", false, 98, "deny", "203.0.113.9/32")
	f.put("acl-1", false, 98, "deny", "203.0.113.9/32")
	f.put("acl-2", false, 97, "allow", "203.0.113.0/24") // so that 98 comes too late
	f.put("acl-2", false, 150, "deny", "192.0.2.0/24")   // not in our range
	f.put("acl-1", true, 5, "deny", "192.0.2.7/32")      // another direction
	a := New(Deps{EC2: f.in, Now: time.Now}).(consumers.Inspector)
	with := map[string]any{"vpc": "vpc-1"}
	cmds := []schemas.Command{deny("203.0.113.7", with), deny("203.0.113.8", with), deny("203.0.113.9", with)}
	f.reads = 0
	missing, others, err := a.Inspect(t.Context(), cmds)
	if err != nil || !slices.Equal(missing, []string{"203.0.113.8", "203.0.113.9"}) || !slices.Equal(others, []string{"198.51.100.0/24"}) || f.reads != 1 {
		t.Errorf("%v, %v, %v; %d reads", missing, others, err, f.reads)
	}
	if _, _, err := a.Inspect(t.Context(), []schemas.Command{deny("203.0.113.7", map[string]any{"vpc": "vpc-2"})}); !fault.IsPermanent(err) {
		t.Errorf("%v", err)
	}
	if _, _, err := a.Inspect(t.Context(), nil); !fault.IsPermanent(err) {
		t.Errorf("%v", err)
	}
}

// An ACL that is gone denies nobody, and what is left of the plan is undone all the same.
func TestGone(t *testing.T) {
	f := newFake()
	a, cmd := New(Deps{EC2: f.in, Now: time.Now}), deny("203.0.113.7", map[string]any{"vpc": "vpc-1"})
	p := actiontest.CarryOut(t, a, cmd)
	delete(f.acls, "acl-1")
	if err := a.(consumers.Undoer).Undo(t.Context(), cmd, p, false); err != nil || strings.Contains(fmt.Sprint(f.view()), "203.0.113.7") {
		t.Errorf("%v: %v", err, f.view())
	}
}

func TestEnforcer(t *testing.T) {
	a := New(Deps{EC2: newFake().in, Now: time.Now, Region: "eu-west-1"}).(consumers.Sharer)
	one := a.Enforcer(deny("203.0.113.7", nil))
	same := a.Enforcer(deny("2001:db8::7", map[string]any{"network_acl": "acl-1", "region": "eu-west-1", "never": "192.0.2.1", "first": 7}))
	other := a.Enforcer(deny("203.0.113.7", map[string]any{"network_acl": "acl-1", "direction": "outbound"}))
	if one == "" || one != same || one == other {
		t.Errorf("%q, %q, %q", one, same, other)
	}
}
