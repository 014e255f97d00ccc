package suricata

import (
	"strings"

	"github.com/riposte-security/riposte/producers/format/ocsfjson"
)

// writeTLS writes what is known of the handshake. OCSF demands a version; where a session was resumed, or the log's settings leave it out, it
// is Unknown.
func (r *record) writeTLS() {
	d := &r.Doc
	if d.Kind(r.tls) != ocsfjson.Object {
		return
	}
	at := r.Open("tls")
	if !r.Move("version", d.Get(r.tls, "version")) {
		r.Str("version", "Unknown")
	}
	r.MoveDNSName("sni", d.Get(r.tls, "sni"), r.at+"tls.sni")
	r.fingerprint("ja3_hash", "MD5", 1, d.Path(r.tls, "ja3", "hash"), r.at+"tls.ja3_hash.value")
	r.fingerprint("ja3s_hash", "MD5", 1, d.Path(r.tls, "ja3s", "hash"), r.at+"tls.ja3s_hash.value")
	r.writeCertificate()
	r.Close(at)
}

// writeCertificate writes the server's certificate, if the log has what OCSF demands of one.
func (r *record) writeCertificate() {
	d := &r.Doc
	issuer, serial := d.Get(r.tls, "issuerdn"), d.Get(r.tls, "serial")
	if d.Str(issuer) == "" || d.Str(serial) == "" {
		return
	}
	at := r.Open("certificate")
	r.Move("subject", d.Get(r.tls, "subject"))
	r.Move("issuer", issuer)
	r.MoveSeen("serial_number", serial, ocsfjson.SerialNumber, r.at+"tls.certificate.serial_number")
	if t, ok := parseTime(d.Str(d.Get(r.tls, "notbefore"))); ok {
		r.Int("created_time", t.UnixMilli())
	}
	if t, ok := parseTime(d.Str(d.Get(r.tls, "notafter"))); ok {
		r.Int("expiration_time", t.UnixMilli())
	}
	if digest := strings.ReplaceAll(d.Str(d.Get(r.tls, "fingerprint")), ":", ""); digest != "" { // lists of hashes have no colons
		r.Lit(`"fingerprints":[{"algorithm":"SHA-1","algorithm_id":2`)
		r.Str("value", strings.ToLower(digest))
		r.B = append(r.B, "}]"...)
		r.ObserveText(ocsfjson.Hash, r.at+"tls.certificate.fingerprints[0].value", strings.ToLower(digest))
	}
	r.writeAltNames(d.Get(r.tls, "subjectaltname"))
	r.Close(at)
}

func (r *record) writeAltNames(names node) {
	d := &r.Doc
	if d.Kind(names) != ocsfjson.Array {
		return
	}
	list := r.List("sans")
	for c := d.First(names); c >= 0; c = d.Next(c) {
		if d.Str(c) == "" {
			continue
		}
		at := r.Open("")
		r.MoveSeen("name", c, ocsfjson.Hostname, r.at+"tls.certificate.sans[].name")
		r.Str("type", "DNS")
		r.Close(at)
	}
	r.Close(list)
}

// writeJA4 writes the client's fingerprint, of TLS or of QUIC.
func (r *record) writeJA4() {
	d := &r.Doc
	value := d.Get(r.tls, "ja4")
	if value < 0 {
		value = d.Get(r.quic, "ja4")
	}
	if d.Str(value) == "" {
		return
	}
	list := r.List("ja4_fingerprint_list")
	at := r.Open("")
	r.Lit(`"type":"JA4","type_id":1`)
	r.MoveSeen("value", value, ocsfjson.Hash, r.at+"ja4_fingerprint_list[0].value")
	r.Close(at)
	r.Close(list)
}
