package linux_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/format/formattest"
	"github.com/riposte-security/riposte/producers/format/linux"
)

// scalars of the journal's entries are those of JSON. What a line holds is looked for by TestNoWordIsLost.
func scalars(t testing.TB, r producers.Record) []formattest.Scalar {
	t.Helper()
	if strings.HasPrefix(strings.TrimSpace(string(r.Data)), "{") {
		return formattest.JSONScalars(t, r)
	}
	return nil
}

func suite() formattest.Suite { return formattest.Suite{New: linux.New, Scalars: scalars} }

func TestGolden(t *testing.T) { suite().Golden(t) }

// TestNoWordIsLost looks for every word of every line among the words of its event.
func TestNoWordIsLost(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range archive.Files {
			if part.Name == "record" && part.Data[0] != '{' {
				for _, w := range lost(t, part.Data) {
					t.Errorf("%s: lost %q", file, w)
				}
			}
		}
	}
}

// lost returns the words of a line that its event does not have.
func lost(t testing.TB, data []byte) (words []string) {
	t.Helper()
	events, err := parse(t, string(data), nil, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	if err != nil {
		return nil
	}
	have := map[string]bool{"msg": true, "-": true}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, e := range v {
				have[k] = true
				for _, w := range split(k) { // a name may be of any characters
					have[w] = true
				}
				walk(e)
			}
		case []any:
			for _, e := range v {
				walk(e)
			}
		case string:
			for _, w := range split(v) {
				have[w] = true
			}
		}
	}
	var v any
	if err := json.Unmarshal(events, &v); err != nil {
		t.Fatal(err)
	}
	walk(v)
	for _, w := range split(string(data)) {
		if !have[w] && !parted(have, w) {
			words = append(words, w)
		}
	}
	return words
}

// parted tells whether w is two words that stood there without the separator of auditd.
func parted(have map[string]bool, w string) bool {
	for _, name := range [...]string{"SADDR", "OUID", "AUID", "UID"} {
		if value, ok := strings.CutSuffix(w, name); ok && have[value] && have[name] {
			return true
		}
	}
	return false
}

func split(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(" \t\r\n\x1d\ufeff=:\"'[]<>(),{}\\", r) })
}

func parse(t testing.TB, line string, set map[string]string, received time.Time) ([]byte, error) {
	t.Helper()
	cfg, err := config.FromSettings(set)
	if err != nil {
		t.Fatal(err)
	}
	f, err := linux.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	events, err := f.Parse(producers.Record{Data: []byte(line), Origin: "o", Position: "1", Received: received})
	if err != nil {
		return nil, err
	}
	return events[0].Data, nil
}

// TestYear: a time stamp without a year is of the year that puts it before its receipt, most closely.
func TestYear(t *testing.T) {
	for _, c := range []struct {
		received, line, want string
		set                  map[string]string
	}{
		{"2026-01-02T00:00:00Z", "Dec 31 23:59:59 h p: m", "2025-12-31T23:59:59Z", nil},
		{"2026-01-02T00:00:00Z", "Jan  1 00:00:00 h p: m", "2026-01-01T00:00:00Z", nil},
		{"2025-12-31T23:59:50Z", "Jan  1 00:00:10 h p: m", "2026-01-01T00:00:10Z", nil},
		{"2026-03-01T00:00:00Z", "Feb 29 01:00:00 h p: m", "2024-02-29T01:00:00Z", nil},
		{"2026-03-01T00:00:00Z", "Mar  1 10:00:00 h p: m", "2026-03-01T10:00:00Z", nil},
		{"2026-03-01T00:00:00Z", "Mar 12 10:00:00 h p: m", "2025-03-12T10:00:00Z", nil},
		{"2026-03-01T00:00:00Z", "Mar 12 10:00:00 h p: m", "2019-03-12T10:00:00Z", map[string]string{"year": "2019"}},
		{"2026-07-01T00:00:00Z", "Jun 12 10:00:00 h p: m", "2026-06-12T08:00:00Z", map[string]string{"timezone": "Europe/Berlin"}},
		{"2026-07-01T00:00:00Z", "Jun 12 2021 10:00:00.25 h p: m", "2021-06-12T10:00:00.25Z", nil},
		{"2026-07-01T00:00:00Z", "2026-06-12T10:00:00.123456+02:00 h p: m", "2026-06-12T08:00:00.123Z", nil},
		{"2026-07-01T00:00:00Z", "2026-06-12T10:00:00+0200 h p: m", "2026-06-12T08:00:00Z", nil},
		{"2026-07-01T00:00:00Z", "Fri 2026-06-12 10:00:00 UTC h p: m", "2026-06-12T10:00:00Z", nil},
		{"2026-07-01T00:00:00Z", "1781258400.500000 h p: m", "2026-06-12T10:00:00.5Z", nil},
		{"2026-07-01T00:00:00Z", "<13>p: m", "2026-07-01T00:00:00Z", nil},
		{"2026-07-01T00:00:00Z", "<13>1 2026-06-12T10:00:00-02:00 h p 1 - - m", "2026-06-12T12:00:00Z", nil},
		{"2026-07-01T00:00:00Z", "<13>1 - h p 1 - - m", "2026-07-01T00:00:00Z", nil},
		{"2026-07-01T00:00:00Z", "Dec 31 23:59:60 h p: m", "2026-01-01T00:00:00Z", nil},
	} {
		received, err := time.Parse(time.RFC3339, c.received)
		if err != nil {
			t.Fatal(err)
		}
		data, err := parse(t, c.line, c.set, received)
		if err != nil {
			t.Errorf("%s: %v", c.line, err)
			continue
		}
		var e struct {
			Time    int64
			Message string
			Device  struct{ Hostname string }
		}
		if err := json.Unmarshal(data, &e); err != nil {
			t.Fatal(err)
		}
		if got := time.UnixMilli(e.Time).UTC().Format(time.RFC3339Nano); got != c.want || e.Message != "m" {
			t.Errorf("%s: %s, want %s; message %q", c.line, got, c.want, e.Message)
		}
	}
}

func TestSettingsAreStrict(t *testing.T) {
	for _, set := range []map[string]string{{"years": "2026"}, {"year": "26"}, {"timezone": "Mars"}, {"timezone": "Local"}, {"host": "a b"}} {
		n, err := config.FromSettings(set)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := linux.New(n); err == nil {
			t.Errorf("%v is accepted", set)
		}
	}
}

func FuzzParse(f *testing.F) {
	suite().Seed(f)
	check := formattest.NewChecker(f)
	f.Fuzz(func(t *testing.T, data []byte, _ string) {
		suite().Fuzz(t, check, data, map[string]string{})
		if strings.ToValidUTF8(string(data), "") == string(data) && len(data) > 0 && data[0] != '{' {
			for _, w := range lost(t, data) {
				t.Errorf("lost %q of %q", w, data)
			}
		}
	})
}

const (
	sshLine   = "Mar  1 09:14:02 web-1 sshd[4242]: Failed password for invalid user admin from 203.0.113.9 port 51544 ssh2"
	auditLine = `type=SYSCALL msg=audit(1772366400.123:881): arch=c000003e syscall=59 success=yes exit=0 a0=55d0 a1=55d1 a2=55d2 a3=8 items=2 ppid=900 pid=901 auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0 ses=7 comm="id" exe="/usr/bin/id" key="cmd"`
)

func BenchmarkSyslog(b *testing.B) {
	formattest.Bench(b, linux.New, []producers.Record{{Data: []byte(sshLine), Origin: "bench", Position: "1", Received: time.Unix(1772366400, 0)}}, formattest.CSV)
}

func BenchmarkAudit(b *testing.B) {
	formattest.Bench(b, linux.New, []producers.Record{{Data: []byte(auditLine), Origin: "bench", Position: "1", Received: time.Unix(1772366400, 0)}}, formattest.CSV)
}
