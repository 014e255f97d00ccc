package suricata

import (
	"math"

	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/schemas"
)

func (r *record) writeDNS() {
	d := &r.Doc
	rcode := d.Str(r.rcode())
	switch kind := d.Str(d.Get(r.dns, "type")); {
	case kind == "answer" || kind == "response" || kind == "" && rcode != "":
		r.Begin(schemas.ClassDNSActivity, 2, "Response", r.time)
	default:
		r.Begin(schemas.ClassDNSActivity, 1, "Query", r.time)
	}
	r.Severity(1)
	failed := false
	if rcode != "" {
		failed = r.RCode(rcode)
	}
	r.Status(failed)
	r.writeMetadata("")
	r.writeTimes()
	r.writeEndpoints()
	r.writeConnection()
	r.writeAppProtocol()
	r.writeQuery()
	r.writeAnswers()
}

func (r *record) rcode() node {
	if n := r.Doc.Get(r.dns, "rcode"); n >= 0 {
		return n
	}
	return r.Doc.Path(r.dns, "answer", "rcode")
}

// question is the object that has the name asked for: versions 1 and 2 of the DNS log have it in dns itself, version 3 in its queries, and
// alerts of version 2 in a list named query. Answers in alerts have one of their own.
func (r *record) question() node {
	d := &r.Doc
	if d.Str(d.Get(r.dns, "rrname")) != "" {
		return r.dns
	}
	for _, name := range [...]string{"queries", "query"} {
		if first := d.First(d.Get(r.dns, name)); d.Str(d.Get(first, "rrname")) != "" {
			return first
		}
	}
	if in := d.Get(r.dns, "answer"); d.Str(d.Get(in, "rrname")) != "" {
		return in
	}
	return ocsfjson.None
}

func (r *record) writeQuery() {
	d := &r.Doc
	q := r.question()
	if q < 0 {
		return
	}
	at := r.Open("query")
	r.MoveDNSName("hostname", d.Get(q, "rrname"), r.at+"query.hostname")
	r.Move("type", d.Get(q, "rrtype"))
	const highest = 65535
	if !r.MoveInt("packet_uid", d.Get(q, "id"), 0, highest) {
		r.MoveInt("packet_uid", d.Get(r.dns, "id"), 0, highest)
	}
	if name := opcode(d.Get(r.dns, "opcode"), d); name != "" {
		r.Str("opcode", name)
		r.CopyInt("opcode_id", d.Get(r.dns, "opcode"), 0, 6)
	}
	r.Close(at)
}

func opcode(n node, d *ocsfjson.Doc) string {
	names := [...]string{"Query", "Inverse Query", "Status", "Reserved", "Notify", "Update", "DSO Message"}
	if i, ok := d.Int(n); ok && i >= 0 && i < int64(len(names)) {
		return names[i]
	}
	return ""
}

// writeAnswers writes the answers that are texts; the others, such as SOA records, are objects that OCSF has no place for. All of them stay
// unmapped as they are, with the names that they belong to.
func (r *record) writeAnswers() {
	d := &r.Doc
	in := r.dns
	if a := d.Get(in, "answer"); d.Kind(a) == ocsfjson.Object {
		in = a
	}
	list := r.List("answers")
	answers := d.Get(in, "answers")
	if d.Kind(answers) == ocsfjson.Array {
		for c := d.First(answers); c >= 0; c = d.Next(c) {
			r.answer(d.Str(d.Get(c, "rrtype")), d.Get(c, "rdata"), d.Get(c, "ttl"))
		}
	} else {
		r.answer(d.Str(d.Get(in, "rrtype")), d.Get(in, "rdata"), d.Get(in, "ttl")) // version 1: an event for each
	}
	if grouped := d.Get(in, "grouped"); answers < 0 && d.Kind(grouped) == ocsfjson.Object {
		for g := d.First(grouped); g >= 0; g = d.Next(g) {
			for c := d.First(g); c >= 0; c = d.Next(c) {
				r.answer(d.Key(g), c, ocsfjson.None)
			}
		}
	}
	r.Close(list)
}

func (r *record) answer(kind string, data, ttl node) {
	if r.Doc.Str(data) == "" {
		return
	}
	at := r.Open("")
	r.Copy("rdata", data)
	if kind != "" {
		r.Str("type", kind)
	}
	r.CopyInt("ttl", ttl, 0, math.MaxUint32)
	r.Close(at)
	r.ObserveAnswer(kind, r.Doc.Str(data), "answers[].rdata")
}
