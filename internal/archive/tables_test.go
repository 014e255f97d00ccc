package archive

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/schemas"
)

// event is the n-th of some events, of two accounts and two days.
func event(n int) []byte {
	account, region := "111122223333", "eu-central-1"
	if n%3 == 0 {
		account, region = "444455556666", "us-east-1"
	}
	return fmt.Appendf(nil, `{"class_uid":6003,"category_uid":6,"activity_id":1,"type_uid":600301,"severity_id":1,"severity":"Informational","status_id":1,"status":"Success",
		"time":%d,"metadata":{"uid":"e-%d","version":"1.8.0","log_name":"cloudtrail","product":{"name":"CloudTrail","vendor_name":"AWS"}},
		"cloud":{"provider":"AWS","region":%q,"account":{"uid":%q}},"actor":{"user":{"name":"ann","uid":"AIDA","type":"IAMUser"}},
		"src_endpoint":{"ip":"203.0.113.7","port":443},"api":{"operation":"PutBucketPolicy","service":{"name":"s3.amazonaws.com"}},
		"resources":[{"uid":"arn:aws:s3:::a"},{"uid":"arn:aws:s3:::b","type":"bucket"}],"unmapped":{"n":%d}}`,
		at().AddDate(0, 0, -(n%2)).Add(-time.Duration(n)*time.Second).UnixMilli(), n, region, account, n)
}

// sealAll archives messages of one partition as one segment.
func sealAll(tb testing.TB, s Store, key Signer, msgs []kafka.Message) *Archiver {
	tb.Helper()
	a := newArchiver(tb, s, key, SegmentConfig{})
	p := part{msgs[0].Topic, msgs[0].Partition}
	if _, err := a.take(tb.Context(), p, 0, -1); err != nil {
		tb.Fatal(err)
	}
	if err := a.handle(tb.Context(), msgs); err != nil {
		tb.Fatal(err)
	}
	if err := a.chain(p).flush(tb.Context()); err != nil { // finish has a bound on its time
		tb.Fatal(err)
	}
	return a
}

func eventMessages(n int) []kafka.Message {
	var all []kafka.Message
	for i := range n {
		m := message(testPart(), int64(i))
		m.Time = at()
		m.Value = event(i)
		all = append(all, m)
	}
	return all
}

// tablesIn lists the Parquet files of an archive.
func tablesIn(tb testing.TB, s Store) []string {
	tb.Helper()
	var names []string
	if err := s.List(tb.Context(), "", "", func(name string, _ int64) error {
		if strings.HasSuffix(name, ".parquet") {
			names = append(names, name)
		}
		return nil
	}); err != nil {
		tb.Fatal(err)
	}
	return names
}

func openTable(tb testing.TB, s Store, name string) *parquet.File {
	tb.Helper()
	text, err := readFile(tb.Context(), s, name, 1<<30)
	if err != nil {
		tb.Fatal(err)
	}
	f, err := parquet.OpenFile(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

// generic reads all rows as a reader does that knows nothing of them but the file's own schema.
func generic(tb testing.TB, f *parquet.File) []map[string]any {
	tb.Helper()
	r := parquet.NewGenericReader[any](f, f.Schema())
	defer r.Close() //nolint:errcheck // read only
	var all []map[string]any
	for {
		rows := make([]any, 10)
		n, err := r.Read(rows)
		for _, row := range rows[:n] {
			m, ok := row.(map[string]any)
			if !ok {
				tb.Fatalf("a row is %T", row)
			}
			all = append(all, m)
		}
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
}

func TestTables(t *testing.T) {
	key, keys := newKey(t)
	s := newMemStore()
	msgs := eventMessages(12)
	msgs[5].Value = []byte("no event")
	msgs[7].Value = []byte(`{"kind":"login_failed","user":"bob"}`)
	sealAll(t, s, key, msgs)
	const file = "/riposte.events-00003-00000000000000000000.parquet"
	names := tablesIn(t, s)
	if diff := cmp.Diff([]string{
		"ext/riposte_api_activity/region=eu-central-1/accountId=111122223333/eventDay=20260305" + file,
		"ext/riposte_api_activity/region=eu-central-1/accountId=111122223333/eventDay=20260306" + file,
		"ext/riposte_api_activity/region=us-east-1/accountId=444455556666/eventDay=20260305" + file,
		"ext/riposte_api_activity/region=us-east-1/accountId=444455556666/eventDay=20260306" + file,
		"ext/riposte_base_event/region=unknown/accountId=external/eventDay=20260306" + file,
	}, names); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	var uids []string
	for _, name := range names {
		f := openTable(t, s, name)
		last := int64(0)
		for _, row := range generic(t, f) {
			at, _ := row["time"].(int64)
			if at < last {
				t.Errorf("%s is not sorted by time", name)
			}
			last = at
			raw, _ := row["raw_data"].(string)
			metadata, _ := row["metadata"].(map[string]any)
			uid, _ := metadata["uid"].(string)
			uids = append(uids, uid)
			var ev struct {
				Time     int64
				Metadata struct{ UID string }
			}
			if err := json.Unmarshal([]byte(raw), &ev); err != nil || ev.Time != at || ev.Metadata.UID != uid {
				t.Errorf("%s: %v: raw_data %q of %q", name, err, raw, uid)
			}
		}
		for _, g := range f.Metadata().RowGroups {
			for _, c := range g.Columns {
				if c.MetaData.Codec.String() != "ZSTD" {
					t.Errorf("%s: column %v by %s", name, c.MetaData.PathInSchema, c.MetaData.Codec)
				}
			}
		}
	}
	if len(uids) != 11 {
		t.Errorf("%d rows, 11 expected: %q", len(uids), uids)
	}
	if r, found := problems(t, s, Verification{Keys: keys}); len(found) > 0 || r.Records != 12 {
		t.Errorf("%+v, problems %q", r, found)
	}
	m, err := readManifest(t.Context(), s, place{"riposte.events", 3, 0}.name(manifestSuffix), keys)
	if err != nil || m.Unmapped != 1 || len(m.Parquet) != len(names) {
		t.Errorf("manifest %+v: %v", m, err)
	}
}

// TestColumns holds names and types of all columns against a golden file, and one row of each table.
func TestColumns(t *testing.T) {
	key, _ := newKey(t)
	s := newMemStore()
	sealAll(t, s, key, eventMessages(2)[1:])
	cmd := schemas.Command{
		ID: "3f2a9c", Rule: "r", RuleHash: "h", Step: "s", Lane: schemas.LaneBlock, Action: "wafv2-ipset", Severity: "high",
		Target: schemas.Target{Type: "ip", ID: "203.0.113.7"}, Event: event(1), EventUID: "e-1", EventTime: at(), Created: at(),
	}
	value, err := json.Marshal(cmd)
	if err != nil {
		t.Fatal(err)
	}
	sealAll(t, s, key, []kafka.Message{{Topic: "riposte.block", Time: at(), Value: value}})
	var out strings.Builder
	for _, name := range tablesIn(t, s) {
		f := openTable(t, s, name)
		fmt.Fprintf(&out, "%s\n%s\n", name, f.Schema())
		for _, row := range generic(t, f) {
			delete(row, "raw_data")
			text, err := json.MarshalIndent(row, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&out, "%s\n", text)
		}
	}
	golden(t, "columns.golden", out.String())
}

// golden compares with a file in testdata; UPDATE_GOLDEN=1 writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// TestTablesAreDeterministic writes the same messages twice: who completes what another has begun must come to the same bytes.
func TestTablesAreDeterministic(t *testing.T) {
	key, _ := newKey(t)
	sums := func() map[string]Hash {
		s := newMemStore()
		sealAll(t, s, key, eventMessages(50))
		out := map[string]Hash{}
		for _, name := range tablesIn(t, s) {
			sum, err := sumOf(t.Context(), s, name)
			if err != nil {
				t.Fatal(err)
			}
			out[name] = sum
		}
		return out
	}
	if diff := cmp.Diff(sums(), sums()); diff != "" {
		t.Errorf("another time (-one +other):\n%s", diff)
	}
}

// TestManyTables has somebody make accounts, regions, days and classes up.
func TestManyTables(t *testing.T) {
	key, keys := newKey(t)
	s := newMemStore()
	var msgs []kafka.Message
	for i := range maxTables + 300 {
		m := message(testPart(), int64(i))
		m.Value = fmt.Appendf(nil, `{"class_uid":%d,"time":%d,"cloud":{"region":"../../x","account":{"uid":"%012d"}}}`, i%7, at().UnixMilli()-int64(i)*3_600_000, i)
		msgs = append(msgs, m)
	}
	sealAll(t, s, key, msgs)
	if n := len(tablesIn(t, s)); n != maxTables+1 {
		t.Errorf("%d files", n)
	}
	if r, found := problems(t, s, Verification{Keys: keys}); len(found) > 0 {
		t.Errorf("%+v: %q", r, found)
	}
}

func TestTableNames(t *testing.T) {
	p := place{"a-b.c", 7, 42}
	name := tableName(table{class: 6003, region: "eu-west-1", account: "external", day: "20260101"}.folder("riposte"), p)
	if got, ok := parseTable(name); !ok || got != p {
		t.Errorf("%s: %v %t", name, got, ok)
	}
	for _, bad := range []string{"", "x.parquet", "a/b-1-2.parquet", "a/-00001-00000000000000000002.parquet", name + "x"} {
		if _, ok := parseTable(bad); ok {
			t.Errorf("%q is taken for one", bad)
		}
	}
	if slices.Sorted(maps.Keys(map[string]bool{account("12345678901"): true, account("12345678901x"): true}))[0] != outside {
		t.Error("no account")
	}
}
