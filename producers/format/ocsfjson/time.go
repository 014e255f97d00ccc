package ocsfjson

import "time"

// ParseTime reads a time as RFC 3339 has it, as far as package time insists on that; one without a zone is UTC. It refuses years before 1970.
func ParseTime(text string) (time.Time, bool) {
	if t, ok := plainTime(text); ok || text == "" {
		return t, ok
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t, err = time.Parse("2006-01-02T15:04:05", text)
	}
	y := t.Year()
	t = t.UTC()
	return t, err == nil && y >= 1970 && t.Year() >= 1970 && t.Year() <= 9999
}

// plainTime is ParseTime for what almost every log has: digits in their places, and Z or nothing behind them.
func plainTime(text string) (t time.Time, ok bool) {
	if len(text) < 19 || text[10] != 'T' {
		return t, false
	}
	if t, ok = DateTime(text[:10], text[11:19]); !ok {
		return t, false
	}
	n, nanos := 19, 0
	if n+1 < len(text) && text[n] == '.' && text[n+1]-'0' <= 9 {
		unit := 100_000_000
		for n++; n < len(text) && text[n]-'0' <= 9; n++ {
			nanos += int(text[n]-'0') * unit
			unit /= 10
		}
	}
	return t.Add(time.Duration(nanos)), n == len(text) || text[n:] == "Z"
}

// DateTime reads a day, 2006-01-02, and a time of it, 15:04:05, as UTC. It refuses years before 1970.
func DateTime(date, clock string) (t time.Time, ok bool) {
	if len(date) != 10 || date[4] != '-' || date[7] != '-' {
		return t, false
	}
	century, year := pair(date), pair(date[2:])
	if century < 0 || year < 0 {
		return t, false
	}
	return MakeTime(century*100+year, pair(date[5:]), pair(date[8:]), clock)
}

// MakeTime is the time of a clock, 15:04:05, on a day, as UTC; false if there is no such day or time, or the year is before 1970.
func MakeTime(year, month, day int, clock string) (t time.Time, ok bool) {
	if len(clock) != 8 || clock[2] != ':' || clock[5] != ':' || year < 1970 || year > 9999 || month < 1 || month > 12 || day < 1 {
		return t, false
	}
	hour, minute, second := pair(clock), pair(clock[3:]), pair(clock[6:])
	if hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 {
		return t, false
	}
	t = time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	return t, t.Day() == day // else it is the 31st of a month that has none
}

// Month reads the English abbreviation of a month; 0 if it is none.
func Month(text string) int {
	if len(text) != 3 {
		return 0
	}
	for i := range 12 {
		if text == "JanFebMarAprMayJunJulAugSepOctNovDec"[3*i:3*i+3] {
			return i + 1
		}
	}
	return 0
}

// pair reads two digits at the beginning of s; -1 if there are none.
func pair(s string) int {
	a, b := s[0]-'0', s[1]-'0'
	if a > 9 || b > 9 {
		return -1
	}
	return int(a)*10 + int(b)
}
