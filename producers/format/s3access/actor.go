package s3access

import (
	"strings"

	"github.com/riposte-security/riposte/producers/format/accesslog"
	"github.com/riposte-security/riposte/producers/format/ocsfjson"
)

// service is what asks where the requester is a service of AWS; empty where it is none.
func (r *entry) service() string {
	who := r.Value(requester)
	if name, ok := strings.CutPrefix(who, "svc:"); ok {
		return name
	}
	if who == "AmazonS3" {
		return "s3.amazonaws.com"
	}
	return ""
}

// writeActor writes who asked.
func (r *entry) writeActor() {
	at := r.Open("actor")
	defer r.Close(at)
	if name := r.service(); name != "" {
		r.Str("app_name", name)
		return
	}
	in := r.Open("user")
	session := r.writeUser()
	r.Close(in)
	if session != "" {
		in := r.Open("session")
		r.Str("uid", session)
		r.Close(in)
	}
}

// writeUser writes the members of actor.user, and returns the name of the role's session if there is one.
func (r *entry) writeUser() string {
	who := r.Value(requester)
	if who == "" {
		r.Lit(`"name":"anonymous"`)
		return ""
	}
	r.MoveSeen("uid", requester, ocsfjson.UserUID, "actor.user.uid")
	r.KeyUser = strings.Clone(who)
	arn, ok := accesslog.ParseARN(who)
	if !ok {
		return ""
	}
	kind, name, _ := strings.Cut(arn.Resource, "/")
	session := ""
	switch kind {
	case "user":
		name = name[strings.LastIndexByte(name, '/')+1:] // behind its path
		r.Lit(`"type":"IAMUser","type_id":1`)
	case "assumed-role":
		name, session, _ = strings.Cut(name, "/")
		r.Lit(`"type":"AssumedRole","type_id":99`)
	case "root":
		name = kind
		r.Lit(`"type":"Root","type_id":2`)
	}
	if name != "" {
		r.Str("name", name)
		r.ObserveText(ocsfjson.UserName, "actor.user.name", name)
	}
	if arn.Account != "" {
		account := r.Open("account")
		r.Str("uid", arn.Account)
		r.ObserveText(ocsfjson.AccountUID, "actor.user.account.uid", arn.Account)
		r.Close(account)
	}
	return session
}

// writeSource writes src_endpoint: the address, else the service that did it.
func (r *entry) writeSource() {
	if r.Has(remoteIP) {
		if canonical, ok := r.Source(r.Value(remoteIP), ""); ok {
			if canonical {
				r.Use(remoteIP)
			}
			return
		}
	}
	name := r.service()
	if name == "" {
		name = "s3.amazonaws.com"
	}
	at := r.Open("src_endpoint")
	r.Str("svc_name", name)
	r.Close(at)
}

// writeDestination writes what was addressed. named tells to give the bucket there, for want of a better place.
func (r *entry) writeDestination(named bool) {
	at := r.Open("dst_endpoint")
	r.MoveSeen("hostname", hostHeader, ocsfjson.Hostname, "dst_endpoint.hostname")
	r.Lit(`"svc_name":"s3.amazonaws.com"`)
	if named {
		r.Move("name", bucket)
		arn := "arn:" + r.partition() + ":s3:::" + r.Value(bucket)
		r.Str("uid", arn)
		r.ObserveText(ocsfjson.ResourceUID, "dst_endpoint.uid", arn)
		if arn == r.Value(bucketARN) {
			r.Use(bucketARN)
		}
	}
	r.Close(at)
}

func (r *entry) writeRequest() {
	at := r.Open("http_request")
	r.Method(r.method)
	if r.version != "" {
		r.Str("version", r.version)
	}
	r.WriteURL(r.url)
	r.UserAgent(userAgent, r.Value(userAgent), true)
	r.Move("referrer", referer)
	if r.Has(requestID) {
		r.Str("uid", r.Value(requestID))
	}
	accesslog.CloseRequest(r.Event, at)
}

func (r *entry) writeResponse() {
	if !r.Has(httpStatus) {
		return // OCSF has no http_response without a code
	}
	at := r.Open("http_response")
	r.Count("code", httpStatus)
	r.Count("body_length", bytesSent)
	r.Count("latency", turnAround)
	r.Close(at)
}
