package linux

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A header is what stands around a message of syslog, and the message.
type header struct {
	pri      string // as it stands there
	priority int    // facility*8 + severity; -1 if the entry has none
	version  string // of RFC 5424; empty for BSD syslog
	stamp    string // as it stands there
	time     time.Time
	host     string
	program  string // name of what wrote the message, as it stands there
	pid      string
	msgID    string
	params   []param // structured data
	message  string
}

// maxParams bounds the structured data of one entry.
const maxParams = 1024

// A param is one value of the structured data of RFC 5424. Of an element without any, there is one without a name.
type param struct{ element, name, value string }

// header reads an entry in the form of RFC 5424, or of BSD syslog in any of its spellings.
func (e *entry) header(text string) error {
	h := &e.head
	rest := text
	if rest[0] == '<' {
		i := strings.IndexByte(rest, '>')
		n, err := strconv.Atoi(rest[1:max(i, 1)])
		if i < 2 || i > 4 || err != nil || n < 0 || n > 191 || rest[1] == '+' {
			return errors.New("offset 0: <PRI> from <0> to <191> expected")
		}
		h.pri, h.priority = rest[1:i], n
		rest = rest[i+1:]
	}
	if i := digits(rest); i > 0 && i < 3 && i < len(rest) && rest[i] == ' ' && (h.pri != "" || stampAhead(rest[i+1:])) {
		h.version = rest[:i]
		return e.header5424(rest[i+1:], len(text)-len(rest)+i+1)
	}
	t, n, err := e.stamp(rest)
	if n > 0 && n < len(rest) && rest[n] != ' ' && rest[n] != ':' {
		n, err = 0, nil // what only begins like a time is none
	}
	switch {
	case err != nil:
		return fmt.Errorf("offset %d: %w", len(text)-len(rest), err)
	case n > 0:
		h.stamp, h.time = rest[:n], t
		rest = strings.TrimLeft(strings.TrimPrefix(rest[n:], ":"), " ")
		h.host, rest = hostOf(rest)
		rest = h.class(rest)
	case h.pri == "" && !tagAhead(rest):
		return fmt.Errorf("offset 0: a time stamp, <PRI>, type=...msg=audit( or { expected, %s found", strconv.QuoteToASCII(clip(text)))
	}
	h.tag(rest)
	return nil
}

// hostOf cuts the name of the machine off, unless a tag stands in its place.
func hostOf(s string) (host, rest string) {
	i := strings.IndexByte(s, ' ')
	if i < 0 {
		i = len(s)
	}
	word := s[:i]
	if strings.HasSuffix(word, ":") || strings.HasSuffix(word, "]") && strings.Contains(word, "[") && word[0] != '[' || len(word) > 255 {
		return "", s
	}
	return word, strings.TrimLeft(s[i:], " ")
}

// class cuts off facility and severity in words, as BusyBox writes them in front of the tag: "auth.info sshd[42]: ...".
func (h *header) class(s string) string {
	word, rest, _ := strings.Cut(s, " ")
	facility, severity, ok := strings.Cut(word, ".")
	if !ok || h.pri != "" || !tagAhead(rest) {
		return s
	}
	f := indexOf(facility, "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "", "", "", "",
		"local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7")
	p := indexOf(severity, "emerg", "alert", "crit", "err", "warn", "notice", "info", "debug")
	if f < 0 || p < 0 {
		return s
	}
	h.pri, h.priority = word, f<<3|p
	return strings.TrimLeft(rest, " ")
}

// indexOf is the place of a word among others; -1 if it is none of them.
func indexOf(word string, words ...string) int {
	for i, w := range words {
		if w != "" && w == word {
			return i
		}
	}
	return -1
}

// tagAhead tells whether s begins with the name of a program as a tag.
func tagAhead(s string) bool {
	var h header
	h.tag(s)
	return h.program != "" && h.message != "" && !strings.ContainsAny(h.program, "{}<>=,;\"'")
}

// tag reads name[pid]: message. A message without a tag is the whole.
func (h *header) tag(s string) {
	h.message = s
	i := strings.IndexAny(s, " :[")
	if i <= 0 || i > 128 || s[i] == ' ' {
		return
	}
	name, rest := s[:i], s[i:]
	if rest[0] == '[' {
		end := strings.IndexByte(rest, ']')
		if end < 2 || end > 64 || strings.IndexByte(rest[:end], ' ') >= 0 {
			return
		}
		h.pid = rest[1:end]
		rest = rest[end+1:]
	} else if len(rest) > 1 && rest[1] != ' ' && rest[1] != '\t' { // a word with a colon in it is no tag
		return
	}
	h.program = name
	h.message = strings.TrimPrefix(strings.TrimPrefix(rest, ":"), " ")
}

// header5424 reads what follows the version in an entry as RFC 5424 has it. at is where it begins.
func (e *entry) header5424(s string, at int) error {
	h := &e.head
	whole := s
	var words [5]string
	for i := range words {
		n := strings.IndexByte(s, ' ')
		if n < 0 && i == len(words)-1 {
			n = len(s)
		}
		if n <= 0 {
			return fmt.Errorf("offset %d: %s expected", at+len(whole)-len(s),
				[...]string{"a time stamp", "a host name", "the name of an application", "a process id", "a message id"}[i])
		}
		if words[i] = s[:n]; words[i] == "-" {
			words[i] = ""
		}
		s = s[min(n+1, len(s)):]
	}
	h.stamp, h.host, h.program, h.pid, h.msgID = words[0], words[1], words[2], words[3], words[4]
	if h.stamp != "" {
		t, err := time.Parse(time.RFC3339, h.stamp)
		if err != nil || t.Year() < 1970 {
			return fmt.Errorf("offset %d: a time as RFC 3339 has it expected, %s found", at, strconv.QuoteToASCII(clip(h.stamp)))
		}
		h.time = t.UTC()
	}
	n, err := h.structured(s)
	if err != nil {
		return fmt.Errorf("offset %d: %w", at+len(whole)-len(s)+n, err)
	}
	h.message = strings.TrimPrefix(strings.TrimPrefix(s[n:], " "), "\ufeff")
	return nil
}

// structured reads the structured data at the beginning of s and returns its length; on an error, where that is.
func (h *header) structured(s string) (int, error) {
	if s == "" || s[0] == '-' {
		return min(1, len(s)), nil
	}
	if s[0] != '[' { // some senders leave out even the dash
		return 0, nil
	}
	i := 0
	for i < len(s) && s[i] == '[' {
		n := strings.IndexAny(s[i:], " ]")
		if n < 2 {
			return i, errors.New("structured data: an element [id name=\"value\" …] expected")
		}
		id := s[i+1 : i+n]
		i += n
		if s[i] == ']' {
			h.params = append(h.params, param{element: id})
			if len(h.params) > maxParams {
				return i, fmt.Errorf("structured data: more than %d elements", maxParams)
			}
		}
		for s[i] == ' ' {
			n := strings.IndexByte(s[i:], '=')
			if n < 2 || i+n+1 >= len(s) || s[i+n+1] != '"' {
				return i, errors.New("structured data: name=\"value\" expected")
			}
			name := strings.TrimLeft(s[i:i+n], " ")
			value, end := quotedParam(s, i+n+2)
			if end >= len(s) {
				return i, errors.New("structured data: a value without its closing quote")
			}
			h.params = append(h.params, param{id, name, value})
			if len(h.params) > maxParams {
				return i, fmt.Errorf("structured data: more than %d values", maxParams)
			}
			if i = end; i >= len(s) {
				return i, errors.New("structured data: ] expected")
			}
		}
		if s[i] != ']' {
			return i, errors.New("structured data: ] expected")
		}
		i++
	}
	return i, nil
}

// quotedParam reads a value up to its closing quote and returns what follows it; len(s) if there is none.
func quotedParam(s string, from int) (value string, next int) {
	escaped := false
	for i := from; i < len(s); i++ {
		switch s[i] {
		case '\\':
			escaped = true
			i++
		case '"':
			value = s[from:i]
			if escaped {
				value = strings.NewReplacer(`\"`, `"`, `\\`, `\`, `\]`, `]`).Replace(value)
			}
			return value, i + 1
		}
	}
	return "", len(s)
}

// severity is OCSF's for that of syslog: 0 emergency to 7 debug.
func (h *header) severity() int {
	if h.priority < 0 {
		return 1
	}
	return [...]int{6, 5, 5, 4, 3, 2, 1, 1}[h.priority&7]
}

// digits counts the digits at the beginning of s.
func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

// number reads a decimal number that fits into 63 bits; -1 if s is none.
func number(s string) int64 {
	var n int64
	for i := range len(s) {
		c := s[i] - '0'
		if c > 9 || i == 18 {
			if v, err := strconv.ParseInt(s, 10, 64); err == nil && digits(s) == len(s) {
				return v
			}
			return -1
		}
		n = n*10 + int64(c)
	}
	if s == "" {
		return -1
	}
	return n
}

// clip shortens a text for an error message.
func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "…"
	}
	return s
}
