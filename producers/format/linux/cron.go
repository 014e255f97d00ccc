package linux

import "strings"

// cron reads "(root) CMD (command)" and what crontab writes: "(bob) REPLACE (bob)".
func (a *activity) cron(m string) {
	user, rest, ok := strings.Cut(m, ") ")
	if !ok || !strings.HasPrefix(user, "(") {
		return
	}
	user = user[1:]
	what, text, ok := strings.Cut(rest, " (")
	if !ok {
		return
	}
	text = strings.TrimSuffix(text, ")")
	a.by.name = user
	switch what {
	case "CMD", "CMDOUT", "CMDEND":
		a.launched.cmdLine, a.launched.owner.name = strings.TrimSpace(text), user
		switch what {
		case "CMD":
			a.run(launch, "Launch", succeeded)
		case "CMDEND":
			a.run(terminate, "Terminate", unsaid)
		default:
			a.run(otherActivity, "Output", unsaid)
		}
		return
	case "REPLACE":
		a.touch(3, "Update", succeeded)
	case "DELETE":
		a.touch(4, "Delete", succeeded)
	case "LIST":
		a.touch(2, "Read", succeeded)
	case "BEGIN EDIT":
		a.touch(14, "Open", succeeded)
	default: // RELOAD, END EDIT and the like: only a message
		return
	}
	a.file = file{path: text, kind: 1} // the table of that user, wherever this cron keeps it
}

// kernel reads what netfilter logs, and the end of processes for want of memory.
func (a *activity) kernel(m string) {
	if rest, ok := strings.CutPrefix(m, "["); ok { // seconds since boot
		if since, tail, ok := strings.Cut(rest, "] "); ok && secondsText(strings.TrimLeft(since, " ")) {
			m = tail
		}
	}
	switch {
	case strings.Contains(m, " SRC=") && strings.Contains(m, " DST="):
		a.netfilter(m)
	case strings.Contains(m, "Killed process "):
		_, rest, _ := strings.Cut(m, "Killed process ")
		pid, rest, _ := strings.Cut(rest, " ")
		name, _, _ := strings.Cut(strings.TrimPrefix(rest, "("), ")")
		if number(strings.TrimSuffix(pid, ",")) < 0 {
			return
		}
		a.run(terminate, "Terminate", unsaid)
		a.launched.pid, a.launched.name = optional(strings.TrimSuffix(pid, ",")), name
		a.detail = "out of memory"
	}
}

// netfilter reads a packet: "[UFW BLOCK] IN=eth0 OUT= MAC=… SRC=192.0.2.1 DST=198.51.100.2 … PROTO=TCP SPT=1 DPT=2".
func (a *activity) netfilter(m string) {
	prefix, _, _ := strings.Cut(m, "IN=")
	up := strings.ToUpper(prefix)
	a.net(6, "Traffic", unsaid)
	for _, w := range [...]string{"BLOCK", "DROP", "REJECT", "DENY", "DENIED", "LIMIT"} {
		if strings.Contains(up, w) {
			a.net(5, "Refuse", failed)
			a.denied = true
		}
	}
	for f := range strings.FieldsSeq(m[len(prefix):]) {
		key, value, _ := strings.Cut(f, "=")
		switch key {
		case "SRC":
			setPeer(&a.src, value)
		case "DST":
			setPeer(&a.dst, value)
		case "SPT":
			a.src.setPort(value)
		case "DPT":
			a.dst.setPort(value)
		case "IN":
			a.dst.iface = value
		case "OUT":
			a.src.iface = value
		case "PROTO":
			a.netProto = strings.ToLower(value)
		}
	}
	if !a.src.known() && !a.dst.known() {
		a.class, a.id, a.name, a.outcome, a.denied = 0, 0, "", unsaid, false
	}
}

// setPeer reads an address or a name, once: what an ICMP message quotes comes behind it.
func setPeer(p *peer, s string) {
	if !p.known() {
		q, _ := peerOf(s)
		p.ip, p.host = q.ip, q.host
	}
}

func (p *peer) setPort(s string) {
	if n := number(s); n > 0 && n < 65536 && p.port == 0 {
		p.port = n
	}
}
