package s3access

import (
	"strings"

	"github.com/riposte-security/riposte/producers/format/accesslog"
	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/schemas"
)

// activity gives the activity of Datastore Activity for an operation such as REST.GET.OBJECT.
func activity(operation string) (int, string) {
	_, rest, _ := strings.Cut(operation, ".")
	verb, kind, _ := strings.Cut(rest, ".")
	switch {
	case kind == "UPLOADS" && verb == "GET", kind == "UPLOAD" && verb == "GET", kind == "BUCKET":
		return 8, "List"
	case verb == "GET", verb == "HEAD":
		return 1, "Read"
	case kind == "OBJECT_TAGGING", kind == "ACL", kind == "TAGGING", kind == "OBJECT_LOCK_RETENTION", kind == "OBJECT_LOCK_LEGAL_HOLD",
		verb == "POST" && kind == "OBJECT_RESTORE", kind == "RESTORE":
		return 2, "Update"
	case verb == "DELETE", verb == "EXPIRE", operation == "S3.CREATE.DELETEMARKER":
		return 7, "Delete"
	case verb == "PUT", verb == "COPY", verb == "POST":
		return 5, "Write"
	}
	return 99, operation
}

// writeObject writes a request for an object.
func (r *entry) writeObject() schemas.Event {
	id, name := activity(r.Value(operation))
	r.Begin(schemas.ClassDatastoreActivity, id, name, r.Time)
	r.Severity(1)
	r.writeHead()
	r.writeActor()
	r.writeSource()
	r.writeDestination(false)
	if r.Has(requestURI) {
		r.writeRequest()
	}
	r.writeResponse()
	r.Lit(`"type":"Databucket","type_id":2`)
	at := r.Open("databucket")
	r.Move("name", bucket)
	if !r.MoveSeen("uid", bucketARN, ocsfjson.ResourceUID, "databucket.uid") {
		arn := "arn:" + r.partition() + ":s3:::" + r.Value(bucket)
		r.Str("uid", arn)
		r.ObserveText(ocsfjson.ResourceUID, "databucket.uid", arn)
	}
	r.Lit(`"type":"S3","type_id":1`)
	r.writeFile()
	r.Close(at)
	return r.End(schemas.ClassDatastoreActivity)
}

func (r *entry) partition() string {
	if strings.HasSuffix(r.Value(hostHeader), ".amazonaws.com.cn") {
		return "aws-cn"
	}
	if a, ok := accesslog.ParseARN(r.Value(accessPoint)); ok {
		return a.Partition
	}
	return "aws"
}

func (r *entry) writeFile() {
	if !r.Has(key) {
		return
	}
	name := r.objectKey()
	at := r.Open("file")
	r.Str("name", name)
	r.Str("path", name)
	r.Lit(`"type_id":1`)
	r.Count("size", objectSize)
	r.Move("version", versionID)
	if name == r.Value(key) {
		r.Use(key)
	}
	r.Close(at)
}

// objectKey undoes the encoding of the key: that of the log, and under it that of the request, where the request is seen to have it.
func (r *entry) objectKey() string {
	if r.IsJSON() {
		return r.Value(key)
	}
	name, changed := accesslog.Unescape(r.Value(key))
	if changed && strings.Contains(r.url.Path, name) {
		name, _ = accesslog.Unescape(name)
	}
	return name
}

// writeHTTP writes any other request.
func (r *entry) writeHTTP() schemas.Event {
	r.BeginHTTP(r.method)
	r.writeHead()
	r.writeActor()
	r.writeSource()
	r.writeDestination(true)
	r.writeRequest()
	r.writeResponse()
	if r.Has(tlsVersion) {
		at := r.Open("tls")
		r.Move("version", tlsVersion)
		r.Move("cipher", cipher)
		r.Close(at)
	}
	return r.End(schemas.ClassHTTPActivity)
}

// writeHead writes status, metadata, cloud and api.
func (r *entry) writeHead() {
	code, coded := r.Int(httpStatus)
	switch {
	case r.Has(errorCode), coded && code >= 400:
		r.Status(true)
	case coded, strings.HasPrefix(r.Value(operation), "S3."):
		r.Status(false)
	default:
		r.Lit(`"status":"Unknown","status_id":0`)
	}
	if !r.Move("status_code", errorCode) {
		r.Move("status_code", httpStatus)
	}
	at := r.Open("metadata")
	r.Lit(`"version":"` + schemas.Version + `","log_name":"` + Name + `","profiles":["cloud","host"]`)
	r.Str("uid", r.UID)
	r.Lit(`"product":{"name":"Amazon S3","vendor_name":"AWS","feature":{"name":"Server access logs"}}`)
	r.Close(at)
	point, ok := accesslog.ParseARN(r.Value(accessPoint))
	if ok {
		r.ObserveText(ocsfjson.ResourceUID, "unmapped.access_point_arn", r.Value(accessPoint))
	}
	if point.Region == "" {
		point.Region = region(r.Value(hostHeader))
	}
	r.Cloud(point)
	r.Count("duration", totalTime)
	r.writeAPI()
}

// region is that of an endpoint of S3 such as bucket.s3.eu-west-1.amazonaws.com; empty where it names none.
func region(host string) string {
	host = strings.TrimSuffix(host, ".cn")
	name, ok := strings.CutSuffix(host, ".amazonaws.com")
	if !ok {
		return ""
	}
	name = strings.TrimPrefix(name[strings.LastIndexByte(name, '.')+1:], "s3-")
	if n := len(name); n == 0 || name[n-1] < '0' || name[n-1] > '9' || strings.Count(name, "-") < 2 {
		return ""
	}
	return name
}

func (r *entry) writeAPI() {
	at := r.Open("api")
	r.Move("operation", operation)
	r.Lit(`"service":{"name":"s3.amazonaws.com"}`)
	if r.Has(requestID) {
		in := r.Open("request")
		r.Move("uid", requestID)
		r.Close(in)
	}
	in := r.Open("response")
	r.Count("code", httpStatus)
	if r.Has(errorCode) {
		r.Str("error", r.Value(errorCode))
	}
	r.Close(in)
	r.Close(at)
}
