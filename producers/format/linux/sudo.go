package linux

import "strings"

// sudo reads "bob : TTY=pts/0 ; PWD=/home/bob ; USER=root ; COMMAND=/usr/bin/id", with a reason in front where it was refused.
func (a *activity) sudo(m string) {
	user, rest, ok := strings.Cut(m, " : ")
	if !ok || user == "" || strings.Contains(user, " ") {
		return
	}
	var fields sudoFields
	why := fields.read(rest)
	if fields.command == "" && why == "" || strings.HasPrefix(why, "(command continued)") {
		return
	}
	a.by.name = user
	a.terminal = fields.tty
	switch {
	case why == "":
		a.run(launch, "Launch", succeeded)
	case strings.Contains(why, "incorrect password attempt"), strings.Contains(why, "authentication"), strings.Contains(why, "password is required"):
		a.auth(accountSwitch, failed)
		a.detail, a.user.name = why, first(fields.user, "root")
		n, _, _ := strings.Cut(why, " ")
		if c := number(n); c > 1 {
			a.count = max(a.count, 1) * c
		}
		return
	default: // not in sudoers, not allowed, not authorized: a command that was not run
		a.run(launch, "Launch", failed)
		a.detail, a.denied = why, true
	}
	a.launched.cmdLine, a.launched.cwd = fields.command, fields.pwd
	a.launched.exe, _, _ = strings.Cut(fields.command, " ")
	a.launched.owner.name = first(fields.user, "root")
	a.group.name = fields.group
}

type sudoFields struct{ tty, pwd, user, group, command string }

// read reads fields parted by " ; ", of which COMMAND is the last and may have anything in it. What stands in front of them is returned.
func (f *sudoFields) read(s string) (why string) {
	for s != "" {
		if command, ok := strings.CutPrefix(s, "COMMAND="); ok {
			f.command = command
			return why
		}
		part, rest, _ := strings.Cut(s, " ; ")
		s = rest
		key, value, ok := strings.Cut(part, "=")
		switch {
		case ok && key == "TTY":
			f.tty = value
		case ok && key == "PWD":
			f.pwd = value
		case ok && key == "USER":
			f.user = value
		case ok && key == "GROUP":
			f.group = value
		case ok && key == strings.ToUpper(key) && !strings.Contains(key, " "): // HOST, CHROOT, TSID, ENV
		case why == "":
			why = part
		}
	}
	return why
}

// su reads the messages of the su of util-linux and of shadow.
func (a *activity) su(m string) {
	low := strings.ToLower(m)
	switch {
	case strings.HasPrefix(low, "successful su for "), strings.HasPrefix(low, "failed su for "):
		_, rest, _ := strings.Cut(m, " for ")
		to, by, _ := strings.Cut(rest, " by ")
		a.auth(accountSwitch, succeeded)
		if low[0] == 'f' {
			a.outcome = failed
		}
		a.user.name, a.by.name = to, by
	case strings.HasPrefix(m, "(to "), strings.HasPrefix(low, "failed su (to "):
		_, rest, _ := strings.Cut(m, "(to ")
		to, by, _ := strings.Cut(rest, ") ")
		by, tty, _ := strings.Cut(by, " on ")
		a.auth(accountSwitch, succeeded)
		if low[0] == 'f' {
			a.outcome = failed
		}
		a.user.name, a.by.name, a.terminal = to, by, tty
		if tty == "none" {
			a.terminal = ""
		}
	case strings.HasPrefix(m, "+ "), strings.HasPrefix(m, "- "):
		tty, users, _ := strings.Cut(m[2:], " ")
		by, to, ok := strings.Cut(users, ":")
		if !ok {
			return
		}
		a.auth(accountSwitch, succeeded)
		if m[0] == '-' {
			a.outcome = failed
		}
		a.user.name, a.by.name, a.terminal = to, by, tty
	}
}

// pkexec reads "bob: Executing command [USER=root] [TTY=…] [CWD=/home/bob] [COMMAND=/usr/bin/id]".
func (a *activity) pkexec(m string) {
	user, rest, ok := strings.Cut(m, ": ")
	if !ok || strings.Contains(user, " ") || !strings.Contains(rest, "[COMMAND=") {
		return
	}
	a.run(launch, "Launch", succeeded)
	if !strings.HasPrefix(rest, "Executing command") {
		a.outcome, a.denied = failed, true
		a.detail, _, _ = strings.Cut(rest, " [")
	}
	a.by.name = user
	for key, to := range map[string]*string{
		"[USER=": &a.launched.owner.name, "[CWD=": &a.launched.cwd, "[TTY=": &a.terminal,
	} {
		if _, v, ok := strings.Cut(rest, key); ok {
			*to, _, _ = strings.Cut(v, "] [")
		}
	}
	_, command, _ := strings.Cut(rest, "[COMMAND=")
	a.launched.cmdLine = strings.TrimSuffix(command, "]")
	a.launched.exe, _, _ = strings.Cut(a.launched.cmdLine, " ")
	if a.terminal == "unknown" {
		a.terminal = ""
	}
}

// doas reads what doas of OpenBSD, and its port, write: who may not run what, or who ran it as whom.
func (a *activity) doas(m string) {
	if user, ok := strings.CutPrefix(m, "failed auth for "); ok {
		a.auth(accountSwitch, failed)
		a.by.name, a.user.name = user, user
		return
	}
	if rest, ok := strings.CutPrefix(m, "command not permitted for "); ok {
		a.run(launch, "Launch", failed)
		a.denied, a.detail = true, "command not permitted"
		a.by.name, a.launched.cmdLine, _ = strings.Cut(rest, ": ")
	} else if user, rest, ok := strings.Cut(m, " ran command "); ok && !strings.Contains(user, " ") {
		from := strings.LastIndex(rest, " from ")
		as := strings.LastIndex(rest[:max(from, 0)], " as ")
		if as < 0 {
			return
		}
		a.run(launch, "Launch", succeeded)
		a.by.name, a.launched.cmdLine = user, rest[:as]
		a.launched.owner.name, a.launched.cwd = rest[as+len(" as "):from], rest[from+len(" from "):]
	} else {
		return
	}
	a.launched.exe, _, _ = strings.Cut(a.launched.cmdLine, " ")
}

// login reads messages of login and of systemd-logind.
func (a *activity) login(m string) {
	switch {
	case strings.HasPrefix(m, "New session ") && strings.Contains(m, " of user "):
		id, rest, _ := strings.Cut(m[len("New session "):], " of user ")
		user, _, _ := strings.Cut(rest, " ")
		a.auth(logon, succeeded)
		a.session, a.user.name = strings.Trim(id, "'"), strings.Trim(user, "'.")
	case strings.HasPrefix(m, "FAILED LOGIN"):
		before, rest, _ := strings.Cut(m, " FOR ")
		user, why, _ := strings.Cut(rest, ", ")
		a.auth(logon, failed)
		if _, from, ok := strings.Cut(before, " FROM "); ok && from != "(null)" {
			a.src, _ = peerOf(from)
		}
		a.user.name, a.detail = strings.Trim(user, "'"), why
		a.on(m)
	case strings.HasPrefix(m, "LOGIN ON "), strings.HasPrefix(m, "DIALUP AT "):
		tty, rest, _ := strings.Cut(m[9:], " BY ")
		user, from, _ := strings.Cut(rest, " FROM ")
		a.auth(logon, succeeded)
		a.user.name, a.terminal, a.logon = user, strings.TrimSpace(tty), 2
		if from != "" {
			a.src, _ = peerOf(from)
		}
	case strings.HasPrefix(m, "ROOT LOGIN"):
		a.auth(logon, succeeded)
		a.user.name, a.logon = "root", 2
		a.on(m)
	}
}

// on finds the terminal in "… on '/dev/tty1' FOR …".
func (a *activity) on(m string) {
	i := strings.Index(strings.ToLower(m), " on ")
	if i < 0 {
		return
	}
	tty, _, _ := strings.Cut(m[i+4:], " ")
	a.terminal, a.logon = strings.Trim(tty, "'"), 2
}
