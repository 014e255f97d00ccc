// Package ec2isolate puts an instance into quarantine, and brings it back.
package ec2isolate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/remediate/attribute"
	"github.com/riposte-security/riposte/consumers/remediate/instance"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

const (
	within = 30 * time.Second
	// quarantine stands for the quarantine group among the groups of an interface: its id is not known before it is made.
	quarantine = "quarantine"
)

// API is what the action needs of EC2.
type API interface {
	instance.Describer
	ModifyNetworkInterfaceAttribute(context.Context, *ec2.ModifyNetworkInterfaceAttributeInput, ...func(*ec2.Options)) (*ec2.ModifyNetworkInterfaceAttributeOutput, error)
	groupAPI
	snapshotAPI
}

// Deps is what the action is made of.
type Deps struct {
	EC2 func(ctx context.Context, account, region string) (API, error)
	Now func() time.Time
}

// state is the groups of the instance's network interfaces.
type state struct {
	VPC        string `json:"vpc,omitempty"`
	Group      string `json:"group,omitempty"` // id of the quarantine group; empty where it is yet to be made
	Interfaces []nic  `json:"interfaces"`      // sorted by id
	// Snapshots are those taken for the command. They are no part of what is set and undone.
	Snapshots []string `json:"snapshots,omitempty"`
	// Open says that our own quarantine group lets something through. An undo does not restore that.
	Open bool `json:"open,omitempty"`
	Gone bool `json:"gone,omitempty"`

	found group // the quarantine group, while planning
}

type nic struct {
	ID     string   `json:"id"`
	Groups []string `json:"groups"` // ids, sorted; quarantine for that one
}

func (n nic) same(o nic) bool { return n.ID == o.ID && slices.Equal(n.Groups, o.Groups) }

// OnAWS makes the action with real clients.
func OnAWS(c *cloud.Clients, now func() time.Time) consumers.Action {
	return New(Deps{Now: now, EC2: func(ctx context.Context, account, region string) (API, error) { return c.EC2(ctx, account, region) }})
}

// New makes the action. Commands that put one instance into one quarantine group share their effect.
func New(d Deps) consumers.Action {
	i := &isolator{Deps: d}
	i.Action = attribute.New(attribute.Row[state]{
		Noun:  func(cmd schemas.Command) string { return "instance " + cmd.Target.ID },
		Read:  i.read,
		Want:  want,
		Write: i.write,
		Same: func(a, b state) bool {
			return slices.EqualFunc(a.Interfaces, b.Interfaces, nic.same) && a.Open == b.Open
		},
		Between: between,
		Revert:  revert,
		Now:     d.Now,
		Within:  within,
	})
	return i
}

type isolator struct {
	*attribute.Action[state]
	Deps
}

// Enforcer implements consumers.Sharer: it is the quarantine group.
func (i *isolator) Enforcer(cmd schemas.Command) string {
	s, err := settingsOf(cmd)
	if err != nil {
		return ""
	}
	return s.Group
}

func (i *isolator) read(ctx context.Context, cmd schemas.Command, like *state) (state, error) {
	set, err := settingsOf(cmd)
	if err != nil {
		return state{}, err
	}
	api, err := i.EC2(ctx, cmd.Target.Account, cmd.Target.Region)
	if err != nil {
		return state{}, err
	}
	in, err := instance.Find(ctx, api, cmd.Target.ID)
	if err != nil {
		return state{}, err
	}
	if instance.Gone(in) {
		if like != nil {
			return state{}, instance.ErrGone()
		}
		return state{Gone: true}, nil
	}
	s, err := interfaces(in, like)
	if err != nil {
		return s, err
	}
	if s.found, err = findGroup(ctx, api, s.VPC, set.Group); err != nil {
		return s, err
	}
	s.Group, s.Open = s.found.id, s.found.open()
	for n := range s.Interfaces {
		if s.Group != "" && slices.Equal(s.Interfaces[n].Groups, []string{s.Group}) {
			s.Interfaces[n].Groups = []string{quarantine}
		}
	}
	if set.Snapshots {
		s.Snapshots, err = snapshots(ctx, api, cmd)
	}
	return s, err
}

// interfaces reads the interfaces of an instance: all of them while planning, and then those that were planned for.
func interfaces(in types.Instance, like *state) (state, error) {
	s := state{VPC: aws.ToString(in.VpcId), Interfaces: []nic{}}
	for _, x := range in.NetworkInterfaces {
		n := nic{ID: aws.ToString(x.NetworkInterfaceId)}
		if like != nil && !slices.ContainsFunc(like.Interfaces, func(l nic) bool { return l.ID == n.ID }) {
			continue
		}
		if vpc := aws.ToString(x.VpcId); vpc != "" && vpc != s.VPC {
			return s, fault.Permanent(fmt.Errorf("its network interface %s is in another VPC (%s) than itself (%s)", n.ID, vpc, s.VPC))
		}
		for _, g := range x.Groups {
			n.Groups = append(n.Groups, aws.ToString(g.GroupId))
		}
		slices.Sort(n.Groups)
		s.Interfaces = append(s.Interfaces, n)
	}
	if len(s.Interfaces) == 0 && like == nil {
		return s, errors.New("no network interface of it is attached") // as yet, perhaps
	}
	slices.SortFunc(s.Interfaces, func(a, b nic) int { return strings.Compare(a.ID, b.ID) })
	return s, nil
}

func want(cmd schemas.Command, current state) (attribute.Change[state], error) {
	c := attribute.Change[state]{Before: current, After: current}
	set, err := settingsOf(cmd)
	if err != nil {
		return c, err
	}
	if current.Gone {
		c.Summary = "instance " + cmd.Target.ID + " is terminated"
		return c, nil
	}
	c.Before.Open, c.After.Open, c.After.Interfaces = false, false, nil
	var modify []schemas.Call
	name := current.Group
	if name == "" {
		name = "(the id of " + ownGroup + ")"
	}
	for _, n := range current.Interfaces {
		c.After.Interfaces = append(c.After.Interfaces, nic{n.ID, []string{quarantine}})
		if !slices.Equal(n.Groups, []string{quarantine}) {
			modify = append(modify, schemas.Call{Service: "ec2", Operation: "ModifyNetworkInterfaceAttribute", Params: map[string]any{
				"NetworkInterfaceId": n.ID, "Groups": []string{name},
			}})
		}
	}
	tighten := current.found.calls(current.VPC)
	if len(modify) == 0 && len(tighten) == 0 {
		c.Summary = "instance " + cmd.Target.ID + " is isolated already, in " + current.Group
		return c, nil
	}
	c.Summary = fmt.Sprintf("isolate instance %s in security group %s%s", cmd.Target.ID, set.Group, attribute.Lasting(cmd))
	if set.Snapshots && len(current.Snapshots) == 0 {
		c.Summary += ", after snapshots of its volumes"
		c.Calls = append(c.Calls, snapshotCall(cmd))
	}
	c.Calls = slices.Concat(c.Calls, tighten, modify)
	return c, nil
}

// between: EC2 takes the groups of one interface at a time.
func between(current, before, after state) bool {
	if len(current.Interfaces) != len(before.Interfaces) || len(current.Interfaces) != len(after.Interfaces) {
		return false
	}
	for i, n := range current.Interfaces {
		if !n.same(before.Interfaces[i]) && !n.same(after.Interfaces[i]) {
			return false
		}
	}
	return true
}

// revert restores the interfaces that are still there.
func revert(current, before, _ state) state {
	to := current
	to.Interfaces = slices.DeleteFunc(slices.Clone(before.Interfaces), func(n nic) bool {
		return !slices.ContainsFunc(current.Interfaces, func(c nic) bool { return c.ID == n.ID })
	})
	return to
}

// write takes snapshots and sees to the group where somebody is to go into it, and then moves one interface after the other.
func (i *isolator) write(ctx context.Context, cmd schemas.Command, from, to state) error {
	set, err := settingsOf(cmd)
	if err != nil {
		return err
	}
	api, err := i.EC2(ctx, cmd.Target.Account, cmd.Target.Region)
	if err != nil {
		return err
	}
	id := from.Group
	if slices.ContainsFunc(to.Interfaces, func(n nic) bool { return slices.Contains(n.Groups, quarantine) }) {
		if set.Snapshots && len(from.Snapshots) == 0 {
			if err := takeSnapshots(ctx, api, cmd); err != nil {
				return err
			}
		}
		if id, err = ensureGroup(ctx, api, from.VPC, set.Group); err != nil {
			return err
		}
	}
	for n, nic := range to.Interfaces {
		if n < len(from.Interfaces) && from.Interfaces[n].same(nic) {
			continue
		}
		groups := slices.Clone(nic.Groups)
		for k := range groups {
			if groups[k] == quarantine {
				groups[k] = id
			}
		}
		if _, err := api.ModifyNetworkInterfaceAttribute(ctx, &ec2.ModifyNetworkInterfaceAttributeInput{NetworkInterfaceId: aws.String(nic.ID), Groups: groups}); err != nil {
			return fmt.Errorf("network interface %s: %w", nic.ID, cloud.Classify(err))
		}
	}
	return nil
}
