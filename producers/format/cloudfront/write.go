package cloudfront

import (
	"strings"

	"github.com/riposte-security/riposte/producers/format/accesslog"
	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/schemas"
)

func (r entry) write() schemas.Event {
	r.BeginHTTP(r.Value(method))
	code, coded := r.Int(status)
	if coded {
		r.Status(code >= 400 || code == 0)
		r.Move("status_code", status)
	} else {
		r.Lit(`"status":"Unknown","status_id":0`)
	}
	r.Move("status_detail", detail)
	at := r.Open("metadata")
	r.Lit(`"version":"` + schemas.Version + `","log_name":"` + Name + `","profiles":["cloud"]`)
	r.Str("uid", r.UID)
	r.Lit(`"product":{"name":"Amazon CloudFront","vendor_name":"AWS"}`)
	r.Close(at)
	r.Cloud(accesslog.ARN{})
	if ms, ok := r.Seconds(timeTaken); ok {
		r.Writer.Int("duration", ms)
	}
	r.Move("app_protocol_name", scheme)
	r.writeSource()
	r.writeDestination()
	r.writeRequest()
	r.writeResponse(coded)
	if r.Has(sslProtocol) { // OCSF has no tls without a version
		at := r.Open("tls")
		r.Move("version", sslProtocol)
		r.Move("cipher", sslCipher)
		r.Close(at)
	}
	r.Traffic(sent, received)
	return r.End(schemas.ClassHTTPActivity)
}

func (r entry) writeSource() {
	at := r.Open("src_endpoint")
	if r.Has(clientIP) {
		ip, canonical, ok := r.IP("ip", r.Value(clientIP), "src_endpoint.ip")
		if ok {
			r.KeyIP = strings.Clone(ip)
		}
		if canonical {
			r.Use(clientIP)
		}
		r.Count("port", clientPort)
	}
	if r.Has(country) {
		in := r.Open("location")
		r.Move("country", country)
		r.Close(in)
	}
	if r.Has(asn) {
		in := r.Open("autonomous_system")
		r.Count("number", asn)
		r.Close(in)
	}
	r.Close(at)
}

func (r entry) writeDestination() {
	at := r.Open("dst_endpoint")
	if !r.MoveSeen("hostname", edgeHost, ocsfjson.Hostname, "dst_endpoint.hostname") {
		r.MoveSeen("hostname", hostHeader, ocsfjson.Hostname, "dst_endpoint.hostname")
	}
	r.Move("uid", distribution)
	r.Close(at)
}

func (r entry) writeRequest() {
	at := r.Open("http_request")
	r.Method(r.Value(method))
	switch id, _ := accesslog.Activity(r.Value(method)); id {
	case 0:
	default: // it stands there, or as the activity's name
		r.Use(method)
	}
	r.Move("version", protocolVersion)
	r.writeURL()
	agent, changed := accesslog.Unescape(r.Value(userAgent))
	if strings.Contains(agent, "%20") && !strings.Contains(agent, " ") {
		agent, _ = accesslog.Unescape(agent)
	}
	r.UserAgent(userAgent, agent, !changed)
	if text, changed := accesslog.Unescape(r.Value(referer)); changed {
		r.Str("referrer", text)
	} else {
		r.Move("referrer", referer)
	}
	r.Move("uid", requestID)
	r.Count("length", received)
	list, _ := accesslog.Unescape(r.Value(forwarded)) // the blanks behind its commas are encoded
	r.Forwarded(list)
	accesslog.CloseRequest(r.Event, at)
}

// writeURL writes url as the client sent it: what CloudFront has encoded for the log is decoded.
func (r entry) writeURL() {
	host := r.Value(hostHeader)
	if host == "" {
		host = r.Value(edgeHost)
	}
	path, pathChanged := accesslog.Unescape(r.Value(stem))
	search, searchChanged := accesslog.Unescape(r.Value(query))
	u := accesslog.URL{Scheme: r.Value(scheme), Host: host, Path: path, Query: search}
	switch {
	case u.Scheme != "" && host != "" && search != "":
		u.Text = u.Scheme + "://" + host + path + "?" + search
	case u.Scheme != "" && host != "":
		u.Text = u.Scheme + "://" + host + path
	case search != "":
		u.Text = path + "?" + search
	default:
		u.Text = path
	}
	r.WriteURL(u)
	if u.Text == "" {
		return
	}
	if r.Has(hostHeader) {
		r.Use(hostHeader)
	}
	if !pathChanged {
		r.Use(stem)
	}
	if !searchChanged {
		r.Use(query)
	}
}

func (r entry) writeResponse(coded bool) {
	if !coded {
		return // OCSF has no http_response without a code
	}
	at := r.Open("http_response")
	r.Count("code", status)
	r.Count("length", sent)
	if text, changed := accesslog.Unescape(r.Value(contentType)); changed {
		r.Str("content_type", text)
	} else {
		r.Move("content_type", contentType)
	}
	r.Count("body_length", contentLength)
	if ms, ok := r.Seconds(firstByte); ok {
		r.Writer.Int("latency", ms)
	}
	r.Close(at)
}
