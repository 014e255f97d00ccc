package falco

import (
	"math"
	"net/netip"
	"strconv"
	"strings"

	"github.com/riposte-security/riposte/producers/format/ocsfjson"
)

// writeEvidence writes what was seen: process, file, connection, call.
func (a *alert) writeEvidence() {
	list := a.List("evidences")
	at := a.Open("")
	if !a.writeProcess() {
		a.writeUser("user", "evidences[0].user.name")
	}
	a.writeFile()
	a.writeConnection()
	a.writeCall()
	if b := a.B[len(a.B)-1]; b != '{' { // OCSF: a container alone is no evidence
		a.writeContainer()
	}
	a.Close(at)
	a.Close(list)
}

func (a *alert) writeProcess() bool {
	at := a.Open("process")
	a.seen("name", a.procName, ocsfjson.ProcessName, "evidences[0].process.name")
	a.seen("cmd_line", a.procCmdline, ocsfjson.CommandLine, "evidences[0].process.cmd_line")
	a.seen("path", a.procExepath, ocsfjson.FilePath, "evidences[0].process.path")
	a.move("working_directory", a.procCwd)
	if !a.pid(a.procPid) {
		if a.B[len(a.B)-1] == '{' {
			a.Close(at)
			return false
		}
		a.Str("uid", a.uid)
	}
	a.writeParent()
	a.writeUser("user", "evidences[0].process.user.name")
	return a.Close(at)
}

func (a *alert) pid(n node) bool { return a.MoveInt("pid", n, 0, math.MaxInt32) }

func (a *alert) writeParent() {
	at := a.Open("parent_process")
	a.seen("name", a.procPname, ocsfjson.ProcessName, "evidences[0].process.parent_process.name")
	a.seen("cmd_line", a.procPcmdline, ocsfjson.CommandLine, "evidences[0].process.parent_process.cmd_line")
	a.move("path", a.procPexepath)
	if !a.pid(a.procPpid) && a.B[len(a.B)-1] != '{' {
		a.Str("uid", a.uid+"/parent")
	}
	a.Close(at)
}

// writeUser writes who did it: the user of a process, else that of a call.
func (a *alert) writeUser(name, path string) {
	at := a.Open(name)
	switch {
	case a.seen("name", a.userName, ocsfjson.UserName, path):
	case a.seen("name", a.kaUser, ocsfjson.UserName, path):
	case a.seen("name", a.ctUser, ocsfjson.UserName, path):
	}
	if id := a.userUID; a.Doc.Kind(id) == ocsfjson.Number { // OCSF has texts for ids
		a.Str("uid", a.Doc.Raw(id))
	} else if !a.move("uid", id) && a.seen("uid", a.ctUserArn, ocsfjson.UserUID, strings.TrimSuffix(path, "name")+"uid") {
		a.KeyUser = a.Doc.Str(a.ctUserArn)
	}
	a.Close(at)
}

// writeFile writes the file that was opened: Falco names the other end of a connection by the same field.
func (a *alert) writeFile() {
	path := a.text(a.fdName)
	if !strings.HasPrefix(path, "/") {
		return
	}
	base := path[strings.LastIndexByte(path, '/')+1:]
	if base == "" {
		base = path
	}
	at := a.Open("file")
	a.Str("name", base)
	a.MoveSeen("path", a.fdName, ocsfjson.FilePath, "evidences[0].file.path")
	a.ObserveText(ocsfjson.FileName, "evidences[0].file.name", base)
	a.Lit(`"type":"Unknown","type_id":0`)
	a.Close(at)
}

// An end of a connection.
type end struct {
	ip, port node   // fields of their own
	text     string // else what fd.name says: 10.0.0.1:51000
}

func (a *alert) writeConnection() {
	client, server := end{ip: a.fdCip, port: a.fdCport}, end{ip: a.fdSip, port: a.fdSport}
	if from, to, found := strings.Cut(a.text(a.fdName), "->"); found {
		client.text, server.text = from, to
	}
	if client.ip < 0 {
		client.ip = a.ctSrcIP
	}
	if client.ip < 0 {
		client.ip = a.kaSourceIPs
	}
	src := a.writeEnd("src_endpoint", client)
	a.KeyIP = src
	dst := a.writeEnd("dst_endpoint", server)
	if src == "" || dst == "" {
		return
	}
	at := a.Open("connection_info")
	a.Lit(`"direction_id":0`)
	switch proto := a.text(a.fdL4proto); proto {
	case "tcp":
		a.Move("protocol_name", a.fdL4proto)
		a.Int("protocol_num", 6)
	case "udp":
		a.Move("protocol_name", a.fdL4proto)
		a.Int("protocol_num", 17)
	case "":
	default:
		a.Move("protocol_name", a.fdL4proto)
	}
	a.Close(at)
}

func (a *alert) writeEnd(name string, e end) string {
	at := a.Open(name)
	path := "evidences[0]." + name + ".ip"
	ip, ok := a.MoveIP("ip", e.ip, path)
	if ok {
		a.Port(e.port)
		a.Close(at)
		return ip
	}
	if list := strings.Trim(a.text(e.ip), `()[]" `); list != "" { // a list of addresses: the first is the client's
		first, _, _ := strings.Cut(list, ",")
		if ip, _, ok = a.IP("ip", strings.Trim(first, `" `), path); ok {
			a.Close(at)
			return ip
		}
	}
	// IPv6 addresses stand there without brackets.
	if colon := strings.LastIndexByte(e.text, ':'); colon > 0 {
		host := strings.Trim(e.text[:colon], "[]")
		port, err := strconv.ParseUint(e.text[colon+1:], 10, 16)
		if addr, bad := netip.ParseAddr(host); bad == nil && err == nil && addr.Zone() == "" {
			ip, _, _ = a.IP("ip", host, path)
			a.Int("port", int64(port))
		}
	}
	a.Close(at)
	return ip
}

// writeCall writes the call that a plugin saw.
func (a *alert) writeCall() {
	at := a.Open("api")
	if a.move("operation", a.kaVerb) {
		a.Lit(`"service":{"name":"kubernetes"}`)
	} else if a.move("operation", a.ctName) {
		service := a.Open("service")
		a.move("name", a.ctSrc)
		a.Close(service)
		response := a.Open("response")
		a.move("error", a.ctError)
		a.Close(response)
	}
	a.Close(at)
}

// hasContainer tells whether a container is named: processes of the host have one by the name of host.
func (a *alert) hasContainer() bool {
	id := a.text(a.containerID)
	return id != "host" && (id != "" || a.text(a.containerName) != "" && a.text(a.containerName) != "host")
}

func (a *alert) writeContainer() {
	if !a.hasContainer() {
		return
	}
	at := a.Open("container")
	a.copyText("uid", a.containerID)
	a.copyText("name", a.containerName)
	image := a.Open("image")
	if a.move("uid", a.imageDigest) || a.move("uid", a.imageID) || a.copyText("uid", a.imageRepository) {
		a.move("name", a.imageRepository)
		a.move("tag", a.imageTag)
	}
	a.Close(image)
	a.Close(at)
}

// copyText writes the text of a field that stands in the event more than once.
func (a *alert) copyText(name string, n node) bool {
	return a.text(n) != "" && a.Copy(name, n)
}

// writeResources writes what is affected: container, pod, and what a call to Kubernetes was about.
func (a *alert) writeResources() {
	list := a.List("resources")
	at := a.Open("")
	if a.hasContainer() {
		if a.seen("uid", a.containerID, ocsfjson.ResourceUID, "resources[].uid") {
			a.KeyResource = a.Doc.Str(a.containerID)
		}
		a.move("name", a.containerName)
		a.Str("type", "container")
	}
	a.Close(at)
	at = a.Open("")
	if a.text(a.podName) != "" {
		a.move("uid", a.podUID)
		a.move("name", a.podName)
		a.move("namespace", a.nsName)
		a.Str("type", "pod")
	}
	a.Close(at)
	at = a.Open("")
	if a.text(a.kaName) != "" {
		a.move("name", a.kaName)
		a.move("namespace", a.kaNamespace)
		a.move("type", a.kaResource)
	}
	a.Close(at)
	a.Close(list)
}
