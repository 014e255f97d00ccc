package attack

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"
)

func TestShift(t *testing.T) {
	start := time.Date(2031, 7, 9, 13, 30, 0, 999, time.UTC)
	for _, c := range []struct{ name, in, want string }{
		{"RFC 3339", `"2026-01-01T00:04:30Z"`, `"2031-07-09T13:34:30Z"`},
		{"with milliseconds", `"2026-01-01T00:07:30.250Z"`, `"2031-07-09T13:37:30.250Z"`},
		{"with milliseconds of zero", `"2026-01-01T00:07:30.000Z"`, `"2031-07-09T13:37:30.000Z"`},
		{"the evening before", `2025-12-31T22:40:00Z`, `2031-07-09T12:10:00Z`},
		{"long before", `2025-03-04T09:00:00.000Z`, `2025-03-04T09:00:00.000Z`},
		{"seconds", ` 1767225966 `, ` 1941370566 `},
		{"milliseconds", `1767225870000,`, `1941370470000,`},
		{"other numbers", `1700000000 17672259660 111122223333 i-0bad1767225966`, `1700000000 17672259660 111122223333 i-0bad1767225966`},
		{"as IAM writes it", `"Jan 1, 2026, 12:05:05 AM"`, `"Jul 9, 2031, 1:35:05 PM"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := string(Shift([]byte(c.in), start)); got != c.want {
				t.Errorf("Shift(%s) = %s, want %s", c.in, got, c.want)
			}
			if got := string(Shift([]byte(c.in), Base())); got != c.in {
				t.Errorf("no shift changes %s to %s", c.in, got)
			}
		})
	}
}

// TestFiles: nothing of the story is left behind in the past, or ends up in the future.
func TestFiles(t *testing.T) {
	start := time.Date(2031, 7, 9, 13, 30, 0, 0, time.UTC)
	all, err := Files(start)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		for _, old := range []string{"2026-01-01", "2025-12-31", "2026, 12:", "17672"} {
			if bytes.Contains(f.Data, []byte(old)) {
				t.Errorf("%s still holds %s", f.Name, old)
			}
		}
	}
	for i, r := range gjson.GetBytes(all[0].Data, "Records").Array() {
		at, err := time.Parse(time.RFC3339, r.Get("eventTime").String())
		if err != nil || at.Before(start) || at.After(start.Add(Length)) {
			t.Errorf("record %d is of %s (%v)", i+1, at, err)
		}
	}
}

// TestExpected: every expectation names a record that is there, and every record that bears the attacker's mark has a response.
func TestExpected(t *testing.T) {
	expected, err := Expected()
	if err != nil {
		t.Fatal(err)
	}
	all, err := Files(Base())
	if err != nil {
		t.Fatal(err)
	}
	records, answered := map[string][]string{}, map[string]bool{}
	for _, f := range all {
		records[f.Name] = split(f)
	}
	for _, e := range expected {
		if e.Record < 1 || e.Record > len(records[e.File]) {
			t.Errorf("%s has no record %d", e.File, e.Record)
			continue
		}
		if e.Event != "" && !strings.Contains(records[e.File][e.Record-1], e.Event) {
			t.Errorf("%s, record %d: not event %s", e.File, e.Record, e.Event)
		}
		if len(e.Responses) == 0 || e.What == "" {
			t.Errorf("%s, record %d: nothing expected", e.File, e.Record)
		}
		answered[fmt.Sprint(e.File, e.Record)] = true
	}
	for _, f := range all {
		for n, r := range split(f) {
			for _, key := range []string{"eventID", "id"} {
				if id := gjson.Get(r, key).String(); strings.HasPrefix(id, "a77ac000") && !answered[fmt.Sprint(f.Name, n+1)] {
					t.Errorf("%s, record %d: the attacker's event %s has no response", f.Name, n+1, id)
				}
			}
		}
	}
}

// split is the records of a file; the first line of a flow log is its header.
func split(f File) []string {
	var out []string
	for _, container := range []string{"Records", "configurationItems"} {
		if list := gjson.GetBytes(f.Data, container); strings.HasSuffix(f.Name, ".json") && list.IsArray() {
			for _, r := range list.Array() {
				out = append(out, r.Raw)
			}
			return out
		}
	}
	out = strings.Split(strings.TrimSpace(string(f.Data)), "\n")
	if f.Format == "vpcflow" {
		out = out[1:]
	}
	return out
}
