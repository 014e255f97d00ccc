package archive

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"github.com/riposte-security/riposte/internal/kafka"
)

const (
	// maxRecord bounds a message that is archived whole, in bytes. No topic takes one of more than kafka.MaxMessage, but who compresses well gets more in.
	maxRecord = 8 * kafka.MaxMessage
	// maxLine bounds a line of a data file: a message of the largest size whose every byte has to be escaped.
	maxLine = 6*maxRecord + 1<<16
	// headerLeftOut tells that a message was too large to be archived; its value is a leftOut.
	headerLeftOut = "riposte_archive_left_out"
)

// A leftOut stands for a message of more than maxRecord bytes.
type leftOut struct {
	Size        int  `json:"size"`         // of key, headers and value
	ValueSize   int  `json:"value_size"`   // of the value
	ValueSHA256 Hash `json:"value_sha256"` // and what it was
}

// bounded is the message as it is archived: itself, or what stands for it.
func bounded(m *kafka.Message) *kafka.Message {
	if m.Size() <= maxRecord {
		return m
	}
	value, err := json.Marshal(leftOut{Size: m.Size(), ValueSize: len(m.Value), ValueSHA256: sumText(m.Value)})
	if err != nil {
		value = nil // of numbers and a text it cannot be
	}
	return &kafka.Message{
		Topic: m.Topic, Partition: m.Partition, Offset: m.Offset, Time: m.Time, Value: value,
		Headers: []kafka.Header{{Key: headerLeftOut, Value: []byte("true")}},
	}
}

// appendLine appends a message as one line of JSON, without the line feed:
//
//	{"topic":"riposte.events","partition":0,"offset":7,"timestamp":1760000000000,"key":"k","headers":[{"key":"ce_id","value":"1"}],"value":"{…}"}
//
// Key, header values and value are JSON strings, from which any parser gives back the exact bytes. Bytes that are not UTF-8, which a JSON string
// cannot carry, are base64 under key_base64 and value_base64. A key or value that is null in Kafka is null here. The timestamp is Kafka's, in
// milliseconds. The same message always gives the same line.
func appendLine(b []byte, m *kafka.Message) []byte {
	b = append(b, `{"topic":`...)
	b = appendText(b, []byte(m.Topic))
	b = append(b, `,"partition":`...)
	b = strconv.AppendInt(b, int64(m.Partition), 10)
	b = append(b, `,"offset":`...)
	b = strconv.AppendInt(b, m.Offset, 10)
	b = append(b, `,"timestamp":`...)
	b = strconv.AppendInt(b, m.Time.UnixMilli(), 10)
	b = append(b, ',')
	b = appendBytes(b, "key", m.Key)
	b = append(b, `,"headers":[`...)
	for i, h := range m.Headers {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '{')
		b = appendBytes(b, "key", []byte(h.Key))
		b = append(b, ',')
		b = appendBytes(b, "value", h.Value)
		b = append(b, '}')
	}
	b = append(b, `],`...)
	b = appendBytes(b, "value", m.Value)
	return append(b, '}')
}

// appendBytes appends a member of an object: text, base64 or null.
func appendBytes(b []byte, name string, v []byte) []byte {
	b = append(b, '"')
	b = append(b, name...)
	switch {
	case v == nil:
		return append(b, `":null`...)
	case utf8.Valid(v):
		return appendText(append(b, `":`...), v)
	}
	b = append(b, `_base64":"`...)
	b = base64.StdEncoding.AppendEncode(b, v)
	return append(b, '"')
}

// appendText appends valid UTF-8 as a JSON string. Only what must be escaped is.
func appendText(b, v []byte) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	from := 0
	for i, c := range v {
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, v[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(b, v[from:]...), '"')
}

// A line is what stands in a line of a data file.
type line struct {
	Topic     string       `json:"topic"`
	Partition int          `json:"partition"`
	Offset    int64        `json:"offset"`
	Timestamp int64        `json:"timestamp"`
	Key       *string      `json:"key"`
	Key64     []byte       `json:"key_base64"`
	Headers   []lineHeader `json:"headers"`
	Value     *string      `json:"value"`
	Value64   []byte       `json:"value_base64"`
}

type lineHeader struct {
	Key     *string `json:"key"`
	Key64   []byte  `json:"key_base64"`
	Value   *string `json:"value"`
	Value64 []byte  `json:"value_base64"`
}

var errLine = errors.New("not a line of an archive")

// parseLine reads a line that appendLine wrote, and no other: what is written differently, though it means the same, is refused.
func parseLine(text []byte) (kafka.Message, error) {
	var l line
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&l); err != nil {
		return kafka.Message{}, fmt.Errorf("%w: %w", errLine, err)
	}
	m := kafka.Message{
		Topic: l.Topic, Partition: l.Partition, Offset: l.Offset, Time: time.UnixMilli(l.Timestamp).UTC(),
		Key: either(l.Key, l.Key64), Value: either(l.Value, l.Value64),
	}
	for _, h := range l.Headers {
		m.Headers = append(m.Headers, kafka.Header{Key: string(either(h.Key, h.Key64)), Value: either(h.Value, h.Value64)})
	}
	if !bytes.Equal(appendLine(make([]byte, 0, len(text)), &m), text) {
		return kafka.Message{}, fmt.Errorf("%w: another spelling", errLine)
	}
	return m, nil
}

// quickLine reads a line that is known to be one: what parseLine would give, without its checks.
func quickLine(text []byte) kafka.Message {
	var m kafka.Message
	gjson.ParseBytes(text).ForEach(func(key, v gjson.Result) bool {
		switch key.Str {
		case "topic":
			m.Topic = v.Str
		case "partition":
			m.Partition = int(v.Int())
		case "offset":
			m.Offset = v.Int()
		case "timestamp":
			m.Time = time.UnixMilli(v.Int()).UTC()
		case "key", "key_base64":
			m.Key = quickBytes(key.Str, v)
		case "value", "value_base64":
			m.Value = quickBytes(key.Str, v)
		case "headers":
			v.ForEach(func(_, h gjson.Result) bool {
				m.Headers = append(m.Headers, quickHeader(h))
				return true
			})
		}
		return true
	})
	return m
}

func quickHeader(v gjson.Result) kafka.Header {
	var h kafka.Header
	v.ForEach(func(key, v gjson.Result) bool {
		if strings.HasPrefix(key.Str, "key") {
			h.Key = string(quickBytes(key.Str, v))
		} else {
			h.Value = quickBytes(key.Str, v)
		}
		return true
	})
	return h
}

func quickBytes(name string, v gjson.Result) []byte {
	if v.Type != gjson.String {
		return nil
	}
	if strings.HasSuffix(name, "_base64") {
		raw, _ := base64.StdEncoding.DecodeString(v.Str) // written by us
		return raw
	}
	return []byte(v.Str)
}

func either(text *string, raw []byte) []byte {
	if text != nil {
		return []byte(*text)
	}
	return raw
}
