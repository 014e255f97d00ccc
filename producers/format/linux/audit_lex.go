package linux

import (
	"encoding/hex"
	"strings"
)

// fields reads the fields of a record.
func (e *entry) fields(r *auditRecord, s string) {
	s, more, parted := strings.Cut(s, "\x1d")
	r.fields, r.words = e.lex(r, s, false)
	if !parted {
		r.part()
	}
	if more != "" {
		var words string
		if r.enriched, words = e.lex(r, more, false); words != "" {
			r.words = strings.TrimSpace(r.words + " " + words)
		}
	}
}

// part finds what auditd added to a record whose separator was lost on the way, as it is where logs are copied by way of a terminal.
func (r *auditRecord) part() {
	for i, f := range r.fields {
		switch f.key {
		case "ARCH", "SADDR", "OUID", "UID", "AUID":
			r.enriched = append([]auditField(nil), r.fields[i:]...) // memory of its own: that of the fields is used again
			r.fields = r.fields[:i]
			return
		}
	}
}

// lex cuts a text into fields, and the words that are none.
func (e *entry) lex(r *auditRecord, s string, inner bool) (fields []auditField, words string) {
	var loose strings.Builder
	var seen uint64 // marks of names, so that most need not be looked for
	for s = strings.TrimLeft(s, " "); s != ""; s = strings.TrimLeft(s, " ") {
		if len(fields) == maxSearch { // no record has so many; they are kept as they stand there
			loose.WriteString(s)
			break
		}
		i, plain := 0, true
		for i < len(s) && s[i] != '=' && s[i] != ' ' {
			c := s[i] | 0x20
			plain = plain && (c >= 'a' && c <= 'z' || s[i] >= '0' && s[i] <= '9' || s[i] == '-' || s[i] == '_')
			i++
		}
		if i == len(s) {
			i = -1
		}
		if i <= 0 || s[i] == ' ' {
			if i <= 0 {
				i = max(strings.IndexByte(s, ' '), 0)
				if i == 0 {
					i = len(s)
				}
			}
			word := s[:i]
			s = s[i:]
			if n := len(fields); n > 0 && fields[n-1].key == "op" { // op=adding user to group
				fields[n-1].value += " " + word
				continue
			}
			if loose.Len() > 0 {
				loose.WriteByte(' ')
			}
			loose.WriteString(word)
			continue
		}
		f := auditField{key: s[:i], plain: plain}
		if f.key[0] == '(' && i > 1 { // of old systems: (hostname=
			f.key = f.key[1:]
		}
		f.value, s = r.value(f.key, s[i+1:], inner)
		if f.key == "msg" && !inner && f.value != "" {
			r.inner, words = e.lex(r, f.value, true)
			if words != "" {
				if loose.Len() > 0 {
					loose.WriteByte(' ')
				}
				loose.WriteString(words)
			}
			continue
		}
		if r.encoded(f.key) {
			f.decoded = unhex(f.value)
		}
		if n := len(f.value); n > 1 && f.value[0] == '"' && f.value[n-1] == '"' {
			f.value = f.value[1 : n-1]
		}
		bit := uint64(1) << ((len(f.key)*29 + int(f.key[0])*7 + int(f.key[len(f.key)-1])) & 63)
		f.again = ours(f.key) || !plain && strings.IndexByte(f.key, '#') >= 0 || seen&bit != 0 && has(fields, f.key)
		seen |= bit
		if fields == nil {
			if n := len(e.room); n > 0 {
				fields, e.room = e.room[n-1], e.room[:n-1]
			} else {
				fields = make([]auditField, 0, 32)
			}
		}
		fields = append(fields, f)
	}
	return fields, loose.String()
}

// value reads the value at the beginning of s, which keeps its double quotes.
func (r *auditRecord) value(key, s string, inner bool) (value, rest string) {
	switch {
	case s == "" || s[0] == ' ':
		return "", s
	case s[0] == '"':
		if i := strings.IndexByte(s[1:], '"'); i >= 0 {
			return s[:i+2], s[i+2:]
		}
	case s[0] == '\'' && key == "msg" && !inner:
		if i := strings.LastIndexByte(s, '\''); i > 0 {
			return s[1:i], s[i+1:]
		}
	case s[0] == '{': // SADDR={ fam=inet … }
		if i := strings.IndexByte(s, '}'); i > 0 {
			return s[:i+1], s[i+1:]
		}
	}
	i := strings.IndexByte(s, ' ')
	if i < 0 {
		i = len(s)
	}
	if !inner {
		i = joined(key, s, i)
	}
	value, rest = s[:i], s[i:]
	if inner { // old systems write (hostname=?, addr=? res=failed)
		value = strings.TrimRight(value, ",)")
	}
	return value, rest
}

// joined tells how long a value is that ends at end, or where another field follows it without the separator. It looks at
// such fields alone as the kernel writes as numbers: of others, somebody chooses the text.
func joined(key, s string, end int) int {
	switch key {
	case "saddr":
		for i := range end {
			if c := s[i]; (c < '0' || c > '9') && (c < 'A' || c > 'F') {
				if strings.HasPrefix(s[i:end], "SADDR=") {
					return i
				}
				break
			}
		}
	case "key":
		if strings.HasPrefix(s[:end], "(null)ARCH=") {
			return len("(null)")
		}
	case "nametype", "cap_frootid", "res", "ses":
		for _, name := range [...]string{"OUID=", "AUID=", "UID="} {
			if i := strings.Index(s[:end], name); i > 0 {
				return i
			}
		}
	}
	return end
}

// encoded tells whether a field is in hexadecimal where it is not in quotes.
func (r *auditRecord) encoded(key string) bool {
	switch key {
	case "proctitle", "comm", "exe", "name", "cwd", "acct", "cmd", "data", "dir", "key", "path", "grp", "ocomm", "old-disk", "new-disk", "vm", "file",
		"watch", "new_group", "op", "unit", "hostname":
		return true
	}
	return r.kind == "EXECVE" && len(key) > 1 && key[0] == 'a' && digits(key[1:]) > 0 && !strings.HasSuffix(key, "_len")
}

// ours tells whether a name is one that a record under unmapped has from us.
func ours(key string) bool {
	switch key {
	case "type", "node", "audit", "msg", "text", "header", "decoded":
		return true
	}
	return false
}

// unhex decodes a value in hexadecimal; "" if it is none. NUL bytes, which part the arguments in a title, become blanks.
func unhex(s string) string {
	if len(s) < 2 || len(s)%2 != 0 {
		return ""
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'A' || c > 'F') {
			return ""
		}
	}
	b, err := hex.DecodeString(s)
	if err != nil {
		return ""
	}
	return strings.ToValidUTF8(strings.TrimRight(strings.ReplaceAll(string(b), "\x00", " "), " "), "\ufffd")
}
