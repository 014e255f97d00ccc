package archive

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A tamperer changes an archive in a folder behind the archivers' back.
type tamperer struct {
	t    *testing.T
	root string
}

func (x tamperer) path(start int64, suffix string) string {
	p := testPart()
	return filepath.Join(x.root, filepath.FromSlash(place{p.topic, p.partition, start}.name(suffix)))
}

func (x tamperer) read(path string) []byte {
	x.t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		x.t.Fatal(err)
	}
	return text
}

func (x tamperer) write(path string, text []byte) {
	x.t.Helper()
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		x.t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		x.t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		x.t.Fatal(err)
	}
}

// table is the Parquet file of a segment; there is one of each.
func (x tamperer) table(start int64) string {
	p := testPart()
	folder := table{region: "unknown", account: outside, day: "20260306"}.folder("riposte")
	return filepath.Join(x.root, filepath.FromSlash(tableName(folder, place{p.topic, p.partition, start})))
}

// lines changes the lines of a segment; the signature at its end stays what it was.
func (x tamperer) lines(start int64, change func([][]byte) [][]byte) {
	x.t.Helper()
	path := x.path(start, dataSuffix)
	text := x.read(path)
	dec, err := newDecoder(bytes.NewReader(text))
	if err != nil {
		x.t.Fatal(err)
	}
	defer dec.Close()
	plain, err := io.ReadAll(dec)
	if err != nil {
		x.t.Fatal(err)
	}
	var out bytes.Buffer
	enc, err := newEncoder(&out)
	if err != nil {
		x.t.Fatal(err)
	}
	for _, l := range change(bytes.SplitAfter(plain, []byte("\n"))) {
		if _, err := enc.Write(l); err != nil {
			x.t.Fatal(err)
		}
	}
	if err := enc.Close(); err != nil {
		x.t.Fatal(err)
	}
	x.write(path, append(out.Bytes(), text[len(text)-sealSize:]...))
}

// remove removes all files of a segment.
func (x tamperer) remove(start int64) {
	x.t.Helper()
	for _, path := range []string{x.path(start, dataSuffix), x.path(start, indexSuffix), x.path(start, manifestSuffix), x.table(start)} {
		if err := os.Remove(path); err != nil {
			x.t.Fatal(err)
		}
	}
}

// manifest has a manifest changed and signed anew, by whoever has signer.
func (x tamperer) manifest(start int64, signer Signer, change func(*Manifest)) {
	x.t.Helper()
	m, err := parseManifest(x.read(x.path(start, manifestSuffix)), nil)
	if !errors.Is(err, errUnknownKey) {
		x.t.Fatal(err)
	}
	change(&m.Manifest)
	again, err := m.seal(x.t.Context(), signer)
	if err != nil {
		x.t.Fatal(err)
	}
	x.write(x.path(start, manifestSuffix), again.text)
}

func (x tamperer) swap(one, other string) {
	x.t.Helper()
	a, b := x.read(one), x.read(other)
	x.write(one, b)
	x.write(other, a)
}

// TestTamper changes an archive in every way, and has it found and named. There are four segments: 0 to 9, to 19, to 29, to 34.
func TestTamper(t *testing.T) {
	const dir = "segments/riposte.events/00003/"
	segment := func(start string) string { return dir + strings.Repeat("0", 20-len(start)) + start }
	key, keys := newKey(t)
	stranger, _ := newKey(t)
	whole := Head{Topic: "riposte.events", Partition: 3, Next: 35}
	for _, c := range []struct {
		name string
		do   func(tamperer)
		v    func(*Verification)
		want []string
		not  string // nothing that is found says so
	}{
		{name: "nothing", do: func(tamperer) {}},
		{name: "a byte of a record", do: func(x tamperer) {
			x.lines(10, func(l [][]byte) [][]byte { l[4] = bytes.Replace(l[4], []byte("bob-14"), []byte("bob-41"), 1); return l })
		}, want: []string{segment("10") + ": offset 14: the record was changed"}},
		{name: "bytes of the file", do: func(x tamperer) {
			text := x.read(x.path(10, dataSuffix))
			text[len(text)/3] ^= 0x40
			x.write(x.path(10, dataSuffix), text)
		}, want: []string{segment("10") + ": offset 10: the data file cannot be read from here on"}},
		{name: "the offset of a record", do: func(x tamperer) {
			x.lines(10, func(l [][]byte) [][]byte { l[4] = bytes.Replace(l[4], []byte(`:14,`), []byte(`:77,`), 1); return l })
		}, want: []string{segment("10") + ": offset 77: the record was added", segment("10") + ": offset 14: the record is missing"}},
		{name: "a record that is none any more", do: func(x tamperer) {
			x.lines(10, func(l [][]byte) [][]byte { l[4] = []byte("nothing\n"); return l })
		}, want: []string{segment("10") + ": offset 14: the record was changed"}},
		{name: "a record removed", do: func(x tamperer) {
			x.lines(10, func(l [][]byte) [][]byte { return slices.Delete(l, 4, 5) })
		}, want: []string{segment("10") + ": offset 14: the record is missing"}},
		{name: "the first record removed", do: func(x tamperer) {
			x.lines(10, func(l [][]byte) [][]byte { return l[1:] })
		}, want: []string{segment("10") + ": offset 10: the record is missing"}},
		{name: "the last record removed", do: func(x tamperer) {
			x.lines(10, func(l [][]byte) [][]byte { return l[:9] })
		}, want: []string{segment("10") + ": offset 19: the record is missing"}},
		{name: "a record added", do: func(x tamperer) {
			m := message(testPart(), 99)
			x.lines(10, func(l [][]byte) [][]byte { return slices.Insert(l, 4, append(appendLine(nil, &m), '\n')) })
		}, want: []string{segment("10") + ": offset 99: the record was added"}},
		{name: "a record twice", do: func(x tamperer) {
			x.lines(10, func(l [][]byte) [][]byte { return slices.Insert(l, 4, l[3]) })
		}, want: []string{segment("10") + ": offset 13: the record was added"}},
		{name: "two records swapped", do: func(x tamperer) {
			x.lines(10, func(l [][]byte) [][]byte { l[4], l[5] = l[5], l[4]; return l })
		}, want: []string{segment("10") + ": offset 14: the record was moved"}},
		{name: "a file cut off", do: func(x tamperer) {
			text := x.read(x.path(10, dataSuffix))
			x.write(x.path(10, dataSuffix), text[:len(text)/2])
		}, want: []string{segment("10") + ": offset 10: the data file cannot be read from here on"}},
		{name: "a frame behind the file", do: func(x tamperer) {
			more := x.read(x.path(20, dataSuffix))
			x.write(x.path(10, dataSuffix), append(x.read(x.path(10, dataSuffix)), more...))
		}, want: []string{segment("10") + ": offset 20: the record was added"}},
		{name: "the same records compressed otherwise", do: func(x tamperer) {
			x.write(x.path(10, dataSuffix), append(x.read(x.path(10, dataSuffix)), sealFrame(Signature{Value: make([]byte, 64)})...))
		}, want: []string{segment("10") + ": the data file was changed, though not its records"}},
		{name: "the index", do: func(x tamperer) {
			text := x.read(x.path(10, indexSuffix))
			text[40] ^= 1
			x.write(x.path(10, indexSuffix), text)
		}, want: []string{segment("10") + ": the index file was changed"}},
		{name: "index and record", do: func(x tamperer) {
			x.write(x.path(10, indexSuffix), nil)
			x.lines(10, func(l [][]byte) [][]byte { l[4] = bytes.Replace(l[4], []byte("bob-14"), []byte("bob-41"), 1); return l })
		}, want: []string{segment("10") + ": the index file was changed", segment("10") + ": records were changed, and no index tells which"}},
		{name: "a segment removed in the middle", do: func(x tamperer) { x.remove(10) }, want: []string{segment("10") + ": missing, up to offset 19"}},
		{name: "the first segment removed", do: func(x tamperer) { x.remove(0) }, want: []string{segment("0") + ": the beginning is missing, up to offset 9"}},
		{name: "the last segment removed, with a head", do: func(x tamperer) { x.remove(30) },
			v:    func(v *Verification) { v.Heads = []Head{whole} },
			want: []string{segment("30") + ": the end is missing, up to offset 34: the head that was kept is beyond"}},
		{name: "the last segment removed, with Kafka", do: func(x tamperer) { x.remove(30) },
			v:    func(v *Verification) { v.Committed = map[string]map[int]int64{"riposte.events": {3: 35}} },
			want: []string{segment("30") + ": the end is missing, up to offset 34: the offset committed to Kafka is beyond"}},
		{name: "all removed, with a head", do: func(x tamperer) { _ = os.RemoveAll(filepath.Join(x.root, segmentFolder)) },
			v:    func(v *Verification) { v.Heads = []Head{whole} },
			want: []string{segment("0") + ": the end is missing, up to offset 34: the head that was kept is beyond"}},
		{name: "another chain under the head", do: func(tamperer) {},
			v: func(v *Verification) {
				v.Heads = []Head{{Topic: "riposte.events", Partition: 3, Next: 20, Manifest: Hash{1}}}
			},
			want: []string{segment("10") + ": is not the segment that was kept as head"}},
		{name: "no segment ends at the head", do: func(tamperer) {},
			v: func(v *Verification) {
				v.Heads = []Head{{Topic: "riposte.events", Partition: 3, Next: 25, Manifest: Hash{1}}}
			},
			want: []string{segment("25") + ": no segment ends here, where the head that was kept does"}},
		{name: "segments swapped", do: func(x tamperer) {
			for _, suffix := range []string{dataSuffix, indexSuffix, manifestSuffix} {
				x.swap(x.path(0, suffix), x.path(10, suffix))
			}
		}, want: []string{
			segment("0") + ": the manifest was changed, or is not ours", segment("10") + ": the manifest was changed, or is not ours",
		}},
		{name: "data of two segments swapped", do: func(x tamperer) { x.swap(x.path(0, dataSuffix), x.path(10, dataSuffix)) },
			want: []string{segment("0") + ": offset 10: the record was added", segment("0") + ": offset 0: the record is missing",
				segment("10") + ": offset 0: the record was added", segment("10") + ": offset 10: the record is missing"}},
		{name: "a manifest edited", do: func(x tamperer) {
			x.write(x.path(10, manifestSuffix), bytes.Replace(x.read(x.path(10, manifestSuffix)), []byte(`"writer":"riposte test"`), []byte(`"writer":"somebody"`), 1))
		}, want: []string{segment("10") + ": the manifest was changed, or is not ours"}},
		{name: "a manifest spelt otherwise", do: func(x tamperer) {
			x.write(x.path(10, manifestSuffix), bytes.Replace(x.read(x.path(10, manifestSuffix)), []byte(`"count":`), []byte(`"count": `), 1))
		}, want: []string{segment("10") + ": the manifest was changed, or is not ours"}},
		{name: "no manifest any more", do: func(x tamperer) { x.write(x.path(10, manifestSuffix), []byte("{}\n{}\n")) },
			want: []string{segment("10") + ": the manifest was changed, or is not ours"}},
		{name: "the signature of a stranger", do: func(x tamperer) { x.manifest(10, stranger, func(*Manifest) {}) },
			want: []string{segment("10") + ": the manifest was changed, or is not ours"}, not: "the data file was changed"},
		{name: "a manifest emptied, the offset of a record, and a segment behind it removed", do: func(x tamperer) {
			x.write(x.path(0, manifestSuffix), nil)
			x.lines(0, func(l [][]byte) [][]byte { l[9] = bytes.Replace(l[9], []byte(`:9,`), []byte(`:19,`), 1); return l })
			x.remove(10)
		}, want: []string{segment("0") + ": the manifest was changed, or is not ours", segment("0") + ": offset 19: the record was added", segment("0") + ": nothing vouches any more for what was here, up to offset 19"}},
		{name: "a manifest signed anew by ourselves", do: func(x tamperer) { x.manifest(10, key, func(m *Manifest) { m.Created = m.Created.Add(time.Second) }) },
			want: []string{segment("20") + ": does not follow the segment that is in front of it"}},
		{name: "a manifest with another root by ourselves", do: func(x tamperer) { x.manifest(30, key, func(m *Manifest) { m.Root[0] ^= 1 }) },
			want: []string{segment("30") + ": records were changed, and no index tells which"}},
		{name: "a manifest edited, and a segment behind it removed", do: func(x tamperer) {
			x.write(x.path(0, manifestSuffix), bytes.Replace(x.read(x.path(0, manifestSuffix)), []byte(`"last":9`), []byte(`"last":19`), 1))
			x.remove(10)
		}, want: []string{segment("0") + ": the manifest was changed, or is not ours", segment("10") + ": missing, up to offset 19"}},
		{name: "a manifest emptied, and a segment behind it removed", do: func(x tamperer) {
			x.write(x.path(0, manifestSuffix), nil)
			x.remove(10)
		}, want: []string{segment("0") + ": the manifest was changed, or is not ours", segment("10") + ": missing, up to offset 19"}},
		{name: "a manifest edited, and a record under it", do: func(x tamperer) {
			x.write(x.path(10, manifestSuffix), bytes.Replace(x.read(x.path(10, manifestSuffix)), []byte(`"writer":"riposte test"`), []byte(`"writer":"somebody"`), 1))
			x.lines(10, func(l [][]byte) [][]byte { l[4] = bytes.Replace(l[4], []byte("bob-14"), []byte("bob-41"), 1); return l })
		}, want: []string{segment("10") + ": the manifest was changed, or is not ours", segment("10") + ": offset 14: the record was changed"}},
		{name: "manifest, index and a record", do: func(x tamperer) {
			x.write(x.path(10, manifestSuffix), nil)
			x.write(x.path(10, indexSuffix), nil)
			x.lines(10, func(l [][]byte) [][]byte { l[4] = bytes.Replace(l[4], []byte("bob-14"), []byte("bob-41"), 1); return l })
		}, want: []string{segment("10") + ": the manifest was changed, or is not ours"}},
		{name: "manifest and data removed", do: func(x tamperer) {
			x.write(x.path(10, manifestSuffix), nil)
			_ = os.Remove(x.path(10, dataSuffix))
		}, want: []string{segment("10") + ": the manifest was changed, or is not ours", segment("10") + ": the data file is missing"}},
		{name: "a manifest removed", do: func(x tamperer) { _ = os.Remove(x.path(10, manifestSuffix)) },
			want: []string{dir + "00000000000000000010.ndjson.zst: has no manifest", dir + "00000000000000000010.index: has no manifest",
				segment("10") + ": missing, up to offset 19"}},
		{name: "the data removed", do: func(x tamperer) { _ = os.Remove(x.path(10, dataSuffix)) }, want: []string{segment("10") + ": the data file is missing"}},
		{name: "the index removed", do: func(x tamperer) { _ = os.Remove(x.path(10, indexSuffix)) }, want: []string{segment("10") + ": the index file is missing"}},
		{name: "a Parquet file edited", do: func(x tamperer) {
			text := x.read(x.table(10))
			text[len(text)/2] ^= 1
			x.write(x.table(10), text)
		}, want: []string{segment("10") + ": ext/riposte_base_event/region=unknown/accountId=external/eventDay=20260306/riposte.events-00003-00000000000000000010.parquet was changed"}},
		{name: "a Parquet file removed", do: func(x tamperer) { _ = os.Remove(x.table(10)) },
			want: []string{segment("10") + ": ext/riposte_base_event/region=unknown/accountId=external/eventDay=20260306/riposte.events-00003-00000000000000000010.parquet is missing"}},
		{name: "Parquet files added", do: func(x tamperer) {
			x.write(strings.Replace(x.table(10), "20260306", "20260307", 1), x.read(x.table(10)))
			x.write(strings.Replace(x.table(10), "00010.parquet", "00035.parquet", 1), x.read(x.table(10)))
			x.write(strings.Replace(x.table(10), "00010.parquet", "00036.parquet", 1), x.read(x.table(10)))
		}, want: []string{
			"ext/riposte_base_event/region=unknown/accountId=external/eventDay=20260306/riposte.events-00003-00000000000000000035.parquet: is in no manifest",
			"ext/riposte_base_event/region=unknown/accountId=external/eventDay=20260306/riposte.events-00003-00000000000000000036.parquet: is in no manifest",
			"ext/riposte_base_event/region=unknown/accountId=external/eventDay=20260307/riposte.events-00003-00000000000000000010.parquet: is in no manifest",
		}},
		{name: "files of others", do: func(x tamperer) {
			x.write(filepath.Join(x.root, dir, "readme.txt"), []byte("x"))
			x.write(filepath.Join(x.root, "other.txt"), []byte("x"))
			x.write(filepath.Join(x.root, dir, "00000000000000000012.ndjson.zst"), []byte("x"))
		}, want: []string{dir + "00000000000000000012.ndjson.zst: has no manifest", dir + "readme.txt: was not written by an archiver", "other.txt: is in no manifest"}},
		{name: "the file that is written again at each start", do: func(x tamperer) { x.write(filepath.Join(x.root, onceName), []byte("x")) }, want: []string{onceName + ": was changed"}},
		{name: "a segment by a stranger at the end", do: func(x tamperer) { x.write(x.path(35, dataSuffix), x.read(x.path(30, dataSuffix))) },
			want: []string{dir + "00000000000000000035.ndjson.zst: has no manifest"}},
		{name: "a segment added at the end", do: func(x tamperer) {
			for _, suffix := range []string{dataSuffix, indexSuffix, manifestSuffix} {
				x.write(x.path(35, suffix), x.read(x.path(30, suffix)))
			}
		}, want: []string{segment("35") + ": the manifest was changed, or is not ours"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := FileStore(t.TempDir())
			write(t, newArchiver(t, s, key, SegmentConfig{Records: 10}), testPart(), 35)
			c.do(tamperer{t, s.String()})
			v := Verification{Keys: keys}
			if c.v != nil {
				c.v(&v)
			}
			r, found := problems(t, s, v)
			t.Logf("found: %q", found)
			if int(r.Problems) != len(found) || len(found) < len(c.want) || (len(c.want) == 0 && len(found) > 0) {
				t.Fatalf("%d problems %q, expected %q", r.Problems, found, c.want)
			}
			if c.not != "" && strings.Contains(strings.Join(found, "\n"), c.not) {
				t.Errorf("%q found; nothing with %q expected", found, c.not)
			}
			var missing []string
			for _, w := range c.want {
				if !slices.ContainsFunc(found, func(f string) bool { return strings.HasPrefix(f, w) }) {
					missing = append(missing, w)
				}
			}
			if diff := cmp.Diff([]string(nil), missing); diff != "" {
				t.Errorf("found %q; not found:\n%s", found, diff)
			}
		})
	}
}
