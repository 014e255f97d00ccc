package predicate_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/riposte-security/riposte/router/rule/predicate"
)

// sources knows two lists, one of addresses and one of numbers, and one network.
type sources struct{}

type words []string

func (w words) Contains(v string) bool { return slices.Contains(w, v) }

func (sources) List(name string) (predicate.List, bool) {
	l, ok := map[string]words{"scanners": {"10.1.2.3", "text"}, "ports": {"22", "5"}}[name]
	return l, ok
}

func (sources) ListNames() []string { return []string{"scanners", "ports"} }

func (sources) Geo(ip netip.Addr) map[string]any {
	if !netip.MustParsePrefix("10.1.0.0/16").Contains(ip) {
		return nil
	}
	return map[string]any{"country": "CH", "latitude": 47.4, "longitude": 8.5}
}

func (s sources) ASN(ip netip.Addr) map[string]any {
	if s.Geo(ip) == nil {
		return nil
	}
	return map[string]any{"number": int64(64500), "name": "Example"}
}

func TestSources(t *testing.T) {
	t.Parallel()
	l := language(t).With(sources{})
	env, err := predicate.Decode([]byte(event))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		source string
		want   any
	}{
		{`inList("scanners", src_endpoint.ip)`, true},
		{`inList("scanners", dst_endpoint.ip)`, false}, // absent
		{`not inList("scanners", dst_endpoint.ip)`, true},
		{`inList("scanners", nil)`, false},
		{`inList("scanners", unmapped.nul)`, false},
		{`inList("scanners", unmapped.o)`, false},
		{`inList("scanners", unmapped.t)`, false},
		{`inList("scanners", message)`, false},
		{`inList("ports", src_endpoint.port)`, true}, // numbers are their text
		{`inList("ports", unmapped.f)`, false},
		{`inList("scanners", [message, src_endpoint.ip])`, true}, // any of them
		{`inList("scanners", [[message], [unmapped.s]])`, true},
		{`inList("scanners", [])`, false},
		{`inList("ports", values(unmapped, "n"))`, true},
		{`any(unmapped.mixed, inList("ports", #))`, false},
		{`inList("scanners", src_endpoint.ip) == true`, true},
		{`geo(src_endpoint.ip).country`, "CH"},
		{`geo(src_endpoint.ip).country in ["CH", "LI"]`, true},
		{`geo(src_endpoint.ip).city`, nil}, // the file does not say
		{`geo(dst_endpoint.ip).country`, nil},
		{`geo(message)`, nil},
		{`geo("192.0.2.1").country == "CH"`, false},
		{`geo("192.0.2.1") == nil`, true},
		{`geo("::ffff:10.1.2.3").country`, "CH"},
		{`geo(unmapped.n)`, nil},
		{`geo(src_endpoint.ip).latitude > 47`, true},
		{`let g = geo(src_endpoint.ip); g.country == "CH" and g.longitude < 9`, true},
		{`len(geo(src_endpoint.ip))`, int64(3)},
		{`"country" in geo(src_endpoint.ip)`, true},
		{`asn(src_endpoint.ip).number == 64500`, true},
		{`asn(src_endpoint.ip).name startsWith "Ex"`, true},
		{`asn(nil).number`, nil},
	} {
		got, err := compile(t, l, c.source).Eval(env)
		if err != nil || got != c.want {
			t.Errorf("%s gives %v, %v; want %v", c.source, got, err, c.want)
		}
	}
}

func TestSourcesAreChecked(t *testing.T) {
	t.Parallel()
	l := language(t).With(sources{})
	for _, c := range []struct{ source, want string }{
		{`inList("scaners", src_endpoint.ip)`, `7: inList: unknown list "scaners", did you mean "scanners"?`},
		{`inList("nothing like it", src_endpoint.ip)`, `7: inList: unknown list "nothing like it"`},
		{`containsAny(message, [metadata.uid])`, `21: containsAny: the list of strings must be written out`},
		{`endsWithAny(message, "a")`, `0: endsWithAny: argument 2 must be a list, not a string`},
		{`inList(message, src_endpoint.ip)`, `7: inList: the name of the list must be written out, so that it can be checked at load`},
		{`inList("scanners")`, `0: inList: 2 arguments expected, 1 given`},
		{`inList(5, src_endpoint.ip)`, `0: inList: argument 1 must be a string, not an integer`},
		{`geo(src_endpoint.ip).cuntry == "CH"`, `21: unknown field cuntry, did you mean "country"?`},
		{`geo(src_endpoint.ip).latitude > 1 and geo(src_endpoint.ip).lat > 1 and asn(src_endpoint.ip).nummer == 1`,
			`59: unknown field lat, did you mean "latitude"?; 92: unknown field nummer, did you mean "number"?`},
		{`let g = geo(src_endpoint.ip); g.cuntry == "CH"`, `32: unknown field g.cuntry, did you mean "country"?`},
		{`geo(src_endpoint.ip).country == 5`, `29: invalid operation: == (mismatched types string and int)`},
		{`geo(src_endpoint.ip).latitude == "x"`, `30: invalid operation: == (mismatched types number and string)`},
		{`geo(src_endpoint.port).country`, `0: geo: argument 1 must be a string, not an integer`},
		{`geo(src_endpoint.ip).country.code`, `29: type string has no field code`},
		{`geo(src_endpoint.ip) > 5`, `21: invalid operation: > (mismatched types object and int)`},
		{`geo.country == "CH"`, `0: geo is a function; it must be called`},
	} {
		_, problems := l.Compile(c.source, nil, predicate.WantAny)
		var got []string
		for _, p := range problems {
			got = append(got, fmt.Sprintf("%d: %s", p.Offset, p.Message))
		}
		if strings.Join(got, "; ") != c.want {
			t.Errorf("%s\n  gives %s\n  want  %s", c.source, strings.Join(got, "; "), c.want)
		}
	}
}

// TestLanguageWithoutSources takes every name: what lists there are is known only from a configuration.
func TestLanguageWithoutSources(t *testing.T) {
	t.Parallel()
	l := language(t)
	p := compile(t, l, `inList("b", message) or inList("a", message) or inList("b", unmapped.s) or asn(src_endpoint.ip).number == 1`)
	if ok, err := p.Test(map[string]any{"message": "x", "src_endpoint": map[string]any{"ip": "10.1.2.3"}}); ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
	if diff := cmp.Diff(predicate.Uses{Lists: []string{"b", "a"}, ASN: true}, p.Uses()); diff != "" {
		t.Error(diff)
	}
}

// TestInListAllocatesNothing: it is asked for every event that gets that far.
func TestInListAllocatesNothing(t *testing.T) {
	p := compile(t, language(t).With(sources{}), `inList("scanners", src_endpoint.ip)`)
	env, err := predicate.Decode([]byte(event))
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = p.Test(env) }); n > 1 { // the run itself
		t.Errorf("%v allocations", n)
	}
}
