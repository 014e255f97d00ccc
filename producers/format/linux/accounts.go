package linux

import "strings"

// quotedWords returns what stands in '…' (or `…') in m, in order.
func quotedWords(m string) (words [3]string) {
	for i := range words {
		at := strings.IndexAny(m, "'`")
		if at < 0 {
			return words
		}
		end := strings.IndexByte(m[at+1:], '\'')
		if end < 0 {
			return words
		}
		words[i] = m[at+1 : at+1+end]
		m = m[at+end+2:]
	}
	return words
}

// listed finds name=value in a list parted by commas.
func listed(m, name string) string {
	for f := range strings.SplitSeq(m, ", ") {
		if i := strings.LastIndexByte(f[:max(strings.IndexByte(f, '='), 0)], ' '); i >= 0 {
			f = f[i+1:]
		}
		if v, ok := strings.CutPrefix(strings.TrimLeft(f, " :"), name+"="); ok {
			return v
		}
	}
	return ""
}

// accounts reads what the tools of shadow write about users and groups.
func (a *activity) accounts(m string) {
	q := quotedWords(m)
	switch {
	case strings.HasPrefix(m, "new user: "):
		a.change(1, "Create", succeeded)
		a.user = person{listed(m, "name"), first(listed(m, "UID"), listed(m, "uid"))}
		a.group.uid = listed(m, "GID")
	case strings.HasPrefix(m, "new group: "), strings.HasPrefix(m, "group added to "):
		a.members(6, "Create", succeeded)
		a.group = person{listed(m, "name"), listed(m, "GID")}
	case strings.HasPrefix(m, "failed adding user "):
		a.change(1, "Create", failed)
		a.user.name, a.detail = q[0], m
	case strings.HasPrefix(m, "delete user "):
		a.change(6, "Delete", succeeded)
		a.user.name = q[0]
	case strings.HasPrefix(m, "removed group "), strings.HasPrefix(m, "removed shadow group "), strings.HasPrefix(m, "group ") && strings.Contains(m, "removed"):
		a.members(5, "Delete", succeeded)
		a.group.name = q[0]
	case strings.HasPrefix(m, "group changed in "):
		_, rest, _ := strings.Cut(m, "(group ")
		name, rest, _ := strings.Cut(rest, ",")
		name, gid, _ := strings.Cut(strings.TrimSuffix(name, ")"), "/")
		a.members(otherActivity, "Change", succeeded)
		a.group = person{name, gid}
		a.detail = strings.Trim(rest, " )")
	case strings.HasPrefix(m, "add '") && strings.Contains(m, " group "):
		a.members(3, "Add User", succeeded)
		a.user.name, a.group.name = q[0], q[1]
	case strings.HasPrefix(m, "delete '") && strings.Contains(m, " group "):
		a.members(4, "Remove User", succeeded)
		a.user.name, a.group.name = q[0], q[1]
	default:
		a.accountChange(m, q)
	}
}

// accountChange reads changes of accounts that are there.
func (a *activity) accountChange(m string, q [3]string) {
	switch {
	case strings.HasPrefix(m, "lock user "), strings.Contains(m, "locked account"):
		a.change(9, "Lock", succeeded)
		a.user.name = q[0]
	case strings.HasPrefix(m, "unlock user "):
		a.change(12, "Unlock", succeeded)
		a.user.name = q[0]
	case strings.HasPrefix(m, "password for ") && strings.Contains(m, " changed by "):
		a.change(3, "Password Change", succeeded)
		a.user.name, a.by.name = q[0], q[1]
		if q[0] != q[1] {
			a.change(4, "Password Reset", succeeded)
		}
	case strings.HasPrefix(m, "change user ") && strings.HasSuffix(m, " password"):
		a.change(3, "Password Change", succeeded)
		a.user.name = q[0]
	case strings.HasPrefix(m, "change user "), strings.HasPrefix(m, "changed user "):
		_, what, _ := strings.Cut(m, "' ")
		a.change(otherActivity, "Change", succeeded)
		a.user.name, a.detail = q[0], what
	case strings.HasPrefix(m, "changed password expiry for "):
		a.change(otherActivity, "Change", succeeded)
		a.user.name, a.detail = m[len("changed password expiry for "):], "password expiry"
	case strings.HasPrefix(m, "user ") && strings.Contains(m, " group "): // gpasswd: user bob added by root to group wheel
		user, rest, _ := strings.Cut(m[5:], " ")
		how, rest, _ := strings.Cut(rest, " by ")
		by, _, _ := strings.Cut(rest, " ")
		i := strings.LastIndexByte(m, ' ')
		switch how {
		case "added":
			a.members(3, "Add User", succeeded)
		case "removed":
			a.members(4, "Remove User", succeeded)
		default:
			return
		}
		a.user.name, a.by.name, a.group.name = user, by, m[i+1:]
	case strings.HasPrefix(m, "members of group "), strings.HasPrefix(m, "administrators of group "):
		_, rest, _ := strings.Cut(m, " of group ")
		group, rest, _ := strings.Cut(rest, " set by ")
		by, list, _ := strings.Cut(rest, " to ")
		a.members(otherActivity, "Set Members", succeeded)
		a.group.name, a.by.name, a.detail = group, by, list
	}
}
