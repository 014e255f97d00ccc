package linux

import (
	"strings"

	"github.com/riposte-security/riposte/schemas"
)

// record is the first record of a kind; nil if there is none.
func (e *entry) record(kind string) *auditRecord {
	for i := range e.audits {
		if e.audits[i].kind == kind {
			return &e.audits[i]
		}
	}
	return nil
}

// mainRecord is the record that says what the event is: the first that only adds to others if there is none such.
func (e *entry) mainRecord() *auditRecord {
	syscall := e.record("SYSCALL")
	for i := range e.audits {
		switch e.audits[i].kind {
		case "SYSCALL", "PATH", "CWD", "EXECVE", "PROCTITLE", "EOE", "SOCKADDR", "OBJ_PID", "BPRM_FCAPS", "FD_PAIR", "MMAP", "OPENAT2":
			continue
		}
		return &e.audits[i]
	}
	if syscall != nil {
		return syscall
	}
	return &e.audits[0]
}

func (e *entry) auditType() string { return e.mainRecord().kind }

// result is what a record says of success.
func (r *auditRecord) result() outcome {
	said := r.get("success")
	for _, key := range [...]string{"res", "result"} {
		if said == "" {
			said = r.get(key)
		}
	}
	switch said {
	case "success", "yes", "1", "Success":
		return succeeded
	case "failed", "no", "0", "Failed", "failure":
		return failed
	}
	return unsaid
}

// classify finds out what an audit event tells.
func (e *entry) classify() {
	a := &e.act
	r := e.mainRecord()
	a.name = r.kind
	a.class, a.id = schemas.ClassBase, otherActivity
	a.outcome = r.result()
	e.auditProcess(r)
	if sc := e.record("SYSCALL"); sc != nil && sc != r {
		e.auditProcess(sc)
		a.outcome = first2(sc.result(), a.outcome)
	}
	for i := range e.audits {
		if k := e.audits[i].outer("key"); k != "" {
			for more := true; more; {
				var label string
				label, k, more = strings.Cut(k, "\x01")
				a.labels = append(a.labels, label)
			}
		}
	}
	switch r.kind {
	case "SYSCALL", "EXECVE", "PATH", "CWD", "PROCTITLE", "SOCKADDR", "OPENAT2", "OBJ_PID", "SECCOMP", "URINGOP", "KERN_MODULE", "BPF", "BPRM_FCAPS", "CAPSET":
		e.syscall()
	case "AVC", "USER_AVC", "APPARMOR", "APPARMOR_DENIED", "APPARMOR_ALLOWED":
		e.access(r)
	case "ANOM_ABEND":
		a.run(terminate, "Terminate", a.outcome)
		if sig := r.get("sig"); sig != "" {
			a.detail = "signal " + sig
		}
	case "USER_CMD":
		a.run(launch, "Launch", a.outcome)
		a.launched.cmdLine, a.launched.cwd = r.get("cmd"), r.get("cwd")
		a.launched.exe, _, _ = strings.Cut(a.launched.cmdLine, " ")
		a.by = a.proc.owner
	default:
		e.auditUser(r)
	}
}

func first2(o, p outcome) outcome {
	if o != unsaid {
		return o
	}
	return p
}

// auditProcess reads who did it.
func (e *entry) auditProcess(r *auditRecord) {
	a := &e.act
	p := &a.proc
	set := func(to *optional, key string) {
		if v := r.outer(key); v != "" {
			*to = optional(v)
		}
	}
	set(&p.pid, "pid")
	set(&p.auid, "auid")
	set(&p.euid, "euid")
	set(&p.egid, "egid")
	set(&a.parent, "ppid")
	p.exe = first(r.get("exe"), p.exe)
	p.name = first(r.get("comm"), p.name)
	if o := r.person("uid", "UID"); o.known() {
		p.owner = person{first(o.name, p.owner.name), o.uid}
	}
	if ses := r.outer("ses"); ses != "" && !isUnset(ses) {
		a.session = ses
	}
	a.terminal = first(r.get("terminal"), r.get("tty"), a.terminal)
	if c := e.record("CWD"); c != nil {
		p.cwd = c.get("cwd")
	}
	if c := e.record("PROCTITLE"); c != nil {
		p.cmdLine = c.get("proctitle")
	}
}

// auditUser reads the records that programs write: what they do for users.
func (e *entry) auditUser(r *auditRecord) {
	a := &e.act
	o := a.outcome
	kind := r.kind
	program := a.proc.exe[strings.LastIndexByte(a.proc.exe, '/')+1:]
	switching := program == "su" || program == "sudo" || program == "pkexec" || program == "runuser"
	into := logon
	if switching {
		into = accountSwitch
	}
	op := strings.ToLower(r.get("op"))
	switch kind {
	case "USER_LOGIN", "LOGIN":
		a.auth(logon, o)
	case "USER_AUTH", "USER_START", "GRP_AUTH", "CHUSER_ID":
		a.auth(into, o)
	case "USER_LOGOUT", "USER_END":
		a.auth(logoff, o)
	case "USER_ACCT", "CRED_ACQ", "CRED_DISP", "CRED_REFR", "USER_ERR", "DAC_CHECK", "CHGRP_ID", "CRYPTO_KEY_USER":
		a.otherAuth(kind, o)
		if kind == "CRYPTO_KEY_USER" {
			a.credential = first(r.get("fp"))
		}
	case "ANOM_LOGIN_FAILURES": // its result is that of the module that counted them
		a.auth(logon, failed)
		a.detail = kind
	case "ANOM_LOGIN_ACCT", "ANOM_LOGIN_TIME", "ANOM_LOGIN_SESSIONS", "ANOM_LOGIN_LOCATION":
		a.auth(logon, first2(o, failed))
		a.detail = kind
	case "ADD_USER":
		a.change(1, "Create", o)
		if strings.Contains(op, "group") || strings.Contains(op, "home") || strings.Contains(op, "mail") {
			a.opChange(kind, op)
		}
	case "DEL_USER":
		a.change(6, "Delete", o)
		if strings.Contains(op, "group") || strings.Contains(op, "home") || strings.Contains(op, "mail") {
			a.opChange(kind, op)
		}
	case "ACCT_LOCK", "RESP_ACCT_LOCK", "RESP_ACCT_LOCK_TIMED":
		a.change(9, "Lock", o)
	case "ACCT_UNLOCK", "RESP_ACCT_UNLOCK_TIMED":
		a.change(12, "Unlock", o)
	case "ADD_GROUP":
		a.members(6, "Create", o)
	case "DEL_GROUP":
		a.members(5, "Delete", o)
	case "USER_CHAUTHTOK", "USER_MGMT", "GRP_MGMT", "GRP_CHAUTHTOK", "ROLE_ASSIGN", "ROLE_REMOVE":
		a.opChange(kind, op)
	default: // services, the daemon, its configuration, policies: a Base Event by its type
		return
	}
	e.auditPersons(r, program)
}

// opChange finds out what is done to an account or a group by the operation that is named.
func (a *activity) opChange(kind, op string) {
	o := a.outcome
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(op, w) {
				return true
			}
		}
		return false
	}
	add, remove := has("add"), has("delet", "remov")
	switch {
	case has("group") && has("user", "member") && add:
		a.members(3, "Add User", o)
	case has("group") && has("user", "member") && remove:
		a.members(4, "Remove User", o)
	case strings.HasPrefix(kind, "GRP_") || has("group"):
		a.members(otherActivity, first(op, kind), o)
		if kind == "GRP_MGMT" && add {
			a.members(6, "Create", o)
		} else if kind == "GRP_MGMT" && remove {
			a.members(5, "Delete", o)
		}
	case has("unlock"):
		a.change(12, "Unlock", o)
	case has("lock"):
		a.change(9, "Lock", o)
	case has("chauthtok") || has("password") && !has("expir", "age"):
		a.change(3, "Password Change", o)
	default:
		a.change(otherActivity, first(op, kind), o)
	}
}

// auditPersons reads whom a record is about, from where, and by whom.
func (e *entry) auditPersons(r *auditRecord, program string) {
	a := &e.act
	a.service = first(program, a.proc.name, "kernel")
	a.by = a.proc.owner
	account := person{r.get("acct"), ""}
	if id := r.get("id"); id != "" && !isUnset(id) && (!r.interpreted || number(id) >= 0) {
		account.uid = id
		account.name = first(account.name, r.named("ID"))
	} else if id != "" && !isUnset(id) {
		account.name = first(account.name, id)
	}
	if words := string(r.words); strings.HasPrefix(words, "pam_faillock") || strings.HasPrefix(words, "pam_tally") { // they name the account as uid
		if uid := r.inner.find("uid"); uid != nil {
			account.uid = uid.text()
		}
	}
	if r.kind == "LOGIN" {
		if to := r.person("auid", "AUID"); to.known() {
			account = to
		}
	}
	if a.class == schemas.ClassGroupManagement {
		a.group.name = r.get("grp")
		if a.group.name == "" { // old versions name the group as the account
			a.group, account = account, person{}
		}
	}
	a.user = account
	if a.class == schemas.ClassAuthentication && !a.user.known() {
		a.user = r.person("auid", "AUID")
	}
	e.auditPeer(r)
	if op := r.get("op"); a.outcome == failed {
		a.detail = first(a.detail, op)
	}
	if grantors := r.get("grantors"); grantors != "" && a.class == schemas.ClassAuthentication {
		a.method = grantors
	}
}

// auditPeer reads from where somebody came. Of somebody at the machine itself, hostname is its own name.
func (e *entry) auditPeer(r *auditRecord) {
	a := &e.act
	p, _ := peerOf(first(r.get("addr"), r.get("hostname")))
	if p.ip == "" {
		return
	}
	if host := r.get("hostname"); host != r.get("addr") && host != p.ip {
		p.host = host
	}
	p.setPort(r.get("rport"))
	a.src = p
	if a.class == schemas.ClassAuthentication {
		a.logon = 10
	}
}
