package suricata

import (
	"math"
	"net/netip"
	"strings"

	"github.com/riposte-security/riposte/producers/format/ocsfjson"
)

// canonical is an address in its canonical form.
func canonical(text string) (string, bool) {
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Zone() != "" {
		return "", false
	}
	return addr.Unmap().String(), true
}

// writeFile writes a file that was seen in the traffic, if it has a name.
func (r *record) writeFile(name string, file node) {
	d := &r.Doc
	full := d.Str(d.Get(file, "filename"))
	if full == "" {
		return
	}
	base := full[strings.LastIndexAny(full, `/\`)+1:]
	if base == "" {
		base = full
	}
	at := r.Open(name)
	r.Str("name", base)
	r.Move("path", d.Get(file, "filename"))
	r.ObserveText(ocsfjson.FileName, r.at+"file.name", base)
	r.MoveInt("size", d.Get(file, "size"), 0, math.MaxInt64)
	r.Move("mime_type", d.Get(file, "mimetype"))
	r.Lit(`"type":"Regular File","type_id":1`)
	r.writeHashes(file)
	r.Close(at)
}

func (r *record) writeHashes(file node) {
	d := &r.Doc
	list := r.List("hashes")
	r.fingerprint("", "MD5", 1, d.Get(file, "md5"), r.at+"file.hashes[].value")
	r.fingerprint("", "SHA-1", 2, d.Get(file, "sha1"), r.at+"file.hashes[].value")
	r.fingerprint("", "SHA-256", 3, d.Get(file, "sha256"), r.at+"file.hashes[].value")
	r.Close(list)
}

// observeFile adds what is worth finding of a file in classes that have no place for it.
func (r *record) observeFile() {
	d := &r.Doc
	if d.Kind(r.fileinfo) != ocsfjson.Object {
		return
	}
	r.Observe(ocsfjson.FileName, "unmapped.fileinfo.filename", d.Get(r.fileinfo, "filename"))
	r.Observe(ocsfjson.Hash, "unmapped.fileinfo.md5", d.Get(r.fileinfo, "md5"))
	r.Observe(ocsfjson.Hash, "unmapped.fileinfo.sha1", d.Get(r.fileinfo, "sha1"))
	r.Observe(ocsfjson.Hash, "unmapped.fileinfo.sha256", d.Get(r.fileinfo, "sha256"))
}
