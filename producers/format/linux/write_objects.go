package linux

import (
	"path"

	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/schemas"
)

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
	e.writePersonAt("owner", "", f.owner, false)
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
	seen := "dst_endpoint.ip"
	if name == "src_endpoint" {
		seen, e.KeyIP = "src_endpoint.ip", p.ip
	}
	e.text("ip", p.ip)
	e.ObserveText(ocsfjson.IPAddress, seen, p.ip)
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
