// Package attack is a recorded attack: the records that AWS and an application would have written of it, and what riposte is to do about
// them. The records tell of 1 January 2026, 00:00 to 00:09 UTC; Shift moves them to another time, since old news does not act.
package attack

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/riposte-security/riposte/schemas"
)

//go:embed records expected.json
var files embed.FS

// Length is the time from the first record to the end of the story.
const Length = 9 * time.Minute

// Base is the time at which the story begins, as recorded.
func Base() time.Time { return time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC) }

// A File is one file of records of one format.
type File struct {
	Name   string // vpcflow.log
	Format string // name of the format
	Data   []byte
}

// Files returns the records, with the story beginning at start.
func Files(start time.Time) ([]File, error) {
	all := []File{
		{Name: "cloudtrail.json", Format: "cloudtrail"},
		{Name: "vpcflow.log", Format: "vpcflow"},
		{Name: "config-items.json", Format: "config"},
		{Name: "config-compliance.ndjson", Format: "config"},
		{Name: "custom.ndjson", Format: "json"},
	}
	for i := range all {
		data, err := files.ReadFile("records/" + all[i].Name)
		if err != nil {
			return nil, fmt.Errorf("attack: %w", err)
		}
		all[i].Data = Shift(data, start)
	}
	return all, nil
}

// An Expectation is what riposte is to do about one record.
type Expectation struct {
	File      string     `json:"file"`
	Record    int        `json:"record"`          // 1-based, in the file
	Event     string     `json:"event,omitempty"` // metadata.uid, where the record has an id of its own
	What      string     `json:"what"`            // for people
	Responses []Response `json:"responses"`
}

// A Response is one command and the state that it is to reach when the consumers enforce.
type Response struct {
	Rule   string        `json:"rule"`
	Lane   schemas.Lane  `json:"lane"`
	Action string        `json:"action"` // in the alert lane the receiver
	Target string        `json:"target"` // Target.ID; empty: any
	State  schemas.State `json:"state"`
}

// Expected returns what is to be done, in the order of the story. Records that are not in it are to lead to nothing.
func Expected() ([]Expectation, error) {
	data, err := files.ReadFile("expected.json")
	if err != nil {
		return nil, fmt.Errorf("attack: %w", err)
	}
	var all []Expectation
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&all); err != nil {
		return nil, fmt.Errorf("attack: expected.json: %w", err)
	}
	return all, nil
}

// day bounds the times that belong to the story. Others, such as when a bucket was created, stay as they are.
const day = 24 * time.Hour

// forms of a point in time, as the records have them: RFC 3339, the text of IAM's answers, and seconds or milliseconds since the epoch.
const (
	formISO = `\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z`
	formIAM = `\bJan \d{1,2}, 2026, \d{1,2}:\d\d:\d\d [AP]M\b`
	formNum = `\b17\d{8}(?:\d{3})?\b`

	layoutIAM = "Jan 2, 2006, 3:04:05 PM"
)

// Shift moves every time of the story in a text of records so that the story begins at start, whole seconds.
func Shift(records []byte, start time.Time) []byte {
	by := start.UTC().Truncate(time.Second).Sub(Base())
	return regexp.MustCompile(formISO+"|"+formIAM+"|"+formNum).ReplaceAllFunc(records, func(old []byte) []byte {
		text := string(old)
		if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
			layout := time.RFC3339
			if len(text) > len("2026-01-01T00:00:00Z") {
				layout = "2006-01-02T15:04:05.000Z07:00"
			}
			return shifted(old, at, func() string { return at.Add(by).Format(layout) })
		}
		if at, err := time.Parse(layoutIAM, text); err == nil {
			return shifted(old, at, func() string { return at.Add(by).Format(layoutIAM) })
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return old
		}
		if len(text) == len("1767225600") {
			return shifted(old, time.Unix(n, 0), func() string { return strconv.FormatInt(n+int64(by/time.Second), 10) })
		}
		return shifted(old, time.UnixMilli(n), func() string { return strconv.FormatInt(n+by.Milliseconds(), 10) })
	})
}

// shifted is old unless its time belongs to the story.
func shifted(old []byte, at time.Time, moved func() string) []byte {
	if d := at.Sub(Base()); d < -day || d > day {
		return old
	}
	return []byte(moved())
}
