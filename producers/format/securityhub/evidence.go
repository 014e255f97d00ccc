package securityhub

import (
	"strings"

	"github.com/riposte-security/riposte/producers/format/guardduty"
	"github.com/riposte-security/riposte/producers/format/ocsfjson"
)

// writeEvidences writes what was seen: the action, else the action as GuardDuty's product fields spell it out, the network and the process.
func (r *finding) writeEvidences() {
	if r.Doc.Kind(r.actionOf) == ocsfjson.Object {
		guardduty.WriteEvidences(r.Event, r.actionOf)
		return
	}
	list := r.List("evidences")
	at := r.Open("")
	r.writeSpelled()
	r.writeNetwork()
	r.writeProcess()
	r.Close(at)
	r.Close(list)
}

// address writes an address, and tells whether n is one.
func (r *finding) address(n node, path string) bool {
	ip, ok := r.MoveIP("ip", n, path)
	if ok && r.KeyIP == "" {
		r.KeyIP = ip
	}
	return ok
}

func (r *finding) writeNetwork() {
	n := r.network
	r.writeSide("src_endpoint", n, "Source")
	r.writeSide("dst_endpoint", n, "Destination")
	direction, protocol := r.str(n, "Direction"), r.str(n, "Protocol")
	if direction == "" && protocol == "" {
		return
	}
	at := r.Open("connection_info")
	switch direction {
	case "IN":
		r.Lit(`"direction":"Inbound","direction_id":1`)
	case "OUT":
		r.Lit(`"direction":"Outbound","direction_id":2`)
	default:
		r.Lit(`"direction":"Unknown","direction_id":0`)
	}
	if protocol != "" {
		r.Str("protocol_name", strings.ToLower(protocol))
	}
	r.Close(at)
}

// writeSide writes one side of a network connection; side begins the names of its members.
func (r *finding) writeSide(name string, n node, side string) {
	path := "evidences[0]." + name
	at := r.Open(name)
	known := r.address(r.get(n, side+"IpV4"), path+".ip") || r.address(r.get(n, side+"IpV6"), path+".ip")
	known = r.MoveSeen("domain", r.get(n, side+"Domain"), ocsfjson.Hostname, path+".domain") || known
	if known {
		r.MoveInt("port", r.get(n, side+"Port"), 0, 65535)
	}
	r.Close(at)
}

func (r *finding) writeProcess() {
	n := r.processOf
	if _, ok := r.Doc.Int(r.get(n, "Pid")); !ok {
		return
	}
	at := r.Open("process")
	r.MoveInt("pid", r.get(n, "Pid"), 0, 1<<31-1)
	r.MoveSeen("name", r.get(n, "Name"), ocsfjson.ProcessName, "evidences[0].process.name")
	r.Move("path", r.get(n, "Path"))
	r.millis("created_time", r.get(n, "LaunchedAt"))
	r.millis("terminated_time", r.get(n, "TerminatedAt"))
	if _, ok := r.Doc.Int(r.get(n, "ParentPid")); ok {
		in := r.Open("parent_process")
		r.MoveInt("pid", r.get(n, "ParentPid"), 0, 1<<31-1)
		r.Close(in)
	}
	r.Close(at)
}

// spelled is a product field of GuardDuty's action: they are named like paths, with or without a word of who says it before.
func (r *finding) spelled(name string) node {
	for _, before := range [...]string{"aws/guardduty/service/action/", "action/"} {
		if n := r.get(r.productFields, before+name); n >= 0 && r.Doc.Str(n) != "" {
			return n
		}
	}
	return ocsfjson.None
}

// writeSpelled writes the action that product fields spell out. They stay where they are.
func (r *finding) writeSpelled() {
	if api := r.spelled("awsApiCallAction/api"); api >= 0 {
		at := r.Open("api")
		r.Copy("operation", api)
		in := r.Open("service")
		r.Copy("name", r.spelled("awsApiCallAction/serviceName"))
		r.Close(in)
		r.Close(at)
	}
	if domain := r.spelled("dnsRequestAction/domain"); domain >= 0 {
		at := r.Open("query")
		r.Copy("hostname", domain)
		r.Observe(ocsfjson.Hostname, "evidences[0].query.hostname", domain)
		r.Close(at)
	}
	for _, action := range [...]string{"awsApiCallAction", "networkConnectionAction", "portProbeAction/portProbeDetails:0", "kubernetesApiCallAction", "rdsLoginAttemptAction"} {
		ip := r.Doc.Str(r.spelled(action + "/remoteIpDetails/ipAddressV4"))
		if ip == "" {
			ip = r.Doc.Str(r.spelled(action + "/remoteIpDetails/ipAddressV6"))
		}
		if ip == "" || r.Doc.Kind(r.network) == ocsfjson.Object {
			continue
		}
		name := "src_endpoint"
		if r.Doc.Str(r.spelled(action+"/connectionDirection")) == "OUTBOUND" {
			name = "dst_endpoint"
		}
		at := r.Open(name)
		if text, _, ok := r.IP("ip", ip, "evidences[0]."+name+".ip"); ok {
			r.KeyIP = text
			r.TextInt("port", r.spelled(action+"/remotePortDetails/port"), 0, 65535)
		}
		r.Close(at)
		return
	}
}

// writeMalware writes the malware and the threats that the finding names.
func (r *finding) writeMalware() {
	list := r.List("malware")
	r.each(r.malwareList, func(n node) {
		if r.str(n, "Name") == "" {
			return
		}
		at := r.Open("")
		r.Move("name", r.get(n, "Name"))
		id, caption := malwareClass(r.str(n, "Type"))
		r.Raw("classification_ids", "["+id+"]")
		r.Raw("classifications", `["`+caption+`"]`)
		if file := r.get(n, "Path"); r.Doc.Str(file) != "" {
			files := r.List("files")
			in := r.Open("")
			r.Str("name", base(r.Doc.Str(file)))
			r.Move("path", file)
			r.Lit(`"type":"Regular File","type_id":1`)
			r.Close(in)
			r.Close(files)
		}
		r.Close(at)
	})
	r.each(r.threats, func(n node) {
		if r.str(n, "Name") == "" {
			return
		}
		at := r.Open("")
		r.Move("name", r.get(n, "Name"))
		r.Lit(`"classification_ids":[0]`)
		r.MoveInt("num_infected", r.get(n, "ItemCount"), 0, 1<<31-1)
		files := r.List("files")
		r.each(r.get(n, "FilePaths"), r.writeThreatFile)
		r.Close(files)
		r.Close(at)
	})
	r.Close(list)
}

func (r *finding) writeThreatFile(n node) {
	file := r.get(n, "FilePath")
	if r.Doc.Str(file) == "" {
		return
	}
	at := r.Open("")
	r.Str("name", base(r.Doc.Str(file)))
	r.Move("path", file)
	r.Lit(`"type":"Regular File","type_id":1`)
	if hash := r.get(n, "Hash"); r.Doc.Str(hash) != "" {
		list := r.List("hashes")
		in := r.Open("")
		if len(r.Doc.Str(hash)) == 64 {
			r.Lit(`"algorithm":"SHA-256","algorithm_id":3`)
		} else {
			r.Lit(`"algorithm":"Unknown","algorithm_id":0`)
		}
		r.MoveSeen("value", hash, ocsfjson.Hash, "malware[].files[].hashes[].value")
		r.Close(in)
		r.Close(list)
	}
	r.Close(at)
}

// malwareClass is OCSF's class for the type of malware that ASFF names.
func malwareClass(t string) (id, caption string) {
	switch t {
	case "ADWARE":
		return "1", "Adware"
	case "BOTNET_AGENT":
		return "3", "Bot"
	case "COIN_MINER":
		return "13", "Resource-Exploitation"
	case "EXPLOIT_KIT":
		return "8", "Exploit-Kit"
	case "KEYLOGGER":
		return "9", "Keylogger"
	case "RANSOMWARE":
		return "10", "Ransomware"
	case "REMOTE_ACCESS":
		return "11", "Remote-Access-Trojan"
	case "ROOTKIT":
		return "15", "Rootkit"
	case "SPYWARE":
		return "17", "Spyware"
	case "TROJAN":
		return "18", "Trojan"
	case "VIRUS":
		return "19", "Virus"
	case "WORM":
		return "22", "Worm"
	case "", "UNKNOWN":
		return "0", "Unknown"
	}
	return "99", "Other"
}
