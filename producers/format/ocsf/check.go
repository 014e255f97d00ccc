package ocsf

import (
	"net/netip"
	"regexp"
	"slices"
	"unicode/utf8"

	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/schemas"
	"github.com/riposte-security/riposte/schemas/ocsf"
)

// A checker tells at little cost that an event is valid. What it does not accept may be valid still: then the validator, which also knows the
// reasons, decides. It is read-only and safe for concurrent use.
type checker struct {
	schema   *ocsf.Schema
	patterns map[string]*regexp.Regexp // by type
	required map[*ocsf.Class][]ocsf.Attr
}

func newChecker(s *ocsf.Schema) (*checker, error) {
	c := &checker{schema: s, patterns: map[string]*regexp.Regexp{}, required: map[*ocsf.Class][]ocsf.Attr{}}
	for name, t := range s.Types {
		if t.Pattern == "" {
			continue
		}
		p, err := regexp.Compile(t.Pattern)
		if err != nil {
			return nil, err
		}
		c.patterns[name] = p
	}
	for _, name := range s.ClassNames() {
		if class, ok := s.Class(name); ok {
			c.demands(class)
		}
	}
	for _, name := range s.ObjectNames() {
		if object, ok := s.Object(name); ok {
			c.demands(object)
		}
	}
	return c, nil
}

func (c *checker) demands(class *ocsf.Class) {
	for _, a := range class.Attrs {
		if a.Required {
			c.required[class] = append(c.required[class], a)
		}
	}
}

// valid tells whether the event in d, which is of that class, is valid for sure.
func (c *checker) valid(d *ocsfjson.Doc, class *ocsf.Class) bool {
	root := d.Root()
	classUID, ok1 := d.Int(d.Get(root, "class_uid"))
	activity, ok2 := d.Int(d.Get(root, "activity_id"))
	typeUID, ok3 := d.Int(d.Get(root, "type_uid"))
	if !ok1 || !ok2 || !ok3 || typeUID != classUID*100+activity || d.Str(d.Path(root, "metadata", "version")) != schemas.Version {
		return false
	}
	k := &check{checker: c, d: d}
	if list := d.Path(root, "metadata", "profiles"); d.Kind(list) == ocsfjson.Array {
		for p := d.First(list); p >= 0; p = d.Next(p) {
			if _, known := slices.BinarySearch(c.schema.Profiles, d.Str(p)); !known {
				return false
			}
			k.profiles = append(k.profiles, d.Str(p))
		}
	}
	return k.object(class, root)
}

// A check is the checking of one event.
type check struct {
	*checker
	d        *ocsfjson.Doc
	profiles []string
}

// within tells whether an attribute belongs to the event by its profiles.
func (k *check) within(a *ocsf.Attr) bool {
	if len(a.Profiles) == 0 {
		return true
	}
	for _, p := range a.Profiles {
		if slices.Contains(k.profiles, p) {
			return true
		}
	}
	return false
}

func (k *check) object(class *ocsf.Class, n node) bool {
	d := k.d
	if d.Kind(n) != ocsfjson.Object {
		return false
	}
	if len(class.Attrs) == 0 {
		return true
	}
	demanded := 0
	for c := d.First(n); c >= 0; c = d.Next(c) {
		a, ok := class.Attrs[d.Key(c)]
		if !ok || !k.within(&a) || !k.attr(&a, c) {
			return false
		}
		if a.Required {
			demanded++
		}
	}
	for i := range k.required[class] {
		if k.within(&k.required[class][i]) {
			demanded--
		}
	}
	return demanded == 0 && (len(class.AtLeastOne) == 0 || k.count(n, class.AtLeastOne) > 0) &&
		(len(class.JustOne) == 0 || k.count(n, class.JustOne) == 1)
}

// count tells how many of these members an object has.
func (k *check) count(n node, names []string) int {
	found := 0
	for _, name := range names {
		if k.d.Get(n, name) >= 0 {
			found++
		}
	}
	return found
}

func (k *check) attr(a *ocsf.Attr, n node) bool {
	if !a.Array {
		return k.value(a, n)
	}
	if k.d.Kind(n) != ocsfjson.Array {
		return false
	}
	for c := k.d.First(n); c >= 0; c = k.d.Next(c) {
		if !k.value(a, c) {
			return false
		}
	}
	return true
}

func (k *check) value(a *ocsf.Attr, n node) bool {
	d := k.d
	kind := d.Kind(n)
	switch a.Kind {
	case ocsf.Object:
		class, ok := k.schema.Object(a.Object)
		return ok && k.object(class, n)
	case ocsf.JSON:
		return a.Object == "" || kind == ocsfjson.Object
	case ocsf.String:
		return kind == ocsfjson.String && k.text(a, d.Str(n))
	case ocsf.Int:
		i, ok := d.Int(n)
		if !ok {
			return false
		}
		if a.Enum != nil {
			if _, known := a.Enum[int(i)]; !known {
				return false
			}
		}
		t := k.schema.Types[a.Type]
		return len(t.Range) != 2 || i >= int64(t.Range[0]) && i <= int64(t.Range[1])
	case ocsf.Float:
		return kind == ocsfjson.Number
	case ocsf.Bool:
		return kind == ocsfjson.Bool
	}
	return false
}

func (k *check) text(a *ocsf.Attr, s string) bool {
	if a.Values != nil {
		if _, known := slices.BinarySearch(a.Values, s); !known {
			return false
		}
	}
	t := k.schema.Types[a.Type]
	if t.MaxLen > 0 && utf8.RuneCountInString(s) > t.MaxLen {
		return false
	}
	if t.Pattern == "" {
		return true
	}
	if a.Type == "ip_t" {
		if ip, err := netip.ParseAddr(s); err == nil && ip.Is4() {
			return true // the pattern takes its time
		}
	}
	return k.patterns[a.Type].MatchString(s)
}
