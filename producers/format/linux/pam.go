package linux

import "strings"

// pam reads messages of PAM's modules: pam_SERVICE(program:stage): m.
func (a *activity) pam(service, stage, m string) {
	a.service = service
	switching := service == "su" || service == "su-l" || service == "sudo" || service == "sudo-i" || service == "runuser" || service == "polkit-1"
	into := logon
	if switching {
		into = accountSwitch
	}
	if service == "cron" || service == "crond" || service == "atd" {
		a.logon = 4
	}
	switch {
	case strings.HasPrefix(m, "session opened for user "):
		user, by, _ := strings.Cut(m[len("session opened for user "):], " by ")
		a.auth(into, succeeded)
		a.user, a.by = pamUser(user), pamUser(by)
	case strings.HasPrefix(m, "session closed for user "):
		a.auth(logoff, succeeded)
		a.user = pamUser(m[len("session closed for user "):])
	case strings.Contains(m, "authentication failure;"), strings.HasPrefix(m, "authentication success;"), strings.Contains(m, "authentication failures;"):
		a.pamAuth(into, m)
	case strings.HasPrefix(m, "received for user "):
		user, why, _ := strings.Cut(m[len("received for user "):], ": ")
		a.auth(into, failed)
		a.user.name, a.detail = user, why
	case strings.Contains(m, "password changed for "):
		_, user, _ := strings.Cut(m, "password changed for ")
		a.change(3, "Password Change", succeeded)
		a.user.name = user
	case strings.HasPrefix(m, "auth could not identify password for "), strings.HasPrefix(m, "conversation failed"):
		if _, user, ok := strings.Cut(m, " for "); ok {
			a.auth(into, failed)
			a.user.name, a.detail = strings.Trim(user, "[]"), "no password"
			a.ofBy(switching)
		}
	case strings.HasPrefix(m, "Consecutive login failures for user "):
		user, _, _ := strings.Cut(m[len("Consecutive login failures for user "):], " ")
		a.change(9, "Lock", succeeded)
		a.user.name, a.detail = user, m
	case strings.Contains(m, "not met by user "):
		_, user, _ := strings.Cut(m, "not met by user ")
		a.auth(into, failed)
		a.user.name, a.detail = strings.Trim(user, `"`), m
	case stage == "account" && strings.HasPrefix(m, "account ") && strings.Contains(m, " has expired"):
		user, why, _ := strings.Cut(m[len("account "):], " ")
		a.auth(into, failed)
		a.user.name, a.detail = user, why
	case strings.HasPrefix(m, "Access denied for user "), strings.HasPrefix(m, "access denied for user "):
		user, why, _ := strings.Cut(m[len("access denied for user "):], " ")
		a.auth(into, failed)
		a.user.name, a.detail = strings.Trim(user, "`':"), why
	}
}

// ofBy makes the user of a failed switch the one who tried: PAM names whose password was asked for.
func (a *activity) ofBy(switching bool) {
	if switching {
		a.by = a.user
	}
}

// pamAuth reads "authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.1  user=root".
func (a *activity) pamAuth(into int, m string) {
	head, fields, _ := strings.Cut(m, ";")
	a.auth(into, failed)
	a.detail = head
	if strings.HasPrefix(head, "authentication success") {
		a.outcome = succeeded
		a.detail = ""
	}
	if n, _, ok := strings.Cut(head, " more authentication failure"); ok && number(n) > 0 {
		a.count = number(n)
	}
	for f := range strings.FieldsSeq(fields) {
		key, value, _ := strings.Cut(f, "=")
		if value == "" {
			continue
		}
		switch key {
		case "user":
			a.user.name = value
		case "uid":
			a.by.uid = value
		case "ruser":
			a.by.name = value
		case "logname":
			a.by.name = first(a.by.name, value)
		case "rhost":
			a.src, _ = peerOf(value)
		case "tty":
			a.terminal = value
		}
	}
}

// pamUser reads a user as pam_unix names one: bob(uid=1001), (uid=0), bob.
func pamUser(s string) person {
	s = strings.TrimSpace(s)
	name, rest, ok := strings.Cut(s, "(uid=")
	if !ok {
		return person{name: s}
	}
	return person{name: name, uid: strings.TrimSuffix(rest, ")")}
}
