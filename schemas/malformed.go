package schemas

import (
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"github.com/riposte-security/riposte/schemas/jsontext"
)

// MaxDepth is how many levels of objects and arrays an event may have. What is deeper costs every later stage stack and time, and no log
// has it.
const MaxDepth = 128

// commandDepth leaves room for what a command has around its event.
const commandDepth = MaxDepth + 8

// A MalformedError says that a message can never be read. It is always permanent: who retries must mark it as such.
type MalformedError struct {
	Offset int64 // of the first byte that is wrong, from 0; -1 where the fault has no place
	Reason string
}

// Error gives the reason, and the place where there is one.
func (e *MalformedError) Error() string {
	if e.Offset < 0 {
		return e.Reason
	}
	return fmt.Sprintf("%s (at byte %d)", e.Reason, e.Offset)
}

// malformed makes a MalformedError without a place.
func malformed(format string, args ...any) error {
	return &MalformedError{Offset: -1, Reason: fmt.Sprintf(format, args...)}
}

// object checks that text is one JSON object of at most depth levels, in UTF-8, with nothing after it, and returns it without the white
// space (and byte order mark) around it. start is the offset of the result in text.
func object(text []byte, depth int) (obj []byte, start int, err error) {
	return objectOf(text, depth, func(obj []byte) (int, bool) { return jsontext.Skip(obj, 0, depth), false })
}

// objectOf is object for a caller who walks over the object by himself: walk is given text that begins with a bracket, and gives the place behind the one that
// closes it, or jsontext.Failed, and whether it has seen that the text is nothing but ASCII.
func objectOf(text []byte, depth int, walk func(obj []byte) (end int, ascii bool)) (obj []byte, start int, err error) {
	start, till := trim(text)
	obj = text[start:till]
	if len(obj) == 0 {
		return nil, 0, &MalformedError{Offset: 0, Reason: "the message is empty"}
	}
	end, ascii := jsontext.Failed, false
	if obj[0] == '{' {
		end, ascii = walk(obj)
	}
	if !ascii && !utf8.Valid(obj) {
		return nil, 0, &MalformedError{Offset: int64(start + badRune(obj)), Reason: "the message is not UTF-8"}
	}
	if end != len(obj) {
		return nil, 0, notObject(obj, start, depth)
	}
	return obj, start, nil
}

// notObject finds out why text is not a JSON object of at most depth levels. It is off the path of good messages.
func notObject(text []byte, start, depth int) error {
	if at := tooDeep(text, depth); at >= 0 {
		return &MalformedError{Offset: int64(start + at), Reason: fmt.Sprintf("more than %d levels deep", depth)}
	}
	if !gjson.ValidBytes(text) {
		return notJSON(text, start)
	}
	return &MalformedError{Offset: int64(start), Reason: "the message is a JSON " + kindOf(gjson.ParseBytes(text)) + ", not an object"}
}

// trim finds what is between leading and trailing white space; a byte order mark counts as such.
func trim(text []byte) (start, end int) {
	end = len(text)
	if len(text) >= 3 && text[0] == 0xEF && text[1] == 0xBB && text[2] == 0xBF {
		start = 3
	}
	for start < end && space(text[start]) {
		start++
	}
	for end > start && space(text[end-1]) {
		end--
	}
	return start, end
}

func space(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// badRune is the offset of the first byte that is not UTF-8.
func badRune(text []byte) int {
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && n <= 1 {
			return i
		}
		i += n
	}
	return len(text)
}

// tooDeep is the offset of the bracket that opens one level too many, or -1. It reads the text once and recurses nowhere, so that it can
// stand before parsers that do.
func tooDeep(text []byte, limit int) int {
	depth, inString := 0, false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > limit {
				return i
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return -1
}

// notJSON finds out where and why text is not JSON. It is off the path of good messages.
func notJSON(text []byte, start int) error {
	var v json.RawMessage
	var syntax *json.SyntaxError
	if err := json.Unmarshal(text, &v); errors.As(err, &syntax) {
		// The library counts the offending byte as read, except at the end.
		return &MalformedError{Offset: int64(start) + max(syntax.Offset-1, 0), Reason: "the message is not JSON: " + syntax.Error()}
	}
	return malformed("the message is not JSON")
}

// kindOf names the JSON type of a value for messages.
func kindOf(r gjson.Result) string {
	switch {
	case r.IsObject():
		return "object"
	case r.IsArray():
		return "array"
	}
	switch r.Type {
	case gjson.String:
		return "string"
	case gjson.Number:
		return "number"
	case gjson.True, gjson.False:
		return "boolean"
	case gjson.Null, gjson.JSON:
	}
	return "null"
}
