package ocsfjson_test

import (
	"testing"
	"time"

	"github.com/riposte-security/riposte/producers/format/ocsfjson"
)

// FuzzParseTime holds ParseTime against package time.
func FuzzParseTime(f *testing.F) {
	for _, s := range []string{
		"2026-03-06T06:31:02Z", "2026-03-06T06:31:02.123456789Z", "2026-03-06T06:31:02", "2026-03-06T06:31:02,5+02:00", "2026-02-29T00:00:00Z",
		"2024-02-29T23:59:59.9", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00+14:00", "2026-03-06T24:00:00Z", "2026-13-01T00:00:00Z", "2026-03-06T06:31:02.Z",
		"2026-03-06T06:31:02.1234567891234Z", "2026-03-06T06:31:60Z", "0000-00-00T00:00:00Z", "", "x", "2026-03-06t06:31:02z", "2026-03-06T06:31:02z",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := ocsfjson.ParseTime(text)
		want, err := time.Parse(time.RFC3339, text)
		if err != nil {
			want, err = time.Parse("2006-01-02T15:04:05", text)
		}
		wantOK := err == nil && want.UTC().Year() >= 1970 && want.Year() >= 1970 && want.UTC().Year() <= 9999
		if ok != wantOK || ok && !got.Equal(want) {
			t.Fatalf("%q: %v %v, package time has %v %v", text, got, ok, want, err)
		}
	})
}

func TestMonth(t *testing.T) {
	for m := time.January; m <= time.December; m++ {
		if got := ocsfjson.Month(m.String()[:3]); got != int(m) {
			t.Errorf("%v: %d", m, got)
		}
	}
	for _, s := range []string{"", "Ja", "anF", "Janu", "jan"} {
		if got := ocsfjson.Month(s); got != 0 {
			t.Errorf("%q: %d", s, got)
		}
	}
}

func TestDotted(t *testing.T) {
	if ip, ok := ocsfjson.Dotted("203.0.113.255"); !ok || ip != [4]byte{203, 0, 113, 255} {
		t.Error(ip, ok)
	}
	for _, s := range []string{"", "1.2.3", "1.2.3.4.", "1.2.3.256", "01.2.3.4", "1..2.3", "1.2.3.4 ", "a.b.c.d", "1.2.3.00", "::ffff:1.2"} {
		if ip, ok := ocsfjson.Dotted([]byte(s)); ok {
			t.Errorf("%q: %v", s, ip)
		}
	}
}
