package schemas_test

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/riposte-security/riposte/schemas"
	"github.com/riposte-security/riposte/schemas/ocsf"
	"github.com/tidwall/gjson"
)

// from is the envelope of a message without headers.
func from() schemas.Envelope {
	e := schemas.Envelope{Appended: time.UnixMilli(1767225600123).UTC()}
	e.Origin, e.Position = schemas.KafkaOrigin("riposte.events", 3, 42)
	return e
}

func validator(t testing.TB) *ocsf.Validator {
	t.Helper()
	s, err := ocsf.Load()
	if err != nil {
		t.Fatal(err)
	}
	return ocsf.NewValidator(s)
}

func TestReadOCSF(t *testing.T) {
	place := schemas.DerivedUID("kafka/riposte.events/3", "42", "0")
	sent := from()
	sent.ID, sent.Source, sent.Cause, sent.Trace = "7", "https://example.org/x", "c0ffee", "00-aa-bb-01"
	sent.Time = time.UnixMilli(1767225500000).UTC()
	for _, c := range []struct {
		name, value string
		from        schemas.Envelope
		want        schemas.Event
	}{
		{
			name:  "its own uid and the key of its resource",
			value: ` {"class_uid":6003,"time":1767225600000,"metadata":{"uid":"e-1"},"resources":[{"uid":"arn:r"}],"actor":{"user":{"uid":"u"}}} `,
			want:  schemas.Event{UID: "e-1", Key: "arn:r", Class: 6003, Time: time.UnixMilli(1767225600000).UTC()},
		}, {
			name:  "key of the user",
			value: `{"class_uid":6003,"time":1,"metadata":{"uid":"e-1"},"resources":[],"actor":{"user":{"uid":"u"}},"src_endpoint":{"ip":"192.0.2.1"}}`,
			want:  schemas.Event{UID: "e-1", Key: "u", Class: 6003, Time: time.UnixMilli(1).UTC()},
		}, {
			name:  "key of the address",
			value: `{"class_uid":4001,"time":1,"metadata":{"uid":"e-1"},"src_endpoint":{"ip":"192.0.2.1"}}`,
			want:  schemas.Event{UID: "e-1", Key: "192.0.2.1", Class: 4001, Time: time.UnixMilli(1).UTC()},
		}, {
			name:  "uid of the place, put in as the first of metadata; time of the topic",
			value: `{"class_uid":1001, "metadata":{"version":"1.8.0"}}`,
			want: schemas.Event{UID: place, Key: place, Class: 1001, Time: from().Appended,
				Data: []byte(`{"class_uid":1001, "metadata":{"uid":"` + place + `","version":"1.8.0"}}`)},
		}, {
			name:  "metadata is empty",
			value: `{"class_uid":1001,"metadata":{ }}`,
			want: schemas.Event{UID: place, Key: place, Class: 1001, Time: from().Appended,
				Data: []byte(`{"class_uid":1001,"metadata":{"uid":"` + place + `" }}`)},
		}, {
			name:  "metadata is absent",
			value: `{ "class_uid":1001}`,
			want: schemas.Event{UID: place, Key: place, Class: 1001, Time: from().Appended,
				Data: []byte(`{"metadata":{"uid":"` + place + `"}, "class_uid":1001}`)},
		}, {
			name:  "metadata is null",
			value: `{"metadata":null,"class_uid":1001}`,
			want: schemas.Event{UID: place, Key: place, Class: 1001, Time: from().Appended,
				Data: []byte(`{"metadata":{"uid":"` + place + `"},"class_uid":1001}`)},
		}, {
			name:  "uid is empty",
			value: `{"metadata":{"a":1,"uid" : ""},"class_uid":1001}`,
			want: schemas.Event{UID: place, Key: place, Class: 1001, Time: from().Appended,
				Data: []byte(`{"metadata":{"a":1,"uid" : "` + place + `"},"class_uid":1001}`)},
		}, {
			name:  "headers",
			value: `{"class_uid":1001.0,"metadata":{"uid":null}}`,
			from:  sent,
			want: schemas.Event{UID: schemas.CloudEventUID(sent.Source, "7"), Key: schemas.CloudEventUID(sent.Source, "7"), Class: 1001, Time: sent.Time,
				Source: sent.Source, Cause: "c0ffee", Trace: "00-aa-bb-01",
				Data: []byte(`{"class_uid":1001.0,"metadata":{"uid":"` + schemas.CloudEventUID(sent.Source, "7") + `"}}`)},
		}, {
			name:  "its own uid and time win over headers",
			value: `{"class_uid":0,"time":5,"metadata":{"uid":"mine"}}`,
			from:  sent,
			want: schemas.Event{UID: "mine", Key: "mine", Time: time.UnixMilli(5).UTC(),
				Source: sent.Source, Cause: "c0ffee", Trace: "00-aa-bb-01"},
		}, {
			name:  "a class that riposte does not produce",
			value: `{"class_uid":999001,"metadata":{"uid":"x"},"time":-1}`,
			want:  schemas.Event{UID: "x", Key: "x", Class: 999001, Time: time.UnixMilli(-1).UTC()},
		}, {
			name:  "structured CloudEvent, signed by the writer of the message",
			value: `{"specversion":"1.0","id":"9","source":"inner","type":"t","data":{"class_uid":1001,"metadata":{"uid":"x"},"time":3}}`,
			from:  schemas.Envelope{Source: "outer", Origin: "o"},
			want:  schemas.Event{UID: "x", Key: "x", Class: 1001, Time: time.UnixMilli(3).UTC(), Source: "outer", Data: []byte(`{"class_uid":1001,"metadata":{"uid":"x"},"time":3}`)},
		}, {
			name:  "structured CloudEvent without a uid inside",
			value: `{"specversion":"1.0","id":"9","source":"inner","type":"t","time":"2026-01-02T03:04:05Z","data":{"class_uid":1001}}`,
			from:  schemas.Envelope{Source: "outer", ID: "other", Origin: "o"},
			want: schemas.Event{UID: schemas.CloudEventUID("inner", "9"), Key: schemas.CloudEventUID("inner", "9"), Class: 1001,
				Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Source: "outer",
				Data: []byte(`{"metadata":{"uid":"` + schemas.CloudEventUID("inner", "9") + `"},"class_uid":1001}`)},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			env := c.from
			if env == (schemas.Envelope{}) {
				env = from()
			}
			got, err := schemas.ReadEvent([]byte(c.value), env)
			if err != nil {
				t.Fatal(err)
			}
			if c.want.Data == nil {
				c.want.Data = []byte(strings.TrimSpace(c.value))
			}
			if diff := cmp.Diff(text(c.want), text(got)); diff != "" {
				t.Errorf("event (-want +got):\n%s", diff)
			}
			keyLater(t, []byte(c.value), env, got)
		})
	}
}

// keyLater: a reader that leaves out the key says all else, and the key when it is asked for.
func keyLater(t *testing.T, value []byte, env schemas.Envelope, want schemas.Event) {
	t.Helper()
	r := schemas.Reader{Keyless: true}
	e, err := r.Read(value, env)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(text(want), text(e.WithKey())); diff != "" {
		t.Fatalf("with its key put in later (-want +got):\n%s", diff)
	}
}

// text makes an event readable in a diff.
func text(e schemas.Event) map[string]string {
	return map[string]string{
		"data": string(e.Data), "uid": e.UID, "key": e.Key, "class": strconv.Itoa(e.Class), "time": e.Time.Format(time.RFC3339Nano),
		"source": e.Source, "cause": e.Cause, "trace": e.Trace,
	}
}

func TestReadCustomJSON(t *testing.T) {
	v := validator(t)
	place := schemas.DerivedUID("kafka/riposte.events/3", "42", "0")
	for _, c := range []struct {
		name, value, unmapped, uid string
		paths                      map[string]string // path in the event → JSON there
	}{
		{
			name:  "any object",
			value: "\xef\xbb\xbf" + `{"kind":"login_failed", "n":9007199254740993,"html":"<&>"}` + "\n",
			uid:   place,
			paths: map[string]string{"time": "1767225600123", "class_uid": "0", "type_uid": "0", "metadata.log_name": `"json"`},
		}, {
			name:  "class_uid is null; identities inside are of things, not of the event",
			value: `{"class_uid":null,"metadata":{"uid":"of-a-pod"},"resources":[{"uid":"r"}]}`,
			uid:   place,
		}, {
			name:     "structured CloudEvent",
			value:    `{"specversion":"1.0","id":"9","source":"shop","type":"login.failed","subject":"bob","time":"2026-01-02T03:04:05Z","ext":7,"data":{"user":"bob"}}`,
			unmapped: `{"user":"bob"}`,
			uid:      schemas.CloudEventUID("shop", "9"),
			paths: map[string]string{
				"metadata.source": `"shop"`, "time": "1767323045000",
				"metadata.tags": `[{"name":"specversion","value":"1.0"},{"name":"id","value":"9"},{"name":"type","value":"login.failed"},{"name":"subject","value":"bob"},` +
					`{"name":"time","value":"2026-01-02T03:04:05Z"},{"name":"ext","value":"7"}]`,
			},
		}, {
			name:     "structured CloudEvent in base64",
			value:    `{"specversion":"1.0","id":"9","source":"shop","type":"t","data_base64":"eyJ1c2VyIjoiYm9iIn0="}`,
			unmapped: `{"user":"bob"}`,
			uid:      schemas.CloudEventUID("shop", "9"),
		}, {
			name:  "structured CloudEvent whose data is no object stays whole",
			value: `{"specversion":"1.0","id":"9","source":"shop","type":"t","data":[1]}`,
			uid:   place,
		}, {
			name:  "structured CloudEvent that says something twice stays whole",
			value: `{"specversion":"1.0","id":"9","id":"10","source":"shop","type":"t","data":{}}`,
			uid:   place,
		}, {
			name:  "not quite a CloudEvent",
			value: `{"specversion":"1.0","id":"9","data":{"user":"bob"}}`,
			uid:   place,
		}, {
			name: "empty", value: `{}`, uid: place,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := schemas.ReadEvent([]byte(c.value), from())
			if err != nil {
				t.Fatal(err)
			}
			if err := v.Validate(got.Data); err != nil {
				t.Error(err)
			}
			want := c.unmapped
			if want == "" {
				want = strings.Trim(c.value, "\xef\xbb\xbf\n")
			}
			if raw := gjson.GetBytes(got.Data, "unmapped").Raw; raw != want {
				t.Errorf("unmapped: %s, want %s", raw, want)
			}
			if uid := gjson.GetBytes(got.Data, "metadata.uid").Str; uid != c.uid || got.UID != c.uid || got.Key != c.uid {
				t.Errorf("uid %s in the text, %s beside it, key %s, want %s", uid, got.UID, got.Key, c.uid)
			}
			for path, want := range c.paths {
				if raw := gjson.GetBytes(got.Data, path).Raw; raw != want {
					t.Errorf("%s: %s, want %s", path, raw, want)
				}
			}
		})
	}
}

func TestReadEventRefuses(t *testing.T) {
	deep := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	for _, c := range []struct {
		name, value string
		offset      int64
		reason      string
	}{
		{"nothing", "", 0, "empty"},
		{"white space", " \n\t", 0, "empty"},
		{"an array", ` [{"a":1}]`, 1, "a JSON array, not an object"},
		{"a string", `"x"`, 0, "a JSON string, not an object"},
		{"a number", `1`, 0, "a JSON number, not an object"},
		{"null", `null`, 0, "a JSON null, not an object"},
		{"a log line", `2026-01-01 sshd[1]: no`, 4, "not JSON"},
		{"cut off", `{"a":"b`, 6, "unexpected end"},
		{"trailing junk", `{"a":1} x`, 8, "not JSON"},
		{"two objects", `{"a":1}{"b":2}`, 7, "not JSON"},
		{"a wrong byte", ` {"a":@}`, 6, "not JSON"},
		{"not UTF-8", "{\"a\":\"\xff\"}", 6, "not UTF-8"},
		{"too deep", deep(200), 640, "more than 128 levels"},
		{"too deep once wrapped", deep(128), 635, "more than 127 levels"},
		{"much too deep", strings.Repeat("[", 1<<20), 128, "more than 128 levels"},
		{"class is text", `{"class_uid":"6003"}`, -1, `class_uid is "6003"`},
		{"class is broken", `{"class_uid":60.5}`, -1, "class_uid is 60.5"},
		{"class is huge", `{"class_uid":1e300}`, -1, "class_uid is 1e300"},
		{"class is negative", `{"class_uid":-1}`, -1, "class_uid is -1"},
		{"class twice", `{"class_uid":1001,"class_uid":6003}`, -1, "class_uid stands twice"},
		{"class twice, escaped", `{"class_uid":1001,"class\u005fuid":6003}`, -1, "class_uid stands twice"},
		{"uid twice", `{"class_uid":1001,"metadata":{"uid":"a","uid":"b"}}`, -1, "metadata.uid stands twice"},
		{"uid is a number", `{"class_uid":1001,"metadata":{"uid":1}}`, -1, "metadata.uid is of type number"},
		{"uid has a control character", `{"class_uid":1001,"metadata":{"uid":"a\u0000b"}}`, -1, "control character"},
		{"uid is long", `{"class_uid":1001,"metadata":{"uid":"` + strings.Repeat("x", 2000) + `"}}`, -1, "2000 bytes"},
		{"metadata is a list", `{"class_uid":1001,"metadata":[]}`, -1, "metadata is of type array"},
		{"time is text", `{"class_uid":1001,"time":"2026-01-01T00:00:00Z"}`, -1, "time is"},
		{"time is out of range", `{"class_uid":1001,"time":9007199254740992000}`, -1, "time is"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := schemas.ReadEvent([]byte(c.value), from())
			var m *schemas.MalformedError
			if !errors.As(err, &m) {
				t.Fatalf("%v", err)
			}
			if m.Offset != c.offset || !strings.Contains(m.Reason, c.reason) {
				t.Errorf("%q at %d, want %q at %d", m.Reason, m.Offset, c.reason, c.offset)
			}
		})
	}
}

func TestLongKeyIsHashed(t *testing.T) {
	e, err := schemas.ReadEvent([]byte(`{"class_uid":1001,"metadata":{"uid":"u"},"resources":[{"uid":"`+strings.Repeat("r", 5000)+`"}]}`), from())
	if err != nil || len(e.Key) != 32 {
		t.Errorf("key of %d bytes, %v", len(e.Key), err)
	}
}

// Brackets within strings are not levels, whatever stands before the quotes.
func TestDepthIgnoresStrings(t *testing.T) {
	value := `{"a":"\\\"` + strings.Repeat("[", 300) + `\\","b":"` + strings.Repeat("{", 300) + `"}`
	if _, err := schemas.ReadEvent([]byte(value), from()); err != nil {
		t.Error(err)
	}
}

func TestReadEventNeedsAnIdentity(t *testing.T) {
	_, err := schemas.ReadEvent([]byte(`{}`), schemas.Envelope{})
	var m *schemas.MalformedError
	if err == nil || errors.As(err, &m) {
		t.Errorf("%v", err)
	}
}

func TestClassNames(t *testing.T) {
	s, err := ocsf.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range s.ClassNames() {
		c, _ := s.Class(name)
		if got := schemas.ClassName(c.UID); got != name {
			t.Errorf("class %d: %s, want %s", c.UID, got, name)
		}
	}
	if got := schemas.ClassName(999); got != "class_999" {
		t.Error(got)
	}
}

func FuzzReadEvent(f *testing.F) {
	f.Add([]byte(`{"class_uid":6003,"time":1,"metadata":{"version":"1.8.0"},"resources":[{"uid":"r"}]}`))
	f.Add([]byte(`{"specversion":"1.0","id":"9","source":"s","type":"t","data":{"a":1}}`))
	f.Add([]byte(`{"specversion":"1.0","id":"9","source":"s","type":"t","data_base64":"e30="}`))
	f.Add([]byte(`{"kind":"login_failed"}`))
	f.Add([]byte(`{"metadata":{"uid":""},"class_uid":1e0}`))
	f.Fuzz(func(t *testing.T, value []byte) {
		e, err := schemas.ReadEvent(value, from())
		if err != nil {
			var m *schemas.MalformedError
			if !errors.As(err, &m) {
				t.Fatalf("not permanent: %v", err)
			}
			if m.Offset >= int64(len(value)) && len(value) > 0 {
				t.Fatalf("offset %d of %d bytes", m.Offset, len(value))
			}
			return
		}
		if !json.Valid(e.Data) {
			t.Fatalf("not JSON: %q", e.Data)
		}
		if _, err := json.Marshal(e.Time); err != nil {
			t.Fatal(err)
		}
		keyLater(t, value, from(), e)
		again, err := schemas.ReadEvent(e.Data, schemas.Envelope{Appended: from().Appended, Origin: "elsewhere"})
		if err != nil {
			t.Fatalf("read again: %v: %q", err, e.Data)
		}
		if again.UID != e.UID || again.Class != e.Class || again.Key != e.Key || string(again.Data) != string(e.Data) {
			t.Fatalf("read again it is another event:\n%+v\n%+v", text(e), text(again))
		}
	})
}
