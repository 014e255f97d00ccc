package formattest_test

import (
	"bytes"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/catalog"
	"github.com/riposte-security/riposte/schemas"
)

// TestConcurrentUse has several goroutines parse the golden records of a format with one instance of it, as the loop of a producer does:
// everybody gets what one alone gets. It is what the race detector sees of the formats.
func TestConcurrentUse(t *testing.T) {
	for _, f := range catalog.Formats() {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			format, err := catalog.NewFormat(f.Name, config.Node{})
			if err != nil {
				t.Fatal(err)
			}
			records := golden(t, f.Name)
			alone := make([][]schemas.Event, len(records))
			for i, r := range records {
				alone[i], _ = format.Parse(r) // some are malformed
			}
			var g sync.WaitGroup
			for n := range 4 {
				g.Go(func() {
					for i := range records {
						i = (i + n*len(records)/4) % len(records)
						got, _ := format.Parse(records[i])
						if !same(got, alone[i]) {
							t.Errorf("record %d: another event than alone", i)
						}
					}
				})
			}
			g.Wait()
		})
	}
}

func same(a, b []schemas.Event) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].UID != b[i].UID || !bytes.Equal(a[i].Data, b[i].Data) {
			return false
		}
	}
	return true
}

// golden returns the records of a format's cases; for auto, which has few of its own, those of all formats.
func golden(t *testing.T, name string) (records []producers.Record) {
	if name == "auto" {
		name = "*"
	}
	files, err := filepath.Glob("../" + name + "/testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d cases: %v", len(files), err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range archive.Files {
			if part.Name == "record" {
				records = append(records, producers.Record{
					Data: bytes.TrimSuffix(part.Data, []byte("\n")), Origin: file, Position: "1", Received: time.Unix(1772366400, 0), Attrs: map[string]string{},
				})
			}
		}
	}
	return records
}
