package falco

import "github.com/riposte-security/riposte/producers/format/ocsfjson"

// members are those of an alert.
type members struct{ output, priority, rule, when, uuid, source, tags, hostname, outputFields node }

// lookup finds the members in one pass.
func (m *members) lookup(d *ocsfjson.Doc) {
	const none = ocsfjson.None
	*m = members{none, none, none, none, none, none, none, none, none}
	for c := d.First(d.Root()); c >= 0; c = d.Next(c) {
		switch d.Key(c) {
		case "output":
			m.output = c
		case "priority":
			m.priority = c
		case "rule":
			m.rule = c
		case "time":
			m.when = c
		case "uuid":
			m.uuid = c
		case "source":
			m.source = c
		case "tags":
			m.tags = c
		case "hostname":
			m.hostname = c
		case "output_fields":
			m.outputFields = c
		}
	}
}

// fields are the output_fields that the mapping names.
type fields struct {
	procName, procPid, procCmdline, procExepath, procCwd, procPname, procPpid, procPcmdline, procPexepath, userName, userUID, evtTime, evtHostname                 node
	fdName, fdCip, fdCport, fdSip, fdSport, fdL4proto, containerID, containerName, imageRepository, imageTag, imageDigest, imageID                                 node
	podName, podUID, nsName, kaVerb, kaUser, kaSourceIPs, kaName, kaNamespace, kaResource, ctName, ctSrc, ctUser, ctUserArn, ctSrcIP, ctRegion, ctAccount, ctError node
}

// lookup finds the fields in one pass.
func (f *fields) lookup(d *ocsfjson.Doc, at node) {
	const none = ocsfjson.None
	*f = fields{
		none, none, none, none, none, none, none, none, none, none, none, none, none,
		none, none, none, none, none, none, none, none, none, none, none, none,
		none, none, none, none, none, none, none, none, none, none, none, none, none, none, none, none, none,
	}
	if d.Kind(at) != ocsfjson.Object {
		return
	}
	for c := d.First(at); c >= 0; c = d.Next(c) {
		name := d.Key(c)
		p := f.proc(name)
		if p == nil {
			p = f.fd(name)
		}
		if p == nil {
			p = f.plugin(name)
		}
		if p != nil {
			*p = c
		}
	}
}

// proc finds the fields of processes and of events.
func (f *fields) proc(name string) *node {
	switch name {
	case "proc.name":
		return &f.procName
	case "proc.pid":
		return &f.procPid
	case "proc.cmdline":
		return &f.procCmdline
	case "proc.exepath":
		return &f.procExepath
	case "proc.cwd":
		return &f.procCwd
	case "proc.pname":
		return &f.procPname
	case "proc.ppid":
		return &f.procPpid
	case "proc.pcmdline":
		return &f.procPcmdline
	case "proc.pexepath":
		return &f.procPexepath
	case "user.name":
		return &f.userName
	case "user.uid":
		return &f.userUID
	case "evt.time":
		return &f.evtTime
	case "evt.hostname":
		return &f.evtHostname
	}
	return nil
}

// fd finds the fields of files, connections and containers.
func (f *fields) fd(name string) *node {
	switch name {
	case "fd.name":
		return &f.fdName
	case "fd.cip":
		return &f.fdCip
	case "fd.cport":
		return &f.fdCport
	case "fd.sip":
		return &f.fdSip
	case "fd.sport":
		return &f.fdSport
	case "fd.l4proto":
		return &f.fdL4proto
	case "container.id":
		return &f.containerID
	case "container.name":
		return &f.containerName
	case "container.image.repository":
		return &f.imageRepository
	case "container.image.tag":
		return &f.imageTag
	case "container.image.digest":
		return &f.imageDigest
	case "container.image.id":
		return &f.imageID
	}
	return nil
}

// plugin finds the fields of pods, and those that plugins give.
func (f *fields) plugin(name string) *node {
	switch name {
	case "k8s.pod.name":
		return &f.podName
	case "k8s.pod.uid":
		return &f.podUID
	case "k8s.ns.name":
		return &f.nsName
	case "ka.verb":
		return &f.kaVerb
	case "ka.user.name":
		return &f.kaUser
	case "ka.sourceips":
		return &f.kaSourceIPs
	case "ka.target.name":
		return &f.kaName
	case "ka.target.namespace":
		return &f.kaNamespace
	case "ka.target.resource":
		return &f.kaResource
	case "ct.name":
		return &f.ctName
	case "ct.src":
		return &f.ctSrc
	case "ct.user":
		return &f.ctUser
	case "ct.user.arn":
		return &f.ctUserArn
	case "ct.srcip":
		return &f.ctSrcIP
	case "ct.region":
		return &f.ctRegion
	case "ct.recipientaccountid":
		return &f.ctAccount
	case "ct.error":
		return &f.ctError
	}
	return nil
}
