package app

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/format/k8saudit"
	"github.com/riposte-security/riposte/producers/format/linux"
)

func TestSigmaKubernetes(t *testing.T) {
	f, err := k8saudit.New(config.Node{})
	if err != nil {
		t.Fatal(err)
	}
	raw := func(data []byte, _ map[string]any) []map[string]any {
		m := rawJSON(data)
		if m["items"] != nil || m["properties"] != nil { // a list of records, or something around one
			return nil
		}
		return []map[string]any{m}
	}
	newDifferential(t, "{product: kubernetes, service: audit}", fixtures(t, "k8saudit", f, raw)).run()
}

// auditRecords reads the lines of an audit event, as plainly as it can be done: key=value, with or without quotes.
func auditRecords(data []byte) (out []map[string]any) {
	raw := regexp.MustCompile(`^(type|node)=\S* ?.*msg=audit\([0-9.]+:[0-9]+\)`)
	field := regexp.MustCompile(`([A-Za-z0-9_.-]+)=("[^"]*"|'[^']*'|\{[^}]*\}|[^ \x1d]*)`)
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if !raw.MatchString(line) { // not as auditd writes it: interpreted, or in something else
			return nil
		}
		m := map[string]any{}
		seen := map[bool]map[string]bool{false: {}, true: {}}
		var read func(s string, inner bool)
		read = func(s string, inner bool) {
			for _, p := range field.FindAllStringSubmatch(s, -1) {
				key, value := p[1], p[2]
				switch {
				case key == "msg" && strings.HasPrefix(value, "audit("):
				case key == "msg":
					read(strings.Trim(value, "'"), true)
				case !seen[inner][key]:
					if seen[inner][key] = true; inner { // old systems write (hostname=?, addr=? res=failed)
						value = strings.TrimRight(value, ",)")
					}
					values, _ := m[key].([]any) // it may stand before msg='…' and in it
					m[key] = append(values, strings.Trim(value, `"`))
				}
			}
		}
		read(line, false)
		out = append(out, m)
	}
	return out
}

func linuxFormat(t *testing.T) producers.Format {
	t.Helper()
	f, err := linux.New(config.Node{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestSigmaAuditd(t *testing.T) {
	raw := func(data []byte, _ map[string]any) []map[string]any { return auditRecords(data) }
	d := newDifferential(t, "{product: linux, service: auditd}", fixtures(t, "linux", linuxFormat(t), raw))
	d.noKeywords = true // those that stand in hexadecimal are found in clear as well
	d.run()
}

// TestSigmaSyslog asks for keywords: pieces of lines, which must be found in those lines that have them.
func TestSigmaSyslog(t *testing.T) {
	files, err := filepath.Glob("../../producers/format/linux/testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	f := linuxFormat(t)
	var records []rawRecord
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range a.Files {
			line := strings.TrimSpace(string(part.Data))
			if part.Name != "record" || strings.Contains(line, "\n") || strings.HasPrefix(line, "{") {
				continue
			}
			events, err := f.Parse(producers.Record{Data: []byte(line), Origin: "o", Position: "p", Received: time.Unix(1772400000, 0)})
			if err != nil {
				continue
			}
			event := decoded(t, events[0].Data)
			unmapped, _ := event["unmapped"].(map[string]any)
			message, _ := event["message"].(string)
			program, _ := unmapped["program"].(string)
			if unmapped["records"] != nil || unmapped["version"] != nil || message == "" || program == "" || !strings.HasSuffix(line, message) {
				continue
			}
			// A header is searched by its words: what goes across them is no keyword.
			at := strings.LastIndex(strings.TrimSuffix(line, message), program)
			records = append(records, rawRecord{filepath.Base(file), []map[string]any{{"line": line[at:], "header": line[:at]}}, event})
		}
	}
	if len(records) < 20 {
		t.Fatalf("%d lines", len(records))
	}
	d := newDifferential(t, "{product: linux, service: syslog}", records)
	for range 300 {
		line := d.records[d.rng.IntN(len(records))].raws[0]["line"].(string)
		from := d.rng.IntN(len(line))
		word := line[from : from+1+d.rng.IntN(len(line)-from)]
		word = strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "\x1d", "?").Replace(word)
		if len(strings.TrimSpace(word)) < 4 {
			continue
		}
		d.check(map[string]any{"k": []any{word}, "f": map[string]any{"|all": []any{strings.ToUpper(word), word[:3]}}, "condition": "k or f"})
	}
	d.t.Logf("%d rules, %d pairs, %d matches", d.rules, d.pairs, d.hits)
}

// TestSigmaProcesses: what Sysmon's names stand for in events of the audit system.
func TestSigmaProcesses(t *testing.T) {
	f := linuxFormat(t)
	audit := func(records ...string) rawRecord {
		text := strings.Join(records, "\n")
		events, err := f.Parse(producers.Record{Data: []byte(text), Origin: "o", Position: "p"})
		if err != nil {
			t.Fatal(err)
		}
		return rawRecord{name: records[0], event: decoded(t, events[0].Data)}
	}
	stamp := "msg=audit(1772000000.100:%d): "
	call := func(serial int, fields string) string { return "type=SYSCALL " + fmt.Sprintf(stamp, serial) + fields }
	exec := audit(
		call(1, `arch=c000003e syscall=59 success=yes exit=0 a0=1 a1=2 a2=3 a3=4 items=2 ppid=100 pid=101 auid=1000 uid=0 euid=0 egid=0 tty=pts0 ses=3 comm="curl" exe="/usr/bin/curl" key="exec"`),
		"type=EXECVE "+fmt.Sprintf(stamp, 1)+`argc=3 a0="curl" a1="-o" a2="/tmp/x"`,
		"type=CWD "+fmt.Sprintf(stamp, 1)+`cwd="/root"`,
	)
	exec.raws = []map[string]any{{"Image": "/usr/bin/curl", "CommandLine": "curl -o /tmp/x", "CurrentDirectory": "/root", "ProcessId": "101", "ParentProcessId": "100"}}
	write := audit(
		call(2, `arch=c000003e syscall=257 success=yes exit=3 a0=ffffff9c a1=7ffc a2=241 a3=1b6 items=2 ppid=100 pid=102 auid=1000 uid=0 euid=0 egid=0 ses=3 comm="sh" exe="/usr/bin/dash"`),
		"type=CWD "+fmt.Sprintf(stamp, 2)+`cwd="/root"`,
		"type=PATH "+fmt.Sprintf(stamp, 2)+`item=0 name="/etc/cron.d/" inode=1 mode=040755 nametype=PARENT`,
		"type=PATH "+fmt.Sprintf(stamp, 2)+`item=1 name="/etc/cron.d/job" inode=2 mode=0100644 nametype=CREATE`,
	)
	write.raws = []map[string]any{{"TargetFilename": "/etc/cron.d/job", "Image": "/usr/bin/dash"}}
	connect := audit(
		call(3, `arch=c000003e syscall=42 success=yes exit=0 a0=3 a1=7ffc a2=10 a3=0 items=0 ppid=100 pid=103 auid=1000 uid=0 euid=0 egid=0 ses=3 comm="nc" exe="/usr/bin/nc"`),
		"type=SOCKADDR "+fmt.Sprintf(stamp, 3)+`saddr=0200115CCB0071090000000000000000`,
	)
	connect.raws = []map[string]any{{"Image": "/usr/bin/nc", "DestinationIp": "203.0.113.9", "DestinationPort": "4444", "Initiated": "true"}}
	none := map[string]any{}
	other := func(r rawRecord) rawRecord { r.raws = []map[string]any{none}; return r }
	for source, records := range map[string][]rawRecord{
		"{product: linux, category: process_creation}":   {exec, other(write), other(connect)},
		"{product: linux, category: file_event}":         {write, other(exec), other(connect)},
		"{product: linux, category: network_connection}": {connect, other(exec), other(write)},
	} {
		d := newDifferential(t, source, records)
		d.positive, d.whole, d.noKeywords = true, true, true
		all := d.fields()
		for field, values := range all {
			d.single(field, values)
		}
		d.t.Logf("%s: %d rules, %d pairs, %d matches", source, d.rules, d.pairs, d.hits)
	}
}
