package archive

import (
	"io"
	"slices"
	"testing"

	"github.com/riposte-security/riposte/internal/kafka"
)

// benchMessages are events of about 2 kB, as CloudTrail gives them.
func benchMessages(n int) ([]kafka.Message, int64) {
	msgs := eventMessages(n)
	size := int64(0)
	for i := range msgs {
		msgs[i].Value = slices.Concat(msgs[i].Value[:len(msgs[i].Value)-2], []byte(`,"pad":"`), pad(i), []byte(`"}}`))
		size += int64(len(msgs[i].Value))
	}
	return msgs, size
}

// pad is text that compresses as logs do.
func pad(i int) []byte {
	out := make([]byte, 0, 1000)
	for n := uint32(i)*2654435761 + 1; len(out) < 1000; n = n*1664525 + 1013904223 {
		out = append(out, "arn:aws:iam::111122223333:role/"...)
		out = append(out, 'a'+byte(n>>24)%26, 'a'+byte(n>>16)%26, 'a'+byte(n>>8)%26, ' ')
	}
	return out
}

// BenchmarkArchive archives a segment of 20,000 events of 2 kB, beside writing their bare lines through zstd and doing nothing else: what all else
// costs is the ratio of the two.
func BenchmarkArchive(b *testing.B) {
	const n = 20_000
	msgs, size := benchMessages(n)
	run := func(b *testing.B, f func(*testing.B)) {
		b.Helper()
		b.SetBytes(size)
		b.ReportAllocs()
		for b.Loop() {
			f(b)
		}
		b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "records/s")
	}
	key, _ := newKey(b)
	archive := func(b *testing.B, off bool) {
		b.Helper()
		a := newArchiver(b, newMemStore(), key, SegmentConfig{})
		a.cfg.Parquet.Off = off
		p := part{msgs[0].Topic, msgs[0].Partition}
		if _, err := a.take(b.Context(), p, 0, -1); err != nil {
			b.Fatal(err)
		}
		for batch := range slices.Chunk(msgs, 1000) {
			if err := a.handle(b.Context(), batch); err != nil {
				b.Fatal(err)
			}
		}
		if err := a.finish(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("zstd", func(b *testing.B) {
		run(b, func(b *testing.B) {
			enc, err := newEncoder(io.Discard)
			if err != nil {
				b.Fatal(err)
			}
			for i := range msgs {
				if _, err := enc.Write(append(msgs[i].Value, '\n')); err != nil {
					b.Fatal(err)
				}
			}
			if err := enc.Close(); err != nil {
				b.Fatal(err)
			}
		})
	})
	b.Run("evidence", func(b *testing.B) { run(b, func(b *testing.B) { archive(b, true) }) })
	b.Run("evidence and Parquet", func(b *testing.B) { run(b, func(b *testing.B) { archive(b, false) }) })
	s := newMemStore()
	a := newArchiver(b, s, key, SegmentConfig{})
	p := part{msgs[0].Topic, msgs[0].Partition}
	if _, err := a.take(b.Context(), p, 0, -1); err != nil {
		b.Fatal(err)
	}
	if err := a.handle(b.Context(), msgs); err != nil {
		b.Fatal(err)
	}
	if err := a.finish(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.Run("verify", func(b *testing.B) {
		run(b, func(b *testing.B) {
			if r, err := Verify(b.Context(), s, Verification{Keys: a.keys}); err != nil || r.Problems > 0 {
				b.Fatalf("%+v: %v", r, err)
			}
		})
	})
}
