package linux

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

const months = "JanFebMarAprMayJunJulAugSepOctNovDec"

// monthOf reads a month at the beginning of s; 0 if there is none.
func monthOf(s string) int {
	if len(s) < 4 {
		return 0
	}
	i := strings.Index(months, s[:3])
	if i < 0 || i%3 != 0 {
		return 0
	}
	return i/3 + 1
}

// stampAhead tells whether a year stands at the beginning of s.
func stampAhead(s string) bool { return len(s) > 10 && digits(s) == 4 && s[4] == '-' }

// stamp reads the time stamp at the beginning of s, as BSD syslog or one of the outputs of journalctl has it, and returns its length: 0 if
// there is none. An impossible date is an error.
func (e *entry) stamp(s string) (t time.Time, n int, err error) {
	switch {
	case monthOf(s) > 0 && s[3] == ' ':
		return e.bsdStamp(s)
	case stampAhead(s):
		return e.isoStamp(s)
	case len(s) > 16 && s[3] == ' ' && stampAhead(s[4:]) && strings.Contains("Mon Tue Wed Thu Fri Sat Sun ", s[:4]): // short-full
		if t, n, err = e.isoStamp(s[4:]); n > 0 {
			n += 4
		}
		return t, n, err
	case s != "" && s[0] == '[': // seconds since boot: no time of day
		if i := strings.IndexByte(s, ']'); i > 0 && i < 24 && secondsText(strings.TrimLeft(s[1:i], " ")) {
			return e.received, i + 1, nil
		}
	case digits(s) >= 9 && digits(s) <= 11: // short-unix
		i := strings.IndexByte(s, ' ')
		if i < 0 || !secondsText(s[:i]) {
			return t, 0, nil
		}
		sec, frac, _ := strings.Cut(s[:i], ".")
		return time.Unix(max(number(sec), 0), int64(fraction(frac))).UTC(), i, nil
	}
	return t, 0, nil
}

func secondsText(s string) bool {
	sec, frac, ok := strings.Cut(s, ".")
	return ok && digits(sec) == len(sec) && sec != "" && digits(frac) == len(frac) && frac != ""
}

// fraction reads the digits behind the point as nanoseconds.
func fraction(s string) int {
	n := 0
	for i := range 9 {
		n *= 10
		if i < len(s) {
			if s[i] < '0' || s[i] > '9' {
				return 0
			}
			n += int(s[i] - '0')
		}
	}
	return n
}

// clock reads hh:mm:ss with an optional fraction and returns its length; 0 if there is none.
func clock(s string) (h, m, sec, ns, n int) {
	if len(s) < 8 || s[2] != ':' || s[5] != ':' || digits(s) != 2 || digits(s[3:]) != 2 || digits(s[6:]) < 2 {
		return 0, 0, 0, 0, 0
	}
	two := func(i int) int { return int(s[i]-'0')*10 + int(s[i+1]-'0') }
	h, m, sec, n = two(0), two(3), two(6), 8
	if len(s) > 9 && (s[8] == '.' || s[8] == ',') && digits(s[9:]) > 0 {
		d := digits(s[9:])
		ns = fraction(s[9 : 9+d])
		n += 1 + d
	}
	return h, m, sec, ns, n
}

// date makes a time; an error if there is no such date or time of day.
func date(text string, year, month, day, h, m, s, ns int, zone *time.Location) (time.Time, error) {
	t := time.Date(year, time.Month(month), day, h, m, s, ns, zone)
	// the 60th second is a leap second
	if t.Day() != day && (s != 60 || h != 23) || h > 23 || m > 59 || s > 60 || year < 1970 {
		return t, fmt.Errorf("%s: no such time", strconv.QuoteToASCII(clip(text)))
	}
	return t.UTC(), nil
}

// bsdStamp reads Mmm dd hh:mm:ss, where a year may stand behind the day.
func (e *entry) bsdStamp(s string) (t time.Time, n int, err error) {
	month := monthOf(s)
	rest := strings.TrimLeft(s[4:], " ")
	d := digits(rest)
	if d == 0 || d > 2 || d >= len(rest) || rest[d] != ' ' {
		return t, 0, nil
	}
	day, _ := strconv.Atoi(rest[:d]) // one or two digits
	rest = rest[d+1:]
	year := e.f.Year
	if digits(rest) == 4 && len(rest) > 5 && rest[4] == ' ' {
		year = int(number(rest[:4]))
		rest = rest[5:]
	}
	h, m, sec, ns, c := clock(rest)
	if c == 0 {
		return t, 0, nil
	}
	n = len(s) - len(rest) + c
	if year != 0 {
		t, err = date(s[:n], year, month, day, h, m, sec, ns, e.f.zone)
		return t, n, err
	}
	// The year is the latest in which the entry was written before it was received, with a day to spare for clocks and time zones: a line
	// of December that is read in January is of the year before. The 29th of February may be eight years back.
	latest := e.received.Add(24 * time.Hour)
	for year, last := latest.Year(), latest.Year()-8; year >= last; year-- {
		if t, err = date(s[:n], year, month, day, h, m, sec, ns, e.f.zone); err == nil && !t.After(latest) {
			return t, n, nil
		}
	}
	return t, n, fmt.Errorf("%s: no such time", strconv.QuoteToASCII(clip(s[:n])))
}

// isoStamp reads yyyy-mm-dd, T or a blank, hh:mm:ss, and the offset from UTC if there is one.
func (e *entry) isoStamp(s string) (t time.Time, n int, err error) {
	if len(s) < 19 || s[7] != '-' || digits(s[5:]) != 2 || digits(s[8:]) != 2 || s[10] != 'T' && s[10] != ' ' {
		return t, 0, nil
	}
	h, m, sec, ns, c := clock(s[11:])
	if c == 0 {
		return t, 0, nil
	}
	n = 11 + c
	zone := e.f.zone
	switch rest := s[n:]; {
	case strings.HasPrefix(rest, "Z"):
		zone = time.UTC
		n++
	case strings.HasPrefix(rest, " UTC "):
		zone = time.UTC
		n += 4
	case rest != "" && (rest[0] == '+' || rest[0] == '-'):
		d := digits(rest[1:])
		hh, mm := "", ""
		switch {
		case d == 4:
			hh, mm = rest[1:3], rest[3:5]
			n += 5
		case d == 2 && len(rest) >= 6 && rest[3] == ':' && digits(rest[4:]) == 2:
			hh, mm = rest[1:3], rest[4:6]
			n += 6
		default:
			return t, 0, nil
		}
		seconds := int(number(hh)*3600 + number(mm)*60)
		if rest[0] == '-' {
			seconds = -seconds
		}
		zone = time.FixedZone("", seconds)
	case e.f.zone != time.UTC && zoneName(rest) > 0: // short-full names the zone, which is the one set
		n += zoneName(rest)
	}
	t, err = date(s[:n], int(number(s[:4])), int(number(s[5:7])), int(number(s[8:10])), h, m, sec, ns, zone)
	return t, n, err
}

// zoneName is the length of a blank and an abbreviated time zone: CEST.
func zoneName(s string) int {
	if s == "" || s[0] != ' ' {
		return 0
	}
	n := 1
	for n < len(s) && s[n] >= 'A' && s[n] <= 'Z' {
		n++
	}
	if n < 4 || n > 6 || n == len(s) || s[n] != ' ' {
		return 0
	}
	return n
}
