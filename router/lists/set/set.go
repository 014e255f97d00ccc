// Package set holds a list's entries for looking up: networks in a prefix table, all else in tables without pointers, so that a million
// entries cost some tens of megabytes and nothing to the garbage collector. A set is made once and never changes.
package set

import (
	"time"

	"github.com/gaissmai/bart"
)

// A Kind says what entries are, and so how they are looked up.
type Kind string

// The kinds. Auto is found out from the first entries.
const (
	Auto   Kind = ""
	IP     Kind = "ip"     // addresses and networks; an address is in the set if a network holds it
	Domain Kind = "domain" // names, each with all below it
	Hash   Kind = "hash"   // of files, in hex: MD5, SHA-1, SHA-2
	String Kind = "string" // anything else
)

// Kinds are the kinds that can be declared.
func Kinds() []Kind { return []Kind{IP, Domain, Hash, String} }

// An Entry is one entry of a list. It holds from From until Until; a zero time is no bound.
type Entry struct {
	Value       string
	Kind        Kind // where the source says so; Auto: that of the list
	From, Until time.Time
}

// A Set tells whether a value is one of its entries. It is read-only and safe for concurrent use.
type Set struct {
	opts    Options
	ips     bool // there are addresses or networks
	hosts4  *hosts[uint32]
	many4   *sorted // instead of hosts4, where there are many
	hosts6  *hosts[imprint]
	nets    *bart.Lite          // networks that always hold
	timed   *bart.Table[window] // networks that hold for a time
	domains *prints
	hashes  *prints
	strings *prints

	stats Stats
}

// Stats is what a set was made of.
type Stats struct {
	Kind       Kind // declared or found out; Auto if the source says it of each entry
	Entries    int  // different ones, that hold now or later
	Duplicates int
	Expired    int    // left out, since their time was over already
	Bad        int    // left out, since they are none of the kind
	Sample     string // the first that was bad, and why
	Timed      bool   // some entries hold for a time only
}

// Stats tells what the set was made of.
func (s *Set) Stats() Stats { return s.stats }

// Contains tells whether the value is in the set at a time; now is not looked at unless Stats.Timed. It allocates nothing for values in ASCII.
func (s *Set) Contains(value string, now time.Time) bool {
	var at uint32
	if s.stats.Timed {
		at = seconds(now)
	}
	return s.ips && s.containsIP(value, at) ||
		s.domains != nil && s.containsDomain(value, at) ||
		s.hashes != nil && s.containsHash(value, at) ||
		s.strings != nil && s.containsString(value, at)
}

// window is when an entry holds, in seconds since 1970; until 0 is for ever.
type window struct{ from, until uint32 }

func newWindow(e Entry) window { return window{from: seconds(e.From), until: seconds(e.Until)} }

func (w window) always() bool          { return w == window{} }
func (w window) holds(now uint32) bool { return now >= w.from && (w.until == 0 || now < w.until) }

// union is the time in which either holds, and whatever lies between.
func (w window) union(o window) window {
	u := window{from: min(w.from, o.from), until: max(w.until, o.until)}
	if w.until == 0 || o.until == 0 {
		u.until = 0
	}
	return u
}

// seconds is a time in seconds since 1970; 0 for the zero time and all before 1970.
func seconds(t time.Time) uint32 {
	const last = 1<<32 - 1 // in 2106
	if t.IsZero() {
		return 0
	}
	return uint32(min(max(t.Unix(), 0), last))
}
