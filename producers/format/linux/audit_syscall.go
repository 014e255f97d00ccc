package linux

import (
	"path"
	"strconv"
	"strings"
)

// syscall reads what a program asked the kernel for, from the record of the call and those that belong to it.
func (e *entry) syscall() {
	a := &e.act
	sc := e.record("SYSCALL")
	if sc == nil { // cut off from it, or logged without one
		e.withoutCall()
		return
	}
	call := first(sc.named("SYSCALL"), e.f.tables.call(sc.get("arch"), sc.get("syscall")))
	name := first(call, "syscall "+sc.get("syscall"))
	o := a.outcome
	a.exitCode = ""
	if o == failed {
		a.detail = first(sc.named("EXIT"), sc.get("exit"))
	}
	if c := e.commandLine(); c != "" {
		a.proc.cmdLine = c
	}
	e.paths(call)
	switch call {
	case "execve", "execveat":
		a.run(launch, "Launch", o)
		return
	case "fork", "vfork", "clone", "clone3":
		a.run(launch, "Launch", o)
		if child := number(sc.get("exit")); child > 0 {
			a.launched = process{pid: optional(sc.get("exit")), name: a.proc.name, exe: a.proc.exe, owner: a.proc.owner}
		}
		return
	case "exit", "exit_group":
		a.run(terminate, "Terminate", o)
		a.exitCode = optional(strconv.FormatInt(hexNumber(sc.get("a0"))&0xff, 10))
		return
	case "kill", "tkill", "tgkill", "ptrace", "process_vm_writev", "process_vm_readv":
		e.onProcess(call, sc)
		return
	case "setuid", "setreuid", "setresuid", "setfsuid", "setgid", "setregid", "setresgid", "setfsgid":
		a.run(setUserID, "Set User ID", o)
		return
	case "connect", "bind", "accept", "accept4", "sendto", "sendmsg", "recvfrom", "recvmsg", "listen":
		if e.socket(call) {
			return
		}
	}
	if id, what := fileActivity(call, sc, e.record("OPENAT2"), e.created()); id != 0 && a.file.path != "" {
		a.touch(id, what, o)
		return
	}
	if a.file.path != "" && call != "" {
		a.touch(otherActivity, name, o)
		return
	}
	a.run(otherActivity, name, o)
}

// withoutCall reads records that stand alone.
func (e *entry) withoutCall() {
	a := &e.act
	r := e.mainRecord()
	switch {
	case e.record("EXECVE") != nil:
		a.proc.cmdLine = e.commandLine()
		a.run(launch, "Launch", a.outcome)
	case r.kind == "SECCOMP", r.kind == "URINGOP", r.kind == "CAPSET", r.kind == "BPF":
		a.run(otherActivity, r.kind, a.outcome)
	case e.record("PATH") != nil:
		e.paths("")
		a.touch(otherActivity, "PATH", a.outcome)
	}
}

// commandLine joins the arguments of EXECVE. One that is long comes in pieces: a1[0], a1[1].
func (e *entry) commandLine() string {
	var b strings.Builder
	last := ""
	for i := range e.audits {
		r := &e.audits[i]
		if r.kind != "EXECVE" {
			continue
		}
		for _, f := range r.fields.list {
			arg, _, _ := strings.Cut(f.key, "[")
			if len(arg) < 2 || arg[0] != 'a' || digits(arg[1:]) != len(arg)-1 {
				continue
			}
			if last != "" && arg != last {
				b.WriteByte(' ')
			}
			last = arg
			b.WriteString(f.text())
		}
	}
	return b.String()
}

// paths finds the file that a call was about, and where it went to.
func (e *entry) paths(call string) {
	a := &e.act
	best := -1
	for i := range e.audits {
		r := &e.audits[i]
		if r.kind != "PATH" || r.get("name") == "" {
			continue
		}
		f := file{path: e.absolute(r.get("name")), kind: fileKind(r.get("mode")), inode: r.get("inode"), owner: r.person("ouid", "OUID")}
		rank := 0
		switch kind := r.get("nametype"); {
		case strings.HasPrefix(call, "rename") && kind == "CREATE", strings.HasPrefix(call, "link") && kind == "CREATE":
			a.result = f
			continue
		case kind == "CREATE", kind == "DELETE":
			rank = 3
		case kind == "NORMAL":
			rank = 2
		case kind != "PARENT":
			rank = 1
		}
		if rank > best {
			a.file, best = f, rank
		}
	}
	if strings.HasPrefix(call, "link") && best < 2 { // the other end is not told
		a.file, a.result = a.result, file{}
	}
}

func (e *entry) created() bool {
	for i := range e.audits {
		if r := &e.audits[i]; r.kind == "PATH" && r.get("nametype") == "CREATE" {
			return true
		}
	}
	return false
}

// absolute puts the working directory in front of a path that is relative.
func (e *entry) absolute(p string) string {
	if e.act.proc.cwd == "" || strings.HasPrefix(p, "/") {
		return p
	}
	return path.Join(e.act.proc.cwd, p)
}

// fileKind is OCSF's type of a file by its mode, in octal.
func fileKind(mode string) int {
	if kind, _, ok := strings.Cut(mode, ","); ok { // interpreted: file,644
		return max(indexOf(kind, "", "file", "dir", "character", "block", "socket", "fifo", "link"), 0)
	}
	m, err := strconv.ParseUint(mode, 8, 32)
	if err != nil {
		return 0
	}
	switch m >> 12 {
	case 8:
		return 1
	case 4:
		return 2
	case 2:
		return 3
	case 6:
		return 4
	case 12:
		return 5
	case 1:
		return 6
	case 10:
		return 7
	}
	return 0
}

func hexNumber(s string) int64 {
	n, err := strconv.ParseUint(s, 16, 64)
	if err != nil {
		return 0
	}
	return int64(n) //nolint:gosec // only its low bits are looked at
}

// fileActivity is what a call does to a file; 0 if it is about something else.
func fileActivity(call string, sc, how *auditRecord, created bool) (id int, name string) {
	switch call {
	case "open", "openat", "openat2", "open_by_handle_at", "creat":
		flags := hexNumber(sc.get("a1"))
		if call != "open" {
			flags = hexNumber(sc.get("a2"))
		}
		if how != nil {
			if n, err := strconv.ParseInt(how.get("oflag"), 8, 64); err == nil {
				flags = n
			}
		}
		const write, truncate = 0o3, 0o1000
		for _, arg := range [...]string{sc.get("a1"), sc.get("a2")} {
			if strings.HasPrefix(arg, "O_") && (strings.Contains(arg, "O_WRONLY") || strings.Contains(arg, "O_RDWR") || strings.Contains(arg, "O_TRUNC")) {
				flags = write
			}
		}
		switch {
		case created:
			return 1, "Create"
		case call == "creat", flags&(write|truncate) != 0:
			return 3, "Update"
		}
		return 14, "Open"
	case "mkdir", "mkdirat", "mknod", "mknodat", "symlink", "symlinkat", "link", "linkat":
		return 1, "Create"
	case "unlink", "unlinkat", "rmdir":
		return 4, "Delete"
	case "rename", "renameat", "renameat2":
		return 5, "Rename"
	case "truncate", "ftruncate", "write":
		return 3, "Update"
	case "chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat":
		return 7, "Set Security"
	case "setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr", "fremovexattr", "utime", "utimes", "utimensat", "futimesat":
		return 6, "Set Attributes"
	case "stat", "fstat", "lstat", "statx", "newfstatat", "access", "faccessat", "faccessat2", "readlink", "readlinkat", "getxattr", "lgetxattr", "fgetxattr":
		return 8, "Get Attributes"
	case "read":
		return 2, "Read"
	case "mount":
		return 12, "Mount"
	case "umount2":
		return 13, "Unmount"
	}
	return 0, ""
}

// onProcess reads what is done to another process, which OBJ_PID names.
func (e *entry) onProcess(call string, sc *auditRecord) {
	a := &e.act
	a.run(otherActivity, call, a.outcome)
	if strings.HasSuffix(call, "kill") {
		sig := hexNumber(sc.get("a1"))
		if call == "tgkill" {
			sig = hexNumber(sc.get("a2"))
		}
		if text := sc.get("a1") + " " + sc.get("a2"); sig == 9 || sig == 15 || strings.Contains(text, "SIGKILL") || strings.Contains(text, "SIGTERM") {
			a.run(terminate, "Terminate", a.outcome)
		}
	} else if call != "process_vm_readv" {
		a.run(inject, "Inject", a.outcome)
	}
	if o := e.record("OBJ_PID"); o != nil {
		a.launched = process{pid: optional(o.get("opid")), name: o.get("ocomm"), owner: o.person("ouid", "OUID"), auid: optional(o.get("oauid"))}
	}
}

// socket reads the address of a call; false if it is not one of the network.
func (e *entry) socket(call string) bool {
	a := &e.act
	r := e.record("SOCKADDR")
	if r == nil {
		return false
	}
	p, local := socketAddress(r.get("saddr"))
	if !p.known() {
		if local != "" && a.file.path == "" && strings.HasPrefix(local, "/") {
			a.file = file{path: local, kind: 5}
		}
		return false
	}
	o := a.outcome
	switch call {
	case "bind", "listen":
		a.net(7, "Listen", o)
		a.dst = p
	case "accept", "accept4", "recvfrom", "recvmsg":
		a.net(1, "Open", o)
		a.src = p
	case "connect":
		a.net(1, "Open", o)
		if o == failed && e.record("SYSCALL").get("exit") != "-115" && !strings.HasPrefix(e.record("SYSCALL").get("exit"), "EINPROGRESS") { // which only says that it takes its time
			a.net(4, "Fail", o)
		}
		a.dst = p
	default:
		a.net(6, "Traffic", o)
		a.dst = p
	}
	return true
}

// access reads what SELinux or AppArmor decided.
func (e *entry) access(r *auditRecord) {
	a := &e.act
	words := string(r.words)
	perm := first(between(words, "{", "}"), r.get("operation"), r.get("requested_mask"))
	denied := strings.Contains(words, "denied") || r.get("apparmor") == "DENIED"
	switch {
	case a.outcome != unsaid: // of the call
	case denied && r.get("permissive") != "1":
		a.outcome = failed
	case denied, strings.Contains(words, "granted"), r.get("apparmor") == "ALLOWED":
		a.outcome = succeeded
	}
	a.denied = denied && a.outcome == failed
	a.detail = strings.TrimSpace(first(r.get("apparmor"), words))
	a.service = "selinux"
	if r.get("apparmor") != "" {
		a.service = "apparmor"
	}
	e.paths("")
	if a.file.path == "" {
		a.file.path = first(r.get("path"), r.get("name"))
		a.file.inode = r.get("ino")
	}
	class := r.get("tclass")
	isFile := class == "file" || class == "dir" || class == "lnk_file" || class == "sock_file" || class == "fifo_file" || class == "chr_file" || class == "blk_file" ||
		class == "" && strings.HasPrefix(a.file.path, "/")
	if !isFile || a.file.path == "" {
		a.run(otherActivity, first(perm, r.kind), a.outcome)
		return
	}
	switch strings.Fields(perm + " ?")[0] {
	case "read":
		a.touch(2, "Read", a.outcome)
	case "write", "append", "truncate":
		a.touch(3, "Update", a.outcome)
	case "create", "add_name", "mknod", "mkdir", "symlink", "link":
		a.touch(1, "Create", a.outcome)
	case "unlink", "rmdir", "remove_name":
		a.touch(4, "Delete", a.outcome)
	case "rename", "rename_src", "rename_dest":
		a.touch(5, "Rename", a.outcome)
	case "getattr":
		a.touch(8, "Get Attributes", a.outcome)
	case "setattr", "chmod", "chown", "relabelto", "relabelfrom":
		a.touch(7, "Set Security", a.outcome)
	case "open":
		a.touch(14, "Open", a.outcome)
	case "mount":
		a.touch(12, "Mount", a.outcome)
	default:
		a.touch(otherActivity, perm, a.outcome)
		if perm == "" {
			a.name = r.kind
		}
	}
}

// between is the text between two words, without blanks around it.
func between(s, open, end string) string {
	_, rest, ok := strings.Cut(s, open)
	inner, _, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return ""
	}
	return strings.TrimSpace(inner)
}
