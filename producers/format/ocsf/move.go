package ocsf

import (
	"fmt"
	"slices"
	"strings"

	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/schemas"
	"github.com/riposte-security/riposte/schemas/ocsf"
)

type node = ocsfjson.Node

// A move writes an event anew. What the class has no place for goes to left, with its own names and nesting.
type move struct {
	schema   *ocsf.Schema
	d        *ocsfjson.Doc
	out      *ocsfjson.Writer
	left     ocsfjson.Writer
	convert  bool // from another version: nulls are left out, what is unknown moves to unmapped
	add      Add
	profiles []string
}

// event writes the whole event.
func (m *move) event(class *ocsf.Class) error {
	d := m.d
	if list := d.Path(d.Root(), "metadata", "profiles"); d.Kind(list) == ocsfjson.Array {
		for p := d.First(list); p >= 0; p = d.Next(p) {
			m.profiles = append(m.profiles, d.Str(p))
		}
	}
	at := m.out.Open("")
	rest := m.left.Open("")
	unmapped := ocsfjson.None
	for c := d.First(d.Root()); c >= 0; c = d.Next(c) {
		switch name := d.Key(c); {
		case name == "unmapped" && d.Kind(c) == ocsfjson.Object:
			unmapped = c
		case name == "metadata" && d.Kind(c) == ocsfjson.Object:
			m.metadata(c)
		default:
			m.member(class, c)
		}
	}
	m.left.Close(rest)
	if err := m.unmapped(unmapped); err != nil {
		return err
	}
	m.out.Close(at)
	return nil
}

// member writes one member of an object.
func (m *move) member(class *ocsf.Class, c node) {
	d := m.d
	if !m.convert {
		m.out.Raw(d.RawKey(c), d.Raw(c))
		return
	}
	if d.Kind(c) == ocsfjson.Null {
		return // in 1.x an attribute that is null is one that is not there; exports of tables have all of them
	}
	a, ok := class.Attrs[d.Key(c)]
	if !ok || !m.within(a) {
		m.left.Raw(d.RawKey(c), d.Raw(c))
		return
	}
	object, known := m.schema.Object(a.Object)
	if a.Kind != ocsf.Object || !known || len(object.Attrs) == 0 {
		m.out.Raw(d.RawKey(c), d.Raw(c))
		return
	}
	switch k := d.Kind(c); {
	case k == ocsfjson.Object && !a.Array:
		m.object(object, c, d.RawKey(c))
	case k == ocsfjson.Array && a.Array:
		m.list(object, c)
	default: // let the validator say what it thinks of it
		m.out.Raw(d.RawKey(c), d.Raw(c))
	}
}

// within tells whether an attribute belongs to the event by its profiles.
func (m *move) within(a ocsf.Attr) bool {
	return len(a.Profiles) == 0 || slices.ContainsFunc(a.Profiles, func(p string) bool { return slices.Contains(m.profiles, p) })
}

func (m *move) object(class *ocsf.Class, n node, name string) {
	at, rest := m.out.Open(name), m.left.Open(name)
	for c := m.d.First(n); c >= 0; c = m.d.Next(c) {
		m.member(class, c)
	}
	m.left.Close(rest)
	m.out.Close(at)
}

// list writes a list of objects. Where something of it is left, all of it stands under unmapped: without the others, positions would change.
func (m *move) list(class *ocsf.Class, n node) {
	d := m.d
	at := m.out.List(d.RawKey(n))
	lost := false
	for c := d.First(n); c >= 0; c = d.Next(c) {
		if d.Kind(c) != ocsfjson.Object {
			if d.Kind(c) != ocsfjson.Null {
				m.out.Lit(d.Raw(c))
			}
			continue
		}
		keep := m.left
		m.left = ocsfjson.Writer{}
		m.object(class, c, "")
		lost = lost || len(m.left.B) > 0
		m.left = keep
	}
	m.out.Close(at)
	if lost {
		m.left.Raw(d.RawKey(n), d.Raw(n))
	}
}

// metadata writes metadata, of this version and with what is to be added.
func (m *move) metadata(n node) {
	d := m.d
	class, _ := m.schema.Object("metadata")
	at, rest := m.out.Open("metadata"), m.left.Open("metadata")
	for c := d.First(n); c >= 0; c = d.Next(c) {
		name := d.Key(c)
		switch {
		case name == "version" && m.convert:
			m.out.Str("version", schemas.Version)
			m.left.Raw("version", d.Raw(c))
		case name == "uid" && m.changed() != "" && d.Str(c) != "":
			m.out.Str("uid", d.Str(c)+"@"+m.changed())
			if d.Get(n, "original_event_uid") < 0 {
				m.out.Raw("original_event_uid", d.Raw(c))
			} else {
				m.left.Raw("uid", d.Raw(c))
			}
		default:
			m.member(class, c)
		}
	}
	if m.add.LogName != "" && d.Get(n, "log_name") < 0 {
		m.out.Str("log_name", m.add.LogName)
	}
	m.left.Close(rest)
	m.out.Close(at)
}

// changed is the time of the change that the event tells of, if the finding existed before.
func (m *move) changed() string {
	d := m.d
	if activity := d.Raw(d.Get(d.Root(), "activity_id")); !m.add.Updates || activity != "2" && activity != "3" {
		return ""
	}
	if t := d.Raw(d.Path(d.Root(), "finding_info", "modified_time")); t != "" && t != "null" {
		return strings.Trim(t, `"`)
	}
	return strings.Trim(d.Raw(d.Get(d.Root(), "time")), `"`)
}

// unmapped writes what the event has there itself, what is left, and what stood beside the event.
func (m *move) unmapped(n node) error {
	d := m.d
	at := m.out.Open("unmapped")
	names := map[string]bool{}
	for c := d.First(n); n >= 0 && c >= 0; c = d.Next(c) {
		m.out.Raw(d.RawKey(c), d.Raw(c))
		names[d.Key(c)] = true
	}
	for _, text := range [...]string{string(m.left.B), m.add.Beside} {
		var more ocsfjson.Doc
		if text == "" {
			continue
		}
		if err := more.ParseText(text); err != nil {
			return fmt.Errorf("what goes to unmapped: %w", err)
		}
		for c := more.First(more.Root()); c >= 0; c = more.Next(c) {
			if names[more.Key(c)] {
				return fmt.Errorf("%q would stand under unmapped twice", more.Key(c))
			}
			names[more.Key(c)] = true
			m.out.Raw(more.RawKey(c), more.Raw(c))
		}
	}
	if !m.out.Close(at) && n >= 0 {
		m.out.Raw("unmapped", d.Raw(n))
	}
	return nil
}
