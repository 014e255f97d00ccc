package waf

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/riposte-security/riposte/producers/format/accesslog"
	"github.com/riposte-security/riposte/producers/format/ocsfjson"
)

func (r *record) writeRequest(verb string, activity int) {
	d := &r.Doc
	at := r.Open("http_request")
	if activity > 0 && activity < 99 {
		r.Str("http_method", verb)
	}
	if activity > 0 {
		d.Take(r.at[method])
	}
	r.Move("version", r.at[version])
	r.writeURL()
	r.Move("uid", r.at[requestID])
	if n, ok := d.Int(r.at[bodySize]); ok && n >= 0 {
		r.Int("body_length", n)
	}
	if r.Copy("user_agent", r.at[userAgent]) {
		r.Observe(ocsfjson.UserAgent, "http_request.user_agent", r.at[userAgent])
	}
	r.Copy("referrer", r.at[referer])
	r.writeForwarded()
	r.writeHeaders()
	accesslog.CloseRequest(r.Event, at)
}

func (r *record) writeURL() {
	d := &r.Doc
	at := r.Open("url")
	path, query, name, kind := d.Str(r.at[uri]), d.Str(r.at[args]), r.hostName(), d.Str(r.at[scheme])
	text := path
	if query != "" {
		text += "?" + query
	}
	if name != "" && kind != "" {
		text = kind + "://" + name + text
		r.ObserveText(ocsfjson.URLString, "http_request.url.url_string", text)
	}
	if text == "" {
		r.B = r.B[:at]
		return
	}
	r.Str("url_string", text)
	r.Move("scheme", r.at[scheme])
	if name != "" {
		u := accesslog.ParseURL("x://" + name)
		r.Str("hostname", u.Host)
		r.ObserveText(accesslog.HostType(u.Host), "http_request.url.hostname", u.Host)
		r.port(u.Port)
	}
	if before, after, ok := strings.Cut(path, "?"); ok && query == "" { // what the log should have cut, and stays unmapped as it has it
		r.Str("path", before)
		r.Str("query_string", after)
	} else {
		r.Move("path", r.at[uri])
		r.Move("query_string", r.at[args])
	}
	r.Close(at)
}

// hostName is the host that the client asked for, with its port.
func (r *record) hostName() string { return first(r.Doc.Str(r.at[hostHeader]), r.Doc.Str(r.at[host])) }

func (r *record) port(text string) {
	if text == "" {
		return
	}
	if port, err := strconv.ParseUint(text, 10, 16); err == nil {
		r.Int("port", int64(port))
	}
}

// writeForwarded writes the addresses of x-forwarded-for.
func (r *record) writeForwarded() {
	text := r.Doc.Str(r.at[forwarded])
	if text == "" {
		return
	}
	list := r.List("x_forwarded_for")
	i := 0
	for part := range strings.SplitSeq(text, ",") {
		a, err := netip.ParseAddr(strings.TrimSpace(part))
		if err != nil || a.Zone() != "" {
			continue // it stands in http_headers
		}
		ip := a.Unmap().String()
		if i > 0 {
			r.B = append(r.B, ',')
		}
		r.Quote(ip)
		r.ObserveText(ocsfjson.IPAddress, "http_request.x_forwarded_for["+strconv.Itoa(i)+"]", ip)
		i++
	}
	r.Close(list)
}

// writeHeaders writes http_headers. What is no header with name and value stays unmapped.
func (r *record) writeHeaders() {
	d := &r.Doc
	if d.Kind(r.at[headers]) != ocsfjson.Array {
		return
	}
	list := r.List("http_headers")
	for c := d.First(r.at[headers]); c >= 0; c = d.Next(c) {
		name, value := d.Get(c, "name"), d.Get(c, "value")
		if d.Kind(name) != ocsfjson.String || d.Kind(value) != ocsfjson.String {
			continue
		}
		at := r.Open("")
		r.Raw("name", d.Raw(name))
		r.Raw("value", d.Raw(value))
		r.Close(at)
		d.Take(name)
		d.Take(value)
	}
	r.Close(list)
}
