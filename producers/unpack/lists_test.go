package unpack_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/unpack"
)

// read unpacks text and returns each record as its data, each problem as "!" and its data.
func read(t *testing.T, text string, opts unpack.Options) (got []string, items []unpack.Item) {
	t.Helper()
	err := unpack.Unpack(t.Context(), strings.NewReader(text), producers.Record{}, opts, func(it unpack.Item) error {
		mark := ""
		if it.Err != nil {
			mark = "!"
		}
		got, items = append(got, mark+string(it.Record.Data)), append(items, it)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got, items
}

func TestBadElementsCostOnlyThemselves(t *testing.T) {
	for _, bad := range []string{
		`{"a" 1}`, `{"a":1,}`, `{a:[1,2}`, `{"a":"x" "y"}`, `{"q":[{"a":1]}`, `{'a':1}`, `[{"x":}]`, `{"a":"\"}" "b"}`, `{"a":tru}`,
	} {
		for _, form := range []string{`{"Records":[{"n":1},%s,{"n":2}]}` + "\n" + `{"n":3}`, `[{"n":1}, %s , {"n":2}]` + "\n" + `{"n":3}`} {
			got, _ := read(t, fmt.Sprintf(form, bad), unpack.Options{})
			if want := []string{`{"n":1}`, "!" + bad, `{"n":2}`, `{"n":3}`}; fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s:\n%s\nwant\n%s", bad, got, want)
			}
		}
	}
	got, _ := read(t, `[{"n":1},{"a" `+strings.Repeat("[", 5000)+"\n"+`{"n":2}`, unpack.Options{})
	if len(got) != 3 || got[2] != `{"n":2}` {
		t.Errorf("%.200s", got)
	}
}

func TestListsOfFindings(t *testing.T) {
	const one, two = `{"Id":"a","ProductArn":"p"}`, `{"Id":"b"}`
	around := `{"version":"0","id":"e","detail-type":"t","source":"s","detail":{"actionName":"n","findings":[` + one + `,7,` + two + `]}}`
	cases := map[string]struct {
		in   string
		want []string
	}{
		"API":   {`{"Findings": [` + one + `, ` + two + `], "NextToken":"x"}`, []string{`{"Findings": [` + one + `], "NextToken":"x"}`, `{"Findings": [` + two + `], "NextToken":"x"}`}},
		"event": {around, []string{`{"actionName":"n","findings":[` + one + `]}`, `{"actionName":"n","findings":[7]}`, `{"actionName":"n","findings":[` + two + `]}`}},
		"LookupEvents": {`{"Events":[{"EventName":"GetFindings","CloudTrailEvent":"{}"},{"CloudTrailEvent":"{\"a\":1}"}],"NextToken":"x"}`,
			[]string{`{"EventName":"GetFindings","CloudTrailEvent":"{}"}`, `{"CloudTrailEvent":"{\"a\":1}"}`}},
		"events of another": {`{"Events":[{"CloudTrailEvent":"{}"},{"x":1}]}`, []string{`{"Events":[{"CloudTrailEvent":"{}"},{"x":1}]}`}},
		"single":            {`{"Findings":[` + one + `]}`, []string{`{"Findings":[` + one + `]}`}},
		"not AWS's":         {`{"findings":[{"x":1},{"x":2}]}`, []string{`{"findings":[{"x":1},{"x":2}]}`}},
		"twice":             {`{"findings":[` + one + `,` + two + `],"Findings":[]}`, []string{`{"findings":[` + one + `,` + two + `],"Findings":[]}`}},
	}
	for name, c := range cases {
		got, items := read(t, c.in, unpack.Options{})
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, c.want)
		}
		if name == "event" && (items[0].Record.Attrs[producers.AttrID] != "e" || items[2].Record.Attrs[producers.AttrID] != "e#3" || items[1].Record.Position != "0/2") {
			t.Errorf("%+v", items)
		}
	}
}

// TestListLargerThanARecord: a list that is too large for one record is a container.
func TestListLargerThanARecord(t *testing.T) {
	const finding = `{"Id":"a","ProductArn":"p"}`
	in := `{"Findings":[` + strings.Repeat(finding+",\n", 99) + finding + `],"NextToken":"x"}` + "\n" + `{"n":1}`
	got, _ := read(t, in, unpack.Options{MaxRecord: 1000})
	if len(got) != 101 || got[0] != finding || got[99] != finding || got[100] != `{"n":1}` {
		t.Errorf("%d: %.300s", len(got), got)
	}
}

// TestMessagesAsFunctionsGetThem: a function gets notifications and messages of queues as Records.
func TestMessagesAsFunctionsGetThem(t *testing.T) {
	got, items := read(t, `{"Records":[{"EventSource":"aws:sns","Sns":{"Type":"Notification","MessageId":"m1","TopicArn":"arn:t","Message":"{\"n\":1}"}},`+
		`{"messageId":"m2","body":"{\"n\":2}","eventSource":"aws:sqs","eventSourceARN":"arn:q"}]}`, unpack.Options{})
	if fmt.Sprint(got) != `[{"n":1} {"n":2}]` || items[0].Record.Attrs[producers.AttrID] != "m1" || items[1].Record.Attrs[producers.AttrSource] != "arn:q" {
		t.Errorf("%s %+v", got, items)
	}
}
