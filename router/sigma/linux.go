package sigma

import (
	"regexp"
	"slices"
	"strings"
)

// linuxSource finds the source for a log source of Linux.
func linuxSource(l logsource) (source, bool) {
	switch {
	case l.category == "process_creation" && l.service == "":
		return processCreation(), true
	case l.category == "file_event" && l.service == "":
		return fileEvent(), true
	case l.category == "network_connection" && l.service == "":
		return networkConnection(), true
	case l.category != "":
		return source{}, false
	case l.service == "auditd":
		return auditd(), true
	case slices.Contains([]string{"", "syslog", "auth", "authpriv", "sshd", "sudo", "cron", "clamav", "vsftpd", "guacamole", "kernel", "su", "pam"}, l.service):
		return syslog(l.service), true
	}
	return source{}, false
}

// auditd is the log source of Linux' audit system, by the names that auditd writes. A rule is about one record, as auditd writes one a line; our
// events hold the records of one audit event with their fields by their own names, those of msg='…' under msg.
func auditd() source {
	return source{
		guard: []string{`metadata.log_name == "linux"`, `metadata.product.name == "Linux Audit"`},
		each:  "unmapped.records",
		field: func(name string) ([]place, error) {
			if name == "host" || name == "Computer" {
				return []place{text("device.hostname")}, nil
			}
			places := []place{text("#" + member(name))}
			if !kernelField(name) {
				places = append(places, text("#.msg"+member(name)))
			}
			return places, nil
		},
		words: []string{"#"},
	}
}

// kernelField tells whether only records of the kernel have a field, so that it never stands in msg='…'.
func kernelField(name string) bool {
	switch name {
	case "type", "node", "syscall", "SYSCALL", "arch", "nametype", "proctitle", "saddr", "SADDR", "success", "exit", "items", "key", "argc":
		return true
	}
	return regexp.MustCompile(`^a[0-9]+$`).MatchString(name)
}

// member writes access to a member of any name.
func member(name string) string {
	if regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`).MatchString(name) {
		return "." + name
	}
	return "[" + quote(name) + "]"
}

// syslog is the log source of what a service writes to syslog or the journal: by program, where the service has one.
func syslog(service string) source {
	guard := []string{`metadata.log_name == "linux"`, `metadata.product.name != "Linux Audit"`}
	switch service {
	case "sshd", "sudo", "vsftpd":
		guard = append(guard, programs(service))
	case "cron":
		guard = append(guard, programs("cron", "anacron", "atd"))
	case "clamav":
		guard = append(guard, programs("clam", "freshclam"))
	case "guacamole":
		guard = append(guard, programs("guac"))
	}
	return source{
		guard: guard,
		field: func(name string) ([]place, error) {
			switch name {
			case "message", "msg", "MESSAGE":
				return []place{text("message")}, nil
			case "program", "process", "app", "appname", "deviceProcessName", "SYSLOG_IDENTIFIER":
				return []place{text("unmapped.program"), text("unmapped.SYSLOG_IDENTIFIER")}, nil
			case "pid":
				return []place{text("unmapped.pid"), text("unmapped.SYSLOG_PID")}, nil
			case "host", "hostname", "_HOSTNAME", "Computer":
				return []place{text("device.hostname")}, nil
			case "src_ip", "SourceIp", "rhost", "source.ip", "client_ip", "source_ip":
				return []place{text("src_endpoint.ip"), left(name)}, nil
			case "user", "User", "username", "user.name", "user_name":
				return []place{text("user.name"), text("actor.user.name"), left(name)}, nil
			case "TTY", "PWD", "USER", "GROUP", "HOST", "COMMAND", "ENV", "TSID":
				return []place{text(sudoField(name))}, nil
			}
			return []place{left(name)}, nil
		},
		words: []string{"message", "device.hostname", "unmapped"},
		spans: []string{`unmapped.program + (unmapped.pid == nil ? "" : "[" + unmapped.pid + "]") + ": " + message`},
	}
}

func programs(names ...string) string {
	var out []string
	for _, path := range []string{"unmapped.program", "unmapped.SYSLOG_IDENTIFIER"} {
		for _, n := range names {
			out = append(out, "lower("+path+") startsWith "+quote(n))
		}
	}
	return "(" + strings.Join(out, " or ") + ")"
}

// sudoField is a part of sudo's message, "alice : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/id -u".
func sudoField(name string) string {
	after := "split(message, " + quote(name+"=") + ", 2)[1]"
	if name == "COMMAND" { // the last one, with anything in it
		return after
	}
	return "split(" + after + `, " ; ", 2)[0]`
}

// processCreation is the start of a program, as Sysmon names what belongs to it.
func processCreation() source {
	table := map[string]string{
		"Image": "process.file.path", "CommandLine": "process.cmd_line", "CurrentDirectory": "process.working_directory", "User": "process.user.name",
		"ParentImage": "actor.process.file.path", "ParentCommandLine": "actor.process.cmd_line", "ParentUser": "actor.process.user.name",
		"OriginalFileName": "process.file.internal_name", "LogonId": "actor.session.uid", "Company": "process.file.company_name",
		"Computer": "device.hostname", "UserId": "process.user.uid", "IntegrityLevel": "process.integrity",
		"ProcessGuid": "process.uid", "ParentProcessGuid": "actor.process.uid",
	}
	numbers := map[string]string{"ProcessId": "process.pid", "ParentProcessId": "actor.process.pid"}
	return source{
		guard: []string{"activity_id == 1"},
		class: []string{"process_activity"},
		field: func(name string) ([]place, error) { return sysmon(name, table, numbers, "process.file") },
		words: []string{"process", "actor", "message", "device.hostname"},
	}
}

// fileEvent is a file that was made, written or given its name.
func fileEvent() source {
	table := map[string]string{
		"Image": "actor.process.file.path", "CommandLine": "actor.process.cmd_line", "User": "actor.user.name", "ProcessGuid": "actor.process.uid",
		"ParentImage": "actor.process.parent_process.file.path", "ParentCommandLine": "actor.process.parent_process.cmd_line",
		"CurrentDirectory": "actor.process.working_directory", "Computer": "device.hostname",
	}
	numbers := map[string]string{"ProcessId": "actor.process.pid", "ParentProcessId": "actor.process.parent_process.pid"}
	return source{
		guard: []string{"activity_id in [1, 3, 5]"},
		class: []string{"file_activity"},
		field: func(name string) ([]place, error) {
			if name == "TargetFilename" {
				return []place{text("file.path"), text("file_result.path")}, nil
			}
			return sysmon(name, table, numbers, "file")
		},
		words: []string{"file", "file_result", "actor", "message", "device.hostname"},
	}
}

// networkConnection is a connection that a process opened or took.
func networkConnection() source {
	table := map[string]string{
		"Image": "actor.process.file.path", "CommandLine": "actor.process.cmd_line", "User": "actor.user.name", "ProcessGuid": "actor.process.uid",
		"ParentImage": "actor.process.parent_process.file.path", "DestinationIp": "dst_endpoint.ip", "DestinationHostname": "dst_endpoint.hostname",
		"SourceIp": "src_endpoint.ip", "SourceHostname": "src_endpoint.hostname", "Protocol": "connection_info.protocol_name", "Computer": "device.hostname",
		// Who connects names the other end alone; who accepts, too.
		"Initiated": `(dst_endpoint.ip != nil and (src_endpoint.ip == nil or connection_info.direction_id != 1) ? "true" : "false")`,
	}
	numbers := map[string]string{"ProcessId": "actor.process.pid", "DestinationPort": "dst_endpoint.port", "SourcePort": "src_endpoint.port"}
	return source{
		guard: []string{"activity_id in [1, 4, 6]", "actor.process != nil"},
		class: []string{"network_activity"},
		field: func(name string) ([]place, error) { return sysmon(name, table, numbers, "actor.process.file") },
		words: []string{"actor", "src_endpoint", "dst_endpoint", "message"},
	}
}

// sysmon is the place of a field of Sysmon; file is the object whose hashes are meant. What OCSF has no such thing for, events have only where
// their source says it by that name.
func sysmon(name string, texts, numbers map[string]string, file string) ([]place, error) {
	if expr, ok := texts[name]; ok {
		return []place{text(expr)}, nil
	}
	if expr, ok := numbers[name]; ok {
		return []place{integer(expr)}, nil
	}
	switch name {
	case "Hashes", "md5", "sha1", "sha256", "Imphash", "imphash":
		return []place{free(file+".hashes", "value")}, nil
	}
	return []place{left(name)}, nil
}
