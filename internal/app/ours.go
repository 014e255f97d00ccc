package app

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/block/address"
	"github.com/riposte-security/riposte/consumers/guard"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/cloud/own"
	"github.com/riposte-security/riposte/schemas"
)

// ours tells the consumers what is our own in AWS: addresses and identities that are never touched, and calls that an event tells of. What it returns
// keeps the lists of addresses young while blocks are carried out.
func (s *stack) ours(d *consumers.Deps, blocks bool) (stage, error) {
	addresses := own.New(s.clients, s.log)
	if err := s.reg.Register(addresses.Collector()); err != nil {
		return nil, fmt.Errorf("metrics of own addresses: %w", err)
	}
	principals := own.NewPrincipals(s.clients)
	d.Never = guard.Never{
		Range: func(p netip.Prefix) error { return address.Refuse(p, nil) },
		ARNs:  cloud.ARNs, Tags: s.clients.Tags, Account: s.clients.Account, Principals: principals.Lookup,
		Own: func(ctx context.Context, p netip.Prefix, _ schemas.Command) (string, bool, error) {
			return addresses.Lookup(ctx, "", "", p)
		},
	}
	d.Ours = func(ctx context.Context, event []byte) (string, bool, error) {
		cause, ok := cloud.CauseOf(event)
		if !ok {
			return "", false, nil
		}
		_, ok, err := principals.Lookup(ctx, cause.Account, cause.Actor) // a mark in a User-Agent is everybody's to set
		return cause.Command, ok, err
	}
	if !blocks {
		return func(context.Context) error { return nil }, nil
	}
	return func(ctx context.Context) error {
		addresses.Run(ctx)
		return nil
	}, nil
}
