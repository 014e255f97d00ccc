package accesslog

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/schemas"
)

// Activity is the activity of HTTP Activity (4002) for a method, and its caption. Of a method that OCSF does not know the name is the
// method itself; no method is activity 0.
func Activity(method string) (id int, name string) {
	switch method {
	case "":
		return 0, "Unknown"
	case "CONNECT":
		return 1, "Connect"
	case "DELETE":
		return 2, "Delete"
	case "GET":
		return 3, "Get"
	case "HEAD":
		return 4, "Head"
	case "OPTIONS":
		return 5, "Options"
	case "POST":
		return 6, "Post"
	case "PUT":
		return 7, "Put"
	case "TRACE":
		return 8, "Trace"
	case "PATCH":
		return 9, "Patch"
	}
	return 99, method
}

// BeginHTTP begins an HTTP Activity event.
func (r *Row) BeginHTTP(method string) {
	id, name := Activity(method)
	r.Begin(schemas.ClassHTTPActivity, id, name, r.Time)
	r.Severity(1)
}

// Method writes http_method where OCSF knows the method. Of another the name of the activity tells it.
func (r *Row) Method(method string) {
	if id, _ := Activity(method); id > 0 && id < 99 {
		r.Str("http_method", method)
	}
}

// CloseRequest closes http_request. Of a request that the log tells nothing of, an empty object stays: OCSF wants one of http_request and
// http_response, and the response may be unknown as well.
func CloseRequest(e *ocsfjson.Event, at int) {
	if !e.Close(at) {
		e.Lit(`"http_request":{}`)
	}
}

// A URL is the parts of a URL as it was requested.
type URL struct {
	Text, Scheme, Host, Port, Path, Query string
	// Plain tells that nothing in it would be escaped in JSON.
	Plain bool
}

// ParseURL cuts a URL, or the path and query alone, into its parts. It never fails: what is hostile is looked at as it is.
func ParseURL(text string) URL {
	u := URL{Text: text}
	rest := text
	if i := strings.Index(rest, "://"); i > 0 && !strings.ContainsAny(rest[:i], "/?#") {
		u.Scheme, rest = rest[:i], rest[i+3:]
		host := rest
		if i := strings.IndexAny(rest, "/?"); i >= 0 {
			host, rest = rest[:i], rest[i:]
		} else {
			rest = ""
		}
		u.Host, u.Port = splitHost(host)
	}
	u.Path = rest
	if i := strings.IndexByte(rest, '?'); i >= 0 {
		u.Path, u.Query = rest[:i], rest[i+1:]
	}
	return u
}

// splitHost cuts the port from a host, and takes an IPv6 address out of its brackets.
func splitHost(host string) (name, port string) {
	if strings.HasPrefix(host, "[") {
		if i := strings.IndexByte(host, ']'); i > 0 {
			return host[1:i], strings.TrimPrefix(host[i+1:], ":")
		}
	}
	if i := strings.LastIndexByte(host, ':'); i >= 0 && strings.IndexByte(host, ':') == i {
		return host[:i], host[i+1:]
	}
	return host, ""
}

// WriteURL writes url of http_request, and its observables. It writes nothing where there is neither a text nor a path.
func (r *Row) WriteURL(u URL) {
	if u.Text == "" && u.Path == "" {
		return
	}
	at := r.Open("url")
	if u.Text != "" {
		r.str("url_string", u.Text, u.Plain)
		if u.Scheme != "" {
			r.ObserveText(ocsfjson.URLString, "http_request.url.url_string", u.Text)
		}
	}
	if u.Scheme != "" {
		r.str("scheme", u.Scheme, u.Plain)
	}
	if u.Host != "" {
		r.str("hostname", u.Host, u.Plain)
		r.ObserveText(HostType(u.Host), "http_request.url.hostname", u.Host)
	}
	r.Port("port", u.Port)
	if u.Path != "" {
		r.str("path", u.Path, u.Plain)
	}
	if u.Query != "" {
		r.str("query_string", u.Query, u.Plain)
	}
	r.Close(at)
}

// HostType is the kind of observable that a host is: an address where it is one in canonical form.
func HostType(host string) ocsfjson.ObservableType {
	if host != "" && (host[0] >= '0' && host[0] <= '9' || strings.IndexByte(host, ':') >= 0) {
		if a, err := netip.ParseAddr(host); err == nil && a.String() == host {
			return ocsfjson.IPAddress
		}
	}
	return ocsfjson.Hostname
}

// UserAgent writes user_agent and its observable; verbatim tells that text is the field as it stands.
func (r *Row) UserAgent(f Field, text string, verbatim bool) {
	if text == "" {
		return
	}
	r.str("user_agent", text, verbatim && r.plain)
	r.ObserveText(ocsfjson.UserAgent, "http_request.user_agent", text)
	if verbatim {
		r.Use(f)
	}
}

// Forwarded writes x_forwarded_for: the addresses in a list with commas between.
func (r *Row) Forwarded(list string) {
	if list == "" {
		return
	}
	at := r.List("x_forwarded_for")
	i := 0
	for part := range strings.SplitSeq(list, ",") {
		a, err := netip.ParseAddr(strings.TrimSpace(part))
		if err != nil || a.Zone() != "" {
			continue // `unknown`, a name, or something with a port: it stays unmapped
		}
		ip := a.Unmap().String()
		if i > 0 {
			r.B = append(r.B, ',')
		}
		r.Quote(ip)
		r.ObserveText(ocsfjson.IPAddress, "http_request.x_forwarded_for["+strconv.Itoa(i)+"]", ip)
		i++
	}
	r.Close(at)
}

// Address cuts `address:port`, with or without brackets around an IPv6 address. ok is false where text is neither that nor an address.
func Address(text string) (ip, port string, ok bool) {
	ip = text
	if i := strings.LastIndexByte(text, ':'); i >= 0 {
		ip, port = text[:i], text[i+1:]
	}
	if strings.HasPrefix(ip, "[") && strings.HasSuffix(ip, "]") {
		ip = ip[1 : len(ip)-1]
	} else if strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") {
		ip, port = text[1:len(text)-1], ""
	}
	if !isAddress(ip) {
		return text, "", isAddress(text)
	}
	if port != "" {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return "", "", false
		}
	}
	return ip, port, true
}

func isAddress(text string) bool {
	if _, ok := ocsfjson.Dotted(text); ok {
		return true
	}
	if strings.IndexByte(text, ':') < 0 { // nor IPv6: nothing to make an error for
		return false
	}
	_, err := netip.ParseAddr(text)
	return err == nil
}

// Port writes a port that is known to be one.
func (r *Row) Port(name, port string) {
	if port == "" {
		return
	}
	if n, err := strconv.ParseUint(port, 10, 16); err == nil {
		r.Writer.Int(name, int64(n))
	}
}

// Source writes src_endpoint with an address, which becomes the key of the event too. country may be empty.
func (r *Row) Source(text, port string) (canonical, ok bool) {
	at := r.Open("src_endpoint")
	ip, canonical, ok := r.IP("ip", text, "src_endpoint.ip")
	if ok {
		r.KeyIP = strings.Clone(ip)
	}
	r.Port("port", port)
	r.Close(at)
	return canonical, ok
}

// Traffic writes traffic as the client sees it: in is what was sent to it, out what was received from it.
func (r *Row) Traffic(sent, received Field) {
	in, okIn := r.Int(sent)
	out, okOut := r.Int(received)
	if !okIn && !okOut {
		return
	}
	at := r.Open("traffic")
	if okIn {
		r.Writer.Int("bytes_in", in)
	}
	if okOut {
		r.Writer.Int("bytes_out", out)
	}
	if sum := in + out; okIn && okOut && sum >= in {
		r.Writer.Int("bytes", sum)
	}
	r.Close(at)
}

// Unescape undoes percent-encoding once. changed tells whether there was any; text that is not well encoded, or whose bytes would not be
// UTF-8, stays as it is.
func Unescape(text string) (plain string, changed bool) {
	return decode(text, '%', 1)
}

// UnescapeHex undoes \xHH, as load balancers write quotes and what is not printable.
func UnescapeHex(text string) (plain string, changed bool) {
	return decode(text, '\\', 2)
}
