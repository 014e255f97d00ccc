package set

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/gaissmai/bart"
)

// Options say how entries are read and looked up.
type Options struct {
	Kind       Kind
	IgnoreCase bool      // of strings; the other kinds always do
	Exact      bool      // a domain does not stand for what is below it
	Most       int       // entries; DefaultMost if zero
	Now        time.Time // entries whose time is over by then are left out; zero: none
}

// DefaultMost is how many entries a list may have.
const DefaultMost = 10_000_000

const (
	maxValue = 4096 // bytes of an entry
	sample   = 1000 // entries from which the kind is found out
	tolerant = 10   // one in so many entries may be bad
	few      = 3    // bad entries that are always borne
)

// A Builder makes a set of entries.
type Builder struct {
	set *Set
	// What has been put in, and is not yet as it is looked up.
	inker                           inker
	hosts4                          *hosts[uint32]
	domains, below, hashes, strings *hosts[imprint]
	labels                          uint64 // of the domains

	most   int
	total  int
	waits  []Entry // until the kind is known
	decide bool
}

// NewBuilder begins a set.
func NewBuilder(o Options) *Builder {
	b := &Builder{inker: newInker(), set: &Set{opts: o, stats: Stats{Kind: o.Kind}}, most: o.Most, decide: o.Kind == Auto}
	if b.most <= 0 {
		b.most = DefaultMost
	}
	return b
}

// Add adds an entry; blanks around it do not count, and an empty one is passed over. What is none of its kind is counted. The error says that
// there are too many.
func (b *Builder) Add(e Entry) error {
	e.Value = strings.TrimSpace(e.Value)
	if e.Value == "" {
		return nil
	}
	if b.total++; b.total > b.most {
		return fmt.Errorf("more than %d entries", b.most)
	}
	if e.Kind == Auto && b.decide {
		b.waits = append(b.waits, Entry{Value: strings.Clone(e.Value), From: e.From, Until: e.Until})
		if len(b.waits) >= sample {
			return b.settle()
		}
		return nil
	}
	if e.Kind == Auto {
		e.Kind = b.set.stats.Kind
	}
	return b.put(e)
}

// settle finds out the kind of the entries so far: the one that nine in ten of them are of.
func (b *Builder) settle() error {
	b.decide = false
	b.set.stats.Kind = detect(b.waits)
	waits := b.waits
	b.waits = nil
	for _, e := range waits {
		e.Kind = b.set.stats.Kind
		if err := b.put(e); err != nil {
			return err
		}
	}
	return nil
}

func detect(entries []Entry) Kind {
	var ips, hashes, domains int
	for _, e := range entries {
		if _, err := parseNet(e.Value); err == nil {
			ips++
			continue
		}
		if _, err := parseDigest(e.Value); err == nil {
			hashes++
			continue
		}
		if _, _, err := parseDomain(e.Value); err == nil {
			domains++
		}
	}
	for _, c := range []struct {
		kind Kind
		n    int
	}{{IP, ips}, {Hash, hashes}, {Domain, domains}} {
		if c.n > 0 && (len(entries)-c.n)*tolerant <= len(entries) {
			return c.kind
		}
	}
	return String
}

// put puts an entry of a known kind into the set.
func (b *Builder) put(e Entry) error {
	s := b.set
	if !e.Until.IsZero() && !s.opts.Now.IsZero() && !e.Until.After(s.opts.Now) {
		s.stats.Expired++
		return nil
	}
	if !e.From.IsZero() && !s.opts.Now.IsZero() && !e.From.After(s.opts.Now) {
		e.From = time.Time{} // it has begun
	}
	added, err := b.insert(e, newWindow(e))
	switch {
	case err != nil:
		if s.stats.Bad++; s.stats.Bad == 1 {
			const enough = 80
			s.stats.Sample = fmt.Sprintf("%.*q: %v", enough, e.Value[:min(len(e.Value), enough)], err)
		}
	case added:
		s.stats.Entries++
	default:
		s.stats.Duplicates++
	}
	return nil
}

func (b *Builder) insert(e Entry, w window) (added bool, err error) {
	s := b.set
	if len(e.Value) > maxValue {
		return false, fmt.Errorf("longer than %d bytes", maxValue)
	}
	s.stats.Timed = s.stats.Timed || !w.always()
	switch e.Kind {
	case IP:
		return b.insertNet(e, w)
	case Domain:
		key, below, err := parseDomain(e.Value)
		if err != nil {
			return false, err
		}
		b.labels |= labelBit(bytes.Count(key, []byte{'.'}))
		if below {
			return b.collect(&b.below, key, w), nil
		}
		return b.collect(&b.domains, key, w), nil
	case Hash:
		key, err := parseDigest(e.Value)
		if err != nil {
			return false, err
		}
		return b.collect(&b.hashes, key, w), nil
	case String, Auto:
	}
	key := []byte(e.Value)
	if s.opts.IgnoreCase {
		key = foldKey(nil, e.Value)
	}
	return b.collect(&b.strings, key, w), nil
}

// collect adds a key. It is false if it was there.
func (b *Builder) collect(to **hosts[imprint], key []byte, w window) bool {
	if *to == nil {
		*to = newHosts6()
	}
	return (*to).add(b.inker.imprint(key), w)
}

// insertNet keeps addresses apart from networks, and networks that always hold from those that hold for a time.
func (b *Builder) insertNet(e Entry, w window) (bool, error) {
	p, err := parseNet(e.Value)
	if err != nil {
		return false, err
	}
	s := b.set
	s.ips = true
	if a := p.Addr(); p.IsSingleIP() && !a.IsUnspecified() {
		if a.Is4() {
			if b.hosts4 == nil {
				b.hosts4 = newHosts4()
			}
			return b.hosts4.add(host4(a), w), nil
		}
		if s.hosts6 == nil {
			s.hosts6 = newHosts6()
		}
		return s.hosts6.add(host6(a), w), nil
	}
	if w.always() {
		if s.nets == nil {
			s.nets = &bart.Lite{}
		}
		before := s.nets.Size()
		s.nets.Insert(p)
		return s.nets.Size() > before, nil
	}
	if s.timed == nil {
		s.timed = &bart.Table[window]{}
	}
	added := false
	s.timed.Modify(p, func(old window, ok bool) (window, bool) {
		added = !ok
		if ok {
			w = w.union(old)
		}
		return w, false
	})
	return added, nil
}

// Build ends the set. It refuses one of which much is not what it should be: an error page, or a file of another kind.
func (b *Builder) Build() (*Set, error) {
	if b.decide && len(b.waits) > 0 {
		if err := b.settle(); err != nil {
			return nil, err
		}
	}
	s := b.set
	if st := s.stats; st.Bad > 0 && (st.Bad == b.total || st.Bad > few && st.Bad*tolerant > b.total) {
		return nil, fmt.Errorf("%d of %d entries are not of the kind %s; the first: %s", st.Bad, b.total, st.Kind, st.Sample)
	}
	s.domains, s.hashes, s.strings = press(b.inker, b.domains, b.below, b.labels), press(b.inker, b.hashes, nil, 0), press(b.inker, b.strings, nil, 0)
	if s.hosts4 = b.hosts4; s.hosts4 != nil && s.hosts4.count >= manyHosts {
		s.hosts4, s.many4 = nil, freezeHosts(s.hosts4)
	}
	b.hosts4, b.domains, b.below, b.hashes, b.strings = nil, nil, nil, nil, nil
	return s, nil
}
