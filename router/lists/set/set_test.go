package set_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/riposte-security/riposte/router/lists/set"
)

func build(t testing.TB, o set.Options, entries ...set.Entry) *set.Set {
	t.Helper()
	b := set.NewBuilder(o)
	for _, e := range entries {
		if err := b.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	s, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func plain(values ...string) []set.Entry {
	out := make([]set.Entry, len(values))
	for i, v := range values {
		out[i].Value = v
	}
	return out
}

const (
	md5  = "d41d8cd98f00b204e9800998ecf8427e"
	sha2 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

func TestContains(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		o       set.Options
		entries []string
		in, out []string
	}{
		{
			name: "addresses and networks", o: set.Options{Kind: set.IP},
			entries: []string{"192.0.2.1", " 198.51.100.0/24 ", "10.1.2.3/8", "2001:db8::/32", "::ffff:203.0.113.7", "::ffff:203.0.113.128/121", "fe80::1%eth0"},
			in: []string{
				"192.0.2.1", "198.51.100.255", "10.255.0.1", "2001:db8:1::5", "2001:DB8::", "203.0.113.7", "203.0.113.200", "::ffff:192.0.2.1", "fe80::1", "fe80::1%eth1",
			},
			out: []string{"", "192.0.2.2", "198.51.101.0", "2001:db9::", "203.0.113.8", "host.example", "192.0.2.1 ", "192.0.2.1:80", "192.0.2.01", "1.2.3", ":", "::g", strings.Repeat("1", 50)},
		},
		{
			name: "domains", o: set.Options{Kind: set.Domain},
			entries: []string{"bad.example", "*.only-below.example", ".dotted.example.", "MÜLLER.example", "a.b.example"},
			in: []string{
				"bad.example", "BAD.Example.", "www.bad.example", "a.b.c.d.bad.example", "x.only-below.example", "dotted.example", "x.dotted.example",
				"xn--mller-kva.example", "www.müller.example", "a.b.example",
			},
			out: []string{"", ".", "example", "notbad.example", "bad.example.org", "only-below.example", "b.example", "bad..example", "www..bad.example", strings.Repeat("a.", 200) + "bad.example", "bad.example/path"},
		},
		{
			name: "domains alone", o: set.Options{Kind: set.Domain, Exact: true},
			entries: []string{"bad.example"}, in: []string{"BAD.example"}, out: []string{"www.bad.example"},
		},
		{
			name: "hashes", o: set.Options{Kind: set.Hash},
			entries: []string{md5, strings.ToUpper(sha2)}, in: []string{strings.ToUpper(md5), sha2},
			out: []string{"", md5[1:], md5[:31] + "f", sha2[:40], md5 + md5, strings.Repeat("z", 32)},
		},
		{
			name: "strings", o: set.Options{Kind: set.String},
			entries: []string{"Admin", "ünï", "a b"}, in: []string{"Admin", "ünï", "a b"}, out: []string{"admin", "ÜNÏ", "", "a  b"},
		},
		{
			name: "strings whatever their case", o: set.Options{Kind: set.String, IgnoreCase: true},
			entries: []string{"Admin", "ÜNÏ", strings.Repeat("X", 1000)}, in: []string{"ADMIN", "ünï", "Ünï", strings.Repeat("x", 1000)}, out: []string{"admi", "uni"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := build(t, c.o, plain(c.entries...)...)
			if st := s.Stats(); st.Entries != len(c.entries) || st.Bad != 0 {
				t.Errorf("%+v", st)
			}
			for _, v := range c.in {
				if !s.Contains(v, time.Time{}) {
					t.Errorf("%q should be in there", v)
				}
			}
			for _, v := range c.out {
				if s.Contains(v, time.Time{}) {
					t.Errorf("%q should not be in there", v)
				}
			}
		})
	}
}

func TestKindIsFoundOut(t *testing.T) {
	t.Parallel()
	nine := func(of string) []string {
		var out []string
		for i := range 18 {
			out = append(out, fmt.Sprintf(of, i))
		}
		return out
	}
	for _, c := range []struct {
		want    set.Kind
		entries []string
		bad     int
	}{
		{set.IP, []string{"192.0.2.1", "10.0.0.0/8"}, 0},
		{set.IP, append(nine("192.0.2.%d"), "what is this"), 1},
		{set.Domain, []string{"bad.example", "*.worse.example"}, 0},
		{set.Hash, []string{md5}, 0},
		{set.String, []string{"root", "192.0.2.1"}, 0},
		{set.String, []string{"alice", "bob.smith"}, 0},
		{set.String, append(nine("192.0.2.%d"), "a", "b", "c"), 0},
	} {
		s := build(t, set.Options{}, plain(c.entries...)...)
		if st := s.Stats(); st.Kind != c.want || st.Bad != c.bad {
			t.Errorf("%v: %+v", c.entries, st)
		}
	}
}

func TestEntriesHoldForATime(t *testing.T) {
	t.Parallel()
	now := time.Unix(1772800000, 0)
	at := func(h int) time.Time { return now.Add(time.Duration(h) * time.Hour) }
	entries := []set.Entry{
		{Value: "192.0.2.0/24", Kind: set.IP, Until: at(10)},
		{Value: "192.0.2.7", Kind: set.IP, Until: at(1)}, // the network around it holds longer
		{Value: "198.51.100.1", Kind: set.IP, From: at(2)},
		{Value: "203.0.113.1", Kind: set.IP, Until: at(1)}, {Value: "203.0.113.1", Kind: set.IP, Until: at(3)},
		{Value: "203.0.113.2", Kind: set.IP},
		{Value: "bad.example", Kind: set.Domain, Until: at(1)},
		{Value: "www.bad.example", Kind: set.Domain},
		{Value: md5, Kind: set.Hash, From: at(1), Until: at(2)},
		{Value: "word", Kind: set.String, Until: at(5)}, {Value: "word", Kind: set.String},
		{Value: "over", Kind: set.String, Until: at(-1)},
	}
	s := build(t, set.Options{Now: now}, entries...)
	if st := s.Stats(); st.Expired != 1 || !st.Timed || st.Entries != 9 || st.Duplicates != 2 {
		t.Errorf("%+v", st)
	}
	for value, want := range map[string][4]bool{ // at 0, 1, 2 and 10 hours
		"192.0.2.7": {true, true, true, false}, "192.0.2.9": {true, true, true, false}, "198.51.100.1": {false, false, true, true},
		"203.0.113.1": {true, true, true, false}, "203.0.113.2": {true, true, true, true},
		"bad.example": {true, false, false, false}, "x.www.bad.example": {true, true, true, true}, "x.bad.example": {true, false, false, false},
		md5: {false, true, false, false}, "word": {true, true, true, true}, "over": {},
	} {
		for i, h := range []int{0, 1, 2, 10} {
			if got := s.Contains(value, at(h)); got != want[i] {
				t.Errorf("%s after %d h: %v", value, h, got)
			}
		}
	}
}

func TestBadEntries(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind    set.Kind
		entries []string
		err     string // of Build; else the sample
	}{
		{set.IP, []string{"192.0.2.1", "0.0.0.0/0"}, `sample "0.0.0.0/0": would hold everything`},
		{set.IP, []string{"192.0.2.1", "::/0"}, `sample "::/0": would hold everything`},
		{set.IP, []string{"192.0.2.1", "::ffff:0:0/96"}, `sample "::ffff:0:0/96": would hold everything`},
		{set.Domain, []string{"bad.example", "com"}, `sample "com": a name of one label, which would hold all below it`},
		{set.Domain, []string{"bad.example", "192.0.2.1"}, `sample "192.0.2.1": no domain name, but perhaps an address`},
		{set.Domain, []string{"bad.example", "<html>"}, `sample "<html>": no domain name`},
		{set.Hash, []string{"xyz"}, `1 of 1 entries are not of the kind hash; the first: "xyz": no MD5, SHA-1 or SHA-2 in hex`},
		{set.IP, []string{"<html>", "<body>", "a", "b", "192.0.2.1"}, `4 of 5 entries are not of the kind ip; the first: "<html>": no address and no network`},
		{set.String, []string{"a", strings.Repeat("x", 5000)}, `sample "` + strings.Repeat("x", 80) + `": longer than 4096 bytes`},
	} {
		b := set.NewBuilder(set.Options{Kind: c.kind})
		for _, e := range plain(c.entries...) {
			if err := b.Add(e); err != nil {
				t.Fatal(err)
			}
		}
		s, err := b.Build()
		got := fmt.Sprint(err)
		if err == nil {
			got = "sample " + s.Stats().Sample
		}
		if got != c.err {
			t.Errorf("%v\n  gives %s\n  want  %s", c.entries, got, c.err)
		}
	}
}

func TestTooManyEntries(t *testing.T) {
	t.Parallel()
	b := set.NewBuilder(set.Options{Kind: set.String, Most: 2})
	for i, e := range plain("a", "b", "c") {
		if err := b.Add(e); (err != nil) != (i == 2) {
			t.Errorf("entry %d: %v", i, err)
		}
	}
}

// TestManyAddresses holds what many addresses are kept in to a Go map, at the edges and with times.
func TestManyAddresses(t *testing.T) {
	t.Parallel()
	now := time.Unix(1772800000, 0)
	for _, timed := range []bool{false, true} {
		b := set.NewBuilder(set.Options{Kind: set.IP})
		want := map[netip.Addr]time.Time{}
		r := rand.New(rand.NewPCG(1, 2))
		for i := range 50_000 {
			a := netip.AddrFrom4([4]byte{byte(i % 3 * 100), byte(r.IntN(4)), byte(r.IntN(256)), byte(r.IntN(256))})
			if i < 2 {
				a = netip.AddrFrom4([4]byte{255, 255, 255, byte(254 + i)})
			}
			if a.IsUnspecified() {
				continue
			}
			e := set.Entry{Value: a.String()}
			if timed {
				e.Until = now.Add(time.Duration(i%20) * time.Minute)
			}
			if e.Until.After(want[a]) || !timed {
				want[a] = e.Until
			}
			if err := b.Add(e); err != nil {
				t.Fatal(err)
			}
		}
		s, err := b.Build()
		if err != nil || s.Stats().Entries != len(want) {
			t.Fatal(err, s.Stats(), len(want))
		}
		at := now.Add(10 * time.Minute)
		for i := range 200_000 {
			a := netip.AddrFrom4([4]byte{byte(i % 3 * 100), byte(i % 5), byte(i >> 8), byte(i)})
			until, ok := want[a]
			if got := s.Contains(a.String(), at); got != (ok && (!timed || until.After(at))) {
				t.Fatal(a, until, got)
			}
		}
		for _, v := range []string{"255.255.255.255", "255.255.255.254"} {
			if s.Contains(v, now.Add(-time.Hour)) != true {
				t.Error(v)
			}
		}
	}
}

// TestBelow: a name that stands for what is below it, alone and beside itself, for ever and for a time.
func TestBelow(t *testing.T) {
	t.Parallel()
	now := time.Unix(1772800000, 0)
	s := build(t, set.Options{Kind: set.Domain}, set.Entry{Value: "*.a.example"}, set.Entry{Value: "*.b.example"}, set.Entry{Value: "b.example", Until: now.Add(time.Hour)},
		set.Entry{Value: "c.example"}, set.Entry{Value: "*.c.example", Until: now})
	for value, want := range map[string]bool{
		"a.example": false, "x.a.example": true, "b.example": true, "x.b.example": true, "c.example": true, "x.y.c.example.": true, "d.example": false,
	} {
		if got := s.Contains(value, now.Add(2*time.Hour)); got != want {
			t.Errorf("%s: %v", value, got)
		}
	}
}

// FuzzContains: addresses are read as netip reads them, and whatever is asked, a set says of names and digests what their form says.
func FuzzContains(f *testing.F) {
	for _, v := range []string{"192.0.2.1", "0.0.0.0", "1.2.3.256", "01.2.3.4", "1.2.3.4.", "::ffff:1.2.3.4", "WWW.bad.example.", "a_b.bad.example", "bad..example", md5, strings.ToUpper(md5)} {
		f.Add(v)
	}
	all := build(f, set.Options{}, set.Entry{Value: "0.0.0.0/1", Kind: set.IP}, set.Entry{Value: "128.0.0.0/1", Kind: set.IP})
	names := build(f, set.Options{Kind: set.Domain}, plain("bad.example")...)
	digests := build(f, set.Options{Kind: set.Hash}, plain(md5)...)
	f.Fuzz(func(t *testing.T, value string) {
		a, err := netip.ParseAddr(strings.SplitN(value, "%", 2)[0])
		if got, want := all.Contains(value, time.Time{}), err == nil && a.Unmap().Is4(); got != want {
			t.Errorf("address %q: %v", value, got)
		}
		if got := digests.Contains(value, time.Time{}); got != strings.EqualFold(value, md5) {
			t.Errorf("digest %q: %v", value, got)
		}
		if name := strings.TrimSuffix(value, "."); names.Contains(value, time.Time{}) && !strings.EqualFold(name, "bad.example") {
			if end := len(name) - len(".bad.example"); end < 1 || name[0] == '.' && end == 0 {
				t.Errorf("name %q", value)
			}
		}
	})
}

// TestLargeSet holds the table to a Go map, through all of its growth.
func TestLargeSet(t *testing.T) {
	t.Parallel()
	const n = 50_000
	b := set.NewBuilder(set.Options{Kind: set.String})
	want := map[string]bool{}
	for i := range n {
		v := fmt.Sprint(i * i % 70_001)
		want[v] = true
		if err := b.Add(set.Entry{Value: v}); err != nil {
			t.Fatal(err)
		}
	}
	s, err := b.Build()
	if err != nil || s.Stats().Entries != len(want) || s.Stats().Duplicates != n-len(want) {
		t.Fatal(err, s.Stats(), len(want))
	}
	for i := range 80_000 {
		if v := fmt.Sprint(i); s.Contains(v, time.Time{}) != want[v] {
			t.Fatal(v)
		}
	}
}

func TestLookupAllocatesNothing(t *testing.T) {
	s := build(t, set.Options{}, append(plain(),
		set.Entry{Value: "192.0.2.1", Kind: set.IP}, set.Entry{Value: "bad.example", Kind: set.Domain}, set.Entry{Value: md5, Kind: set.Hash},
		set.Entry{Value: "word", Kind: set.String, Until: time.Unix(1<<31, 0)})...)
	for _, v := range []string{"192.0.2.1", "192.0.2.9", "2001:db8::1", "WWW.bad.example", "good.example", strings.ToUpper(md5), sha2, "word", "a longer text, as messages are"} {
		if n := testing.AllocsPerRun(100, func() { s.Contains(v, time.Time{}) }); n > 0 {
			t.Errorf("%s: %v allocations", v, n)
		}
	}
}
