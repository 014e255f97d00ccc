package linux

import (
	"strings"

	"github.com/riposte-security/riposte/schemas"
)

// An outcome is what an entry says of success.
type outcome int

const (
	unsaid outcome = iota
	succeeded
	failed
)

// An activity is what an entry tells, in the terms of OCSF. The zero activity is a Base Event: an entry of which only its message is known.
type activity struct {
	class, id int
	name      string // of the activity
	outcome   outcome
	detail    string // why
	count     int64  // of entries that this one stands for; 0 for one

	user  person // who logs on, or whose account changes
	by    person // who does it
	group person
	src   peer
	dst   peer

	service, method, credential string // of a logon
	session, terminal           string
	logon                       int // logon_type_id
	switched                    bool

	proc     process // that wrote the entry, or that did it
	launched process // of Process Activity: the one that it is about; where empty, proc is
	parent   optional
	file     file
	result   file
	labels   []string
	denied   bool // by a policy
	netProto string
	exitCode optional
}

// A person is a user or a group.
type person struct{ name, uid string }

func (p person) known() bool { return p.name != "" || p.uid != "" }

// A peer is an end of a connection. A port of 0 is none.
type peer struct {
	ip, host, iface string
	port            int64
}

func (p peer) known() bool { return p.ip != "" || p.host != "" }

// optional is a number as text, of which "" and what is no number are none.
type optional string

// A process is what is known of one.
type process struct {
	name, exe, cmdLine, cwd string
	pid, auid, euid, egid   optional
	owner                   person
}

// A file is one that something was done to.
type file struct {
	path  string
	kind  int // type_id
	inode string
	owner person
}

// Activities by their names in OCSF.
const (
	logon         = 1
	logoff        = 2
	preauth       = 6
	accountSwitch = 7

	launch    = 1
	terminate = 2
	inject    = 4
	setUserID = 5

	otherActivity = 99
)

// auth makes the activity an Authentication.
func (a *activity) auth(id int, o outcome) {
	a.class, a.id, a.outcome = schemas.ClassAuthentication, id, o
	switch id {
	case logon:
		a.name = "Logon"
	case logoff:
		a.name = "Logoff"
	case preauth:
		a.name = "Preauth"
	case accountSwitch:
		a.name, a.switched = "Account Switch", true
	}
}

// otherAuth makes the activity an Authentication that OCSF has no name for.
func (a *activity) otherAuth(name string, o outcome) {
	a.auth(otherActivity, o)
	a.name = name
}

// net makes the activity a Network Activity.
func (a *activity) net(id int, name string, o outcome) {
	a.class, a.id, a.name, a.outcome = schemas.ClassNetworkActivity, id, name, o
}

// change makes the activity an Account Change.
func (a *activity) change(id int, name string, o outcome) {
	a.class, a.id, a.name, a.outcome = schemas.ClassAccountChange, id, name, o
}

// members makes the activity a Group Management.
func (a *activity) members(id int, name string, o outcome) {
	a.class, a.id, a.name, a.outcome = schemas.ClassGroupManagement, id, name, o
}

// run makes the activity a Process Activity.
func (a *activity) run(id int, name string, o outcome) {
	a.class, a.id, a.name, a.outcome = schemas.ClassProcessActivity, id, name, o
}

// touch makes the activity a File System Activity.
func (a *activity) touch(id int, name string, o outcome) {
	a.class, a.id, a.name, a.outcome = schemas.ClassFileSystemActivity, id, name, o
}

// understand finds out what a message of syslog tells, by the program that wrote it.
func (e *entry) understand(m string) {
	a := &e.act
	program, module := programOf(e.head.program)
	if a.proc.name == "" {
		a.proc.name = program
	}
	if a.proc.pid == "" {
		a.proc.pid = optional(e.head.pid)
	}
	a.service = program
	if inner, n, ok := repeated(m); ok {
		a.count = n
		m = inner
	}
	m = strings.TrimSpace(m)
	if pam, ok := strings.CutPrefix(m, "(pam_unix) "); ok {
		module, m = "pam_unix", pam
	}
	if module == "pam_unix" {
		a.pam(program, "", m)
		return
	}
	if rest, ok := strings.CutPrefix(m, "pam_"); ok {
		if name, text, ok := strings.Cut(rest, "): "); ok {
			_, service, _ := strings.Cut(name, "(")
			service, stage, _ := strings.Cut(service, ":")
			a.pam(first(service, program), stage, text)
			return
		}
	}
	switch strings.ToLower(program) {
	case "sshd", "sshd-session", "sshd-auth":
		a.service = "sshd"
		a.sshd(m)
	case "sudo":
		a.sudo(m)
	case "su":
		a.su(m)
	case "pkexec":
		a.pkexec(m)
	case "doas":
		a.doas(m)
	case "login", "systemd-logind":
		a.login(m)
	case "useradd", "usermod", "userdel", "groupadd", "groupmod", "groupdel", "gpasswd", "passwd", "chage", "chsh", "chfn", "newusers", "chpasswd", "adduser", "deluser", "vipw":
		a.accounts(m)
	case "cron", "crond", "crontab", "anacron", "atd":
		a.cron(m)
	case "kernel":
		a.kernel(m)
	}
}

// programOf takes the folder and a PAM module in parentheses off the name of a program: sshd(pam_unix), /usr/sbin/cron.
func programOf(s string) (program, module string) {
	if i := strings.LastIndexByte(s, '/'); i >= 0 && strings.HasPrefix(s, "/") {
		s = s[i+1:]
	}
	if i := strings.IndexByte(s, '('); i > 0 && strings.HasSuffix(s, ")") {
		return s[:i], s[i+1 : len(s)-1]
	}
	return s, ""
}

// repeated takes a message out of "message repeated 3 times: [ … ]". Of "last message repeated 3 times" only the number is known.
func repeated(m string) (inner string, n int64, ok bool) {
	rest, short := strings.CutPrefix(m, "last message repeated ")
	if !short {
		if rest, ok = strings.CutPrefix(m, "message repeated "); !ok {
			return "", 0, false
		}
	}
	text, rest, _ := strings.Cut(rest, " ")
	if n = number(text); n < 1 || !strings.HasPrefix(rest, "time") {
		return "", 0, false
	}
	if short {
		return m, n, true
	}
	_, inner, ok = strings.Cut(rest, ": [")
	return strings.TrimSuffix(strings.TrimSpace(inner), "]"), n, ok
}
