package waf

import (
	"strings"

	"github.com/riposte-security/riposte/producers/format/accesslog"
	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/schemas"
)

func (r *record) write() schemas.Event {
	d := &r.Doc
	verb := d.Str(r.at[method])
	activity, name := accesslog.Activity(verb)
	r.Begin(schemas.ClassHTTPActivity, activity, name, r.time)
	r.Severity(1)
	r.writeVerdict()
	r.writeMetadata()
	r.writeCloud()
	r.writeRule()
	r.writePolicy()
	r.writeSource()
	r.writeDestination()
	r.writeRequest(verb, activity)
	r.writeResponse()
	r.writeJA4()
	return r.Finish(schemas.ClassHTTPActivity, r.uid, r.time)
}

// writeVerdict writes what WAF did. Its own words stay unmapped where OCSF's captions differ from them.
func (r *record) writeVerdict() {
	failed := true
	switch r.Doc.Str(r.at[action]) {
	case "ALLOW":
		failed = false
		r.Lit(`"action":"Allowed","action_id":1,"disposition":"Allowed","disposition_id":1`)
	case "BLOCK":
		r.Lit(`"action":"Denied","action_id":2,"disposition":"Blocked","disposition_id":2`)
	case "COUNT", "EXCLUDED_AS_COUNT":
		failed = false
		r.Lit(`"action":"Observed","action_id":3,"disposition":"Count","disposition_id":20`)
	case "CAPTCHA":
		r.Lit(`"action":"Denied","action_id":2,"disposition":"Captcha","disposition_id":22`)
	case "CHALLENGE":
		r.Lit(`"action":"Denied","action_id":2,"disposition":"Challenge","disposition_id":23`)
	default:
		r.Copy("action", r.at[action])
		r.Lit(`"action_id":99,"status":"Unknown","status_id":0`)
		return
	}
	r.Status(failed)
	for _, m := range [...]member{captcha, challenge} {
		if r.Move("status_detail", r.Doc.Get(r.at[m], "failureReason")) {
			return
		}
	}
}

func (r *record) writeMetadata() {
	d := &r.Doc
	at := r.Open("metadata")
	r.Lit(`"version":"` + schemas.Version + `","log_name":"` + Name + `","profiles":["cloud","security_control"]`)
	r.Str("uid", r.uid)
	r.Lit(`"product":{"name":"AWS WAF","vendor_name":"AWS"}`)
	if n := r.at[formatVersion]; d.Kind(n) == ocsfjson.Number { // a number: it stays unmapped
		r.Str("log_version", d.Raw(n))
	}
	if d.Kind(r.at[labels]) == ocsfjson.Array {
		list := r.List("labels")
		first := true
		for c := d.First(r.at[labels]); c >= 0; c = d.Next(c) {
			n := d.Get(c, "name")
			if d.Str(n) == "" {
				continue
			}
			if !first {
				r.B = append(r.B, ',')
			}
			first = false
			r.B = append(r.B, d.Raw(n)...)
			d.Take(n)
		}
		r.Close(list)
	}
	r.Close(at)
}

func (r *record) writeCloud() {
	d := &r.Doc
	arn, _ := accesslog.ParseARN(d.Str(r.at[acl]))
	source, _ := accesslog.ParseARN(d.Str(r.at[sourceID]))
	account, region := first(arn.Account, source.Account), first(arn.Region, source.Region, r.region)
	if account == "" { // of a load balancer it stands in front of the name: 210987654321-app/shop/50dc6c495c0c9188
		if id, _, ok := strings.Cut(d.Str(r.at[sourceID]), "-"); ok && len(id) == 12 && strings.Trim(id, "0123456789") == "" {
			account = id
		}
	}
	account = first(account, r.account)
	at := r.Open("cloud")
	r.Lit(`"provider":"AWS"`)
	if region != "" {
		r.Str("region", region)
	}
	if account != "" {
		in := r.Open("account")
		r.Str("uid", account)
		r.ObserveText(ocsfjson.AccountUID, "cloud.account.uid", account)
		r.Close(in)
	}
	r.Close(at)
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// writePolicy writes the web ACL.
func (r *record) writePolicy() {
	id := r.Doc.Str(r.at[acl])
	if id == "" {
		return
	}
	at := r.Open("policy")
	r.MoveSeen("uid", r.at[acl], ocsfjson.ResourceUID, "policy.uid")
	if parts := strings.Split(id, "/"); len(parts) == 4 { // arn:…:regional/webacl/name/id
		r.Str("name", parts[2])
	}
	r.Lit(`"type":"Web ACL"`)
	r.Close(at)
}

func (r *record) writeSource() {
	d := &r.Doc
	at := r.Open("src_endpoint")
	if text := d.Str(r.at[clientIP]); text != "" {
		ip, canonical, ok := r.IP("ip", text, "src_endpoint.ip")
		if canonical {
			d.Take(r.at[clientIP])
		}
		if ok {
			r.KeyIP = strings.Clone(ip)
		}
	}
	if text := d.Str(r.at[country]); text != "" && text != "-" {
		in := r.Open("location")
		r.Move("country", r.at[country])
		r.Close(in)
	}
	if n, ok := d.Int(r.at[asn]); ok {
		in := r.Open("autonomous_system")
		r.Int("number", n)
		r.Close(in)
	}
	if d.Str(r.at[ja3]) != "" {
		list := r.List("fingerprints")
		in := r.Open("")
		r.Lit(`"algorithm":"MD5","algorithm_id":1`)
		r.MoveSeen("value", r.at[ja3], ocsfjson.Hash, "src_endpoint.fingerprints[0].value")
		r.Close(in)
		r.Close(list)
	}
	r.Close(at)
}

func (r *record) writeDestination() {
	at := r.Open("dst_endpoint")
	if u := accesslog.ParseURL("x://" + r.hostName()); u.Host != "" {
		r.Str("hostname", u.Host)
		r.port(u.Port)
	}
	r.Move("svc_name", r.at[sourceName])
	r.Move("uid", r.at[sourceID])
	if strings.HasPrefix(r.Doc.Str(r.at[sourceID]), "arn:") {
		r.Observe(ocsfjson.ResourceUID, "dst_endpoint.uid", r.at[sourceID])
	}
	r.Close(at)
}

func (r *record) writeResponse() {
	d := &r.Doc
	for _, n := range [...]node{r.at[code], d.Get(r.at[captcha], "responseCode"), d.Get(r.at[challenge], "responseCode")} {
		if status, ok := d.Int(n); ok && status > 0 {
			at := r.Open("http_response")
			r.Int("code", status)
			r.Close(at)
			return
		}
	}
}

func (r *record) writeJA4() {
	if r.Doc.Str(r.at[ja4]) == "" {
		return
	}
	list := r.List("ja4_fingerprint_list")
	at := r.Open("")
	r.Lit(`"type":"JA4","type_id":1`)
	r.MoveSeen("value", r.at[ja4], ocsfjson.Hash, "ja4_fingerprint_list[0].value")
	r.Close(at)
	r.Close(list)
}
