package envelope

import (
	"fmt"
	"strings"

	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/producers/unpack"
)

// A Listing is a document that holds findings in a member: the answer of an API, or the detail of an event about several.
type Listing struct {
	Findings []string // each as JSON
	Rest     string   // the document without that member; empty where there is nothing else
}

// List opens the document if one of its members `findings` or `Findings` is an array of objects; ok is false if it is no such document. What
// it returns shares memory with the document.
func List(d *ocsfjson.Doc) (list Listing, ok bool) {
	root := d.Root()
	var w ocsfjson.Writer
	at := w.Open("")
	for c := d.First(root); c >= 0; c = d.Next(c) {
		if d.Kind(c) != ocsfjson.Array || ok || !strings.EqualFold(d.Key(c), "findings") {
			w.Raw(d.RawKey(c), d.Raw(c))
			continue
		}
		for f := d.First(c); f >= 0; f = d.Next(f) {
			if d.Kind(f) != ocsfjson.Object {
				return Listing{}, false
			}
			list.Findings = append(list.Findings, d.Raw(f))
		}
		ok = true
	}
	if !ok {
		return Listing{}, false
	}
	if w.Close(at) {
		list.Rest = string(w.B)
	}
	return list, true
}

// Outer is what stands beside the findings of a record, for ocsfjson.Event.Outer: the other members of the list, and under `envelope` those
// of the EventBridge event around it. It is nil where there is neither.
func (l Listing) Outer(r producers.Record) (*ocsfjson.Doc, error) {
	text, around := l.Rest, r.Attrs[unpack.AttrEnvelope]
	switch {
	case text == "" && around == "":
		return nil, nil //nolint:nilnil // nothing beside the findings is no error
	case text == "":
		text = `{"envelope":` + around + `}`
	case around != "":
		text = text[:len(text)-1] + `,"envelope":` + around + `}`
	}
	d := new(ocsfjson.Doc)
	if err := d.ParseText(text); err != nil {
		return nil, fmt.Errorf("beside the findings: %w", err)
	}
	return d, nil
}
