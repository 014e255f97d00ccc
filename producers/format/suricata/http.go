package suricata

import (
	"math"
	"strconv"
	"strings"

	"github.com/riposte-security/riposte/producers/format/accesslog"
	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/schemas"
)

// hasHTTP tells whether http says something of a request or a response.
func (r *record) hasHTTP() bool {
	d := &r.Doc
	for _, name := range [...]string{"url", "hostname", "http_user_agent", "http_refer", "protocol"} {
		if d.Str(d.Get(r.http, name)) != "" {
			return true
		}
	}
	_, ok := r.httpStatus()
	return ok
}

// httpStatus is the status, which older versions wrote as a text.
func (r *record) httpStatus() (int64, bool) {
	n := r.Doc.Get(r.http, "status")
	if code, ok := r.Doc.Int(n); ok {
		return code, true
	}
	code, err := strconv.ParseInt(r.Doc.Str(n), 10, 32)
	return code, err == nil
}

func (r *record) writeHTTP() {
	activity, name := accesslog.Activity(r.Doc.Str(r.Doc.Get(r.http, "http_method")))
	r.Begin(schemas.ClassHTTPActivity, activity, name, r.time)
	r.Severity(1)
	code, known := r.httpStatus()
	r.Status(known && code >= 400)
	if known {
		r.Str("status_code", strconv.FormatInt(code, 10))
	}
	r.writeMetadata("")
	r.writeTimes()
	r.writeEndpoints()
	r.writeConnection()
	r.writeAppProtocol()
	r.writeTraffic()
	r.writeRequest()
	r.writeFile("file", r.fileinfo)
}

// writeRequest writes http_request and http_response.
func (r *record) writeRequest() {
	d := &r.Doc
	if d.Kind(r.http) != ocsfjson.Object {
		return
	}
	at := r.Open("http_request")
	method := d.Get(r.http, "http_method")
	if activity, _ := accesslog.Activity(d.Str(method)); activity > 0 && activity < other {
		r.Move("http_method", method)
	}
	r.writeURL()
	r.MoveSeen("user_agent", d.Get(r.http, "http_user_agent"), ocsfjson.UserAgent, r.at+"http_request.user_agent")
	r.Move("referrer", d.Get(r.http, "http_refer"))
	r.Move("version", d.Get(r.http, "protocol"))
	r.writeForwarded()
	r.writeHeaders(d.Get(r.http, "request_headers"))
	r.Close(at)
	code, known := r.httpStatus()
	if !known {
		return
	}
	at = r.Open("http_response")
	if !r.MoveInt("code", d.Get(r.http, "status"), math.MinInt64, math.MaxInt64) {
		r.Int("code", code)
	}
	r.Move("content_type", d.Get(r.http, "http_content_type"))
	r.MoveInt("length", d.Get(r.http, "length"), 0, math.MaxInt64)
	r.writeHeaders(d.Get(r.http, "response_headers"))
	r.Close(at)
}

// writeURL writes what was asked for: a path, of a request to a proxy a whole URL.
func (r *record) writeURL() {
	d := &r.Doc
	target := d.Get(r.http, "url")
	text := d.Str(target)
	host := d.Get(r.http, "hostname")
	if text == "" && d.Str(host) == "" {
		return
	}
	at := r.Open("url")
	switch path, query, found := strings.Cut(text, "?"); {
	case text == "": // OCSF demands one of path and url_string
		r.Copy("url_string", host)
	case strings.Contains(path, "://"):
		r.MoveSeen("url_string", target, ocsfjson.URLString, r.at+"http_request.url.url_string")
		r.writeParts(accesslog.ParseURL(text))
	case found:
		r.Str("path", path)
		r.Str("query_string", query)
	default:
		r.Move("path", target)
	}
	r.MoveDNSName("hostname", host, r.at+"http_request.url.hostname")
	r.MoveInt("port", d.Get(r.http, "http_port"), 0, math.MaxUint16)
	r.Close(at)
}

// writeParts writes what a whole URL consists of, so that rules find a path where they look for one.
func (r *record) writeParts(u accesslog.URL) {
	for _, part := range [][2]string{{"scheme", u.Scheme}, {"path", u.Path}, {"query_string", u.Query}} {
		if part[1] != "" {
			r.Str(part[0], part[1])
		}
	}
}

// writeForwarded writes the client that a proxy told of.
func (r *record) writeForwarded() {
	d := &r.Doc
	from := r.xff
	if from < 0 {
		from = d.Get(r.http, "xff")
	}
	text := d.Str(from)
	if text == "" {
		return
	}
	list := r.List("x_forwarded_for")
	if ip, ok := canonical(text); ok {
		r.B = append(append(append(r.B, '"'), ip...), '"')
		r.ObserveText(ocsfjson.IPAddress, r.at+"http_request.x_forwarded_for[0]", ip)
		if ip == text {
			d.Take(from)
		}
	}
	r.Close(list)
}

// writeHeaders moves headers that have both name and value.
func (r *record) writeHeaders(headers node) {
	d := &r.Doc
	if d.Kind(headers) != ocsfjson.Array {
		return
	}
	list := r.List("http_headers")
	for c := d.First(headers); c >= 0; c = d.Next(c) {
		name, value := d.Get(c, "name"), d.Get(c, "value")
		if d.Str(name) == "" || d.Str(value) == "" {
			continue
		}
		at := r.Open("")
		r.Move("name", name)
		r.Move("value", value)
		r.Close(at)
	}
	r.Close(list)
}
