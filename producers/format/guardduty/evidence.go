package guardduty

import (
	"fmt"

	"github.com/riposte-security/riposte/producers/format/ocsfjson"
)

// writeEvidences writes what was seen: an element for the action, for each port that was probed, each sign-in to a database, the process of
// a runtime finding, each file that a scan has found something in, each actor and endpoint of an attack sequence.
func (r *finding) writeEvidences() {
	w := &evidences{finding: r, list: r.List("evidences")}
	w.apiCall(r.get(r.action, "awsApiCallAction"))
	w.kubeCall(r.get(r.action, "kubernetesApiCallAction"))
	w.network(r.get(r.action, "networkConnectionAction"))
	w.dns(r.get(r.action, "dnsRequestAction"))
	w.probes(r.get(r.action, "portProbeAction"))
	w.logins(r.get(r.action, "rdsLoginAttemptAction"))
	w.runtime(r.get(r.service, "runtimeDetails"))
	w.objects()
	w.scanned()
	w.sequence(r.at(r.service, "detection", "sequence"))
	r.Close(w.list)
}

// evidences counts elements, since observables say where they stand.
type evidences struct {
	*finding
	list, n int
}

// element writes one element, unless write tells that there is nothing to say.
func (w *evidences) element(write func(path string) bool) {
	from := len(w.B)
	at := w.Open("")
	if !write(fmt.Sprintf("evidences[%d]", w.n)) {
		w.B = w.B[:from]
		return
	}
	if w.Close(at) {
		w.n++
	}
}

func (w *evidences) apiCall(action node) {
	if w.Doc.Kind(action) != ocsfjson.Object {
		return
	}
	w.element(func(path string) bool {
		ok := w.call(action)
		ok = w.remote("src_endpoint", path+".src_endpoint", action) || ok
		ok = w.actor(path) || ok
		if ok {
			w.userAgent(path, action)
		}
		return ok
	})
}

// call writes the call of an API.
func (r *finding) call(action node) bool {
	if r.str(action, "api") == "" {
		return false
	}
	at := r.Open("api")
	r.Move("operation", r.get(action, "api"))
	in := r.Open("service")
	r.Move("name", r.get(action, "serviceName"))
	r.Close(in)
	in = r.Open("response")
	r.Move("error", r.get(action, "errorCode"))
	r.Close(in)
	return r.Close(at)
}

// writeAPI writes the call beside the evidences as well, where events of other classes have it.
func (r *finding) writeAPI() {
	if !r.call(r.get(r.action, "awsApiCallAction")) {
		r.verb(r.get(r.action, "kubernetesApiCallAction"))
	}
}

func (r *finding) verb(action node) bool {
	if r.str(action, "verb") == "" {
		return false
	}
	at := r.Open("api")
	r.Move("operation", r.get(action, "verb"))
	in := r.Open("response")
	r.integer("code", r.get(action, "statusCode"))
	r.Close(in)
	return r.Close(at)
}

func (r *finding) actor(path string) bool {
	at := r.Open("actor")
	r.actorParts(path + ".actor")
	return r.Close(at)
}

func (r *finding) userAgent(path string, action node) {
	at := r.Open("http_request")
	r.MoveSeen("user_agent", r.get(action, "userAgent"), ocsfjson.UserAgent, path+".http_request.user_agent")
	r.Close(at)
}

func (w *evidences) kubeCall(action node) {
	if w.Doc.Kind(action) != ocsfjson.Object {
		return
	}
	w.element(func(path string) bool {
		ok := w.verb(action)
		ok = w.remote("src_endpoint", path+".src_endpoint", action) || ok
		ok = w.actor(path) || ok
		at := w.Open("url")
		w.Move("path", w.get(action, "requestUri"))
		ok = w.Close(at) || ok
		if ok {
			w.userAgent(path, action)
		}
		return ok
	})
}

func (w *evidences) network(action node) {
	if w.Doc.Kind(action) != ocsfjson.Object {
		return
	}
	w.element(func(path string) bool {
		direction := w.str(action, "connectionDirection")
		w.connection(direction, w.str(action, "protocol"))
		if direction == "OUTBOUND" {
			w.local("src_endpoint", path+".src_endpoint", action)
			w.remote("dst_endpoint", path+".dst_endpoint", action)
		} else {
			w.remote("src_endpoint", path+".src_endpoint", action)
			w.local("dst_endpoint", path+".dst_endpoint", action)
		}
		w.runtimeParts(path)
		return true
	})
}

func (w *evidences) dns(action node) {
	domain := w.get(action, "domain")
	if w.Doc.Str(domain) == "" {
		return
	}
	w.element(func(path string) bool {
		at := w.Open("query")
		w.MoveSeen("hostname", domain, ocsfjson.Hostname, path+".query.hostname")
		w.Close(at)
		w.connection("OUTBOUND", w.str(action, "protocol"))
		w.local("src_endpoint", path+".src_endpoint", action)
		w.runtimeParts(path)
		return true
	})
}

func (w *evidences) probes(action node) {
	list := w.get(action, "portProbeDetails")
	if w.Doc.Kind(list) != ocsfjson.Array {
		return
	}
	for p := w.Doc.First(list); p >= 0; p = w.Doc.Next(p) {
		w.element(func(path string) bool {
			w.connection("INBOUND", "")
			w.remote("src_endpoint", path+".src_endpoint", p)
			w.local("dst_endpoint", path+".dst_endpoint", p)
			return true
		})
	}
}

func (w *evidences) logins(action node) {
	list := w.get(action, "loginAttributes")
	if w.Doc.Kind(list) != ocsfjson.Array {
		return
	}
	for p := w.Doc.First(list); p >= 0; p = w.Doc.Next(p) {
		w.element(func(path string) bool {
			at := w.Open("user")
			w.MoveSeen("name", w.get(p, "user"), ocsfjson.UserName, path+".user.name")
			ok := w.Close(at)
			at = w.Open("actor")
			w.Move("app_name", w.get(p, "application"))
			ok = w.Close(at) || ok
			ok = w.remote("src_endpoint", path+".src_endpoint", action) || ok
			if name := w.at(w.resource, "rdsDbUserDetails", "database"); w.Doc.Str(name) != "" {
				at := w.Open("database")
				w.Move("name", name)
				w.Lit(`"type":"Relational","type_id":1`)
				ok = w.Close(at) || ok
			}
			return ok
		})
	}
}

// objects writes the objects of a bucket that a finding is about.
func (w *evidences) objects() {
	w.each(w.get(w.resource, "s3BucketDetails"), func(bucket node) {
		w.each(w.get(bucket, "s3ObjectDetails"), func(object node) {
			if w.str(object, "key") == "" || w.str(bucket, "name") == "" {
				return
			}
			w.element(func(path string) bool {
				at := w.Open("databucket")
				w.Copy("name", w.get(bucket, "name"))
				w.Copy("uid", w.get(bucket, "arn"))
				w.Lit(`"type":"S3","type_id":1`)
				w.file("file", path+".databucket.file", w.get(object, "key"), w.get(object, "hash"))
				w.Close(at)
				return true
			})
		})
	})
}

// scanned writes the files of volumes, snapshots and images that a scan has found a threat in.
func (w *evidences) scanned() {
	threats := w.at(w.get(w.service, "ebsVolumeScanDetails"), "scanDetections", "threatDetectedByName", "threatNames")
	w.each(threats, func(threat node) {
		w.each(w.get(threat, "filePaths"), func(f node) {
			path := w.get(f, "filePath")
			if w.Doc.Str(path) == "" {
				path = w.get(f, "fileName")
			}
			w.found(path, w.get(f, "hash"))
		})
	})
	w.each(w.at(w.service, "malwareScanDetails", "threats"), func(threat node) {
		w.each(w.get(threat, "itemPaths"), func(f node) { w.found(w.get(f, "nestedItemPath"), w.get(f, "hash")) })
	})
}

// found writes a file as an element.
func (w *evidences) found(file, hash node) {
	if w.Doc.Str(file) == "" {
		return
	}
	w.element(func(path string) bool {
		w.file("file", path+".file", file, hash)
		return true
	})
}

// each calls do for the objects in a list.
func (r *finding) each(list node, do func(n node)) {
	if r.Doc.Kind(list) != ocsfjson.Array {
		return
	}
	for c := r.Doc.First(list); c >= 0; c = r.Doc.Next(c) {
		if r.Doc.Kind(c) == ocsfjson.Object {
			do(c)
		}
	}
}
