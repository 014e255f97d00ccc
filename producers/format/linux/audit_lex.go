package linux

import (
	"encoding/hex"
	"strings"
)

// read reads the fields of a record.
func (r *auditRecord) read(s string) {
	s, more, parted := strings.Cut(s, "\x1d")
	r.lex(&r.fields, s)
	if !parted {
		r.part()
	}
	if more != "" {
		r.lex(&r.enriched, more)
	}
}

// part finds what auditd added to a record whose separator was lost on the way, as it is where logs are copied by way of a terminal.
func (r *auditRecord) part() {
	for _, key := range [...]string{"ARCH", "SADDR", "OUID", "UID", "AUID"} { // the first of them, one after another
		if r.fields.find(key) != nil {
			for i := range r.fields.list {
				switch r.fields.list[i].key {
				case "ARCH", "SADDR", "OUID", "UID", "AUID":
					r.fields.move(i, &r.enriched)
					return
				}
			}
		}
	}
}

// lex cuts a text into fields, and the words that are none.
func (r *auditRecord) lex(fs *auditFields, s string) {
	op := "" // from the value of op=, or of any field that is interpreted, on, while nothing but words has followed it
	for s = strings.TrimLeft(s, " "); s != ""; s = strings.TrimLeft(s, " ") {
		if len(fs.list) == maxSearch { // no record has so many; they are kept as they stand there
			r.word(s)
			return
		}
		i, plain := name(s)
		if i == 0 || i == len(s) || s[i] == ' ' {
			if i == 0 { // a value without a name
				if i = strings.IndexByte(s, ' '); i < 0 {
					i = len(s)
				}
			}
			if op != "" { // op=adding user to group
				fs.list[len(fs.list)-1].value = op[:len(op)-len(s)+i]
			} else {
				r.word(s[:i])
			}
			s = s[i:]
			continue
		}
		key := s[:i]
		if key[0] == '(' && i > 1 { // of old systems: (hostname=
			key = key[1:]
		}
		inner := fs == &r.inner
		var value string
		op = ""
		if (key == "op" || r.interpreted) && !strings.HasPrefix(s[i+1:], `"`) && !strings.HasPrefix(s[i+1:], "{") {
			op = s[i+1:]
		}
		if r.interpreted && key == "proctitle" { // the last, and all that follows is of it
			fs.add(key, 0, true).value = strings.TrimRight(op, " ")
			return
		}
		what := traits(key)
		if value, s = r.value(key, s[i+1:], what, inner); key == "msg" && !inner && value != "" {
			r.lex(&r.inner, value)
			continue
		}
		f := fs.add(key, what, plain)
		if n := len(value); n > 1 && value[0] == '"' && value[n-1] == '"' {
			value = value[1 : n-1]
		} else if n > 1 && (what&encoded != 0 || r.kind == "EXECVE" && argument(key)) {
			f.decoded = unhex(value)
		}
		f.value = value
	}
}

// name is how long the name at the beginning of s is, up to = or a blank. plain tells whether it is letters, digits and the like.
func name(s string) (n int, plain bool) {
	plain = true
	for n < len(s) && s[n] != '=' && s[n] != ' ' {
		c := s[n] | 0x20
		plain = plain && (c >= 'a' && c <= 'z' || s[n] >= '0' && s[n] <= '9' || s[n] == '-' || s[n] == '_')
		n++
	}
	return n, plain
}

// word adds what is no field.
func (r *auditRecord) word(s string) {
	if len(r.words) > 0 {
		r.words = append(r.words, ' ')
	}
	r.words = append(r.words, s...)
}

// value reads the value at the beginning of s, which keeps its double quotes.
func (r *auditRecord) value(key, s string, what trait, inner bool) (value, rest string) {
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
	if !inner && what&cut != 0 {
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

// What there is to know of the name of a field.
type trait uint8

const (
	encoded trait = 1 << iota // in hexadecimal where it is not in quotes
	ours                      // a record under unmapped has a member of that name from us
	cut                       // the separator behind its value may be lost, see joined
)

func traits(key string) trait {
	switch key {
	case "proctitle", "comm", "exe", "name", "cwd", "acct", "cmd", "data", "dir", "path", "grp", "ocomm", "old-disk", "new-disk", "vm", "file",
		"watch", "new_group", "op", "unit", "hostname":
		return encoded
	case "key":
		return encoded | cut
	case "saddr", "nametype", "cap_frootid", "res", "ses":
		return cut
	case "type", "node", "audit", "msg", "text", "header", "decoded":
		return ours
	}
	return 0
}

// argument tells whether a field of EXECVE is an argument, or a piece of one: a1, a1[0], but not a1_len.
func argument(key string) bool {
	return len(key) > 1 && key[0] == 'a' && digits(key[1:]) > 0 && !strings.HasSuffix(key, "_len")
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
