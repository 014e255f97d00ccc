package formattest

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/unpack"
)

// A Reading is what a format is measured against: merely reading the same records.
type Reading int

// The readings. JSON is encoding/json into map[string]any; CSV and TSV are encoding/csv with a blank and a tab between fields.
const (
	JSON Reading = iota
	CSV
	TSV
)

// benchRound is how many bytes are turned into events, and then merely read, at a time: so much that the clock and the collection of garbage
// fall where they belong, so little that both sides see the same load of the machine. It is also what is in memory meanwhile: a process that
// reads logs has some such size, and in one that has nothing at all the garbage collector, not the code, would be measured.
const benchRound = 8 << 20

// Bench measures a format on one core, bytes in and OCSF bytes out, beside what merely reading the same records costs, turn by turn. An
// operation is one record. Beside ns/op, MB/s, B/op and allocs/op it reports events/s and the ratio: of rates for JSON (x-json: 2 is twice as
// fast as decoding into a map), of times for lines (x-csv: 3 takes three times as long as reading the CSV). These are of processor time,
// so that what else the machine does falls out. Every record must be readable.
//
// With BENCH_RECORDS in the environment (a glob of log files of this format) it measures on the records in those files instead.
func Bench(b *testing.B, newFormat New, records []producers.Record, against Reading) {
	b.Helper()
	format, err := newFormat(config.Node{})
	if err != nil {
		b.Fatal(err)
	}
	if files := os.Getenv("BENCH_RECORDS"); files != "" {
		records = benchFiles(b, format, files)
	}
	if len(records) == 0 {
		b.Fatal("no records")
	}
	m := newMeasure(records, against)
	for _, r := range records { // a format reads records for long: what it makes for the first does not count
		if _, err := format.Parse(r); err != nil {
			b.Fatalf("%v in %s", err, r.Data)
		}
	}
	if err := m.read(len(m.end)); err != nil {
		b.Fatal(err)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	b.SetBytes(int64(len(m.text) / len(m.end)))
	b.ReportAllocs()
	b.StopTimer()
	b.ResetTimer()
	var parsing, reading time.Duration
	events := 0
	for done := 0; done < b.N; {
		n := min(len(m.end), b.N-done)
		b.StartTimer()
		at := cpuTime()
		for i := range n {
			out, err := format.Parse(records[i%len(records)])
			if err != nil {
				b.Fatalf("%v in %s", err, records[i%len(records)].Data)
			}
			events += len(out)
		}
		parsing += cpuTime() - at
		b.StopTimer()
		at = cpuTime()
		if err := m.read(n); err != nil {
			b.Fatal(err)
		}
		reading += cpuTime() - at
		done += n
	}
	b.ReportMetric(float64(events)/parsing.Seconds(), "events/s")
	if against == JSON {
		b.ReportMetric(reading.Seconds()/parsing.Seconds(), "x-json")
	} else {
		b.ReportMetric(parsing.Seconds()/reading.Seconds(), "x-csv")
	}
}

// Bench is the function Bench on the records of all golden cases that give events without settings of their own; JSON without white space,
// as logs are delivered.
func (s Suite) Bench(b *testing.B, against Reading) {
	b.Helper()
	Bench(b, s.New, s.benchRecords(b, against), against)
}

func (s Suite) benchRecords(b *testing.B, against Reading) []producers.Record {
	b.Helper()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		b.Fatal(err)
	}
	format, err := s.New(config.Node{})
	if err != nil {
		b.Fatal(err)
	}
	var records []producers.Record
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			b.Fatal(err)
		}
		r, settings := input(b, archive)
		var line bytes.Buffer
		if against == JSON && json.Compact(&line, r.Data) == nil {
			r.Data = line.Bytes()
		}
		if _, err := format.Parse(r); err == nil && settings.IsZero() {
			records = append(records, r)
		}
	}
	return records
}

// benchFiles reads the records of the files that glob names, leaving out those that give no event.
func benchFiles(b *testing.B, format producers.Format, glob string) (records []producers.Record) {
	b.Helper()
	files, err := filepath.Glob(glob)
	if err != nil {
		b.Fatal(err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name) //nolint:gosec // the files that were asked for
		if err != nil {
			b.Fatal(err)
		}
		base := producers.Record{Origin: unpack.FileOrigin(data), Received: time.Unix(1772366400, 0)}
		err = unpack.Unpack(b.Context(), bytes.NewReader(data), base, unpack.Options{}, func(it unpack.Item) error {
			if _, err := format.Parse(it.Record); err == nil && it.Err == nil {
				records = append(records, it.Record)
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return records
}

// A measure is a round of records, again and again the same, and their text as a file would have it.
type measure struct {
	records []producers.Record
	text    []byte
	end     []int // of each record of the round in text, with its line end
	against Reading
}

func newMeasure(records []producers.Record, against Reading) *measure {
	m := &measure{records: records, against: against}
	for len(m.text) < benchRound {
		for _, r := range records {
			m.text = append(append(m.text, r.Data...), '\n')
			m.end = append(m.end, len(m.text))
		}
	}
	return m
}

// read merely reads the first n records.
func (m *measure) read(n int) error {
	if m.against == JSON {
		for i := range n {
			var v map[string]any
			if err := json.Unmarshal(m.records[i%len(m.records)].Data, &v); err != nil {
				return err
			}
		}
		return nil
	}
	c := csv.NewReader(bytes.NewReader(m.text[:m.end[n-1]]))
	c.Comma, c.LazyQuotes, c.FieldsPerRecord = ' ', true, -1
	if m.against == TSV {
		c.Comma = '\t'
	}
	for {
		if _, err := c.Read(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}
