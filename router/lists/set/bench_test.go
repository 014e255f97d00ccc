//go:build unix

package set_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/riposte-security/riposte/router/lists/set"
)

const million = 1_000_000

// A workload is a million entries of one kind, values that are asked for (half of them are in the set), and how one would do it without this
// package: with a Go map.
type workload struct {
	name    string
	kind    set.Kind
	entry   func(r *rand.Rand) string
	outside func(r *rand.Rand) string
	naive   func(entries []string) func(value string) bool
}

func ipv4(r *rand.Rand) netip.Addr {
	return netip.AddrFrom4([4]byte{byte(1 + r.IntN(220)), byte(r.IntN(256)), byte(r.IntN(256)), byte(r.IntN(256))})
}

func domain(r *rand.Rand) string {
	return fmt.Sprintf("%x.%s.example", r.Uint64()>>20, []string{"news", "shop", "cdn", "mail"}[r.IntN(4)])
}

func digest(r *rand.Rand) string {
	sum := sha256.Sum256(fmt.Append(nil, r.Uint64()))
	return hex.EncodeToString(sum[:])
}

func workloads() []workload {
	exact := func(key func(string) string) func([]string) func(string) bool {
		return func(entries []string) func(string) bool {
			m := map[string]struct{}{}
			for _, e := range entries {
				m[key(e)] = struct{}{}
			}
			return func(v string) bool { _, ok := m[key(v)]; return ok }
		}
	}
	same := func(s string) string { return s }
	return []workload{
		{"addresses", set.IP, func(r *rand.Rand) string { return ipv4(r).String() }, func(r *rand.Rand) string { return ipv4(r).String() },
			func(entries []string) func(string) bool {
				m := map[netip.Addr]struct{}{}
				for _, e := range entries {
					m[netip.MustParseAddr(e)] = struct{}{}
				}
				return func(v string) bool {
					a, err := netip.ParseAddr(v)
					_, ok := m[a]
					return err == nil && ok
				}
			}},
		{"networks", set.IP, func(r *rand.Rand) string { return netip.PrefixFrom(ipv4(r), 12+r.IntN(21)).Masked().String() },
			func(r *rand.Rand) string { return ipv4(r).String() }, networksByLength},
		{"domains", set.Domain, domain, func(r *rand.Rand) string { return "www." + domain(r) }, func(entries []string) func(string) bool {
			m := map[string]struct{}{}
			for _, e := range entries {
				m[e] = struct{}{}
			}
			return func(v string) bool {
				for v = strings.ToLower(v); v != ""; _, v, _ = strings.Cut(v, ".") {
					if _, ok := m[v]; ok {
						return true
					}
				}
				return false
			}
		}},
		{"hashes", set.Hash, digest, digest, exact(strings.ToLower)},
		{"strings", set.String, domain, domain, exact(same)},
	}
}

// networksByLength asks a map for each length that a network can have: what one does without a prefix table.
func networksByLength(entries []string) func(string) bool {
	m := map[netip.Prefix]struct{}{}
	for _, e := range entries {
		m[netip.MustParsePrefix(e)] = struct{}{}
	}
	return func(v string) bool {
		a, err := netip.ParseAddr(v)
		if err != nil {
			return false
		}
		for bits := a.BitLen(); bits > 0; bits-- {
			p, err := a.Prefix(bits)
			if err != nil {
				return false
			}
			if _, ok := m[p]; ok {
				return true
			}
		}
		return false
	}
}

// values are some to ask for: entries, or others of their kind. An event's text is never the list's own.
func (w workload) values(r *rand.Rand, entries []string, hits bool) []string {
	values := make([]string, asked)
	for i := range values {
		value := w.outside(r)
		if hits {
			value, _, _ = strings.Cut(entries[r.IntN(len(entries))], "/")
		}
		values[i] = strings.Clone(value)
	}
	return values
}

// build is a million entries in riposte's set, and in a Go map.
func (w workload) build(b *testing.B, way string, entries []string) func(string) bool {
	if way == "map" {
		return w.naive(entries)
	}
	t := set.NewBuilder(set.Options{Kind: w.kind})
	for _, e := range entries {
		if err := t.Add(set.Entry{Value: e}); err != nil {
			b.Fatal(err)
		}
	}
	s, err := t.Build()
	if err != nil {
		b.Fatal(err)
	}
	return func(v string) bool { return s.Contains(v, time.Time{}) }
}

const asked = 1 << 16

// BenchmarkMillion looks values up among a million entries, such as are there and such as are drawn at random: riposte's set beside a Go map. B/entry is what
// each holds in memory. The bar is 200 ns.
func BenchmarkMillion(b *testing.B) {
	for _, w := range workloads() {
		r := rand.New(rand.NewPCG(1, 26))
		entries := make([]string, million)
		for i := range entries {
			entries[i] = w.entry(r)
		}
		for _, way := range []string{"riposte", "map"} {
			before := heap()
			contains := w.build(b, way, entries)
			held := float64(heap()-before) / million
			for _, kind := range []string{"hits", "random"} {
				values := w.values(r, entries, kind == "hits")
				b.Run(w.name+"/"+way+"/"+kind, func(b *testing.B) {
					found := 0
					i := 0
					b.ReportAllocs()
					spent := cpu(b)
					for b.Loop() {
						if contains(values[i&(asked-1)]) {
							found++
						}
						i++
					}
					b.ReportMetric(float64((cpu(b)-spent).Nanoseconds())/float64(i), "cpu-ns/op")
					b.ReportMetric(held, "B/entry")
					if kind == "hits" && found != i { // what is drawn at random may be in there as well
						b.Errorf("%d of %d found", found, i)
					}
				})
			}
			runtime.KeepAlive(contains)
		}
	}
}

// cpu is the processor time of this process: what a lookup costs, also on a machine that has other things to do.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
