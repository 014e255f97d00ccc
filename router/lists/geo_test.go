package lists

import (
	"bytes"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"

	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/router/rule/predicate"
)

// database makes a file in MaxMind's format.
func database(t testing.TB, kind string, networks map[string]mmdbtype.Map) string {
	t.Helper()
	w, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: kind, RecordSize: 24, IncludeReservedNetworks: true, BuildEpoch: 1772800000})
	if err != nil {
		t.Fatal(err)
	}
	for text, record := range networks {
		_, network, err := net.ParseCIDR(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Insert(network, record); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if _, err := w.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func names(en string) mmdbtype.Map { return mmdbtype.Map{"en": mmdbtype.String(en)} }

func place(country, name, city string, lat, lon float64) mmdbtype.Map {
	return mmdbtype.Map{
		"continent":    mmdbtype.Map{"code": mmdbtype.String("EU"), "names": names("Europe")},
		"country":      mmdbtype.Map{"iso_code": mmdbtype.String(country), "names": names(name), "geoname_id": mmdbtype.Uint32(1)},
		"city":         mmdbtype.Map{"names": names(city)},
		"postal":       mmdbtype.Map{"code": mmdbtype.String("8000")},
		"subdivisions": mmdbtype.Slice{mmdbtype.Map{"iso_code": mmdbtype.String("ZH"), "names": names("Zurich")}},
		"location": mmdbtype.Map{
			"latitude": mmdbtype.Float64(lat), "longitude": mmdbtype.Float64(lon), "accuracy_radius": mmdbtype.Uint16(20), "time_zone": mmdbtype.String("Europe/Zurich"),
		},
	}
}

func TestGeo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	city, asn := filepath.Join(dir, "city.mmdb"), filepath.Join(dir, "asn.mmdb")
	write(t, city, database(t, "GeoLite2-City", map[string]mmdbtype.Map{
		"192.0.2.0/24":    place("CH", "Switzerland", "Zürich", 47.4, 8.5),
		"2001:db8::/32":   {"registered_country": mmdbtype.Map{"iso_code": mmdbtype.String("LI"), "names": names("Liechtenstein")}},
		"198.51.100.0/24": {"country": mmdbtype.String("what"), "location": mmdbtype.Map{"latitude": mmdbtype.String("north")}, "subdivisions": mmdbtype.Slice{}},
	}), time.Minute)
	write(t, asn, database(t, "GeoLite2-ASN", map[string]mmdbtype.Map{
		"192.0.2.0/24": {"autonomous_system_number": mmdbtype.Uint32(64500), "autonomous_system_organization": mmdbtype.String("Example")},
	}), time.Minute)
	r := start(t, "geoip: { city: "+city+", asn: "+asn+" }", rigOptions{})
	for ip, want := range map[string]map[string]any{
		"192.0.2.7": {
			"continent": "EU", "country": "CH", "country_name": "Switzerland", "region": "ZH", "region_name": "Zurich", "city": "Zürich", "postal_code": "8000",
			"time_zone": "Europe/Zurich", "latitude": 47.4, "longitude": 8.5, "accuracy_radius": int64(20),
		},
		"2001:db8::1": {"country": "LI", "country_name": "Liechtenstein"}, "198.51.100.1": {}, "203.0.113.1": nil,
	} {
		for range 2 { // the second comes from what was kept
			if diff := cmp.Diff(want, r.Geo(netip.MustParseAddr(ip))); diff != "" {
				t.Errorf("%s: %s", ip, diff)
			}
		}
	}
	if diff := cmp.Diff(map[string]any{"number": int64(64500), "name": "Example"}, r.ASN(netip.MustParseAddr("192.0.2.1"))); diff != "" {
		t.Error(diff)
	}
	full := r.Geo(netip.MustParseAddr("192.0.2.7"))
	for name := range predicate.GeoFields() { // both have the same names
		if _, ok := full[name]; !ok {
			t.Errorf("geo gives no %s", name)
		}
	}
	if len(full) != len(predicate.GeoFields()) {
		t.Error("geo gives what the checker does not know")
	}

	// The file changes; a damaged one, one of another type, and none at all change nothing.
	at := netip.MustParseAddr("192.0.2.1")
	write(t, city, database(t, "DBIP-City-Lite", map[string]mmdbtype.Map{"192.0.2.0/24": place("LI", "Liechtenstein", "Vaduz", 47, 9)}), time.Minute)
	await.Until(t, "the new file", func() bool { return r.Geo(at)["country"] == "LI" })
	refusals := func(n float64) func() bool {
		return func() bool { return r.value(t, "riposte_list_refreshes_total", "geoip.city", "failed") >= n }
	}
	for i, text := range []string{"no database", database(t, "GeoLite2-ASN", nil)} {
		write(t, city, text, time.Minute)
		await.Until(t, "a refusal", refusals(float64(i+1)))
	}
	if err := os.Remove(city); err != nil {
		t.Fatal(err)
	}
	await.Until(t, "a refusal", refusals(3))
	if r.Geo(at)["country"] != "LI" || r.logs.count("geoip city is away") != 1 {
		t.Error("the last good file is gone, or it is told more than once")
	}
}

func TestGeoWithoutFiles(t *testing.T) {
	t.Parallel()
	r := start(t, "geoip: { city: /nowhere/city.mmdb }", rigOptions{})
	if r.Geo(netip.MustParseAddr("192.0.2.1")) != nil || r.ASN(netip.MustParseAddr("192.0.2.1")) != nil {
		t.Error("something is known")
	}
	if missing := r.Wait(t.Context(), time.Minute); len(missing) != 1 {
		t.Error(missing)
	}
}
