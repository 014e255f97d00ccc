package envelope

import (
	"fmt"
	"strings"

	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/producers/unpack"
	"github.com/riposte-security/riposte/schemas"
)

// A Make makes the event of one finding, which e holds as text; index counts the findings of the record from 0.
type Make func(e *ocsfjson.Event, in producers.Record, index int, text string) (schemas.Event, error)

// Events makes an event of every finding in a record: of one by itself, or of each in a list. A record with one that cannot be read is refused whole.
func Events(pool *ocsfjson.Pool, in producers.Record, one Make) ([]schemas.Event, error) {
	in = Open(in)
	e := pool.Get()
	defer pool.Put(e)
	if err := e.Doc.Parse(in.Data); err != nil {
		return nil, err
	}
	if k := e.Doc.Kind(e.Doc.Root()); k != ocsfjson.Object {
		return nil, fmt.Errorf("offset 0: an object expected, %s found", k)
	}
	list, listed := List(&e.Doc)
	if !listed {
		list.Findings = []string{e.Doc.Raw(e.Doc.Root())}
	}
	outer, err := list.Outer(in)
	if err != nil {
		return nil, err
	}
	events := make([]schemas.Event, 0, len(list.Findings))
	for i, text := range list.Findings {
		if listed {
			e.Reset()
			err = e.Doc.ParseText(text)
		}
		if err == nil {
			e.Outer = outer
			var event schemas.Event
			if event, err = one(e, in, i, text); err == nil {
				events = append(events, event)
				continue
			}
		}
		if len(list.Findings) > 1 {
			err = fmt.Errorf("finding %d: %w", i+1, err)
		}
		return nil, err
	}
	return events, nil
}

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
