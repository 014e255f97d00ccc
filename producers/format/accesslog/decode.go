package accesslog

import (
	"strings"
	"unicode/utf8"

	"github.com/riposte-security/riposte/producers/format/ocsfjson"
)

// decode replaces mark, with an x behind it if skip is 2, and two hexadecimal digits by their byte.
func decode(text string, mark byte, skip int) (plain string, changed bool) {
	first := strings.IndexByte(text, mark)
	if first < 0 {
		return text, false
	}
	b := make([]byte, 0, len(text))
	b = append(b, text[:first]...)
	for i := first; i < len(text); i++ {
		c := text[i]
		if c == mark && i+skip+1 < len(text) && (skip == 1 || text[i+1] == 'x') {
			hi, okHi := digit(text[i+skip])
			lo, okLo := digit(text[i+skip+1])
			if okHi && okLo {
				b = append(b, hi<<4|lo)
				i += skip + 1
				changed = true
				continue
			}
		}
		b = append(b, c)
	}
	if !changed || !utf8.Valid(b) {
		return text, false
	}
	return string(b), true
}

func digit(c byte) (value byte, ok bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// An ARN is the parts of an Amazon resource name that tell where the resource is.
type ARN struct{ Partition, Service, Region, Account, Resource string }

// ParseARN cuts an ARN; ok is false where text is none.
func ParseARN(text string) (a ARN, ok bool) {
	rest, ok := strings.CutPrefix(text, "arn:")
	if !ok {
		return a, false
	}
	for _, part := range [...]*string{&a.Partition, &a.Service, &a.Region, &a.Account} {
		if *part, rest, ok = strings.Cut(rest, ":"); !ok {
			return ARN{}, false
		}
	}
	a.Resource = rest
	return a, true
}

// Cloud writes cloud: account and region of the ARN where it has them, else what is known of the record.
func (r *Row) Cloud(a ARN) {
	account, region := a.Account, a.Region
	if !isAccount(account) {
		account = r.Account
	}
	if region == "" {
		region = r.Region
	}
	at := r.Open("cloud")
	r.Lit(`"provider":"AWS"`)
	if region != "" {
		r.Str("region", region)
	}
	if account != "" {
		in := r.Open("account")
		r.Str("uid", account)
		r.ObserveText(ocsfjson.AccountUID, "cloud.account.uid", account)
		r.Close(in)
	}
	r.Close(at)
}

func isAccount(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return len(s) == 12
}
