package guard_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/riposte-security/riposte/consumers/block/address"
	"github.com/riposte-security/riposte/consumers/guard"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

func target(kind, id string) schemas.Target {
	t := schemas.Target{Type: kind, ID: id}
	if kind != "ip" {
		t.Account, t.Region = "111122223333", "eu-west-1"
	}
	return t
}

func command(lane schemas.Lane, t schemas.Target) schemas.Command {
	return schemas.Command{ID: strings.Repeat("ab", 16), Rule: "a-rule", Lane: lane, Action: "act", Target: t, Event: []byte(`{}`)}
}

func TestNever(t *testing.T) {
	t.Parallel()
	const role = "arn:aws:iam::111122223333:role/team/break-glass"
	for _, c := range []struct {
		name   string
		entry  guard.Entry
		target schemas.Target
		hit    bool
	}{
		{"an address", guard.Entry{CIDR: "198.51.100.7"}, target("ip", "198.51.100.7"), true},
		{"an address in a range", guard.Entry{CIDR: "198.51.100.0/24"}, target("ip", "198.51.100.7"), true},
		{"a range that contains the address", guard.Entry{CIDR: "198.51.100.7"}, target("ip", "198.51.100.0/24"), true},
		{"a range beside it", guard.Entry{CIDR: "198.51.100.7"}, target("ip", "198.51.101.0/24"), false},
		{"IPv6", guard.Entry{CIDR: "2001:db8::/32"}, target("ip", "2001:db8:1::/48"), true},
		{"a CIDR is about addresses", guard.Entry{CIDR: "198.51.100.7"}, target("s3-bucket", "logs"), false},
		{"an account", guard.Entry{Account: "111122223333"}, target("s3-bucket", "logs"), true},
		{"another account", guard.Entry{Account: "444455556666"}, target("s3-bucket", "logs"), false},
		{"the account of an ARN", guard.Entry{Account: "111122223333"}, schemas.Target{Type: "iam-role", ID: role}, true},
		{"an ARN", guard.Entry{ARN: role}, target("iam-role", role), true},
		{"an ARN with a star", guard.Entry{ARN: "arn:aws:iam::*:role/*"}, target("iam-role", role), true},
		{"another ARN", guard.Entry{ARN: "arn:aws:iam::*:user/*"}, target("iam-role", role), false},
		{"a name", guard.Entry{Name: "prod-*"}, target("s3-bucket", "prod-invoices"), true},
		{"the last part of an ARN", guard.Entry{Name: "break-glass"}, target("iam-role", role), true},
		{"a name of another kind", guard.Entry{Name: "prod-*", Type: "ec2-instance"}, target("s3-bucket", "prod-invoices"), false},
		{"a tag", guard.Entry{Tag: "riposte=never"}, target("ec2-instance", "i-0123"), true},
		{"a tag by its key", guard.Entry{Tag: "ripost?"}, target("ec2-instance", "i-0123"), true},
		{"a tag with another value", guard.Entry{Tag: "riposte=always"}, target("ec2-instance", "i-0123"), false},
		{"addresses have no tags", guard.Entry{Tag: "riposte=never"}, target("ip", "198.51.100.7"), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.entry.Reason = "hands off"
			if err := c.entry.Validate(); err != nil {
				t.Fatal(err)
			}
			g := guard.Never{Entries: []guard.Entry{{Name: "nothing-at-all"}, c.entry}, Tags: func(context.Context, schemas.Target) (map[string]string, error) {
				return map[string]string{"riposte": "never"}, nil
			}}
			for _, lane := range schemas.Lanes() {
				v, err := g.Check(t.Context(), guard.Case{Command: command(lane, c.target)})
				if err != nil {
					t.Fatal(err)
				}
				if want := c.hit && lane != schemas.LaneAlert; want != (v.State == schemas.StateRefused) || want != strings.Contains(v.Reason, "hands off") {
					t.Errorf("lane %s: %+v", lane, v)
				}
			}
		})
	}
}

func TestNeverKnowsWhatIsOurs(t *testing.T) {
	t.Parallel()
	const own = "arn:aws:iam::111122223333:role/riposte"
	away := errors.New("AWS is away")
	g := guard.Never{
		Range: func(p netip.Prefix) error { return address.Refuse(p, nil) },
		Own: func(_ context.Context, p netip.Prefix, _ schemas.Command) (string, bool, error) {
			switch {
			case p.Overlaps(netip.MustParsePrefix("203.0.113.9/32")):
				return "nat gateway nat-0abc", true, nil
			case p.Overlaps(netip.MustParsePrefix("192.0.2.0/24")):
				return "", false, away
			}
			return "", false, nil
		},
		Principals: func(_ context.Context, _, ref string) (string, bool, error) {
			return "riposte's own identity " + own, ref == own, nil
		},
	}
	for _, c := range []struct {
		target schemas.Target
		why    string
	}{
		{target("ip", "198.51.100.7"), ""},
		{target("ip", "10.0.0.1"), "not public"},
		{target("ip", "8.0.0.0/8"), "wider"},
		{target("ip", "203.0.113.9"), "our own address: nat gateway nat-0abc"},
		{target("ip", "203.0.113.0/24"), "our own address"},
		{target("ip", "not an address"), "no address"},
		{target("iam-role", own), "riposte's own identity"},
		{target("iam-role", own+"-other"), ""},
	} {
		v, err := g.Check(t.Context(), guard.Case{Command: command(schemas.LaneBlock, c.target)})
		if err != nil || (c.why == "") != v.Pass() || !strings.Contains(v.Reason, c.why) {
			t.Errorf("%s: %+v, %v; %q expected", c.target.ID, v, err, c.why)
		}
	}
	if _, err := g.Check(t.Context(), guard.Case{Command: command(schemas.LaneBlock, target("ip", "192.0.2.1"))}); !errors.Is(err, away) {
		t.Errorf("where own addresses cannot be read: %v; an error expected, and no pass", err)
	}
	unread := guard.Never{Entries: []guard.Entry{{Tag: "riposte=never"}}, Tags: func(context.Context, schemas.Target) (map[string]string, error) { return nil, away }}
	if _, err := unread.Check(t.Context(), guard.Case{Command: command(schemas.LaneBlock, target("s3-bucket", "logs"))}); !errors.Is(err, away) {
		t.Errorf("where tags cannot be read: %v; an error expected, and no pass", err)
	}
}

func TestEntries(t *testing.T) {
	t.Parallel()
	for _, e := range []guard.Entry{
		{}, {Reason: "nothing"}, {CIDR: "198.51.100.0/33"}, {CIDR: "office"}, {CIDR: "198.51.100.0/24", Name: "x"}, {Account: "12"}, {ARN: "role/x"}, {Name: "prod-[0-9]"},
	} {
		if e.Validate() == nil {
			t.Errorf("%+v is taken", e)
		}
	}
}

// TestNeverByWayOfSomething: what a plan changes beside the target is asked about as the target is, in the account that it is in.
func TestNeverByWayOfSomething(t *testing.T) {
	t.Parallel()
	set := schemas.Target{Type: "wafv2-ip-set", Region: "eu-west-1", ID: "regional/ipset/corp/0a1b"}
	denied := fault.Permanent(errors.New("wafv2 ListTagsForResource: AccessDenied"))
	for _, c := range []struct {
		name  string
		entry guard.Entry
		tags  error
		why   string
	}{
		{"a tag", guard.Entry{Tag: "riposte=never"}, nil, "tag riposte=never, by way of wafv2-ip-set regional/ipset/corp/0a1b"},
		{"another tag", guard.Entry{Tag: "owner"}, nil, ""},
		{"a tag of things of another kind", guard.Entry{Tag: "riposte=never", Type: "s3-bucket"}, nil, ""},
		{"tags that nobody may read", guard.Entry{Tag: "owner"}, denied, "nobody can tell: wafv2 ListTagsForResource: AccessDenied"},
		{"an ARN", guard.Entry{ARN: "arn:aws:wafv2:*:111122223333:regional/ipset/corp/*"}, nil, "by way of"},
		{"the account", guard.Entry{Account: "111122223333"}, nil, "by way of"},
		{"another account", guard.Entry{Account: "444455556666"}, nil, ""},
		{"a name", guard.Entry{Name: "corp"}, nil, "by way of"},
		{"a range", guard.Entry{CIDR: "198.51.100.0/24"}, nil, ""},
	} {
		g := guard.Never{
			Entries: []guard.Entry{c.entry},
			ARNs:    cloud.ARNs,
			Account: func(context.Context) (string, error) { return "111122223333", nil },
			Tags: func(context.Context, schemas.Target) (map[string]string, error) {
				return map[string]string{"riposte": "never"}, c.tags
			},
		}
		v, err := g.Check(t.Context(), guard.Case{Command: command(schemas.LaneBlock, target("ip", "192.0.2.1")), Plan: &schemas.Plan{}, Touches: []schemas.Target{set}})
		if err != nil || (c.why == "") != v.Pass() || !strings.Contains(v.Reason, c.why) {
			t.Errorf("%s: %+v, %v; %q expected", c.name, v, err, c.why)
		}
	}
	away := errors.New("AWS is away")
	g := guard.Never{Entries: []guard.Entry{{Account: "111122223333"}}, Account: func(context.Context) (string, error) { return "", away }}
	if _, err := g.Check(t.Context(), guard.Case{Command: command(schemas.LaneBlock, target("ip", "192.0.2.1")), Plan: &schemas.Plan{}, Touches: []schemas.Target{set}}); !errors.Is(err, away) {
		t.Errorf("where our account is not known: %v; an error expected, and no pass", err)
	}
}
