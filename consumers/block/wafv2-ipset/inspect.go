package wafv2ipset

import (
	"context"
	"errors"
	"fmt"

	"github.com/riposte-security/riposte/consumers/block/address"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// Inspect implements consumers.Inspector. It reads the set once, with one GetIPSet. A set that does not exist is a permanent error: there is nothing to
// put back into.
func (b *blocker) Inspect(ctx context.Context, cmds []schemas.Command) (missing, others []string, err error) {
	if len(cmds) == 0 {
		return nil, nil, fault.Permanent(errors.New("no command to inspect an IP set for"))
	}
	r, err := b.refOf(cmds[0])
	if err != nil {
		return nil, nil, err
	}
	held, err := b.addresses(ctx, r)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", r, err)
	}
	return address.Compare(cmds, held)
}

// refOf names the set of a command, without asking anybody.
func (b *blocker) refOf(cmd schemas.Command) (setRef, error) {
	p, err := address.Of(cmd)
	if err != nil {
		return setRef{}, err
	}
	s, err := settingsOf(cmd, b.Region)
	if err != nil {
		return setRef{}, err
	}
	return s.set(p)
}

// addresses reads what a set holds, as it is spelt there.
func (b *blocker) addresses(ctx context.Context, named setRef) ([]string, error) {
	r, err := b.identify(ctx, named)
	if err != nil {
		return nil, err
	}
	api, err := b.WAF(ctx, r.Account, r.Region)
	if err != nil {
		return nil, err
	}
	out, err := get(ctx, api, r)
	if cloud.Missing(err) && named.ID == "" { // made anew, perhaps: under its name, with another id
		b.forget(r)
		if r, err = b.identify(ctx, named); err == nil {
			out, err = get(ctx, api, r)
		}
	}
	if err != nil {
		return nil, err
	}
	return out.IPSet.Addresses, nil
}
