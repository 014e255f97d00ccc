package nacldeny

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/riposte-security/riposte/consumers/block/address"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// Inspect implements consumers.Inspector. It reads the network ACLs once. An entry is another's if it denies an address by a number of our range;
// what is outside of the range belongs to the administrators of the ACL.
func (x *denier) Inspect(ctx context.Context, cmds []schemas.Command) (missing, others []string, err error) {
	if len(cmds) == 0 {
		return nil, nil, fault.Permanent(errors.New("no command to inspect a network ACL for"))
	}
	s, err := settingsOf(cmds[0], x.Region)
	if err != nil {
		return nil, nil, err
	}
	api, err := x.EC2(ctx, s.Account, s.Region)
	if err != nil {
		return nil, nil, err
	}
	found, err := find(ctx, api, s)
	if err != nil {
		return nil, nil, fmt.Errorf("network ACL of %s: %w", s.scope(), err)
	}
	lacking := map[string]bool{}
	for _, a := range found {
		var held []string
		for _, e := range a.entries {
			if !e.allow && e.all && e.prefix.IsValid() && s.First <= e.number && e.number <= s.Last {
				held = append(held, e.prefix.String())
			}
		}
		_, theirs, err := address.Compare(cmds, held)
		if err != nil {
			return nil, nil, err
		}
		others = append(others, theirs...)
		for _, cmd := range cmds { // an entry may be outside of the range, or come too late to be of use
			if p, err := address.Of(cmd); err == nil && a.denies(p) == 0 {
				lacking[cmd.ID] = true
			}
		}
	}
	for _, cmd := range cmds {
		if lacking[cmd.ID] {
			missing = append(missing, cmd.ID)
		}
	}
	slices.Sort(others)
	return missing, slices.Compact(others), nil
}
