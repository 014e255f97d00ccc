package archive

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/riposte-security/riposte/internal/kafka"
)

func TestLine(t *testing.T) {
	for name, m := range map[string]kafka.Message{
		"plain":         message(testPart(), 7),
		"nothing":       {Topic: "t", Time: time.UnixMilli(0).UTC()},
		"empty":         {Topic: "t", Time: time.UnixMilli(5).UTC(), Key: []byte{}, Value: []byte{}, Headers: []kafka.Header{{Key: "", Value: []byte{}}, {Key: "k"}}},
		"control":       {Topic: "t", Time: time.UnixMilli(5).UTC(), Value: []byte("\x00\x1f\x7f\n\r\t\b\f\"\\/<>&\u2028\u2029é漢")},
		"not UTF-8":     {Topic: "t", Time: time.UnixMilli(-5).UTC(), Key: []byte{0xff}, Value: []byte{0xc0, 0x80, 'x'}, Headers: []kafka.Header{{Key: "\xfe", Value: []byte{0x80}}}},
		"a surrogate":   {Topic: "t", Time: time.UnixMilli(5).UTC(), Value: []byte("\xed\xa0\x80")},
		"spaced JSON":   {Topic: "t", Time: time.UnixMilli(5).UTC(), Value: []byte("{ \"a\" : 1.0 ,\n\"a\":2}")},
		"replacement":   {Topic: "t", Time: time.UnixMilli(5).UTC(), Value: []byte("\ufffd")},
		"large offsets": {Topic: "t", Partition: 99999, Offset: 1<<62 - 1, Time: time.UnixMilli(1 << 50).UTC()},
	} {
		t.Run(name, func(t *testing.T) {
			text := appendLine(nil, &m)
			if !json.Valid(text) || bytes.ContainsAny(text, "\n\r") {
				t.Fatalf("no line of JSON: %q", text)
			}
			got, err := parseLine(text)
			if diff := cmp.Diff(m, got); err != nil || diff != "" {
				t.Errorf("%s: %v (-want +got):\n%s", text, err, diff)
			}
			if diff := cmp.Diff(m, quickLine(text)); diff != "" {
				t.Errorf("read quickly (-want +got):\n%s", diff)
			}
			var plain struct { // what every parser makes of it
				Value   *string `json:"value"`
				Value64 []byte  `json:"value_base64"`
			}
			if err := json.Unmarshal(text, &plain); err != nil || !bytes.Equal(either(plain.Value, plain.Value64), m.Value) {
				t.Errorf("another parser reads %q: %v", either(plain.Value, plain.Value64), err)
			}
			if offset, err := offsetOf(text); m.Offset < 1e18 && (err != nil || offset != m.Offset) {
				t.Errorf("offset %d: %v", offset, err)
			}
		})
	}
}

func TestLineIsStrict(t *testing.T) {
	m := message(testPart(), 7)
	good := string(appendLine(nil, &m))
	for _, bad := range []string{"", "{}", "null", good + " ", " " + good, good[:len(good)-1] + `,"more":1}`, good[:len(good)-1] + `,"offset":9}`} {
		if _, err := parseLine([]byte(bad)); !errors.Is(err, errLine) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzLine(f *testing.F) {
	for _, m := range messages(testPart(), 0, 2) {
		f.Add(appendLine(nil, &m))
	}
	f.Add([]byte(`{"topic":"t","partition":0,"offset":0,"timestamp":0,"key_base64":"/w==","headers":[],"value":null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := parseLine(text)
		if err != nil {
			return
		}
		if again := appendLine(nil, &m); !bytes.Equal(again, text) {
			t.Errorf("%q became %q", text, again)
		}
		if diff := cmp.Diff(m, quickLine(text)); diff != "" {
			t.Errorf("%q read quickly (-want +got):\n%s", text, diff)
		}
	})
}

func FuzzMessage(f *testing.F) {
	f.Add([]byte("key"), []byte("value"), "h", []byte{0xff}, int64(5))
	f.Fuzz(func(t *testing.T, key, value []byte, name string, header []byte, offset int64) {
		m := kafka.Message{Topic: "t", Offset: offset & (1<<62 - 1), Time: time.UnixMilli(offset >> 20).UTC(), Key: key, Value: value, Headers: []kafka.Header{{Key: name, Value: header}}}
		got, err := parseLine(appendLine(nil, &m))
		if diff := cmp.Diff(m, got); err != nil || diff != "" {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	})
}
