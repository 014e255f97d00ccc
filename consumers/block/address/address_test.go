package address

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

func TestCanonical(t *testing.T) {
	for _, tt := range []struct{ raw, id string }{
		{"203.0.113.7", "203.0.113.7"},
		{"203.0.113.7/32", "203.0.113.7"},
		{"203.0.113.7/24", "203.0.113.0/24"},
		{"::ffff:203.0.113.7", "203.0.113.7"},
		{"::ffff:203.0.113.7/128", "203.0.113.7"},
		{"::ffff:203.0.113.7/120", "203.0.113.0/24"},
		{"2001:DB8:0:0::7", "2001:db8::7"},
		{"2001:0db8:0000:0000:0000:0000:0000:0007/128", "2001:db8::7"},
		{"2001:db8::7/64", "2001:db8::/64"},
		{"fe80::1%eth0", ""}, {"::ffff:0:0/90", ""}, {"203.0.113", ""}, {"203.0.113.007", ""}, {"203.0.113.7/33", ""}, {"203.0.113.7/-1", ""},
		{"203.0.113.7:443", ""}, {"[2001:db8::7]", ""}, {" 203.0.113.7", ""}, {"example.org", ""}, {"", ""}, {"/", ""},
	} {
		got, err := Canonical(tt.raw, "123456789012", "eu-west-1")
		if (err == nil) != (tt.id != "") || err == nil && got.Key() != "ip:::"+tt.id {
			t.Errorf("%q: %+v, %v", tt.raw, got, err)
		}
	}
}

func TestRefuse(t *testing.T) {
	never := []string{"198.51.100.0/24", "192.0.2.1", "2001:db8:1::/48"}
	for _, tt := range []struct{ address, why string }{
		{"203.0.113.7/32", ""}, {"203.0.113.0/24", ""}, {"8.8.0.0/16", ""}, {"2001:db8::7/128", ""}, {"2a00:1450::/32", ""},
		{"0.0.0.0/0", "wider"}, {"8.0.0.0/8", "wider"}, {"8.8.0.0/15", "wider"}, {"::/0", "wider"}, {"2001::/19", "wider"},
		{"10.1.2.3/32", "not public"}, {"127.0.0.1/32", "not public"}, {"169.254.169.254/32", "not public"}, {"172.31.0.0/16", "not public"}, {"192.168.1.0/24", "not public"},
		{"100.64.0.1/32", "not public"}, {"224.0.0.1/32", "not public"}, {"255.255.255.255/32", "not public"}, {"0.1.2.3/32", "not public"},
		{"::1/128", "not public"}, {"::/128", "not public"}, {"fe80::1/128", "not public"}, {"fd00::1/128", "not public"}, {"ff02::1/128", "not public"},
		{"198.51.100.9/32", "never"}, {"198.51.0.0/16", "never"}, {"192.0.2.1/32", "never"}, {"192.0.2.0/24", "never"}, {"2001:db8:1::5/128", "never"},
	} {
		err := Refuse(netip.MustParsePrefix(tt.address), never)
		if tt.why == "" && err != nil || tt.why != "" && (!fault.IsPermanent(err) || !strings.Contains(err.Error(), "refused") || !strings.Contains(err.Error(), tt.why)) {
			t.Errorf("%s: %v", tt.address, err)
		}
	}
	if err := Refuse(netip.MustParsePrefix("203.0.113.7/32"), []string{"office"}); !fault.IsPermanent(err) || !strings.Contains(err.Error(), "with.never") {
		t.Errorf("a list that is none: %v", err)
	}
	for _, s := range notPublic() {
		if p, err := netip.ParsePrefix(s); err != nil || p != p.Masked() {
			t.Errorf("%s: %v", s, err)
		}
	}
}

func FuzzCanonical(f *testing.F) {
	for _, s := range []string{"203.0.113.7", "2001:db8::7/64", "::ffff:1.2.3.4/100", "1.2.3.4%x", "::%/1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		one, err := Canonical(s, "", "")
		if err != nil {
			return
		}
		again, err := Canonical(one.ID, "", "")
		if err != nil || again != one {
			t.Errorf("%q: %+v, then %+v, %v", s, one, again, err)
		}
	})
}

func TestCompare(t *testing.T) {
	cmd := func(id, address string) schemas.Command {
		return schemas.Command{ID: id, Target: schemas.Target{Type: TargetType, ID: address}}
	}
	missing, others, err := Compare([]schemas.Command{cmd("a", "203.0.113.7"), cmd("b", "2001:db8::/64"), cmd("c", "203.0.113.8")},
		[]string{"2001:0db8:0:0::/64", "203.0.113.7/32", "203.0.113.7", "pending", "192.0.2.0/24", "192.0.2.1/32", "192.0.2.1"})
	if err != nil || !slices.Equal(missing, []string{"c"}) || !slices.Equal(others, []string{"192.0.2.0/24", "192.0.2.1", "pending"}) {
		t.Errorf("%v, %v, %v", missing, others, err)
	}
	if _, _, err := Compare([]schemas.Command{cmd("a", "evil.example")}, nil); !fault.IsPermanent(err) {
		t.Errorf("no address: %v", err)
	}
}
