package k8saudit

import (
	"math"
	"net/netip"
	"strconv"
	"strings"

	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/format/ocsfjson"
)

func (r *record) writeStatus() {
	switch r.outcome {
	case 0:
		r.Lit(`"status":"Unknown","status_id":0`)
	default:
		r.Status(r.outcome == 2)
	}
	if r.code > 0 {
		r.Str("status_code", strconv.FormatInt(r.code, 10))
	}
	if r.outcome == 2 {
		r.Copy("status_detail", r.Doc.Get(r.responseStatus, "message"))
	}
	switch r.Doc.Str(r.decision) { // the captions differ from the words of Kubernetes
	case "allow":
		r.Lit(`"action":"Allowed","action_id":1,"disposition":"Allowed","disposition_id":1`)
	case "forbid":
		r.Lit(`"action":"Denied","action_id":2,"disposition":"Blocked","disposition_id":2`)
	}
	r.Time("start_time", r.requestReceivedTimestamp)
}

func (r *record) writeMetadata() {
	profiles := make([]string, 0, 2)
	if r.in.Attrs[producers.AttrAccount] != "" || r.in.Attrs[producers.AttrRegion] != "" {
		profiles = append(profiles, "cloud")
	}
	if decision := r.Doc.Str(r.decision); decision == "allow" || decision == "forbid" {
		profiles = append(profiles, "security_control")
	}
	at := r.Metadata(Name, profiles...)
	r.Str("uid", r.uid)
	r.Lit(`"product":{"name":"Kubernetes","vendor_name":"CNCF"}`)
	r.MoveOr("log_version", r.apiVersion, clip(r.version))
	r.Move("log_level", r.level)
	r.Move("event_code", r.stage)
	r.Close(at)
	r.AttrCloud(r.in)
}

func (r *record) writeAPI() {
	d := &r.Doc
	at := r.Open("api")
	r.Move("operation", r.verb)
	r.Lit(`"service":{"name":"kubernetes"}`)
	group := r.Open("group")
	r.Move("name", d.Get(r.objectRef, "apiGroup"))
	r.Close(group)
	r.Move("version", d.Get(r.objectRef, "apiVersion"))
	request := r.Open("request")
	r.Move("uid", r.auditID)
	r.MoveAny("data", r.requestObject)
	r.Close(request)
	response := r.Open("response")
	r.CopyInt("code", d.Get(r.responseStatus, "code"), 0, math.MaxInt32)
	if r.outcome == 2 {
		r.Move("error", d.Get(r.responseStatus, "reason"))
		r.Move("error_message", d.Get(r.responseStatus, "message"))
	} else {
		r.Move("message", d.Get(r.responseStatus, "message"))
	}
	r.MoveAny("data", r.responseObject)
	r.Close(response)
	r.Close(at)
}

func (r *record) writeActor() {
	d := &r.Doc
	at := r.Open("actor")
	user := r.Open("user")
	name := d.Get(r.user, "username")
	r.Observe(ocsfjson.UserName, "actor.user.name", name)
	named := r.Move("name", name)
	uid := d.Get(r.user, "uid")
	named = r.MoveSeen("uid", uid, ocsfjson.UserUID, "actor.user.uid") || named
	if named {
		r.KeyUser = d.Str(uid)
		r.writeUserType(d.Str(name))
		r.MoveSeen("uid_alt", r.extra("arn"), ocsfjson.ResourceUID, "actor.user.uid_alt")
		r.writeGroups(d.Get(r.user, "groups"))
	}
	r.Close(user)
	session := r.Open("session")
	r.MoveSeen("credential_uid", r.extra("accessKeyId"), ocsfjson.CredentialUID, "actor.session.credential_uid")
	r.Move("uid", r.extra("sessionName"))
	r.Close(session)
	r.writeAuthorization()
	if !named && !r.Copy("app_name", r.userAgent) { // a request that was refused before its maker was known
		r.Str("app_name", "unknown")
	}
	r.Close(at)
}

func (r *record) writeUserType(name string) {
	switch {
	case strings.HasPrefix(name, "system:serviceaccount:"):
		r.Lit(`"type":"Service","type_id":4`)
	case strings.HasPrefix(name, "system:") || strings.HasPrefix(name, "eks:"):
		r.Lit(`"type":"System","type_id":3`)
	default:
		r.Lit(`"type":"User","type_id":1`)
	}
}

// extra is the one value of what an authenticator adds to a user: EKS its principal in AWS.
func (r *record) extra(name string) node {
	d := &r.Doc
	list := d.Path(r.user, "extra", name)
	if one := d.First(list); d.Kind(list) == ocsfjson.Array && one >= 0 && d.Next(one) < 0 {
		return one
	}
	return ocsfjson.None
}

func (r *record) writeGroups(groups node) {
	d := &r.Doc
	if d.Kind(groups) != ocsfjson.Array {
		return
	}
	list := r.List("groups")
	for c := d.First(groups); c >= 0; c = d.Next(c) {
		at := r.Open("")
		r.Move("name", c)
		r.Close(at)
	}
	r.Close(list)
}

// writeAuthorization writes the decision, and as its policy what RBAC gives as a reason.
func (r *record) writeAuthorization() {
	list := r.List("authorizations")
	at := r.Open("")
	if r.Move("decision", r.decision) && r.Doc.Str(r.reason) != "" {
		policy := r.Open("policy")
		kind, _, _ := strings.Cut(r.Doc.Str(r.reason), ":") // RBAC: allowed by ClusterRoleBinding …
		r.Str("type", kind)
		r.Move("desc", r.reason)
		r.Close(policy)
	}
	r.Close(at)
	r.Close(list)
}

// writeSource writes where the request came from: the first address is that of the client, as far as one can believe it.
func (r *record) writeSource() {
	d := &r.Doc
	at := r.Open("src_endpoint")
	first := ocsfjson.None
	if d.Kind(r.sourceIPs) == ocsfjson.Array {
		first = d.First(r.sourceIPs)
	}
	ip, known := r.MoveIP("ip", first, "src_endpoint.ip")
	r.KeyIP = ip
	if !known && !r.Move("name", first) {
		r.Str("svc_name", "kube-apiserver") // nobody is named: the server itself speaks
	}
	if first >= 0 {
		list := r.List("intermediate_ips")
		for c := d.Next(first); c >= 0; c = d.Next(c) {
			r.writeIntermediate(c)
		}
		r.Close(list)
	}
	r.Close(at)
}

func (r *record) writeIntermediate(n node) {
	text := r.Doc.Str(n)
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Zone() != "" {
		return
	}
	if b := r.B[len(r.B)-1]; b != '[' {
		r.B = append(r.B, ',')
	}
	form := addr.Unmap().String()
	r.Quote(form)
	r.ObserveText(ocsfjson.IPAddress, "src_endpoint.intermediate_ips[]", form)
	if form == text {
		r.Doc.Take(n)
	}
}

func (r *record) writeHTTP() {
	d := &r.Doc
	at := r.Open("http_request")
	url := r.Open("url")
	switch path, query, found := strings.Cut(d.Str(r.requestURI), "?"); {
	case found && path != "":
		r.Str("path", path)
		r.Str("query_string", query)
	default:
		r.Move("path", r.requestURI)
	}
	r.Close(url)
	r.MoveSeen("user_agent", r.userAgent, ocsfjson.UserAgent, "http_request.user_agent")
	r.Close(at)
	at = r.Open("http_response")
	if r.MoveInt("code", d.Get(r.responseStatus, "code"), 0, math.MaxInt32) {
		r.Move("status", d.Get(r.responseStatus, "status"))
	}
	r.Close(at)
}

// writeResource writes what the request is about. It has a name always: that of its kind, if the request is for all of them, or for one that
// the server is to name.
func (r *record) writeResource() {
	d := &r.Doc
	kind := d.Get(r.objectRef, "resource")
	if d.Str(kind) == "" {
		return
	}
	list := r.List("resources")
	at := r.Open("")
	uid := d.Get(r.objectRef, "uid")
	if r.MoveSeen("uid", uid, ocsfjson.ResourceUID, "resources[0].uid") {
		r.KeyResource = d.Str(uid)
	}
	if name := d.Get(r.objectRef, "name"); !r.Copy("name", name) && !r.Copy("name", d.Path(r.requestObject, "metadata", "name")) {
		r.Copy("name", kind)
	}
	r.Move("namespace", d.Get(r.objectRef, "namespace"))
	if sub := d.Str(d.Get(r.objectRef, "subresource")); sub != "" {
		r.Str("type", d.Str(kind)+"/"+sub)
	} else {
		r.Copy("type", kind)
	}
	r.Move("version", d.Get(r.objectRef, "resourceVersion"))
	r.Close(at)
	r.Close(list)
}

// observeRest adds what is worth finding in parts that are copied whole.
func (r *record) observeRest() {
	d := &r.Doc
	r.Observe(ocsfjson.UserName, "unmapped.impersonatedUser.username", d.Get(r.impersonatedUser, "username"))
	r.Observe(ocsfjson.UserUID, "unmapped.impersonatedUser.uid", d.Get(r.impersonatedUser, "uid"))
	r.Observe(ocsfjson.ResourceUID, "unmapped.user.extra.canonicalArn", r.extra("canonicalArn"))
}
