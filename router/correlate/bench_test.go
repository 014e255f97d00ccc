package correlate

import (
	"encoding/json"
	"fmt"
	"runtime"
	"testing"
	"time"
)

// groupContribution is one of n groups: an address, and an event id as CloudTrail has them.
func groupContribution(group, event int, at int64) Contribution {
	return Contribution{
		Rule: "r", UID: fmt.Sprintf("7e4b9a10-%04x-4d28-b0f1-%012x", event, group), Time: at, Source: "riposte/cloudtrail",
		Group: json.RawMessage(fmt.Sprintf(`["2001:db8:%x:%x::1"]`, group>>16, group&0xffff)),
	}
}

// BenchmarkMillionGroups fills a state with a million groups of three events each, and reports the memory that the heap has grown by, beside
// what the budget counts: the bar is 1 GB.
func BenchmarkMillionGroups(b *testing.B) {
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		budget := &Budget{Limit: 4 << 30}
		s := NewState(spec(Spec{Type: EventCount, Min: 10 * milli, Within: 5 * time.Minute, Lateness: 20 * time.Minute}), budget)
		const groups = 1_000_000
		began := time.Now()
		for event := range 3 {
			for g := range groups {
				c := groupContribution(g, event, epoch+int64(event)*1000)
				if _, v := s.Apply(&c, time.UnixMilli(epoch)); v != Counted {
					b.Fatal(v)
				}
			}
		}
		took := time.Since(began)
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/groups, "B/group")
		b.ReportMetric(float64(budget.Used())/groups, "counted-B/group")
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1e6, "MB")
		b.ReportMetric(float64(took.Nanoseconds())/(3*groups), "ns/event")
		runtime.KeepAlive(s)
	}
}

// BenchmarkApply is the cost of one contribution, beside that of decoding it.
func BenchmarkApply(b *testing.B) {
	c := groupContribution(1, 1, epoch)
	text, err := c.Encode()
	if err != nil {
		b.Fatal(err)
	}
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Decode(text); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, typ := range []Type{EventCount, ValueCount} {
		b.Run(string(typ), func(b *testing.B) {
			b.ReportAllocs()
			s := NewState(spec(Spec{Type: typ, Min: 10 * milli, Within: 5 * time.Minute, Lateness: 20 * time.Minute}), &Budget{Limit: 4 << 30})
			i := 0
			for b.Loop() {
				at := epoch + int64(i)*10
				c := Contribution{Rule: "r", Group: []byte(fmt.Sprintf(`["%d"]`, i%1000)), UID: fmt.Sprint(i), Time: at, Value: fmt.Sprint(i % 7)}
				s.Apply(&c, time.UnixMilli(at))
				i++
			}
		})
	}
}
