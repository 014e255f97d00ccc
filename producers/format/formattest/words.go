package formattest

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/riposte-security/riposte/schemas"
)

// Kept checks of a record of any format that nothing of it is lost: the check that needs no knowledge of the format. Of a JSON record, every
// scalar but null must be a value of the events, or of JSON in such a value; of a line, every word must be part of a value. It is weaker than Lossless,
// which knows where to look.
func (c *Checker) Kept(t testing.TB, record []byte, events []schemas.Event) {
	t.Helper()
	have := map[string]bool{}
	var all strings.Builder
	add := func(data []byte) {
		for _, s := range flatten(t, data) {
			if strings.HasPrefix(s.Path, "/observables/") {
				continue
			}
			have[s.Value] = true
			all.WriteString(s.Path + "\n" + plainText(s.Value) + "\n") // key=value becomes a member
		}
	}
	for _, e := range events {
		add(e.Data)
	}
	if trimmed := bytes.TrimSpace(record); len(trimmed) > 0 && (trimmed[0] == '{' || trimmed[0] == '[') && json.Valid(trimmed) {
		for _, s := range flatten(t, trimmed) {
			if s.Value != "null" && !have[s.Value] && !inside(t, s.Value, have) {
				t.Errorf("lost: %s = %s", s.Path, s.Value)
			}
		}
		return
	}
	values, lost := all.String(), map[string]bool{}
	separators := " \t\r\n\"'[]<>(){},;:\\\x1d\x00\ufeff"
	for _, word := range strings.FieldsFunc(string(record), func(r rune) bool { return strings.ContainsRune(separators, r) }) {
		if i := strings.LastIndexByte(word, '='); i >= 0 && !strings.Contains(values, word) {
			word = word[i+1:] // a name and its value
		}
		if word != "-" && !lost[word] && !isMember(events, word) && !strings.Contains(values, word) && !escaped(values, word) {
			t.Errorf("lost: %s of %q", word, record)
			lost[word] = true
		}
	}
}

// isMember tells whether a word is the name of a member of an event, maybe of one that is empty.
func isMember(events []schemas.Event, word string) bool {
	for _, e := range events {
		if bytes.Contains(e.Data, []byte(strconv.Quote(word)+":")) {
			return true
		}
	}
	return false
}

// escaped tells whether the word stands there with its escapes of URLs or backslashes undone, or as hexadecimal digits of a text.
func escaped(values, word string) bool {
	if text, err := strconv.Unquote(`"` + word + `"`); err == nil && strings.Contains(values, text) {
		return true
	}
	return strings.Contains(strings.ToLower(values), strings.ToLower(word))
}

// inside tells whether a text is JSON whose scalars all stand in the event by themselves.
func inside(t testing.TB, value string, have map[string]bool) bool {
	t.Helper()
	text := plainText(value)
	if text == value || len(text) < 2 || text[0] != '{' && text[0] != '[' || !json.Valid([]byte(text)) {
		return false
	}
	for _, s := range flatten(t, []byte(text)) {
		if !have[s.Value] {
			return false
		}
	}
	return true
}

// plainText is the text that a Scalar's value quotes; any other value as it is.
func plainText(value string) string {
	if text, err := strconv.Unquote(value); err == nil {
		return text
	}
	return value
}
