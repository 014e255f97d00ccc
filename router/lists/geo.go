package lists

import (
	"fmt"
	"io"
	"math"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"
	"github.com/rs/zerolog"
)

// GeoIPConfig names the files in MaxMind's format (GeoLite2, GeoIP2, DB-IP and others that have the same fields).
type GeoIPConfig struct {
	// City answers geo(ip): a City database, or a Country one, which knows less.
	City string `yaml:"city"`
	// ASN answers asn(ip).
	ASN string `yaml:"asn"`
}

// A geoFile answers from a file in MaxMind's format, and follows it. The whole file is held in memory: one that is overwritten while it is
// mapped would end the process.
type geoFile struct {
	*follower
	path   string
	suffix string // of the database types that are meant
	log    zerolog.Logger
	pick   func(record map[string]any) map[string]any
	open   atomic.Pointer[geoReader]
}

// geoReader is a loaded file. Many networks share a record; what was picked from one is kept, in one of a few slots.
type geoReader struct {
	db    *maxminddb.Reader
	pick  func(record map[string]any) map[string]any
	built time.Time
	slots [geoSets][geoWays]atomic.Pointer[geoFacts]
}

const (
	geoSets    = 1 << 12
	geoWays    = 4
	geoRefresh = time.Minute
	maxGeo     = 1 << 30 // bytes
)

// geoFacts is what was picked from the record at an offset.
type geoFacts struct {
	offset uintptr
	facts  map[string]any
}

// lookup says what the file knows of an address; nil if nothing.
func (g *geoFile) lookup(ip netip.Addr) map[string]any {
	if g == nil {
		return nil
	}
	r := g.open.Load()
	if r == nil {
		return nil
	}
	facts, err := r.lookup(ip)
	if err != nil { // a damaged record knows nothing
		g.metrics.damaged.WithLabelValues(g.name).Inc()
	}
	return facts
}

func (r *geoReader) lookup(ip netip.Addr) (map[string]any, error) {
	found := r.db.Lookup(ip)
	if !found.Found() {
		return nil, found.Err()
	}
	at := found.Offset()
	slots, turn := r.place(at)
	for i := range slots {
		if known := slots[i].Load(); known != nil && known.offset == at {
			return known.facts, nil
		}
	}
	var record map[string]any
	if err := found.Decode(&record); err != nil {
		return nil, err
	}
	facts := &geoFacts{offset: at, facts: r.pick(record)}
	for i := range slots {
		if slots[i].CompareAndSwap(nil, facts) {
			return facts.facts, nil
		}
	}
	slots[turn].Store(facts) // as good as any other
	return facts.facts, nil
}

// place is the slots for the record at an offset, and the one to clear for it if all are taken.
func (r *geoReader) place(at uintptr) (slots *[geoWays]atomic.Pointer[geoFacts], turn uint64) {
	const spread = 0x9e3779b97f4a7c15 // offsets of records lie close together
	h := uint64(at) * spread
	return &r.slots[h>>32%geoSets], h >> 48 % geoWays
}

// take reads a file. Its kind is checked: asn(ip) out of a City database would be nil for ever.
func (g *geoFile) take(c *copied) error {
	text, err := io.ReadAll(io.LimitReader(c, maxGeo+1))
	if err != nil {
		return err
	}
	if len(text) > maxGeo {
		return fmt.Errorf("more than %d bytes", maxGeo)
	}
	db, err := maxminddb.OpenBytes(text)
	if err != nil {
		return err
	}
	if kind := db.Metadata.DatabaseType; (g.suffix == "ASN") != strings.Contains(strings.ToUpper(kind), "ASN") {
		return fmt.Errorf("the file is a %q; one of type %s expected", kind, g.suffix)
	}
	if c.keep != nil {
		if err := c.keep(); err != nil {
			return err
		}
	}
	r := &geoReader{db: db, pick: g.pick, built: db.Metadata.BuildTime()}
	g.open.Store(r)
	g.log.Info().Str("file", g.path).Str("type", db.Metadata.DatabaseType).Time("built", r.built).Uint("nodes", db.Metadata.NodeCount).Msg("geoip file in force")
	return nil
}

func (g *geoFile) confirm(time.Time) {}

func (g *geoFile) look() {}

// pickCity gives the fields of geo(ip), as predicate.GeoFields names them, from a record of a City or Country database.
func pickCity(record map[string]any) map[string]any {
	out := map[string]any{}
	country := record
	if at(record, "country", "iso_code") == nil && at(record, "registered_country", "iso_code") != nil {
		country = map[string]any{"country": record["registered_country"]}
	}
	text(out, "country", at(country, "country", "iso_code"))
	text(out, "country_name", at(country, "country", "names", "en"))
	text(out, "continent", at(record, "continent", "code"))
	text(out, "city", at(record, "city", "names", "en"))
	text(out, "postal_code", at(record, "postal", "code"))
	text(out, "time_zone", at(record, "location", "time_zone"))
	if regions, ok := record["subdivisions"].([]any); ok && len(regions) > 0 {
		region, _ := regions[0].(map[string]any)
		text(out, "region", at(region, "iso_code"))
		text(out, "region_name", at(region, "names", "en"))
	}
	for _, name := range []string{"latitude", "longitude"} {
		if v, ok := at(record, "location", name).(float64); ok && !math.IsNaN(v) && !math.IsInf(v, 0) {
			out[name] = v
		}
	}
	if n, ok := whole(at(record, "location", "accuracy_radius")); ok {
		out["accuracy_radius"] = n
	}
	return out
}

// pickASN gives the fields of asn(ip), as predicate.ASNFields names them.
func pickASN(record map[string]any) map[string]any {
	out := map[string]any{}
	if n, ok := whole(record["autonomous_system_number"]); ok {
		out["number"] = n
	}
	text(out, "name", record["autonomous_system_organization"])
	return out
}

func at(v any, keys ...string) any {
	for _, k := range keys {
		m, _ := v.(map[string]any)
		v = m[k]
	}
	return v
}

func text(out map[string]any, name string, v any) {
	if s, ok := v.(string); ok && s != "" {
		out[name] = s
	}
}

func whole(v any) (int64, bool) {
	switch n := v.(type) {
	case uint64:
		return int64(min(n, math.MaxInt64)), true
	case int:
		return int64(n), true
	}
	return 0, false
}
