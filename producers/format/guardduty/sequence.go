package guardduty

import (
	"strings"

	"github.com/riposte-security/riposte/producers/format/ocsfjson"
)

// writeSignals writes the signals of an attack sequence: findings and calls that by themselves say little.
func (r *finding) writeSignals() {
	list := r.List("related_events")
	r.each(r.at(r.service, "detection", "sequence", "signals"), func(s node) {
		if r.str(s, "uid") == "" {
			return
		}
		at := r.Open("")
		r.Move("uid", r.get(s, "uid"))
		r.Move("type", r.get(s, "type"))
		r.Move("title", r.get(s, "name"))
		r.Move("desc", r.get(s, "description"))
		r.integer("count", r.get(s, "count"))
		if n := r.get(s, "severity"); r.Doc.Kind(n) == ocsfjson.Number {
			r.Severity(severity(r.Doc.Raw(n)))
		}
		r.millis("created_time", r.get(s, "createdAt"))
		r.millis("modified_time", r.get(s, "updatedAt"))
		r.millis("first_seen_time", r.get(s, "firstSeenAt"))
		r.millis("last_seen_time", r.get(s, "lastSeenAt"))
		r.Close(at)
	})
	r.Close(list)
}

// writeIndicators writes the tactics and techniques that an attack sequence names.
func (r *finding) writeIndicators() {
	r.each(r.at(r.service, "detection", "sequence", "sequenceIndicators"), func(n node) {
		member := ""
		switch r.str(n, "key") {
		case "ATTACK_TACTIC":
			member = "tactic"
		case "ATTACK_TECHNIQUE":
			member = "technique"
		default:
			return
		}
		values := r.get(n, "values")
		if r.Doc.Kind(values) != ocsfjson.Array {
			return
		}
		for v := r.Doc.First(values); v >= 0; v = r.Doc.Next(v) {
			if r.Doc.Str(v) == "" {
				continue
			}
			at := r.Open("")
			in := r.Open(member)
			r.attackName(r.Doc.Str(v), v)
			r.Close(in)
			r.Close(at)
		}
	})
}

// attackName writes what names a tactic or technique: `Initial Access`, `T1078`, or `T1078 - Valid Accounts`.
func (r *finding) attackName(text string, n node) {
	id, name, both := strings.Cut(text, " - ")
	switch {
	case len(id) > 2 && id[0] == 'T' && (id[1] == 'A' || id[1] >= '0' && id[1] <= '9'):
		r.Str("uid", id)
		if both {
			r.Str("name", name)
		}
	default:
		r.Move("name", n)
		if _, uid := tactic(strings.ReplaceAll(text, " ", "")); uid != "" {
			r.Str("uid", uid)
		}
	}
}

// sequence writes the actors and endpoints of an attack sequence.
func (w *evidences) sequence(sequence node) {
	w.each(w.get(sequence, "actors"), func(a node) {
		w.element(func(path string) bool {
			at := w.Open("actor")
			w.sequenceActor(path+".actor", a)
			return w.Close(at)
		})
	})
	w.each(w.get(sequence, "endpoints"), func(e node) {
		w.element(func(path string) bool {
			direction := w.str(w.get(e, "connection"), "direction")
			name := "src_endpoint"
			if direction == "OUTBOUND" {
				name = "dst_endpoint"
			}
			ok := w.endpoint(name, path+"."+name, e)
			if ok && direction != "" {
				w.connection(direction, "")
			}
			return ok
		})
	})
}

// endpoint writes one endpoint of an attack sequence.
func (r *finding) endpoint(name, path string, e node) bool {
	at := r.Open(name)
	known := r.address(r.get(e, "ip"), path+".ip")
	known = r.MoveSeen("domain", r.get(e, "domain"), ocsfjson.Hostname, path+".domain") || known
	known = r.Move("uid", r.get(e, "id")) || known
	if known {
		r.port(r.get(e, "port"))
		place := r.get(e, "location")
		r.location(r.get(place, "city"), r.get(place, "country"), place)
		r.autonomous(r.get(r.get(e, "autonomousSystem"), "number"), r.get(r.get(e, "autonomousSystem"), "name"))
	}
	return r.Close(at)
}
