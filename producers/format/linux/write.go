package linux

import (
	"net/netip"

	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/schemas"
)

// finish writes the event.
func (e *entry) finish() schemas.Event {
	a := &e.act
	e.settle()
	e.Begin(a.class, a.id, a.name, e.head.time)
	e.Severity(e.head.severity())
	switch a.outcome {
	case succeeded:
		e.Status(false)
	case failed:
		e.Status(true)
	case unsaid:
		e.Lit(`"status":"Unknown","status_id":0`)
	}
	e.text("status_detail", a.detail)
	if a.denied {
		e.Lit(`"action":"Denied","action_id":2,"disposition":"Blocked","disposition_id":2`)
	}
	if a.count > 1 {
		e.Int("count", a.count)
	}
	e.text("message", e.head.message)
	e.writeMetadata()
	e.writeCloud()
	e.writeDevice()
	e.writeActor()
	switch a.class {
	case schemas.ClassAuthentication:
		e.writeAuth()
	case schemas.ClassAccountChange:
		e.writePerson(a.user, true)
	case schemas.ClassGroupManagement:
		e.writeGroup(a.group)
		e.writePerson(a.user, false)
	case schemas.ClassProcessActivity:
		e.writeProcess("process", &a.launched, nil, true)
		if n := number(string(a.exitCode)); n >= 0 {
			e.Int("exit_code", n)
		}
		if a.id == launch {
			e.Lit(`"launch_type":"Exec","launch_type_id":3`)
		}
	case schemas.ClassFileSystemActivity:
		e.writeFile("file", &a.file)
		if a.result.path != "" {
			e.writeFile("file_result", &a.result)
		}
	case schemas.ClassNetworkActivity:
		e.writePeer("src_endpoint", a.src)
		e.writePeer("dst_endpoint", a.dst)
		if a.netProto != "" {
			e.Lit(`"connection_info":{"direction":"Unknown","direction_id":0`)
			e.Str("protocol_name", a.netProto)
			e.B = append(e.B, '}')
		}
	}
	e.writeUnmapped()
	return e.Finish(a.class, e.uid, e.head.time)
}

// settle makes a Base Event of an activity that lacks what its class cannot do without.
func (e *entry) settle() {
	a := &e.act
	lacks := false
	switch a.class {
	case schemas.ClassGroupManagement:
		lacks = !a.group.known()
	case schemas.ClassFileSystemActivity:
		lacks = a.file.path == ""
	case schemas.ClassNetworkActivity:
		lacks = !a.src.known() && !a.dst.known()
	case schemas.ClassBase:
		lacks = a.name == ""
	}
	if lacks {
		a.class, a.id, a.name, a.denied = schemas.ClassBase, 0, "Unknown", false
	}
	if a.class == schemas.ClassProcessActivity && a.launched == (process{}) {
		a.launched = a.proc
	}
}

// text writes a member, unless it is empty.
func (e *entry) text(name, value string) bool {
	if value == "" {
		return false
	}
	e.Str(name, value)
	return true
}

// num writes a member that is a number; what is none is left out, and stands under unmapped as it is.
func (e *entry) num(name string, o optional) bool {
	n := number(string(o))
	if n < 0 || n > 4294967294 { // the largest is the kernel's "not set"
		return false
	}
	e.Int(name, n)
	return true
}

func (e *entry) writeMetadata() {
	a := &e.act
	at := e.Open("metadata")
	e.Lit(`"version":"` + schemas.Version + `","log_name":"` + Name + `","profiles":["host"`)
	if e.account != "" || e.region != "" {
		e.Lit(`"cloud"`)
	}
	if a.denied {
		e.Lit(`"security_control"`)
	}
	if a.proc.linux() || a.launched.linux() {
		e.Lit(`"linux/linux_users"`)
	}
	e.B = append(e.B, ']')
	if cursor := e.cursor(); cursor >= 0 {
		e.uid = e.Doc.Str(cursor)
		e.Move("uid", cursor)
	} else {
		e.Str("uid", e.uid)
	}
	if len(e.audits) > 0 {
		e.Lit(`"product":{"name":"Linux Audit","vendor_name":"Linux"}`)
		first := &e.audits[0]
		e.Str("event_code", e.auditType())
		e.text("original_event_uid", first.stamp)
		if n := number(first.serial); n >= 0 && n < 1<<32 {
			e.Int("sequence", n)
		}
		labels := e.List("labels")
		for _, l := range a.labels {
			e.B = append(e.B, comma(e.B)...)
			e.Quote(l)
		}
		e.Close(labels)
	} else {
		product := e.Open("product")
		if !e.text("name", a.service) {
			e.Str("name", "syslog")
		}
		e.Lit(`"vendor_name":"Linux"`)
		e.Close(product)
		e.text("event_code", e.head.msgID)
	}
	e.Close(at)
}

func comma(b []byte) string {
	if b[len(b)-1] == '[' {
		return ""
	}
	return ","
}

// cursor is the journal's own id of an entry, if it is one that can be an event's.
func (e *entry) cursor() ocsfjson.Node {
	if len(e.document()) == 0 {
		return ocsfjson.None
	}
	d := &e.Doc
	n := d.Get(d.Root(), "__CURSOR")
	s := d.Str(n)
	if len(s) < 16 || len(s) > 512 {
		return ocsfjson.None
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return ocsfjson.None
		}
	}
	return n
}

func (e *entry) writeCloud() {
	if e.account == "" && e.region == "" {
		return
	}
	at := e.Open("cloud")
	e.Lit(`"provider":"AWS"`)
	e.text("region", e.region)
	account := e.Open("account")
	e.text("uid", e.account)
	e.Close(account)
	e.ObserveText(ocsfjson.AccountUID, "cloud.account.uid", e.account)
	e.Close(at)
}

// writeDevice writes the machine that the entry is of. Where nothing names it, it is unknown to us, but it is there.
func (e *entry) writeDevice() {
	at := e.Open("device")
	name := first(e.head.host, e.f.Host)
	e.text("hostname", name)
	e.ObserveText(ocsfjson.Hostname, "device.hostname", name)
	address := name
	if name == "" {
		address = e.peer
		if ap, err := netip.ParseAddrPort(address); err == nil {
			address = ap.Addr().String()
		}
	}
	ip := canonical(address)
	if !e.text("ip", ip) && name == "" {
		e.Str("name", "unknown")
	}
	e.ObserveText(ocsfjson.IPAddress, "device.ip", ip)
	e.Lit(`"type":"Unknown","type_id":0,"os":{"name":"Linux","type":"Linux","type_id":200}`)
	if len(e.document()) > 0 {
		d := &e.Doc
		if e.head.host != "" && d.Kind(d.Get(d.Root(), "_HOSTNAME")) == ocsfjson.String {
			d.Take(d.Get(d.Root(), "_HOSTNAME"))
		}
		e.Move("uid", d.Get(d.Root(), "_MACHINE_ID"))
		e.Move("boot_uid", d.Get(d.Root(), "_BOOT_ID"))
	}
	e.Close(at)
}

func (e *entry) writeActor() {
	a := &e.act
	at := e.Open("actor")
	proc := &a.proc
	var parent *process
	if a.class == schemas.ClassProcessActivity && a.launched == a.proc { // of a process that acts on itself, the parent is the actor
		proc = &process{pid: a.parent}
	} else if a.parent != "" {
		parent = &process{pid: a.parent}
	}
	e.writeProcess("process", proc, parent, false)
	if !e.writePerson(a.by, false) {
		e.writePerson(a.proc.owner, false)
	}
	session := e.Open("session")
	e.text("uid", a.session)
	e.text("terminal", a.terminal)
	e.Close(session)
	if !e.Close(at) && (a.class == schemas.ClassProcessActivity || a.class == schemas.ClassFileSystemActivity) {
		at = e.Open("actor")
		e.Str("app_name", first(a.service, "kernel"))
		e.Close(at)
	}
}
