package linux

import (
	"net/netip"
	"strings"

	"github.com/riposte-security/riposte/producers/format/ocsfjson"
)

// peerOf reads an address or a name, and "port N" behind it if it is there.
func peerOf(s string) (p peer, rest string) {
	word, rest, _ := strings.Cut(strings.TrimLeft(s, " "), " ")
	word = strings.TrimSuffix(word, ",")
	p.ip = canonical(word)
	if p.ip == "" && strings.HasSuffix(word, ":") {
		word = word[:len(word)-1]
		p.ip = canonical(word)
	}
	if p.ip == "" && word != "" && word != "?" && word != "UNKNOWN" {
		p.host = word
	}
	if tail, ok := strings.CutPrefix(rest, "port "); ok {
		n := digits(tail)
		if port := number(tail[:n]); port >= 0 && port < 65536 {
			p.port = port
			rest = strings.TrimLeft(tail[n:], " :")
		}
	}
	return p, rest
}

// canonical is the address that s is, in its usual form; "" if s is none.
func canonical(s string) string {
	if s == "" || digits(s) == 0 && strings.IndexByte(s, ':') < 0 { // names need no error made for them
		return ""
	}
	if _, ok := ocsfjson.Dotted(s); ok { // has but one form
		return s
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return ""
	}
	return a.WithZone("").Unmap().String()
}

// fromPeer cuts " from ADDRESS port N" off: the last one, since what stands before it may be of an attacker's making.
func fromPeer(s string) (who string, p peer, rest string) {
	i := strings.LastIndex(s, " from ")
	if i < 0 {
		if !strings.HasPrefix(s, "from ") {
			return s, p, ""
		}
		i = -1
	}
	p, rest = peerOf(s[i+6:])
	return s[:max(i, 0)], p, rest
}

// nameOf takes away what sshd says of a user before the name.
func nameOf(s string) string {
	for _, p := range [...]string{"invalid user ", "illegal user ", "authenticating user ", "user "} {
		if rest, ok := strings.CutPrefix(s, p); ok {
			return strings.TrimSpace(rest)
		}
		if s == strings.TrimSpace(p) {
			return ""
		}
	}
	return strings.TrimSpace(s)
}

// sshd reads messages of the OpenSSH server.
func (a *activity) sshd(m string) {
	for _, p := range [...]string{"error: ", "fatal: ", "debug1: ", "debug2: "} {
		m = strings.TrimPrefix(m, p)
	}
	m = strings.TrimSpace(strings.TrimSuffix(m, " [preauth]"))
	word, rest, _ := strings.Cut(m, " ")
	switch word {
	case "Accepted":
		a.accepted(rest)
	case "Failed", "Postponed", "Partial":
		a.attempt(word, rest)
	case "Invalid", "Illegal":
		if who, ok := strings.CutPrefix(rest, "user "); ok {
			a.auth(logon, failed)
			a.user.name, a.src, _ = fromPeer(who)
			a.user.name = strings.TrimSpace(a.user.name)
			a.detail = word + " user"
		}
	case "Disconnected", "Connection", "Received", "Disconnecting", "Disconnecting:":
		a.sshdConnection(word, rest)
	case "Close", "Starting":
		a.sshdSession(word, rest)
	case "User", "ROOT", "maximum", "Timeout", "PAM", "PAM:", "Too":
		a.sshdRefusal(word, rest)
	default:
		a.sshdOther(m)
	}
	if a.src.known() && a.logon == 0 {
		a.logon = 10
	}
}

// accepted reads "METHOD for USER from ADDRESS port N ssh2[: KEY FINGERPRINT]". The user exists, and what follows the address may be of an
// attacker's making: the first "from" counts.
func (a *activity) accepted(s string) {
	method, rest, ok := strings.Cut(s, " for ")
	user, from, ok2 := strings.Cut(rest, " from ")
	if !ok || !ok2 {
		return
	}
	a.auth(logon, succeeded)
	a.method, a.user.name = method, user
	a.src, rest = peerOf(from)
	a.fingerprint(rest)
}

// attempt reads what follows Failed, Partial and Postponed: "METHOD for [invalid user] USER from ADDRESS port N ssh2".
func (a *activity) attempt(word, s string) {
	method, rest, ok := strings.Cut(s, " for ")
	if !ok {
		return
	}
	who, p, tail := fromPeer(rest)
	if !p.known() {
		return
	}
	if word == "Failed" {
		a.auth(logon, failed)
		switch invalid := strings.HasPrefix(who, "invalid user") || strings.HasPrefix(who, "illegal user"); {
		case invalid:
			a.detail = "Failed " + method + " for invalid user"
		case method == "password":
			a.detail = "Failed password"
		default:
			a.detail = "Failed " + method
		}
	} else {
		a.auth(preauth, unsaid)
	}
	a.method, a.user.name, a.src = method, nameOf(who), p
	a.fingerprint(tail)
}

// fingerprint finds SHA256:… or MD5:… in what sshd says of a key.
func (a *activity) fingerprint(s string) {
	for w := range strings.FieldsSeq(s) {
		if strings.HasPrefix(w, "SHA256:") || strings.HasPrefix(w, "MD5:") {
			a.credential = w
			return
		}
	}
}

// sshdConnection reads what becomes of connections. One that names a user is an authentication, any other a Network Activity.
func (a *activity) sshdConnection(word, s string) {
	s = strings.TrimSpace(s)
	switch word {
	case "Received":
		if rest, ok := strings.CutPrefix(s, "disconnect from "); ok {
			var why string
			a.net(2, "Close", unsaid)
			a.src, why = peerOf(rest)
			a.detail = why
		}
		return
	case "Disconnecting", "Disconnecting:":
		who, why, _ := strings.Cut(s, ": ")
		if word == "Disconnecting:" {
			why = s
			_, who, _ = strings.Cut(s, " for ")
		}
		a.ofUser(who, "Disconnect")
		if strings.Contains(why, "Too many authentication failures") && a.user.name != "" {
			a.auth(logon, failed)
		}
		a.detail = why
		return
	case "Disconnected":
		s = strings.TrimPrefix(s, "from ")
		if rest, ok := strings.CutPrefix(s, "user "); ok {
			a.ofUser("user "+rest, "")
			a.auth(logoff, succeeded)
			return
		}
		if !a.ofUser(s, "Disconnect") {
			a.net(2, "Close", unsaid)
			a.src, _ = peerOf(s)
		}
		return
	}
	how, rest, _ := strings.Cut(s, " ")
	switch how {
	case "from":
		a.net(1, "Open", unsaid)
		a.src, rest = peerOf(rest)
		if to, ok := strings.CutPrefix(rest, "on "); ok {
			a.dst, _ = peerOf(to)
		}
	case "closed", "reset":
		rest = strings.TrimPrefix(rest, "by ")
		if a.ofUser(rest, "Disconnect") {
			return
		}
		a.net(2, "Close", unsaid)
		if how == "reset" {
			a.net(3, "Reset", unsaid)
		}
		a.src, _ = peerOf(rest)
	}
}

// ofUser reads "[invalid|authenticating] user NAME ADDRESS port N". It does nothing and tells false where no user is named.
func (a *activity) ofUser(s, name string) bool {
	if !strings.HasPrefix(s, "user ") && !strings.HasPrefix(s, "invalid user ") && !strings.HasPrefix(s, "authenticating user ") {
		return false
	}
	i := strings.LastIndex(s, " port ")
	if i < 0 {
		i = len(s)
	}
	j := strings.LastIndexByte(s[:i], ' ')
	a.otherAuth(name, unsaid)
	a.user.name = nameOf(s[:max(j, 0)])
	a.src, _ = peerOf(s[j+1:])
	return true
}

// sshdSession reads "Close session: user NAME from ADDRESS port N id 0" and "Starting session: shell on pts/0 for NAME from ADDRESS …".
func (a *activity) sshdSession(word, s string) {
	rest, ok := strings.CutPrefix(s, "session: ")
	if !ok {
		return
	}
	who, p, tail := fromPeer(rest)
	if word == "Close" {
		a.auth(logoff, succeeded)
	} else {
		kind, user, _ := strings.Cut(who, " for ")
		a.otherAuth("Start Session", succeeded)
		who = user
		if _, tty, ok := strings.Cut(kind, " on "); ok {
			a.terminal = tty
		}
	}
	a.user.name, a.src = nameOf(who), p
	if id, ok := strings.CutPrefix(tail, "id "); ok {
		a.session = id
	}
}

// sshdRefusal reads the ways in which a user is refused.
func (a *activity) sshdRefusal(word, s string) {
	switch word {
	case "User":
		who, why, ok := strings.Cut(s, " not allowed because ")
		if !ok {
			return
		}
		a.auth(logon, failed)
		if name, from, ok := strings.Cut(who, " from "); ok {
			who = name
			a.src, _ = peerOf(from)
		}
		a.user.name, a.detail = who, why
	case "ROOT":
		if from, ok := strings.CutPrefix(s, "LOGIN REFUSED FROM "); ok {
			a.auth(logon, failed)
			a.user.name = "root"
			a.src, _ = peerOf(from)
			a.detail = "root login refused"
		}
	case "maximum", "Too":
		if _, rest, ok := strings.Cut(s, " for "); ok {
			who, p, _ := fromPeer(rest)
			a.auth(logon, failed)
			a.user.name, a.src, a.detail = nameOf(who), p, "too many authentication attempts"
		}
	case "PAM":
		a.pam("sshd", "auth", s)
	case "PAM:":
		if _, rest, ok := strings.Cut(s, " for "); ok {
			why, _, _ := strings.Cut(s, " for ")
			who, p, _ := fromPeer(rest)
			a.auth(logon, failed)
			a.method, a.user.name, a.src, a.detail = "PAM", nameOf(who), p, why
		}
	case "Timeout":
		if _, rest, ok := strings.Cut(s, " from user "); ok {
			a.ofUser("user "+rest, "")
			a.auth(logoff, unsaid)
			a.detail = "client not responding"
		} else if _, rest, ok := strings.Cut(s, "before authentication for "); ok {
			a.net(4, "Fail", unsaid)
			a.src, _ = peerOf(strings.TrimPrefix(rest, "connection from "))
			a.detail = "timeout before authentication"
		}
	}
}

// sshdDropped reads "drop connection #10 from [ADDRESS]:N on [ADDRESS]:N past MaxStartups".
func (a *activity) sshdDropped(m string) bool {
	rest, ok := strings.CutPrefix(m, "drop connection #")
	if !ok {
		return false
	}
	_, rest, _ = strings.Cut(rest, " from ")
	from, rest, _ := strings.Cut(rest, " on ")
	on, why, _ := strings.Cut(rest, " ")
	src, err := netip.ParseAddrPort(from)
	if err != nil {
		return false
	}
	a.net(5, "Refuse", failed)
	a.src.ip, a.src.port, a.detail = canonical(src.Addr().String()), int64(src.Port()), why
	if dst, err := netip.ParseAddrPort(on); err == nil {
		a.dst.ip, a.dst.port = canonical(dst.Addr().String()), int64(dst.Port())
	}
	return true
}

// sshdOther reads what is told of connections apart from users.
func (a *activity) sshdOther(m string) {
	if a.sshdDropped(m) {
		return
	}
	if rest, ok := strings.CutPrefix(m, "Server listening on "); ok {
		a.net(7, "Listen", succeeded)
		a.dst, _ = peerOf(rest)
		return
	}
	for _, c := range [...]string{
		"Did not receive identification string from ", "Unable to negotiate with ", "Bad protocol version identification ", "Connection from ",
		"banner exchange: Connection from ", "kex_exchange_identification: ", "ssh_dispatch_run_fatal: Connection from ",
		"refused connect from ", "drop connection ",
	} {
		rest, ok := strings.CutPrefix(m, c)
		if !ok {
			continue
		}
		p, why := peerOf(rest)
		if p.ip == "" {
			if _, p, why = fromPeer(rest); p.ip == "" {
				return
			}
		}
		a.net(4, "Fail", unsaid)
		if strings.HasPrefix(c, "refused") {
			a.net(5, "Refuse", failed)
		}
		a.src, a.detail = p, strings.TrimPrefix(why, ": ")
		return
	}
}
