package linux

import "github.com/riposte-security/riposte/producers/format/ocsfjson"

// writeUnmapped writes what stands around the message as it stands there, or the records of an audit event. For an entry of the journal
// Finish does it.
func (e *entry) writeUnmapped() {
	d := &e.Doc
	if text := e.document(); len(text) > 0 {
		if n := d.Get(d.Root(), "MESSAGE"); d.Kind(n) == ocsfjson.String && d.Str(n) == e.head.message {
			d.Take(n)
		}
		return
	}
	h := &e.head
	at := e.Open("unmapped")
	e.text("pri", h.pri)
	e.text("version", h.version)
	e.text("timestamp", h.stamp)
	e.text("program", h.program)
	e.text("pid", h.pid)
	e.writeParams()
	e.writeRecords()
	e.text("raw_base64", e.raw)
	e.Close(at)
}

// writeParams writes structured data: by element, then by name. A name that stands in an element several times has a list.
func (e *entry) writeParams() {
	params := e.head.params
	if len(params) == 0 {
		return
	}
	e.Open("structured_data")
	done := make(map[[2]string]bool, len(params))
	elements := make(map[string]bool, 4)
	for i := range params {
		id := params[i].element
		if elements[id] {
			continue
		}
		elements[id] = true
		e.quotedKey(id)
		at := len(e.B)
		e.B = append(e.B, '{')
		for _, p := range params[i:] {
			if p.element != id || p.name == "" || done[[2]string{id, p.name}] {
				continue
			}
			done[[2]string{id, p.name}] = true
			e.quotedKey(p.name)
			e.param(params[i:], p)
		}
		if e.B = append(e.B, '}'); len(e.B) == at+2 { // an element without values only says that it is there
			e.B = append(e.B[:at], "true"...)
		}
	}
	e.B = append(e.B, '}')
}

// param writes the value, or the values, of a name.
func (e *entry) param(params []param, p param) {
	n := 0
	start := len(e.B)
	e.B = append(e.B, '[')
	for _, q := range params {
		if q.element == p.element && q.name == p.name {
			if n > 0 {
				e.B = append(e.B, ',')
			}
			e.Quote(q.value)
			n++
		}
	}
	if n == 1 {
		e.B = append(e.B[:start], e.B[start+1:]...)
		return
	}
	e.B = append(e.B, ']')
}

// quotedKey writes a member name that comes from the record.
func (e *entry) quotedKey(name string) {
	if c := e.B[len(e.B)-1]; c != '{' {
		e.B = append(e.B, ',')
	}
	e.Quote(name)
	e.B = append(e.B, ':')
}
