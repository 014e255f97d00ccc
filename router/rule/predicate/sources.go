package predicate

import "net/netip"

// Sources is what inList, geo and asn look things up in. It is the one thing beside its arguments that a predicate depends on; a set of sources
// answers the same until its lists or files change. It is safe for concurrent use.
type Sources interface {
	// List returns the list of a name; false: there is none, and a predicate that names it is refused. What it returns is asked for as long as
	// the program lives, so it must follow the list through its refreshes.
	List(name string) (List, bool)
	// ListNames are the names of all lists, for suggestions.
	ListNames() []string
	// Geo and ASN tell about an address what GeoFields and ASNFields name. nil: nothing is known. The caller does not change the result.
	Geo(ip netip.Addr) map[string]any
	ASN(ip netip.Addr) map[string]any
}

// A List answers whether it has an entry. It is safe for concurrent use.
type List interface {
	Contains(value string) bool
}

// Uses is what a program asks sources for.
type Uses struct {
	Lists    []string // names, each once, in their order in the expression
	Geo, ASN bool
}

// With returns the same language, whose programs look things up in the sources. The language itself knows no lists: in its programs inList is
// false for every name, and geo and asn are nil.
func (l *Language) With(s Sources) *Language {
	with := *l
	with.sources = s
	return &with
}

// Uses tells what the program asks sources for.
func (p *Program) Uses() Uses { return p.uses }

// geoFields are the fields of what geo(ip) gives: the names and types for the checker. A field that the file does not have is absent.
type geoFields struct {
	Continent      string  `expr:"continent"`       // two letters, as EU
	Country        string  `expr:"country"`         // ISO 3166-1 alpha-2, as CH
	CountryName    string  `expr:"country_name"`    // in English
	Region         string  `expr:"region"`          // ISO 3166-2 without the country, as ZH
	RegionName     string  `expr:"region_name"`     // in English
	City           string  `expr:"city"`            // in English
	PostalCode     string  `expr:"postal_code"`     //
	TimeZone       string  `expr:"time_zone"`       // as Europe/Zurich
	Latitude       float64 `expr:"latitude"`        // degrees, north is positive
	Longitude      float64 `expr:"longitude"`       // degrees, east is positive
	AccuracyRadius int     `expr:"accuracy_radius"` // kilometres
}

// asnFields are the fields of what asn(ip) gives.
type asnFields struct {
	Number int    `expr:"number"`
	Name   string `expr:"name"` // of the organisation
}

// GeoFields are the names of the fields of geo(ip), each with a value of its type in the language.
func GeoFields() map[string]any { return zeroes(kGeo.reflect()) }

// ASNFields is GeoFields for asn(ip).
func ASNFields() map[string]any { return zeroes(kASN.reflect()) }
