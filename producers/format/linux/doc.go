// Package linux turns the logs of Linux machines into OCSF events: lines of syslog (BSD syslog as RFC 3164 describes it and as rsyslog and
// journalctl write it, and RFC 5424), entries of the journal (journalctl -o json), and events of the audit system (auditd's log, whose lines
// of one serial unpack has joined; also through syslog, the kernel's log and the journal). An entry is one event.
//
//	sshd, login, su, PAM sessions and failures          Authentication 3002 (su, sudo: Account Switch)
//	sshd on connections that name no user, netfilter    Network Activity 4001
//	sudo, pkexec, cron CMD, out of memory               Process Activity 1007; wrong passwords of sudo 3002
//	useradd, usermod, userdel, passwd, chage, faillock  Account Change 3001
//	groupadd, groupdel, gpasswd, members of groups      Group Management 3006
//	crontab                                             File System Activity 1001
//	any other line                                      Base Event 0, with its message
//	audit USER_LOGIN, USER_AUTH, USER_START/END, CRED_* 3002
//	audit ADD_USER, DEL_USER, USER_CHAUTHTOK, ACCT_*    3001; *_GROUP, GRP_MGMT 3006
//	audit USER_CMD, execve, fork, kill, ptrace, setuid  1007; calls without a path or an address too, as Other
//	audit calls on paths, AVC on files                  1001
//	audit connect, bind, accept with an IP address      4001
//	any other audit event (services, configuration)     Base Event 0: Other, named by its type
//
// What the entry says goes to:
//
//	time stamp                 time; one without a year is of the year that puts it before its receipt, or of the setting
//	PRI, PRIORITY              severity_id: emergency 6, alert and critical 5, error 4, warning 3, notice 2, others 1
//	host, node, _HOSTNAME      device.hostname
//	message                    message, verbatim
//	program, pid               actor.process; service.name of Authentication
//	key of an audit rule       metadata.labels
//	serial of an audit event   metadata.original_event_uid, metadata.sequence; its type metadata.event_code
//	__CURSOR                   metadata.uid
//
// status_id is 1 or 2 only where the entry says so. A user that acts is actor.user, one that is acted upon, or logs on, is user. Verbatim
// under unmapped: of a line pri, version, timestamp, program, pid and structured_data by element and name; of an audit event `records`, a
// list in which each has type, node, audit (time and serial), its fields by their own names, those of msg='…' under msg, words that are no
// field in text, and in `decoded` what stood in hexadecimal; of the journal its fields. An entry that is not UTF-8 is kept in raw_base64.
package linux
