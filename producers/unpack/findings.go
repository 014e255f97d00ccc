package unpack

import (
	"bytes"
	"strconv"

	"github.com/tidwall/gjson"

	"github.com/riposte-security/riposte/producers"
)

// maxBeside is the most that may stand beside a list of findings: it goes into the record of each.
const maxBeside = 16 << 10

// listOf tells whether a member of that name lists findings: in answers of AWS's APIs, and in details of EventBridge events.
func listOf(name string) bool { return name == "Findings" || name == "findings" }

// findings hands over a record, or of one that lists several findings of AWS a record for each, with what stands beside the list: then a bad
// finding costs only itself.
func (u *unpacker) findings(rec producers.Record, resume int64) error {
	var list gjson.Result
	if bytes.Contains(rec.Data, []byte(`indings"`)) {
		list = findingsOf(rec.Data)
	}
	if !list.Exists() {
		return u.emit(rec, resume, nil)
	}
	all, id := list.Array(), rec.Attrs[producers.AttrID]
	for i, f := range all {
		one := rec
		one.Data = make([]byte, 0, len(rec.Data)-len(list.Raw)+len(f.Raw)+2)
		one.Data = append(append(one.Data, rec.Data[:list.Index]...), '[')
		one.Data = append(append(one.Data, f.Raw...), ']')
		one.Data = append(one.Data, rec.Data[list.Index+len(list.Raw):]...)
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

// findingsOf finds the list if it has several elements, one of which at least looks like a finding of AWS.
func findingsOf(data []byte) (list gjson.Result) {
	twice := false
	gjson.ParseBytes(data).ForEach(func(key, value gjson.Result) bool {
		if listOf(key.Str) {
			twice = list.Exists()
			list = value
		}
		return !twice
	})
	if twice || !list.IsArray() || list.Index == 0 || len(data)-len(list.Raw) > maxBeside {
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
