package unpack

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/tidwall/gjson"

	"github.com/riposte-security/riposte/producers"
)

// maxBeside is the most that may stand beside a list of findings: it goes into the record of each.
const maxBeside = 16 << 10

// isFindings tells whether a member of that name lists findings: in answers of AWS's APIs, and in details of EventBridge events.
func isFindings(name string) bool { return name == "Findings" || name == "findings" }

// isEvents tells whether a member of that name may list events, as CloudTrail's LookupEvents answers.
func isEvents(name string) bool { return name == "Events" }

// listOf tells whether a member of that name may list records by name alone. A document with such a list is a container if what is in the list says so,
// or if it is too large to be one record.
func listOf(name string) bool { return isFindings(name) || isEvents(name) }

// lists hands over a record, or of one that lists several of AWS's a record for each: then a bad one costs only itself. A finding keeps what stands
// beside the list, which says why it was sent; an answer of LookupEvents says nothing beside its events.
func (u *unpacker) lists(rec producers.Record, resume int64) error {
	var list gjson.Result
	alone := false
	if bytes.Contains(rec.Data, []byte(`indings"`)) {
		list = findingsOf(rec.Data)
	}
	if !list.Exists() && bytes.Contains(rec.Data, []byte(`"CloudTrailEvent"`)) {
		list, alone = eventsOf(rec.Data), true
	}
	if !list.Exists() {
		return u.emit(rec, resume, nil)
	}
	before, behind := rec.Data[:list.Index], rec.Data[list.Index+len(list.Raw):]
	all, id := list.Array(), rec.Attrs[producers.AttrID]
	for i, f := range all {
		one := rec
		if one.Data = []byte(f.Raw); !alone {
			one.Data = slices.Concat(before, []byte{'['}, []byte(f.Raw), []byte{']'}, behind)
		}
		one.Position += "/" + strconv.Itoa(i+1)
		if i > 0 && id != "" {
			one.Attrs = with(rec.Attrs, producers.AttrID, id+"#"+strconv.Itoa(i+1))
		}
		if err := u.emit(one, resume, nil); err != nil {
			return err
		}
	}
	return nil
}

// listIn finds the one array of an object in a member whose name is such. An object that has two is not opened: readers differ in which counts.
func listIn(data []byte, is func(name string) bool) (list gjson.Result) {
	twice := false
	gjson.ParseBytes(data).ForEach(func(key, value gjson.Result) bool {
		if is(key.Str) {
			twice = list.Exists()
			list = value
		}
		return !twice
	})
	if twice || !list.IsArray() || list.Index == 0 {
		return gjson.Result{}
	}
	return list
}

// eventsOf finds the events of an answer of LookupEvents: each holds a CloudTrail record as a text.
func eventsOf(data []byte) gjson.Result {
	list, all := listIn(data, isEvents), true
	list.ForEach(func(_, e gjson.Result) bool {
		all = e.IsObject() && e.Get("CloudTrailEvent").Type == gjson.String
		return all
	})
	if !all {
		return gjson.Result{}
	}
	return list
}

// findingsOf finds the list if it has several elements, one of which at least looks like a finding of AWS.
func findingsOf(data []byte) gjson.Result {
	list := listIn(data, isFindings)
	if len(data)-len(list.Raw) > maxBeside {
		return gjson.Result{}
	}
	n, known := 0, false
	list.ForEach(func(_, f gjson.Result) bool {
		n++
		known = known || isFinding(f)
		return true
	})
	if n < 2 || !known {
		return gjson.Result{}
	}
	return list
}

// isFinding tells whether a value has what all findings of GuardDuty, or all of Security Hub, have.
func isFinding(f gjson.Result) bool {
	has := func(name string) bool { return f.Get(name).Exists() }
	return f.IsObject() && (has("Id") && (has("ProductArn") || has("AwsAccountId") || has("Type")) || has("id") && has("type") ||
		has("class_uid") && has("finding_info"))
}
