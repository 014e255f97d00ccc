// Package formattest is how every format is tested: golden cases, and the properties that must hold of every event there is.
package formattest

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/schemas"
	"github.com/riposte-security/riposte/schemas/ocsf"
)

// New is a format's constructor.
type New func(cfg config.Node) (producers.Format, error)

// A Suite tests one format.
type Suite struct {
	New New
	// Scalars lists the scalars of a record by path: what must not be lost.
	Scalars func(t testing.TB, r producers.Record) []Scalar
	// Free lists prefixes of paths whose scalars are copied into the event whole. Elsewhere only texts can be recognised wherever they
	// stand; another value (true, 0) must be found under unmapped at its own path.
	Free []string
}

// A Scalar is one value of a record. Path is where it is looked for below unmapped.
type Scalar struct{ Path, Value string }

// received is when all test records were received, where a case does not say.
const received = "2026-03-01T12:00:00Z"

// Golden runs every case in testdata: a txtar archive with the files `record`, optionally `attrs` (name: value lines) and `settings`
// (YAML), and what is expected: `events`, or `error`. With UPDATE_GOLDEN=1 in the environment the expectations are written anew.
func (s Suite) Golden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	check := NewChecker(t)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s.run(t, check, file, archive)
		})
	}
}

func (s Suite) run(t *testing.T, check *Checker, file string, archive *txtar.Archive) {
	r, settings := input(t, archive)
	f, err := s.New(settings)
	if err != nil {
		t.Fatal(err)
	}
	events, err := f.Parse(r)
	got := txtar.File{Name: "events"}
	if err != nil {
		if !fault.IsPermanent(err) {
			t.Errorf("not permanent: %v", err)
		}
		got = txtar.File{Name: "error", Data: []byte(err.Error() + "\n")}
	}
	for _, e := range events {
		check.Valid(t, e)
		got.Data = append(got.Data, pretty(t, e.Data)...)
	}
	if err == nil {
		check.Lossless(t, s.Scalars(t, r), s.Free, events)
	}
	compare(t, file, archive, got)
}

// input reads the record and the settings of a case.
func input(t testing.TB, archive *txtar.Archive) (producers.Record, config.Node) {
	t.Helper()
	at, err := time.Parse(time.RFC3339, received)
	if err != nil {
		t.Fatal(err)
	}
	r := producers.Record{Origin: "test", Position: "1", Received: at, Attrs: map[string]string{}}
	var settings config.Node
	for _, f := range archive.Files {
		switch f.Name {
		case "record":
			r.Data = bytes.TrimSuffix(f.Data, []byte("\n"))
		case "attrs":
			for line := range strings.Lines(string(f.Data)) {
				name, value, ok := strings.Cut(strings.TrimSpace(line), ": ")
				if !ok {
					t.Fatalf("attrs: %q", line)
				}
				r.Attrs[name] = value
			}
		case "settings":
			if settings, err = config.Parse("settings", f.Data); err != nil {
				t.Fatal(err)
			}
		}
	}
	return r, settings
}

func compare(t *testing.T, file string, archive *txtar.Archive, got txtar.File) {
	t.Helper()
	keep := archive.Files[:0:0]
	var want txtar.File
	for _, f := range archive.Files {
		if f.Name == "events" || f.Name == "error" {
			want = f
			continue
		}
		keep = append(keep, f)
	}
	diff := cmp.Diff(want.Name+"\n"+string(want.Data), got.Name+"\n"+string(got.Data))
	if diff == "" {
		return
	}
	if os.Getenv("UPDATE_GOLDEN") == "" {
		t.Errorf("(-want +got)\n%s", diff)
		return
	}
	out := txtar.Format(&txtar.Archive{Comment: archive.Comment, Files: append(keep, got)})
	if err := os.WriteFile(file, out, 0o600); err != nil {
		t.Fatal(err)
	}
}

func pretty(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, data, "", "  "); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	b.WriteByte('\n')
	return b.Bytes()
}

// A Checker holds the properties of events.
type Checker struct{ validator *ocsf.Validator }

// NewChecker loads the schema.
func NewChecker(t testing.TB) *Checker {
	t.Helper()
	schema, err := ocsf.Load()
	if err != nil {
		t.Fatal(err)
	}
	return &Checker{validator: ocsf.NewValidator(schema)}
}

// Valid checks that an event keeps to OCSF, and that what stands beside its bytes is what they say.
func (c *Checker) Valid(t testing.TB, e schemas.Event) {
	t.Helper()
	if bytes.ContainsAny(e.Data, "\n\r") {
		t.Errorf("more than a line: %s", e.Data)
	}
	if err := c.validator.Validate(e.Data); err != nil {
		if invalid, ok := errors.AsType[*ocsf.InvalidError](err); ok {
			for _, p := range invalid.Problems {
				t.Errorf("%+v", p)
			}
		}
		t.Fatalf("%v in %s", err, e.Data)
	}
	var head struct {
		ClassUID    int   `json:"class_uid"`
		CategoryUID int   `json:"category_uid"`
		ActivityID  int   `json:"activity_id"`
		TypeUID     int   `json:"type_uid"`
		Time        int64 `json:"time"`
		Metadata    struct {
			UID string `json:"uid"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(e.Data, &head); err != nil {
		t.Fatal(err)
	}
	if head.TypeUID != head.ClassUID*100+head.ActivityID {
		t.Errorf("type_uid %d of class %d and activity %d", head.TypeUID, head.ClassUID, head.ActivityID)
	}
	if e.Class != head.ClassUID || e.UID != head.Metadata.UID || e.UID == "" || e.Key == "" || e.Time.UnixMilli() != head.Time {
		t.Errorf("class %d, uid %q, key %q, time %v beside %s", e.Class, e.UID, e.Key, e.Time, e.Data)
	}
}
