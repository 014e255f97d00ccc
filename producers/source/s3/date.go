package s3

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// dates finds dates in keys.
type dates struct{ forms []*regexp.Regexp }

// newDates knows the forms that the package comment lists. Each has groups for year, month, day and, where it may have one, hour and minute.
func newDates() dates {
	const y, two = `(20\d\d)`, `(\d\d)`
	return dates{forms: []*regexp.Regexp{
		regexp.MustCompile(`_` + y + two + two + `T` + two + two + `Z`),                        // CloudTrail, flow logs: the most exact one
		regexp.MustCompile(`year=` + y + `/month=(\d\d?)/day=(\d\d?)(?:/hour=(\d\d?))?`),       // Hive
		regexp.MustCompile(`(?:^|/)` + y + `/(\d\d?)/(\d\d?)/(?:` + two + `/)?`),               // folders
		regexp.MustCompile(`(?:^|/|=|\.|_)` + y + `-` + two + `-` + two + `(?:-` + two + `)?`), // access logs of S3 and CloudFront, date=
		regexp.MustCompile(`(?:eventDay|dt|day|date)=` + y + two + two + `(?:\D|$)`),           // Security Lake
	}}
}

// of returns the beginning of the time that a key names, and how long it is.
func (d dates) of(key string) (t time.Time, span time.Duration, ok bool) {
	for _, form := range d.forms {
		m := form.FindStringSubmatch(key)
		if m == nil {
			continue
		}
		n := make([]int, 5)
		given := 0
		for i, text := range m[1:] {
			if text == "" {
				break
			}
			v, err := strconv.Atoi(text)
			if err != nil {
				break
			}
			n[i] = v
			given = i + 1
		}
		t := time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], 0, 0, time.UTC)
		if given < 3 || t.Month() != time.Month(n[1]) || t.Day() != n[2] || n[3] > 23 || n[4] > 59 {
			continue // 2026/13/45 is no date
		}
		span := 24 * time.Hour
		switch given {
		case 4:
			span = time.Hour
		case 5:
			span = time.Minute
		}
		return t, span, true
	}
	return time.Time{}, 0, false
}

// folder returns the part of a key up to the end of the folder of its day, or "" if days have no folders there.
func (d dates) folder(key string) string {
	at := 0
	for {
		i := strings.IndexByte(key[at:], '/')
		if i < 0 {
			return ""
		}
		at += i + 1
		if _, span, ok := d.of(key[:at]); ok && span == 24*time.Hour {
			return key[:at]
		}
	}
}

// within tells whether an object is from between the dates. Of one that spans a boundary, the part within is wanted.
func (s *source) within(d dates, key string, modified time.Time) bool {
	t, span := modified, time.Duration(1)
	if s.By == "key" {
		if named, long, ok := d.of(key); ok {
			t, span = named, long
		}
	}
	return (s.from.IsZero() || t.Add(span).After(s.from)) && (s.to.IsZero() || t.Before(s.to))
}
