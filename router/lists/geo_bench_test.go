package lists

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/maxmind/mmdbwriter/mmdbtype"
	"github.com/oschwald/maxminddb-golang/v2"
)

// BenchmarkGeo asks where addresses are, and whose, in files of fifty thousand networks and some thousand places: what geo(ip) and asn(ip) cost,
// beside the library, which decodes the record each time. The bar is that of lists, 200 ns.
func BenchmarkGeo(b *testing.B) {
	const networks, places, holders = 50_000, 4_000, 2_000
	city, asn := map[string]mmdbtype.Map{}, map[string]mmdbtype.Map{}
	for i := range networks {
		var a [4]byte
		binary.BigEndian.PutUint32(a[:], 1<<24+uint32(i)<<10)
		network := netip.PrefixFrom(netip.AddrFrom4(a), 22).String()
		n := i % places
		city[network] = place(fmt.Sprintf("%c%c", 'A'+n%26, 'A'+n/26%26), "Country", fmt.Sprint("City ", n), float64(n%90), float64(n%180))
		asn[network] = mmdbtype.Map{
			"autonomous_system_number":       mmdbtype.Uint32(64_500 + i%holders),
			"autonomous_system_organization": mmdbtype.String(fmt.Sprint("Holder ", i%holders)),
		}
	}
	dir := b.TempDir()
	paths := map[string]string{"city": filepath.Join(dir, "city.mmdb"), "asn": filepath.Join(dir, "asn.mmdb")}
	for name, text := range map[string]string{"city": database(b, "GeoLite2-City", city), "asn": database(b, "GeoLite2-ASN", asn)} {
		if err := os.WriteFile(paths[name], []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	r := start(b, "geoip: { city: "+paths["city"]+", asn: "+paths["asn"]+" }", rigOptions{})
	addresses := make([]netip.Addr, 1<<16)
	for i := range addresses {
		var a [4]byte
		binary.BigEndian.PutUint32(a[:], 1<<24+uint32(i*2_654_435_761%(networks<<10)))
		addresses[i] = netip.AddrFrom4(a)
	}
	for name, ask := range map[string]func(netip.Addr) map[string]any{"city": r.Geo, "asn": r.ASN} {
		db, err := maxminddb.Open(paths[name])
		if err != nil {
			b.Fatal(err)
		}
		decoded := func(a netip.Addr) (record map[string]any) {
			if err := db.Lookup(a).Decode(&record); err != nil {
				b.Fatal(err)
			}
			return record
		}
		for way, ask := range map[string]func(netip.Addr) map[string]any{"riposte": ask, "library": decoded} {
			b.Run(name+"/"+way, func(b *testing.B) {
				for _, a := range addresses { // what is kept is kept
					ask(a)
				}
				b.ReportAllocs()
				i := 0
				for b.Loop() {
					if len(ask(addresses[i&(len(addresses)-1)])) == 0 {
						b.Fatal("nothing is known of", addresses[i&(len(addresses)-1)])
					}
					i++
				}
			})
		}
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
