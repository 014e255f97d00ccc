package predicate

import (
	"errors"
	"fmt"
	"sync"
	"time"
	_ "time/tzdata" // for machines without zone files
)

// timeFunctions know no clock: what a rule says of an event is the same whenever it is asked. A time is what it is in OCSF, milliseconds since
// 1970, and a duration is milliseconds, so that both go together with the times of events: time - date("2026-03-01") > duration("36h").
func timeFunctions() map[string]*function {
	z := &zones{known: map[string]*time.Location{}}
	return map[string]*function{
		// date(text), date(text, layout) and date(text, layout, zone) are the time that a text tells; the layout is one of Go's, the zone an IANA
		// name. Without a zone in the text or beside it, it is in UTC.
		"date": {params: []kind{kString, kString, kString}, optional: 2, result: kNumber, check: checkDate, work: zoneWork, call: z.date},
		// duration("1h30m") is its milliseconds.
		"duration": {params: []kind{kString}, result: kNumber, check: checkDuration, call: func(a []any) any {
			s, ok := a[0].(string)
			d, err := time.ParseDuration(s)
			if !ok || err != nil {
				return nil
			}
			if d%time.Millisecond == 0 {
				return d.Milliseconds()
			}
			return float64(d) / float64(time.Millisecond)
		}},
		// hour(time, zone) is the hour of the day, 0 to 23; weekday(time, zone) the day's English name. The time is one of OCSF (milliseconds) or
		// RFC 3339; the zone an IANA name, UTC if left out.
		"hour": {params: []kind{kAny, kString}, optional: 1, result: kInt, check: checkZone, work: zoneWork, call: func(a []any) any {
			t, ok := z.instant(a)
			if !ok {
				return nil
			}
			return int64(t.Hour())
		}},
		"weekday": {params: []kind{kAny, kString}, optional: 1, result: kString, check: checkZone, work: zoneWork, call: func(a []any) any {
			t, ok := z.instant(a)
			if !ok {
				return nil
			}
			return t.Weekday().String()
		}},
	}
}

// layouts are those that date tries without one, in this order.
func layouts() []string {
	return []string{time.DateOnly, time.TimeOnly, time.DateTime, time.RFC3339, time.RFC822, time.RFC850, time.RFC1123}
}

func (z *zones) date(a []any) any {
	texts := make([]string, len(a))
	for i, v := range a {
		const longest = 100
		s, ok := v.(string)
		if !ok || len(s) > longest {
			return nil
		}
		texts[i] = s
	}
	try, loc := layouts(), time.UTC
	if len(a) > 1 {
		try = texts[1:2]
	}
	if len(texts) > 2 {
		l, err := z.load(texts[2])
		if err != nil {
			return nil
		}
		loc = l
	}
	for _, layout := range try {
		// Not time.Parse: that would read the abbreviation of a zone, such as CET, as the machine's own zone has it.
		if t, err := time.ParseInLocation(layout, texts[0], loc); err == nil {
			return t.UnixMilli()
		}
	}
	return nil
}

// checkDate looks at a text that stands alone, and at the zone.
func checkDate(i int, v string, of int) error {
	switch {
	case i == 2:
		return checkZone(i, v, of)
	case of == 1 && new(zones).date([]any{v}) == nil:
		return fmt.Errorf("%q is no date such as 2026-03-01 or 2026-03-01T12:00:00Z", v)
	}
	return nil
}

// zones keeps the zones that were asked for: loading one reads a file. It is safe for concurrent use.
type zones struct {
	mu    sync.RWMutex
	known map[string]*time.Location // those that exist, some hundred
}

func (z *zones) load(name string) (*time.Location, error) {
	z.mu.RLock()
	l, ok := z.known[name]
	z.mu.RUnlock()
	if ok {
		return l, nil
	}
	l, err := loadZone(name)
	if err == nil {
		z.mu.Lock()
		z.known[name] = l
		z.mu.Unlock()
	}
	return l, err
}

// zoneWork is what it costs to look for a zone, which the event may name, and not find it.
func zoneWork(args []any) int {
	const steps = 100
	return steps * len(args)
}

func checkDuration(_ int, v string, _ int) error {
	if _, err := time.ParseDuration(v); err != nil {
		return fmt.Errorf("%q is no duration such as 90s or 1h30m", v)
	}
	return nil
}

func checkZone(i int, v string, _ int) error {
	if i == 0 {
		if _, err := time.Parse(time.RFC3339, v); err != nil {
			return fmt.Errorf("%q is no time in RFC 3339", v)
		}
		return nil
	}
	if _, err := loadZone(v); err != nil {
		return fmt.Errorf("%q is no time zone such as Europe/Zurich", v)
	}
	return nil
}

// loadZone loads a time zone by its IANA name; the machine's own zone is none.
func loadZone(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, errors.New("an IANA name is expected")
	}
	return time.LoadLocation(name)
}

// instant reads the arguments of hour and weekday.
func (z *zones) instant(args []any) (time.Time, bool) {
	loc := time.UTC
	if len(args) > 1 {
		name, _ := args[1].(string)
		l, err := z.load(name)
		if err != nil {
			return time.Time{}, false
		}
		loc = l
	}
	if s, ok := args[0].(string); ok {
		t, err := time.Parse(time.RFC3339, s)
		return t.In(loc), err == nil
	}
	ms, ok := integer(args[0])
	return time.UnixMilli(ms).In(loc), ok
}
