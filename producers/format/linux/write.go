package linux

import (
	"net/netip"
	"path"

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
	profiles := make([]string, 0, 4)
	profiles = append(profiles, "host")
	if e.account != "" || e.region != "" {
		profiles = append(profiles, "cloud")
	}
	if a.denied {
		profiles = append(profiles, "security_control")
	}
	if a.proc.linux() || a.launched.linux() {
		profiles = append(profiles, "linux/linux_users")
	}
	at := e.Metadata(Name, profiles...)
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
	if _, _, ok := e.IP("ip", address, "device.ip"); !ok && name == "" {
		e.Str("name", "unknown")
	}
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

func (p *process) linux() bool {
	return number(string(p.auid)) >= 0 || number(string(p.euid)) >= 0 || number(string(p.egid)) >= 0
}

// writeProcess writes a process, if it can be told from others; with always it gets the event's uid where it has no pid.
func (e *entry) writeProcess(name string, p, parent *process, always bool) {
	if n := number(string(p.pid)); n < 0 && !always {
		if p.name == "" && p.exe == "" {
			return
		}
	}
	at := e.Open(name)
	switch {
	case e.num("pid", p.pid):
	case always:
		e.Str("uid", e.uid)
	default: // a process must have an id, and this one is not the one that the event is about
		e.Str("uid", e.uid+":"+first(p.name, p.exe))
	}
	seen := [2]string{"actor.process.cmd_line", "actor.process.user.name"}
	if always {
		seen = [2]string{"process.cmd_line", "process.user.name"}
	}
	procName := p.name
	if procName == "" && p.exe != "" {
		procName = path.Base(p.exe)
	}
	e.text("name", procName)
	if p.exe != "" {
		e.writeFile("file", &file{path: p.exe, kind: 1})
	}
	if e.text("cmd_line", p.cmdLine) {
		e.ObserveText(ocsfjson.CommandLine, seen[0], p.cmdLine)
	}
	e.text("working_directory", p.cwd)
	e.num("auid", p.auid)
	e.num("euid", p.euid)
	e.num("egid", p.egid)
	e.writePersonAt("user", seen[1], p.owner, false)
	if parent != nil && number(string(parent.pid)) >= 0 {
		e.writeProcess("parent_process", parent, nil, false)
	}
	e.Close(at)
}

func (e *entry) writeFile(name string, f *file) {
	at := e.Open(name)
	e.Str("name", path.Base(f.path))
	e.Str("path", f.path)
	if e.act.class == schemas.ClassFileSystemActivity && name != "process" && (name == "file_result" || f == &e.act.file) {
		e.ObserveText(ocsfjson.FilePath, name+".path", f.path)
	}
	e.Str("type", [...]string{"Unknown", "Regular File", "Folder", "Character Device", "Block Device", "Local Socket", "Named Pipe", "Symbolic Link"}[f.kind])
	e.Int("type_id", int64(f.kind))
	e.text("uid", f.inode)
	e.writePersonAt("owner", "", person{uid: f.owner}, false)
	e.Close(at)
}

// actorName is where the name of who acts stands.
const actorName = "actor.user.name"

// writePerson writes a user; with always also one of whom not even the name is known.
func (e *entry) writePerson(p person, always bool) bool {
	where := "user.name"
	if !always && e.act.class != schemas.ClassGroupManagement {
		where = actorName
	}
	return e.writePersonAt("user", where, p, always)
}

func (e *entry) writePersonAt(name, where string, p person, always bool) bool {
	if !p.known() && !always {
		return false
	}
	at := e.Open(name)
	if p.name != "" || p.uid == "" {
		e.Str("name", p.name)
	}
	e.text("uid", p.uid)
	if where != "" {
		e.ObserveText(ocsfjson.UserName, where, p.name)
	}
	if where == actorName {
		e.KeyUser = first(p.uid, e.KeyUser)
	}
	return e.Close(at)
}

func (e *entry) writeGroup(p person) {
	at := e.Open("group")
	e.text("name", p.name)
	e.text("uid", p.uid)
	e.ObserveText(ocsfjson.GroupName, "group.name", p.name)
	e.Close(at)
}

func (e *entry) writePeer(name string, p peer) {
	if !p.known() {
		return
	}
	at := e.Open(name)
	if ip, _, ok := e.IP("ip", p.ip, name+".ip"); ok && name == "src_endpoint" {
		e.KeyIP = ip
	}
	if e.text("hostname", p.host) {
		e.ObserveText(ocsfjson.Hostname, name+".hostname", p.host)
	}
	e.text("interface_name", p.iface)
	if p.port > 0 {
		e.Int("port", p.port)
	}
	e.Close(at)
}

func (e *entry) writeAuth() {
	a := &e.act
	at := e.Open("user")
	if a.user.name != "" || a.user.uid == "" {
		e.Str("name", a.user.name)
		e.ObserveText(ocsfjson.UserName, "user.name", a.user.name)
	}
	e.text("uid", a.user.uid)
	if e.text("credential_uid", a.credential) {
		e.ObserveText(ocsfjson.CredentialUID, "user.credential_uid", a.credential)
	}
	e.Close(at)
	service := e.Open("service")
	e.Str("name", first(a.service, a.proc.name, "linux"))
	e.Close(service)
	e.writePeer("src_endpoint", a.src)
	if a.src.known() {
		e.Bool("is_remote", true)
	}
	session := e.Open("session")
	e.text("uid", a.session)
	e.text("terminal", a.terminal)
	e.Close(session)
	if a.method != "" {
		e.Str("auth_protocol", a.method)
		e.Int("auth_protocol_id", 99)
	}
	switch a.logon {
	case 2:
		e.Lit(`"logon_type":"Interactive","logon_type_id":2`)
	case 4:
		e.Lit(`"logon_type":"Batch","logon_type_id":4`)
	case 10:
		e.Lit(`"logon_type":"Remote Interactive","logon_type_id":10`)
	}
	if a.switched {
		e.Lit(`"account_switch_type":"Substitute User","account_switch_type_id":1`)
	}
}

// writeUnmapped writes what stands around the message as it stands there, or the records of an audit event. For an entry of the journal
// Finish does it.
func (e *entry) writeUnmapped() {
	d := &e.Doc
	if text := e.document(); len(text) > 0 {
		if n := d.Get(d.Root(), "MESSAGE"); d.Kind(n) == ocsfjson.String && d.Str(n) == e.head.message {
			d.Take(n)
		}
		return
	}
	h := &e.head
	at := e.Open("unmapped")
	e.text("pri", h.pri)
	e.text("version", h.version)
	e.text("timestamp", h.stamp)
	e.text("program", h.program)
	e.text("pid", h.pid)
	e.writeParams()
	e.writeRecords()
	e.text("raw_base64", e.raw)
	e.Close(at)
}

// writeParams writes structured data: by element, then by name. A name that stands in an element several times has a list.
func (e *entry) writeParams() {
	params := e.head.params
	if len(params) == 0 {
		return
	}
	e.Open("structured_data")
	done := make(map[[2]string]bool, len(params))
	elements := make(map[string]bool, 4)
	for i := range params {
		id := params[i].element
		if elements[id] {
			continue
		}
		elements[id] = true
		e.quotedKey(id)
		at := len(e.B)
		e.B = append(e.B, '{')
		for _, p := range params[i:] {
			if p.element != id || p.name == "" || done[[2]string{id, p.name}] {
				continue
			}
			done[[2]string{id, p.name}] = true
			e.quotedKey(p.name)
			e.param(params[i:], p)
		}
		if e.B = append(e.B, '}'); len(e.B) == at+2 { // an element without values only says that it is there
			e.B = append(e.B[:at], "true"...)
		}
	}
	e.B = append(e.B, '}')
}

// param writes the value, or the values, of a name.
func (e *entry) param(params []param, p param) {
	n := 0
	start := len(e.B)
	e.B = append(e.B, '[')
	for _, q := range params {
		if q.element == p.element && q.name == p.name {
			if n > 0 {
				e.B = append(e.B, ',')
			}
			e.Quote(q.value)
			n++
		}
	}
	if n == 1 {
		e.B = append(e.B[:start], e.B[start+1:]...)
		return
	}
	e.B = append(e.B, ']')
}

// quotedKey writes a member name that comes from the record.
func (e *entry) quotedKey(name string) {
	if c := e.B[len(e.B)-1]; c != '{' {
		e.B = append(e.B, ',')
	}
	e.Quote(name)
	e.B = append(e.B, ':')
}
