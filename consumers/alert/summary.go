package alert

import (
	"strings"

	"github.com/tidwall/gjson"

	"github.com/riposte-security/riposte/schemas"
)

// summary tells an event in one line.
func summary(ev gjson.Result) string {
	var s string
	switch class := ev.Get("class_uid").Int(); class {
	case schemas.ClassNetworkActivity:
		s = flow(ev)
	case schemas.ClassComplianceFinding, schemas.ClassDetectionFinding, schemas.ClassVulnerabilityFinding:
		s = finding(ev)
	case schemas.ClassRemediationActivity:
		s = first(ev.Get("message").String(), ev.Get("remediation.desc").String())
	case schemas.ClassBase:
		s = first(ev.Get("message").String(), ev.Get("unmapped").Raw)
	}
	if s == "" {
		s = activity(ev)
	}
	if s == "" {
		s = first(ev.Get("message").String(), ev.Raw, "an event without content")
	}
	return Clean(s, maxField)
}

// activity is for what somebody did: operation, service, by whom, from where, and whether it failed.
func activity(ev gjson.Result) string {
	what := first(ev.Get("api.operation").String(), ev.Get("metadata.event_code").String(), ev.Get("activity_name").String())
	if what == "" {
		return ""
	}
	var b strings.Builder
	b.WriteString(what)
	add := func(before, value string) {
		if value != "" {
			b.WriteString(before + value)
		}
	}
	add(" on ", ev.Get("api.service.name").String())
	add(" by ", first(ev.Get("actor.user.uid").String(), ev.Get("actor.user.name").String(), ev.Get("user.uid").String(), ev.Get("user.name").String(),
		ev.Get("actor.invoked_by").String()))
	add(" from ", ev.Get("src_endpoint.ip").String())
	if ev.Get("status_id").Int() == 2 {
		add(", failed: ", first(ev.Get("status_code").String(), ev.Get("status_detail").String(), "no reason given"))
	}
	return b.String()
}

func flow(ev gjson.Result) string {
	src, dst := ev.Get("src_endpoint.ip").String(), ev.Get("dst_endpoint.ip").String()
	if src == "" && dst == "" {
		return ""
	}
	var b strings.Builder
	b.WriteString(first(src, "?") + " to " + first(dst, "?"))
	if p := ev.Get("dst_endpoint.port").String(); p != "" {
		b.WriteString(" port " + p)
	}
	if n := ev.Get("traffic.packets").String(); n != "" {
		b.WriteString(", " + n + " packets")
	}
	if a := first(ev.Get("disposition").String(), ev.Get("action").String(), ev.Get("activity_name").String()); a != "" {
		b.WriteString(", " + strings.ToLower(a))
	}
	return b.String()
}

func finding(ev gjson.Result) string {
	s := first(ev.Get("finding_info.title").String(), ev.Get("message").String(), ev.Get("compliance.control").String())
	if s == "" {
		return ""
	}
	if r := first(ev.Get("resources.0.uid").String(), ev.Get("resources.0.name").String(), ev.Get("resource.uid").String()); r != "" {
		s += ": " + r
	}
	if st := ev.Get("compliance.status").String(); st != "" {
		s += " (" + st + ")"
	}
	return s
}
