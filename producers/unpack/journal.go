package unpack

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"
)

// What journalctl and ausearch print for people has more than one line for an entry. Here such entries become one record each: those of
// journalctl -o export and -o verbose the JSON object that -o json would have printed, those of its other outputs, and of syslog, a text of
// several lines.

// aside tells whether a line stands between the records and says nothing about them: where journalctl begins, where the machine was started.
func aside(line []byte) bool {
	if rest, ok := bytes.CutPrefix(line, []byte("-- ")); ok {
		for _, p := range [...]string{"Journal begins at ", "Logs begin at ", "Boot ", "Reboot --", "No entries --", "cursor: "} {
			if bytes.HasPrefix(rest, []byte(p)) {
				return true
			}
		}
	}
	return string(line) == "<no matches>" || bytes.HasPrefix(line, []byte("time->")) && len(line) < 64
}

// stamped tells whether a line begins an entry of syslog, or of journalctl: lines that are indented behind it are of the same message.
func stamped(line []byte) bool {
	if len(line) < 16 {
		return false
	}
	switch {
	case line[3] == ' ' && bytes.Contains([]byte("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec Mon Tue Wed Thu Fri Sat Sun "), line[:4]):
		return bytes.IndexByte(line[:min(len(line), 32)], ':') > 0
	case line[0] == '<':
		i := bytes.IndexByte(line[:5], '>')
		return i > 1 && areDigits(line[1:i])
	case line[4] == '-' && line[7] == '-' && line[10] == 'T': // with the name of a program, since others have such times too
		return bytes.Contains(line[:min(len(line), 256)], []byte(": "))
	}
	return false
}

func areDigits(s []byte) bool { return len(bytes.Trim(s, "0123456789")) == 0 }

// continued reads the lines that belong to the entry that text begins: those that are indented.
func (u *unpacker) continued(at int64, text []byte) error {
	got := capture{max: u.opts.MaxRecord}
	indent, empty := -1, 0
	for {
		c, err := u.in.peek()
		if err == nil && c == '\n' { // an empty line in the message, or behind it
			if _, err := u.in.next(); err != nil {
				return err
			}
			empty++
			continue
		}
		if err != nil || c != ' ' && c != '\t' {
			break
		}
		if indent < 0 {
			got.write(text)
		}
		for ; empty > 0; empty-- {
			got.add('\n')
		}
		got.add('\n')
		if err := u.rest(&got, &indent); err != nil {
			return err
		}
	}
	switch {
	case indent < 0: // the usual
		return u.record(at, u.in.off, text)
	case got.truncated():
		return u.problem(at, u.in.off, &got, fmt.Errorf("%d bytes: %w (%d)", got.length, ErrOversized, got.max))
	}
	return u.record(at, u.in.off, bytes.TrimRight(got.bytes(), " \t\r\n"))
}

// rest reads a line to its end without the indentation, which the first line sets.
func (u *unpacker) rest(got *capture, indent *int) error {
	blanks := 0
	for inside := false; ; {
		c, err := u.in.next()
		if errors.Is(err, io.EOF) || err == nil && c == '\n' {
			*indent = max(*indent, 0)
			return nil
		}
		if Corrupt(err) {
			return nil // which the next read says again
		}
		if err != nil {
			return err
		}
		if !inside && c == ' ' && (*indent < 0 || blanks < *indent) {
			blanks++
			continue
		}
		if !inside && *indent < 0 {
			*indent = blanks
		}
		inside = true
		got.add(c)
	}
}

// verboseHead is the cursor in the first line of an entry as journalctl -o verbose prints it: Sun 2026-03-01 09:14:02.123456 UTC [s=…;t=…].
func verboseHead(line []byte) (cursor string) {
	i := bytes.Index(line, []byte(" [s="))
	if i < 0 || i > 64 || line[len(line)-1] != ']' || bytes.IndexByte(line[i+2:], ' ') >= 0 || !bytes.Contains(line[i:], []byte(";t=")) {
		return ""
	}
	return string(line[i+2 : len(line)-1])
}

// verbose reads the fields behind the first line.
func (u *unpacker) verbose(at int64, head []byte, cursor string) error {
	got := capture{max: u.opts.MaxRecord}
	got.write(head)
	var e journalEntry
	e.add("__CURSOR", []byte(cursor))
	if _, rest, ok := bytes.Cut([]byte(cursor), []byte(";t=")); ok {
		text, _, _ := bytes.Cut(rest, []byte(";"))
		if t, err := strconv.ParseInt(string(text), 16, 64); err == nil {
			e.add("__REALTIME_TIMESTAMP", strconv.AppendInt(nil, t, 10))
		}
	}
	for {
		if c, err := u.in.peek(); err != nil || c != ' ' {
			break
		}
		from := len(got.buf)
		got.add('\n')
		indent := 0
		if err := u.rest(&got, &indent); err != nil {
			return err
		}
		if got.truncated() {
			continue
		}
		line := bytes.TrimRight(got.buf[from+1:], "\r")
		text := bytes.TrimLeft(line, " ")
		if name, value, ok := bytes.Cut(text, []byte("=")); ok && len(line)-len(text) == 4 && isJournalName(name) {
			e.add(string(name), value)
		} else {
			e.more(line)
		}
	}
	return u.journalEntry(at, &got, &e)
}

// export reads an entry as journalctl -o export prints it: NAME=value a line, or NAME, the length of the value in eight bytes, and the value;
// an empty line ends it.
func (u *unpacker) export() error {
	at := u.in.off
	got := capture{max: u.opts.MaxRecord}
	var e journalEntry
	for {
		from := len(got.buf)
		end, err := u.exportLine(&got)
		if err != nil {
			return u.exportEnd(at, &got, err)
		}
		if end {
			return u.journalEntry(at, &got, &e)
		}
		if got.truncated() {
			continue
		}
		line := got.buf[from : len(got.buf)-1]
		if name, value, ok := bytes.Cut(line, []byte("=")); ok && isJournalName(name) {
			e.add(string(name), value)
			continue
		}
		name := string(line)
		if !isJournalName(line) {
			return u.problem(at, u.in.off, &got, fmt.Errorf("an entry of the journal: NAME=value expected, %s found", strconv.QuoteToASCII(string(line[:min(len(line), 64)]))))
		}
		value, err := u.exportBinary(&got)
		if err != nil {
			return u.exportEnd(at, &got, err)
		}
		if !got.truncated() {
			e.add(name, value)
		}
	}
}

// exportEnd tells what broke an entry off.
func (u *unpacker) exportEnd(at int64, got *capture, err error) error {
	bad, corrupted := errors.AsType[corrupt](err)
	switch {
	case corrupted:
		return u.last(at, at, got, bad.err)
	case errors.Is(err, errFieldLength):
		return u.problem(at, u.in.off, got, err)
	case errors.Is(err, io.EOF):
		return u.last(at, at, got, io.ErrUnexpectedEOF)
	}
	return err
}

// exportLine reads a line with its end; end tells that it is empty, or that nothing more comes.
func (u *unpacker) exportLine(got *capture) (end bool, err error) {
	for n := 0; ; n++ {
		c, err := u.in.next()
		if n == 0 && errors.Is(err, io.EOF) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		if n == 0 && c == '\n' {
			return true, nil
		}
		got.add(c)
		if c == '\n' {
			return false, nil
		}
	}
}

// maxBinary is the largest field of the journal that is read over: such as it has them for core dumps.
const maxBinary = 64 << 20

const errFieldLength = reason("an entry of the journal: a field that is longer than 64 MiB")

// exportBinary reads the length of a value, and the value.
func (u *unpacker) exportBinary(got *capture) ([]byte, error) {
	var size [8]byte
	for i := range size {
		c, err := u.in.next()
		if err != nil {
			return nil, err
		}
		size[i] = c
		got.add(c)
	}
	n := binary.LittleEndian.Uint64(size[:])
	if n > maxBinary {
		return nil, errFieldLength
	}
	from := len(got.buf)
	for range n + 1 { // and a line feed
		c, err := u.in.next()
		if err != nil {
			return nil, err
		}
		got.add(c)
	}
	if got.truncated() {
		return nil, nil
	}
	return got.buf[from : len(got.buf)-1], nil
}

// journalEntry hands over an entry as JSON.
func (u *unpacker) journalEntry(at int64, got *capture, e *journalEntry) error {
	if got.truncated() {
		return u.problem(at, u.in.off, got, fmt.Errorf("%d bytes: %w (%d)", got.length, ErrOversized, got.max))
	}
	data, err := e.json()
	if err != nil {
		return u.problem(at, u.in.off, got, err)
	}
	return u.record(at, u.in.off, data)
}

// isJournalName tells whether a text can be the name of a field of the journal.
func isJournalName(s []byte) bool {
	for _, c := range s {
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return len(s) > 0 && len(s) <= 64 && (s[0] < '0' || s[0] > '9')
}

// A journalEntry is the fields of an entry, each in the order of its values.
type journalEntry struct {
	names  []string
	values map[string][][]byte
	last   string
}

func (e *journalEntry) add(name string, value []byte) {
	if e.values == nil {
		e.values = map[string][][]byte{}
	}
	if e.values[name] == nil {
		e.names = append(e.names, name)
	}
	e.values[name] = append(e.values[name], bytes.Clone(value))
	e.last = name
}

// more adds a line to the last value. It is indented as far as the value is.
func (e *journalEntry) more(line []byte) {
	list := e.values[e.last]
	blanks := 0
	for blanks < len(line) && line[blanks] == ' ' && blanks < 4+len(e.last)+1 {
		blanks++
	}
	v := &list[len(list)-1]
	*v = append(append(*v, '\n'), line[blanks:]...)
}

// json is the entry as journalctl -o json prints it: what is not UTF-8 as a list of bytes, a field that stands there again as a list.
func (e *journalEntry) json() ([]byte, error) {
	b := []byte{'{'}
	for _, name := range e.names {
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(strconv.AppendQuote(b, name), ':')
		list := e.values[name]
		if len(list) > 1 {
			b = append(b, '[')
		}
		for i, v := range list {
			if i > 0 {
				b = append(b, ',')
			}
			var text any = string(v)
			if !utf8.Valid(v) {
				numbers := make([]int, len(v))
				for j, c := range v {
					numbers[j] = int(c)
				}
				text = numbers
			}
			one, err := json.Marshal(text)
			if err != nil {
				return nil, fmt.Errorf("an entry of the journal: %w", err)
			}
			b = append(b, one...)
		}
		if len(list) > 1 {
			b = append(b, ']')
		}
	}
	return append(b, '}'), nil
}
