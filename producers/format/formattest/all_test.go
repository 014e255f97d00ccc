package formattest_test

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/catalog"
	"github.com/riposte-security/riposte/producers/format/formattest"
	"github.com/riposte-security/riposte/producers/unpack"
	"github.com/riposte-security/riposte/schemas"
)

// fewest is how many golden cases a format must have.
const fewest = 8

// TestEveryFixture holds the golden cases of all formats of the catalogue to what must be true of every event: it is valid, keeps what the
// record says, says the same the second time, and stays so inside the containers that records come in.
func TestEveryFixture(t *testing.T) {
	check := formattest.NewChecker(t)
	for _, f := range catalog.Formats() {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			files, err := filepath.Glob("../" + f.Name + "/testdata/*.txtar")
			if len(files) == 0 && f.Name == "auto" {
				t.Skip("it hands records to the others")
			}
			if err != nil || len(files) < fewest {
				t.Errorf("%d golden cases, at least %d are asked for: %v", len(files), fewest, err)
			}
			plain, err := catalog.NewFormat(f.Name, config.Node{})
			if err != nil {
				t.Fatal(err)
			}
			for i, file := range files {
				if testing.Short() && i%8 != 0 {
					continue
				}
				t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { fixture(t, check, f.Name, plain, file) })
			}
		})
	}
}

func fixture(t *testing.T, check *formattest.Checker, name string, format producers.Format, file string) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	r := producers.Record{Origin: "test", Position: "1", Received: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Attrs: map[string]string{}}
	var settings config.Node
	fails := false
	for _, part := range archive.Files {
		switch part.Name {
		case "record":
			r.Data = bytes.TrimSuffix(part.Data, []byte("\n"))
		case "attrs":
			for line := range strings.Lines(string(part.Data)) {
				key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
				r.Attrs[key] = value
			}
		case "settings":
			if settings, err = config.Parse("settings", part.Data); err != nil {
				t.Fatal(err)
			}
		case "error":
			fails = true
		}
	}
	if !settings.IsZero() {
		if format, err = catalog.NewFormat(name, settings); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := format.Parse(r); (err != nil) != fails || err != nil && !fault.IsPermanent(err) {
		t.Fatalf("an error is expected: %v; got %v", fails, err)
	}
	for _, attrs := range containers() {
		if attrs[unpack.AttrEnvelope] != "" && (r.Attrs[unpack.AttrEnvelope] != "" || bytes.Contains(r.Data, []byte(`"detail-type"`))) {
			continue // it comes in one already
		}
		in := r
		in.Attrs = maps.Clone(r.Attrs)
		for k, v := range attrs {
			if _, ok := in.Attrs[k]; !ok {
				in.Attrs[k] = v
			}
		}
		for _, e := range holds(t, check, format, in) {
			for _, value := range []string{attrs[unpack.AttrLogGroup], attrs[producers.AttrAccount]} {
				own := value == in.Attrs[producers.AttrAccount] && !bytes.Contains(in.Data, []byte(`"detail-type"`)) // an event in there has one of its own
				if value != "" && (own || value == in.Attrs[unpack.AttrLogGroup]) && !bytes.Contains(e.Data, []byte(value)) {
					t.Errorf("%q, which the container says, is not in %s", value, e.Data)
				}
			}
		}
	}
}

// containers are the attributes that records come with: none, and those of what they may come in.
func containers() []map[string]string {
	return []map[string]string{
		{},
		{
			unpack.AttrEnvelope: `{"id":"e-1","detail-type":"d","source":"aws.x","account":"999988887777","region":"eu-central-2"}`, unpack.AttrDetailType: "d",
			producers.AttrID: "e-1", producers.AttrSource: "aws.x", producers.AttrAccount: "999988887777", producers.AttrRegion: "eu-central-2",
		},
		{
			unpack.AttrLogGroup: "group", unpack.AttrLogStream: "stream \"1\"", producers.AttrAccount: "999988887777", producers.AttrID: "1",
			producers.AttrSource: "cloudwatch:999988887777:group:stream", producers.AttrTime: "2026-03-01T12:00:00Z",
		},
	}
}

// holds checks the properties for one record.
func holds(t *testing.T, check *formattest.Checker, format producers.Format, r producers.Record) []schemas.Event {
	t.Helper()
	data := bytes.Clone(r.Data)
	events, err := format.Parse(r)
	if err != nil {
		return nil
	}
	again, err := format.Parse(r)
	if err != nil || len(again) != len(events) {
		t.Fatalf("the second time %d events of %d: %v", len(again), len(events), err)
	}
	if !bytes.Equal(data, r.Data) {
		t.Fatal("the record was written to")
	}
	for i, e := range events {
		check.Valid(t, e)
		if !bytes.Equal(e.Data, again[i].Data) || e.UID != again[i].UID {
			t.Errorf("the second time another event: %s", again[i].Data)
		}
	}
	if len(events) > 0 { // an empty list has none
		check.Kept(t, r.Data, events)
	}
	return events
}

// TestRecords holds the logs in the folder that RECORDS names to the same: those in RECORDS/NAME to the format of that name.
func TestRecords(t *testing.T) {
	folder := os.Getenv("RECORDS")
	if folder == "" {
		t.Skip("RECORDS names no folder")
	}
	check := formattest.NewChecker(t)
	for _, f := range catalog.Formats() {
		files, err := filepath.Glob(filepath.Join(folder, f.Name, "*"))
		if err != nil {
			t.Fatal(err)
		}
		format, err := catalog.NewFormat(f.Name, config.Node{})
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			t.Run(f.Name+"/"+filepath.Base(file), func(t *testing.T) {
				data, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				base := producers.Record{Origin: unpack.FileOrigin(data), Received: time.Now()}
				err = unpack.Unpack(t.Context(), bytes.NewReader(data), base, unpack.Options{}, func(it unpack.Item) error {
					_, err := format.Parse(it.Record)
					if err = errors.Join(it.Err, err); err != nil {
						t.Errorf("record %d: %v", it.Number, err)
					} else {
						holds(t, check, format, it.Record)
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
			})
		}
	}
}
