package archive

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/riposte-security/riposte/internal/fault"
)

// rewrite is a Parquet file with the same rows, as another version of the library might write it; change may change the first.
func rewrite(t *testing.T, text []byte, change func(*eventRow)) []byte {
	t.Helper()
	rows, err := parquet.Read[eventRow](bytes.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	change(&rows[0])
	var out bytes.Buffer
	w := parquet.NewGenericWriter[eventRow](&out, parquet.Compression(&parquet.Snappy))
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestParquetOfAnotherVersion has a crash leave a segment without its manifest, and one of its Parquet files be another one by then.
func TestParquetOfAnotherVersion(t *testing.T) {
	for name, c := range map[string]struct {
		put   func(*testing.T, []byte) []byte
		taken bool
	}{
		"the same rows": {func(t *testing.T, b []byte) []byte { return rewrite(t, b, func(*eventRow) {}) }, true},
		"another row": {func(t *testing.T, b []byte) []byte {
			return rewrite(t, b, func(r *eventRow) { r.Actor.User.Name = "eve" })
		}, false},
		"nothing":    {func(*testing.T, []byte) []byte { return nil }, false},
		"half of it": {func(_ *testing.T, b []byte) []byte { return b[len(b)/2:] }, false},
	} {
		t.Run(name, func(t *testing.T) {
			key, keys := newKey(t)
			s := newMemStore()
			sealAll(t, s, key, eventMessages(10))
			names := slices.Sorted(maps.Keys(s.files))
			file := names[slices.IndexFunc(names, func(n string) bool { return strings.HasSuffix(n, ".parquet") })]
			s.files[file] = c.put(t, s.files[file])
			delete(s.files, place{"riposte.events", 3, 0}.name(manifestSuffix))
			_, err := newArchiver(t, s, key, SegmentConfig{}).take(t.Context(), testPart(), 0, -1)
			if c.taken {
				if r, found := problems(t, s, Verification{Keys: keys}); err != nil || len(found) > 0 || r.Records != 10 {
					t.Errorf("%v: %+v %q", err, r, found)
				}
			} else if !fault.IsPermanent(err) || !strings.Contains(err.Error(), file) {
				t.Errorf("not refused: %v", err)
			}
		})
	}
}
