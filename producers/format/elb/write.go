package elb

import (
	"strings"

	"github.com/riposte-security/riposte/producers/format/accesslog"
	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/schemas"
)

// cutRequest cuts the request line into method, URL and version. What is not there is written as `-`.
func cutRequest(line string) (method, url, version string) {
	method, rest, ok := strings.Cut(line, " ")
	if !ok {
		return "", line, ""
	}
	rest = strings.TrimRight(rest, " ")
	url = rest
	if i := strings.LastIndexByte(rest, ' '); i >= 0 {
		url, version = rest[:i], rest[i+1:]
	}
	return present(method), present(url), present(version)
}

func present(s string) string {
	if s == "-" {
		return ""
	}
	return s
}

func (r *entry) writeHTTP() (schemas.Event, error) {
	method, address, version := cutRequest(r.Value(request))
	url := accesslog.ParseURL(address)
	url.Plain = r.Plain()
	code, coded := r.Int(elbStatus)
	r.BeginHTTP(method)
	switch {
	case !coded:
		r.Lit(`"status":"Unknown","status_id":0`)
	default:
		r.Status(code >= 400)
		r.Move("status_code", elbStatus)
	}
	blocked := lastAction(r.Value(actions)) == "waf"
	if blocked {
		r.Lit(`"action":"Denied","action_id":2,"disposition":"Blocked","disposition_id":2`)
	}
	r.writeMetadata(blocked)
	r.writeCloud()
	r.writeTimes()
	r.Move("app_protocol_name", kindField)
	r.writeSource()
	r.writeDestination(url)
	r.writeRequest(method, version, url)
	if coded {
		at := r.Open("http_response")
		r.Count("code", elbStatus)
		r.Count("length", sent)
		if ms, ok := r.Seconds(targetTime); ok {
			r.Writer.Int("latency", ms)
		}
		r.Close(at)
	}
	r.writeBalancer(code)
	r.writeTLS()
	r.writeConnection()
	r.Traffic(sent, received)
	return r.End(schemas.ClassHTTPActivity), nil
}

// lastAction is what the load balancer did in the end.
func lastAction(list string) string {
	return list[strings.LastIndexByte(list, ',')+1:]
}

func (r *entry) writeMetadata(blocked bool) {
	at := r.Open("metadata")
	r.Lit(`"version":"` + schemas.Version + `","log_name":"` + Name + `"`)
	switch balanced := r.Has(name); {
	case balanced && blocked:
		r.Lit(`"profiles":["cloud","load_balancer","security_control"]`)
	case balanced:
		r.Lit(`"profiles":["cloud","load_balancer"]`)
	case blocked:
		r.Lit(`"profiles":["cloud","security_control"]`)
	default:
		r.Lit(`"profiles":["cloud"]`)
	}
	r.Str("uid", r.UID)
	switch r.kind {
	case application:
		r.Lit(`"product":{"name":"Elastic Load Balancing","vendor_name":"AWS","feature":{"name":"Application Load Balancer access logs"}}`)
	case network:
		r.Lit(`"product":{"name":"Elastic Load Balancing","vendor_name":"AWS","feature":{"name":"Network Load Balancer access logs"}}`)
	case classic:
		r.Lit(`"product":{"name":"Elastic Load Balancing","vendor_name":"AWS","feature":{"name":"Classic Load Balancer access logs"}}`)
	case healthCheck:
		r.Lit(`"product":{"name":"Elastic Load Balancing","vendor_name":"AWS","feature":{"name":"Application Load Balancer health check logs"}}`)
	case connection:
		r.Lit(`"product":{"name":"Elastic Load Balancing","vendor_name":"AWS","feature":{"name":"Application Load Balancer connection logs"}}`)
	}
	r.Move("log_version", version)
	r.Close(at)
}

func (r *entry) writeCloud() {
	arn, ok := accesslog.ParseARN(r.Value(targetGroup))
	if ok {
		r.ObserveText(ocsfjson.ResourceUID, "unmapped.target_group_arn", r.Value(targetGroup))
	} else {
		arn, _ = accesslog.ParseARN(r.Value(certARN))
	}
	if strings.HasPrefix(r.Value(certARN), "arn:") {
		r.ObserveText(ocsfjson.ResourceUID, "unmapped.chosen_cert_arn", r.Value(certARN))
	}
	r.Cloud(arn)
}

// writeTimes writes start_time and duration.
func (r *entry) writeTimes() {
	if t, ok := ocsfjson.ParseTime(r.Value(created)); ok {
		r.Writer.Int("start_time", t.UnixMilli())
	}
	if r.kind == network {
		r.Count("duration", connectionTime)
		return
	}
	a, okA := r.Seconds(requestTime)
	b, okB := r.Seconds(targetTime)
	c, okC := r.Seconds(responseTime)
	if okA || okB || okC {
		r.Writer.Int("duration", a+b+c)
	}
}

// writeSource writes the client.
func (r *entry) writeSource() bool {
	if r.ip == "" {
		return false
	}
	if canonical, _ := r.Source(r.ip, r.port); canonical && r.ip == r.Value(clientIP) {
		r.Use(clientIP)
	}
	return true
}

// writeDestination writes what the client asked for: the host and port of the URL.
func (r *entry) writeDestination(url accesslog.URL) {
	at := r.Open("dst_endpoint")
	switch {
	case url.Host != "":
		r.Str("hostname", url.Host)
	case r.Has(domain):
		r.Str("hostname", r.Value(domain))
	default:
		r.B = r.B[:at]
		return
	}
	r.Port("port", url.Port)
	r.Close(at)
}

func (r *entry) writeRequest(method, version string, url accesslog.URL) {
	at := r.Open("http_request")
	r.Method(method)
	if version != "" {
		r.Str("version", version)
	}
	r.WriteURL(url)
	agent, changed := accesslog.UnescapeHex(r.Value(userAgent))
	r.UserAgent(userAgent, agent, !changed)
	r.Move("uid", traceID)
	r.Count("length", received)
	accesslog.CloseRequest(r.Event, at)
}

func (r *entry) writeTLS() {
	if !r.Has(protocol) {
		return // OCSF has no tls without a version
	}
	at := r.Open("tls")
	r.Move("version", protocol)
	r.Move("cipher", cipher)
	r.MoveSeen("sni", domain, ocsfjson.Hostname, "tls.sni")
	if r.kind == network {
		r.Count("handshake_dur", handshakeTime)
	} else if ms, ok := r.Seconds(handshakeTime); ok {
		r.Writer.Int("handshake_dur", ms)
	}
	r.Count("alert", alert)
	r.Close(at)
}

func (r *entry) writeConnection() {
	if !r.Has(connTrace) {
		return
	}
	at := r.Open("connection_info")
	r.Lit(`"direction":"Inbound","direction_id":1`)
	r.Move("uid", connTrace)
	r.Close(at)
}
