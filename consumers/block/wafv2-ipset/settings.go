package wafv2ipset

import (
	"fmt"
	"net/netip"

	"github.com/riposte-security/riposte/consumers/remediate/attribute"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

const (
	scopeRegional   = "REGIONAL"
	scopeCloudFront = "CLOUDFRONT"
)

type settings struct {
	IPSet     string            `json:"ip_set"`
	IPSetID   string            `json:"ip_set_id"`
	IPSetV6   string            `json:"ip_set_v6"`
	IPSetV6ID string            `json:"ip_set_v6_id"`
	Scope     string            `json:"scope"`
	Account   string            `json:"account"`
	Region    string            `json:"region"`
	Never     attribute.Strings `json:"never"`
}

// settingsOf reads the settings. region is where sets are for which they name none.
func settingsOf(cmd schemas.Command, region string) (settings, error) {
	s := settings{Scope: scopeRegional}
	if err := attribute.Settings(cmd, &s); err != nil {
		return s, err
	}
	switch s.Scope {
	case scopeRegional:
		if s.Region == "" {
			s.Region = region
		}
	case scopeCloudFront:
		if s.Region != "" && s.Region != cloud.RegionGlobal {
			return s, fault.Permanent(fmt.Errorf("with.region %q: the sets of CLOUDFRONT are in %s", s.Region, cloud.RegionGlobal))
		}
		s.Region = cloud.RegionGlobal
	default:
		return s, fault.Permanent(fmt.Errorf("with.scope %q: REGIONAL or CLOUDFRONT expected", s.Scope))
	}
	return s, nil
}

// A setRef names an IP set.
type setRef struct {
	Account string `json:"account,omitempty"`
	Region  string `json:"region,omitempty"`
	Scope   string `json:"scope"`
	Name    string `json:"name"`
	ID      string `json:"id"`
}

func (r setRef) String() string { return "IP set " + r.Name + " (" + r.Scope + ")" }

// set names the set for an address, by its family.
func (s settings) set(p netip.Prefix) (setRef, error) {
	r := setRef{Account: s.Account, Region: s.Region, Scope: s.Scope, Name: s.IPSet, ID: s.IPSetID}
	key := "ip_set"
	if p.Addr().Is6() {
		r.Name, r.ID, key = s.IPSetV6, s.IPSetV6ID, "ip_set_v6"
	}
	if r.Name == "" {
		return r, fault.Permanent(fmt.Errorf("with.%s: not set, and %s needs it", key, p))
	}
	return r, nil
}
