package ocsfjson

import (
	"net/netip"
	"strings"
)

// DNSName is the form in which names are compared: without the dot of the root, in small letters.
func DNSName(name string) string {
	if len(name) > 1 {
		name = strings.TrimSuffix(name, ".")
	}
	return strings.ToLower(name) // the same string where nothing changes
}

// MoveDNSName writes the name n as a member in the form of DNSName, and adds it to the observables. n is taken if it has that form.
func (e *Event) MoveDNSName(name string, n Node, path string) bool {
	text := e.Doc.Str(n)
	if text == "" {
		return false
	}
	form := DNSName(text)
	if form == text {
		return e.MoveSeen(name, n, Hostname, path)
	}
	e.Str(name, form)
	e.ObserveText(Hostname, path, form)
	return true
}

// ObserveAnswer adds the data of an answer to the observables, if it is an address, or a name by the type of the answer.
func (e *Event) ObserveAnswer(kind, data, path string) {
	switch kind {
	case "A", "AAAA":
		if a, err := netip.ParseAddr(data); err == nil && a.Zone() == "" {
			e.ObserveText(IPAddress, path, a.Unmap().String())
		}
	case "CNAME", "NS", "PTR", "DNAME":
		e.ObserveText(Hostname, path, DNSName(data))
	}
}

// RCode writes rcode_id and its caption for the name of a DNS response code; a name that OCSF does not know is 99 with that name. It tells
// whether the code says that the query failed: any but NOERROR.
func (e *Event) RCode(name string) (failed bool) {
	id, caption := rcode(strings.ToUpper(name))
	if id == 99 {
		caption = name
	}
	e.Str("rcode", caption)
	e.Int("rcode_id", int64(id))
	return id != 0
}

func rcode(name string) (id int, caption string) {
	switch name {
	case "NOERROR":
		return 0, "NoError"
	case "FORMERR":
		return 1, "FormError"
	case "SERVFAIL":
		return 2, "ServError"
	case "NXDOMAIN":
		return 3, "NXDomain"
	case "NOTIMP", "NOTIMPL":
		return 4, "NotImp"
	case "REFUSED":
		return 5, "Refused"
	case "YXDOMAIN":
		return 6, "YXDomain"
	case "YXRRSET":
		return 7, "YXRRSet"
	case "NXRRSET":
		return 8, "NXRRSet"
	case "NOTAUTH":
		return 9, "NotAuth"
	case "NOTZONE":
		return 10, "NotZone"
	case "DSOTYPENI":
		return 11, "DSOTYPENI"
	case "BADVERS", "BADSIG":
		return 16, "BADSIG_VERS"
	case "BADKEY":
		return 17, "BADKEY"
	case "BADTIME":
		return 18, "BADTIME"
	case "BADMODE":
		return 19, "BADMODE"
	case "BADNAME":
		return 20, "BADNAME"
	case "BADALG":
		return 21, "BADALG"
	case "BADTRUNC":
		return 22, "BADTRUNC"
	case "BADCOOKIE":
		return 23, "BADCOOKIE"
	}
	return 99, ""
}
