package ocsfjson_test

import (
	"testing"

	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/producers/unpack"
	"github.com/riposte-security/riposte/schemas"
)

func TestAround(t *testing.T) {
	bridge := map[string]string{
		unpack.AttrEnvelope: "{\n \"id\": \"1\",\"source\":\"aws.s3\"}", producers.AttrAccount: "111122223333", producers.AttrRegion: "eu-central-1",
	}
	logs := map[string]string{
		unpack.AttrLogGroup: "g", unpack.AttrLogStream: "s", producers.AttrAccount: "1", producers.AttrID: "7", producers.AttrTime: "2026-03-01T12:00:00.5Z",
	}
	for name, c := range map[string]struct {
		attrs    map[string]string
		in, want string
	}{
		"nothing around": {map[string]string{producers.AttrAccount: "1"}, `{"a":1}`, `{"a":1}`},
		"all is missing": {
			bridge, `{"metadata":{"version":"1.8.0"}}`,
			`{"metadata":{"profiles":["cloud"],"version":"1.8.0"},"cloud":{"provider":"AWS","region":"eu-central-1","account":{"uid":"111122223333"}},` +
				`"unmapped":{"envelope":{"id":"1","source":"aws.s3"}}}`,
		},
		"another profile": {
			bridge, `{"metadata":{"profiles":["host"]},"unmapped":{}}`,
			`{"metadata":{"profiles":["cloud","host"]},"unmapped":{"envelope":{"id":"1","source":"aws.s3"}},` +
				`"cloud":{"provider":"AWS","region":"eu-central-1","account":{"uid":"111122223333"}}}`,
		},
		"the event's own account stands": {
			bridge, `{"cloud":{"account":{"uid":"2"}},"unmapped":{"x":1}}`,
			`{"cloud":{"region":"eu-central-1","account":{"uid":"2"}},"unmapped":{"envelope":{"id":"1","source":"aws.s3"},"x":1}}`,
		},
		"once is enough": {
			bridge, `{"cloud":{"region":"r","account":{"uid":"2"}},"unmapped":{"envelope":{}}}`, `{"cloud":{"region":"r","account":{"uid":"2"}},"unmapped":{"envelope":{}}}`,
		},
		"CloudWatch Logs": {
			logs, `{"cloud":{"account":{"uid":"1"}}}`,
			`{"cloud":{"account":{"uid":"1"}},"unmapped":{"cloudwatch":{"logGroup":"g","logStream":"s","owner":"1","id":"7","timestamp":1772366400500}}}`,
		},
		"an event in a log": {
			map[string]string{unpack.AttrLogGroup: "g", unpack.AttrEnvelope: `{"id":"1"}`, producers.AttrID: "1"}, `{"a":1}`,
			`{"a":1,"unmapped":{"cloudwatch":{"logGroup":"g"},"envelope":{"id":"1"}}}`,
		},
		"SNS": {
			map[string]string{producers.AttrSource: "arn:aws:sns:eu-central-1:1:t", producers.AttrID: "m"}, `{"a":1}`,
			`{"a":1,"unmapped":{"sns":{"TopicArn":"arn:aws:sns:eu-central-1:1:t","MessageId":"m"}}}`,
		},
	} {
		got, err := ocsfjson.Around(producers.Record{Attrs: c.attrs}, []schemas.Event{{Data: []byte(c.in)}})
		if err != nil {
			t.Fatal(err)
		}
		if string(got[0].Data) != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got[0].Data, c.want)
		}
	}
}
