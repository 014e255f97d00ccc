package unpack_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/format/vpcflow"
	"github.com/riposte-security/riposte/producers/unpack"
)

type flowRow struct {
	Version   int32   `parquet:"version"`
	AccountID *string `parquet:"account_id,optional"`
	SrcAddr   *string `parquet:"srcaddr,optional,dict"`
	DstAddr   *string `parquet:"dstaddr,optional,dict"`
	SrcPort   *int32  `parquet:"srcport,optional"`
	Packets   *int64  `parquet:"packets,optional"`
	Start     int64   `parquet:"start"`
	End       int64   `parquet:"end"`
	LogStatus *string `parquet:"log_status,optional"`
	Tag       *string `parquet:"instance_tag_2,optional"`
}

type endpoint struct {
	IP   string  `parquet:"ip"`
	Port *uint32 `parquet:"port,optional"`
}

type numbers struct {
	N []int64 `parquet:"n,list"`
}

type ocsfRow struct {
	ClassUID int32             `parquet:"class_uid"`
	Time     int64             `parquet:"time"`
	TimeDT   time.Time         `parquet:"time_dt,timestamp(microsecond)"`
	Src      *endpoint         `parquet:"src_endpoint,optional"`
	Tags     []string          `parquet:"tags,list"`
	Hops     []endpoint        `parquet:"hops,list"`
	Lists    []numbers         `parquet:"lists,list"`
	Unmapped map[string]string `parquet:"unmapped,optional"`
	OK       bool              `parquet:"ok"`
	Score    float64           `parquet:"score"`
	Note     *string           `parquet:"note \"quoted\",optional"`
}

func parquetFile[T any](t testing.TB, rows []T, perGroup int64, options ...parquet.WriterOption) []byte {
	t.Helper()
	var b bytes.Buffer
	w := parquet.NewGenericWriter[T](&b, append(options, parquet.MaxRowsPerRowGroup(perGroup))...)
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func readAll(t testing.TB, data []byte, opts unpack.Options) (items []unpack.Item) {
	t.Helper()
	err := unpack.Unpack(t.Context(), bytes.NewReader(data), producers.Record{Origin: "o"}, opts, func(it unpack.Item) error {
		items = append(items, it)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return items
}

func TestParquetFlowLog(t *testing.T) {
	rows := []flowRow{
		{2, new("210987654321"), new("10.0.0.1"), new("10.0.0.2"), new(int32(443)), new(int64(5)), 1772000000, 1772000058, new("OK"), new("a")},
		{2, new("210987654321"), nil, nil, nil, nil, 1772000000, 1772000058, new("NODATA"), nil},
		{2, new("210987654321"), new("10.0.0.1"), new("10.0.0.2"), new(int32(22)), new(int64(7)), 1772000001, 1772000059, new("OK"), new("two words")},
	}
	for _, codec := range []parquet.WriterOption{parquet.Compression(&parquet.Snappy), parquet.Compression(&parquet.Gzip), parquet.DataPageVersion(1)} {
		data := parquetFile(t, rows, 2, codec)
		items := readAll(t, data, unpack.Options{})
		if len(items) != 3 {
			t.Fatalf("%d records", len(items))
		}
		for i, want := range []string{
			"2 210987654321 10.0.0.1 10.0.0.2 443 5 1772000000 1772000058 OK a",
			"2 210987654321 - - - - 1772000000 1772000058 NODATA -",
		} {
			if it := items[i]; string(it.Record.Data) != want || it.Err != nil || it.Record.Position != "0/"+strconv.Itoa(i) {
				t.Errorf("%q at %s, %v", it.Record.Data, it.Record.Position, it.Err)
			}
		}
		const header = "version account_id srcaddr dstaddr srcport packets start end log_status instance_tag_2"
		if got := items[0].Record.Attrs[producers.AttrHeader]; got != header {
			t.Errorf("header %q", got)
		}
		if items[2].Err == nil || !strings.Contains(items[2].Err.Error(), "white space") {
			t.Errorf("a value of two words: %v", items[2].Err)
		}
		if items[0].Resume != 0 || items[2].Resume != int64(len(data)) {
			t.Errorf("resume at %d and %d of %d", items[0].Resume, items[2].Resume, len(data))
		}
	}
}

func TestParquetNested(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 123000, time.UTC)
	rows := []ocsfRow{
		{
			4001, 1772366400000, at, &endpoint{"10.0.0.1", new(uint32(4294967295))}, []string{"a", "\u00e9\""}, []endpoint{{"1.1.1.1", nil}, {"2.2.2.2", new(uint32(1))}},
			[]numbers{{[]int64{1, 2}}, {}, {[]int64{3}}}, map[string]string{"k": "v"}, true, 1.5, new("x"),
		},
		{ClassUID: 4001, Time: 1, TimeDT: at},
	}
	items := readAll(t, parquetFile(t, rows, 1), unpack.Options{})
	want := []string{
		`{"class_uid":4001,"time":1772366400000,"time_dt":"2026-03-01T12:00:00.000123Z","src_endpoint":{"ip":"10.0.0.1","port":4294967295},
		"tags":["a","\u00e9\""],"hops":[{"ip":"1.1.1.1"},{"ip":"2.2.2.2","port":1}],"lists":[{"n":[1,2]},{"n":[]},{"n":[3]}],"unmapped":{"k":"v"},"ok":true,"score":1.5,
		"note \"quoted\"":"x"}`,
		`{"class_uid":4001,"time":1,"time_dt":"2026-03-01T12:00:00.000123Z","tags":[],"hops":[],"lists":[],"ok":false,"score":0}`,
	}
	if len(items) != len(want) {
		t.Fatalf("%d records", len(items))
	}
	for i, it := range items {
		if it.Err != nil {
			t.Fatal(it.Err)
		}
		var g, w any
		if err := json.Unmarshal(it.Record.Data, &g); err != nil {
			t.Fatalf("%v in %s", err, it.Record.Data)
		}
		if err := json.Unmarshal([]byte(want[i]), &w); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(w, g); diff != "" {
			t.Errorf("row %d (-want +got)\n%s", i, diff)
		}
	}
}

func TestParquetBounds(t *testing.T) {
	long := strings.Repeat("x", 5000)
	rows := []ocsfRow{{Note: &long}, {ClassUID: 1}}
	items := readAll(t, parquetFile(t, rows, 10), unpack.Options{MaxRecord: 1000})
	if len(items) != 2 || items[0].Err == nil || items[1].Err != nil {
		t.Errorf("%d records: a large row is not refused, or a small one is", len(items))
	}
	data := parquetFile(t, rows, 10)
	for name, bad := range map[string][]byte{
		"cut":            data[:len(data)-1],
		"head only":      data[:8],
		"footer too big": append(append([]byte(nil), data[:len(data)-8]...), "\xff\xff\xff\x7fPAR1"...),
		"a list beyond":  append([]byte("PAR1\x19\xfc\xff\xff\xff\xff\x07\x00\x07\x00\x00\x00"), "PAR1"...),
	} {
		items := readAll(t, bad, unpack.Options{})
		if len(items) != 1 || items[0].Err == nil {
			t.Errorf("%s: %+v", name, items)
		}
	}
	if items := readAll(t, data, unpack.Options{MaxTotal: 100}); len(items) != 1 || items[0].Err == nil {
		t.Errorf("a file beyond the bound: %+v", items)
	}
}

// TestParquetBitFlips: whatever a file claims, reading ends, in bounded memory and without a panic.
func TestParquetBitFlips(t *testing.T) {
	at := time.Unix(1772366400, 0)
	rows := make([]ocsfRow, 50)
	for i := range rows {
		rows[i] = ocsfRow{ClassUID: int32(i), TimeDT: at, Tags: []string{"a", "b"}, Unmapped: map[string]string{"k": "v"}, Hops: []endpoint{{IP: "1.1.1.1"}}}
	}
	data := parquetFile(t, rows, 20)
	random := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		bad := bytes.Clone(data)
		for range 1 + random.IntN(3) {
			bad[4+random.IntN(len(bad)-8)] ^= byte(1 << random.IntN(8))
		}
		readAll(t, bad, unpack.Options{})
	}
}

func FuzzParquet(f *testing.F) {
	f.Add(parquetFile(f, []flowRow{{Version: 2, LogStatus: new("OK")}}, 10))
	f.Add(parquetFile(f, []ocsfRow{{Tags: []string{"a"}, Unmapped: map[string]string{"k": "v"}, Lists: []numbers{{[]int64{1}}}}}, 10))
	f.Fuzz(func(t *testing.T, data []byte) {
		readAll(t, append([]byte("PAR1"), data[min(4, len(data)):]...), unpack.Options{MaxRecord: 1 << 16})
	})
}

// TestParquetToEvent: what comes out of a flow log in Parquet is what its format reads.
func TestParquetToEvent(t *testing.T) {
	format, err := vpcflow.New(config.Node{})
	if err != nil {
		t.Fatal(err)
	}
	rows := []flowRow{{Version: 2, AccountID: new("210987654321"), SrcAddr: new("203.0.113.9"), DstAddr: new("10.0.0.2"), Start: 1772000000, LogStatus: new("OK")}}
	items := readAll(t, parquetFile(t, rows, 10), unpack.Options{})
	events, err := format.Parse(items[0].Record)
	if err != nil || len(events) != 1 || events[0].Key != "203.0.113.9" || events[0].Time.Unix() != 1772000000 {
		t.Errorf("%+v, %v", events, err)
	}
}
