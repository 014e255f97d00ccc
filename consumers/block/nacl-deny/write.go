package nacldeny

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/riposte-security/riposte/consumers/block/address"
	"github.com/riposte-security/riposte/consumers/block/batch"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// write makes one ACL after the other deny the address or no more. Within a process one goes at a time, so that two do not choose the same number; EC2
// keeps those of other processes from it.
func (x *denier) write(ctx context.Context, cmd schemas.Command, from, to state) error {
	p, err := address.Of(cmd)
	if err != nil {
		return err
	}
	s, err := settingsOf(cmd, x.Region)
	if err != nil {
		return err
	}
	api, err := x.EC2(ctx, s.Account, s.Region)
	if err != nil {
		return err
	}
	release, err := x.turn.Take(ctx)
	if err != nil {
		return err
	}
	defer release()
	for i, place := range to.ACLs {
		if i < len(from.ACLs) && from.ACLs[i].ID == place.ID && from.ACLs[i].Denied == place.Denied {
			continue
		}
		if err := change(ctx, api, s, place, p); err != nil {
			return fmt.Errorf("network ACL %s: %w", place.ID, err)
		}
	}
	return nil
}

// change adds the entry, or removes it, again when somebody else took the number.
func change(ctx context.Context, api API, s settings, to place, p netip.Prefix) error {
	taken := func(err error) bool { return errors.Is(err, errTaken) }
	return batch.Retry(ctx, taken, func() error {
		found, err := planned(ctx, api, s, []place{to})
		if err != nil {
			return err
		}
		return changeOnce(ctx, api, s, found[0], to, p)
	})
}

// errTaken says that somebody else changed the entries at the same time.
const errTaken = takenError("somebody else took the rule number at the same time")

type takenError string

func (e takenError) Error() string { return string(e) }

func changeOnce(ctx context.Context, api API, s settings, a acl, to place, p netip.Prefix) error {
	if !to.Denied {
		for _, n := range a.ours(p, s) {
			_, err := api.DeleteNetworkAclEntry(ctx, &ec2.DeleteNetworkAclEntryInput{NetworkAclId: &a.id, RuleNumber: &n, Egress: aws.Bool(s.egress())})
			if err != nil && !cloud.Missing(err) {
				return cloud.Classify(err)
			}
		}
		return nil
	}
	if a.denies(p) != 0 {
		return nil
	}
	n, err := a.free(p, s)
	if err != nil {
		return err
	}
	in := &ec2.CreateNetworkAclEntryInput{NetworkAclId: &a.id, RuleNumber: &n, Protocol: aws.String("-1"), RuleAction: types.RuleActionDeny, Egress: aws.Bool(s.egress())}
	if text := p.String(); p.Addr().Is6() {
		in.Ipv6CidrBlock = &text
	} else {
		in.CidrBlock = &text
	}
	_, err = api.CreateNetworkAclEntry(ctx, in)
	switch cloud.Code(err) {
	case "NetworkAclEntryAlreadyExists":
		return errTaken
	case "NetworkAclEntryLimitExceeded", "NetworkAclLimitExceeded":
		return fault.Permanent(fmt.Errorf("full: %w", cloud.Classify(err)))
	}
	return cloud.Classify(err)
}
