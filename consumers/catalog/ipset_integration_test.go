//go:build integration

package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/wafv2"
	waftypes "github.com/aws/aws-sdk-go-v2/service/wafv2/types"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

func ipSet(t *testing.T, endpoint string) {
	c := clients(t, endpoint, cloud.Config{})
	for _, scope := range []waftypes.Scope{waftypes.ScopeRegional, waftypes.ScopeCloudfront} {
		t.Run(string(scope), func(t *testing.T) {
			in := region
			if scope == waftypes.ScopeCloudfront {
				in = cloud.RegionGlobal
			}
			api := must(c.WAFV2(t.Context(), "", in))(t)
			v4, v6 := unique("v4"), unique("v6")
			set := func(name string, family waftypes.IPAddressVersion, addresses ...string) func() []string {
				s := must(api.CreateIPSet(t.Context(), &wafv2.CreateIPSetInput{Name: &name, Scope: scope, IPAddressVersion: family, Addresses: append([]string{}, addresses...)}))(t).Summary
				return func() []string {
					return must(api.GetIPSet(t.Context(), &wafv2.GetIPSetInput{Name: &name, Id: s.Id, Scope: scope}))(t).IPSet.Addresses
				}
			}
			four := set(v4, waftypes.IPAddressVersionIpv4, "198.51.100.0/24")
			six := set(v6, waftypes.IPAddressVersionIpv6)
			with := map[string]any{"ip_set": v4, "ip_set_v6": v6, "scope": string(scope)}
			a, b := start(t, c, "wafv2-ipset", "203.0.113.7", "", with), start(t, c, "wafv2-ipset", "2001:DB8::7", "", with)
			pa, pb := a.carryOut(), b.carryOut()
			if !slices.Contains(four(), "203.0.113.7/32") || len(four()) != 2 || !slices.Equal(six(), []string{"2001:db8::7/128"}) {
				t.Errorf("sets hold %v and %v", four(), six())
			}
			absent := a.cmd
			absent.ID, absent.Target.ID = "absent", "203.0.113.8"
			missing, others, err := a.action.(consumers.Inspector).Inspect(t.Context(), []schemas.Command{a.cmd, absent})
			if err != nil || !slices.Equal(missing, []string{"absent"}) || !slices.Equal(others, []string{"198.51.100.0/24"}) {
				t.Errorf("inspected: %v, %v, %v", missing, others, err)
			}
			if err := errors.Join(a.undo(pa, false), b.undo(pb, false)); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(four(), []string{"198.51.100.0/24"}) || len(six()) != 0 {
				t.Errorf("after undo, sets hold %v and %v", four(), six())
			}
			wrong := start(t, c, "wafv2-ipset", "203.0.113.7", "", map[string]any{"ip_set": v6, "scope": string(scope)})
			if _, err := wrong.action.Plan(t.Context(), wrong.cmd); !fault.IsPermanent(err) {
				t.Errorf("an IPv4 address for an IPv6 set: %v", err)
			}
		})
	}
}

// ipSetWriters has many blocks on one set from two actions, as in two processes: none may be lost.
func ipSetWriters(t *testing.T, endpoint string) {
	c := clients(t, endpoint, cloud.Config{})
	api := must(c.WAFV2(t.Context(), "", ""))(t)
	name := unique("busy")
	s := must(api.CreateIPSet(t.Context(), &wafv2.CreateIPSetInput{Name: &name, Scope: waftypes.ScopeRegional, IPAddressVersion: waftypes.IPAddressVersionIpv4, Addresses: []string{}}))(t).Summary
	const n = 40
	one := start(t, c, "wafv2-ipset", "203.0.113.1", "", map[string]any{"ip_set": name})
	two := start(t, c, "wafv2-ipset", "203.0.113.1", "", map[string]any{"ip_set": name})
	atOnce(t, n, one, two)
	out := must(api.GetIPSet(t.Context(), &wafv2.GetIPSetInput{Name: &name, Id: s.Id, Scope: waftypes.ScopeRegional}))(t)
	if len(out.IPSet.Addresses) != n {
		t.Errorf("the set holds %d addresses, not %d", len(out.IPSet.Addresses), n)
	}
}

// atOnce has two actions, as in two processes, carry out commands for n addresses at the same time, in turn one and the other.
func atOnce(t *testing.T, n int, one, two *run) {
	t.Helper()
	errs := make(chan error)
	for i := range n {
		r := *one
		if i%2 == 1 {
			r = *two
		}
		r.cmd.Target.ID = fmt.Sprintf("203.0.113.%d", i+1)
		go func() {
			p, err := r.action.Plan(context.WithoutCancel(t.Context()), r.cmd)
			if err == nil {
				err = r.action.Apply(context.WithoutCancel(t.Context()), r.cmd, p)
			}
			errs <- err
		}()
	}
	for range n {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}
