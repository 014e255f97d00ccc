package unpack

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/producers"
)

// open looks whether a record is a message with something inside, and hands over what is.
func (u *unpacker) open(rec producers.Record, resume int64) error {
	if u.logEvents {
		if rec = logEvent(rec); len(rec.Data) == 0 {
			return nil
		}
	}
	if u.level >= maxLevels || len(rec.Data) == 0 || rec.Data[0] != '{' {
		return u.emit(rec, resume, nil)
	}
	switch d := rec.Data; {
	case bytes.Contains(d, []byte(`"detail-type"`)) && !u.opts.KeepEnvelope:
		rec = EventBridge(rec)
	case bytes.Contains(d, []byte(`"TopicArn"`)):
		doc := gjson.ParseBytes(d)
		if in := doc.Get("Sns"); in.IsObject() { // as functions get it
			doc = in
		}
		if m := doc.Get("Message"); doc.Get("Type").String() == "Notification" && m.Type == gjson.String {
			return u.nested(rec, resume, []byte(m.String()),
				producers.AttrID, doc.Get("MessageId").String(), producers.AttrSource, doc.Get("TopicArn").String(),
				producers.AttrTime, doc.Get("Timestamp").String())
		}
	case bytes.Contains(d, []byte(`"aws:sqs"`)):
		doc := gjson.ParseBytes(d)
		if m := doc.Get("body"); doc.Get("eventSource").String() == "aws:sqs" && m.Type == gjson.String {
			return u.nested(rec, resume, []byte(m.String()),
				producers.AttrID, doc.Get("messageId").String(), producers.AttrSource, doc.Get("eventSourceARN").String())
		}
	case bytes.Contains(d, []byte(`"awslogs"`)):
		if data := gjson.GetBytes(d, "awslogs.data"); data.Type == gjson.String {
			inner, err := base64.StdEncoding.DecodeString(data.String())
			if err != nil {
				err = fmt.Errorf("awslogs.data: %w", err)
				rec.Attrs = with(rec.Attrs, producers.AttrProblem, err.Error())
				return u.emit(rec, resume, fault.Permanent(fmt.Errorf("at byte %s: %w", rec.Position, err)))
			}
			return u.nested(rec, resume, inner)
		}
	}
	return u.lists(rec, resume)
}

// nested unpacks what was inside a message. An id that the message gives its content names the first record; the others get a number too.
func (u *unpacker) nested(outer producers.Record, resume int64, data []byte, attrs ...string) error {
	base := outer
	base.Attrs = with(outer.Attrs, attrs...)
	opts := u.opts
	if opts.MaxTotal == 0 {
		opts.MaxTotal = bombFree
	}
	n := 0
	inner := &unpacker{
		opts: opts, base: base, at: outer.Position + "/", attrs: base.Attrs, level: u.level + 1,
		emit: func(rec producers.Record, _ int64, err error) error {
			n++
			if id := base.Attrs[producers.AttrID]; n > 1 && id != "" && rec.Attrs[producers.AttrID] == id {
				rec.Attrs = with(rec.Attrs, producers.AttrID, id+"#"+strconv.Itoa(n))
			}
			return u.emit(rec, resume, err)
		},
	}
	return inner.stream(bytes.NewReader(data))
}

// EventBridge takes the detail out of an EventBridge event, and puts what the event says of it into the record's attributes; any other
// record stays as it is, and so does an event that says one of these things twice, since readers differ in which of the two counts. The
// record's data must be valid JSON.
func EventBridge(rec producers.Record) producers.Record {
	var detail, kind, source, account, region, id, at, resources gjson.Result
	rest, twice := make([]byte, 0, 512), false
	gjson.ParseBytes(rec.Data).ForEach(func(key, value gjson.Result) bool {
		var known *gjson.Result
		switch key.Str {
		case "detail":
			known = &detail
		case "detail-type":
			known = &kind
		case "source":
			known = &source
		case "account":
			known = &account
		case "region":
			known = &region
		case "id":
			known = &id
		case "time":
			known = &at
		case "resources":
			known = &resources
		}
		if known != nil {
			twice = twice || known.Exists()
			*known = value
		}
		if known != &detail {
			rest = append(append(append(append(rest, ','), key.Raw...), ':'), value.Raw...)
		}
		return true
	})
	if twice || !detail.IsObject() || kind.Type != gjson.String || source.Type != gjson.String {
		return rec
	}
	if resources.Raw == "[]" {
		resources = gjson.Result{}
	}
	rest[0] = '{'
	rec.Attrs = with(rec.Attrs, AttrDetailType, kind.String(), producers.AttrSource, source.String(),
		producers.AttrAccount, account.String(), producers.AttrRegion, region.String(), producers.AttrID, id.String(), producers.AttrTime, at.String(),
		AttrResources, resources.Raw, AttrEnvelope, string(append(rest, '}')))
	rec.Data = part(rec.Data, detail)
	return rec
}

// part is the text of a value in the data that it was found in.
func part(data []byte, value gjson.Result) []byte {
	if from, to := value.Index, value.Index+len(value.Raw); from > 0 && to <= len(data) && string(data[from:to]) == value.Raw {
		return data[from:to:to]
	}
	return []byte(value.Raw)
}

// logEvent takes the message out of an event of CloudWatch Logs. The event's id is the same however often it is delivered.
func logEvent(rec producers.Record) producers.Record {
	doc := gjson.ParseBytes(rec.Data)
	message := doc.Get("message")
	if message.Type != gjson.String {
		return rec
	}
	rec.Data = []byte(strings.TrimSpace(message.String()))
	rec.Attrs = with(rec.Attrs, producers.AttrID, doc.Get("id").String(),
		producers.AttrSource, "cloudwatch:"+rec.Attrs[producers.AttrAccount]+":"+rec.Attrs[AttrLogGroup]+":"+rec.Attrs[AttrLogStream])
	if ms := doc.Get("timestamp"); ms.Type == gjson.Number {
		rec.Attrs[producers.AttrTime] = time.UnixMilli(ms.Int()).UTC().Format(time.RFC3339Nano)
	}
	return rec
}
