package rule

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	labelBytes  = 256  // of one value of an event in the name of an alert's target
	regionBytes = 128  // of an account's or a region's name there
	groupBytes  = 1024 // of all values of a group together
	labelHash   = 12   // bytes of SHA-256 behind what was shortened
)

// label makes a text of an event fit to be part of the name of an alert's target. Whoever writes events chooses that text, and must not be
// able to choose one that no consumer takes: characters that cannot be seen are written as escapes, and what is longer than longest bytes
// keeps its beginning. What was changed ends in a hash of the original, so that different texts stay different, and the same text gives the
// same name.
func label(text string, longest int) string {
	clean := visible(text, longest+1)
	if len(clean) <= longest && clean == text {
		return text
	}
	sum := sha256.Sum256([]byte(text))
	end := "~" + hex.EncodeToString(sum[:labelHash])
	return whole(clean, longest-len(end)) + end
}

// visible writes control and format characters, line separators and what is no UTF-8 as escapes. It stops when it has enough bytes.
func visible(text string, enough int) string {
	var b strings.Builder
	for i, r := range text {
		if b.Len() >= enough {
			break
		}
		_, width := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && width == 1:
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp):
			if r > 0xffff {
				fmt.Fprintf(&b, `\U%08x`, r)
			} else {
				fmt.Fprintf(&b, `\u%04x`, r)
			}
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// whole cuts a text to at most n bytes, and no character in two.
func whole(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}
