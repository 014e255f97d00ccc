package ocsfjson

import "net/netip"

// Dotted reads an IPv4 address in dotted decimals, which have one form only. Of anything else it tells false.
func Dotted[T string | []byte](text T) (ip [4]byte, ok bool) {
	if len(text) < 7 || len(text) > 15 {
		return ip, false
	}
	part, at, digits := 0, 0, 0
	for i := range len(text) {
		c := text[i]
		if c == '.' {
			if digits == 0 || at == 3 {
				return ip, false
			}
			ip[at] = byte(part) //nolint:gosec // at most 255
			part, at, digits = 0, at+1, 0
			continue
		}
		if c < '0' || c > '9' || digits > 0 && part == 0 {
			return ip, false
		}
		if part, digits = part*10+int(c-'0'), digits+1; part > 255 {
			return ip, false
		}
	}
	if at != 3 || digits == 0 {
		return ip, false
	}
	ip[3] = byte(part)
	return ip, true
}

// IP writes the address that text is as a member, in canonical form, and adds it to the observables. canonical tells whether text was in
// that form; ok is false, and nothing is written, if text is no address.
func (e *Event) IP(name, text, path string) (ip string, canonical, ok bool) {
	if _, ok := Dotted(text); ok {
		e.Plain(name, text)
		e.ObserveText(IPAddress, path, text)
		return text, true, true
	}
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		return "", false, false
	}
	var buf [48]byte
	form := a.Unmap().AppendTo(buf[:0])
	ip = text
	if canonical = string(form) == text; !canonical {
		ip = string(form)
	}
	e.Plain(name, ip)
	e.ObserveText(IPAddress, path, ip)
	return ip, canonical, true
}
