package predicate

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/expr-lang/expr/checker/nature"

	"github.com/riposte-security/riposte/schemas/ocsf"
)

// A Scope is what an expression may name where that is not simply the event of a rule's classes.
type Scope struct {
	// Classes give all their attributes. Without any, there are none.
	Classes []string
	// Paths are single attributes, such as src_endpoint.ip, that are there as well, with the type that they have in any class. A name that OCSF
	// does not have is of any type.
	Paths []string
}

// CompileIn is Compile for expressions over a scope.
func (l *Language) CompileIn(s Scope, source string, want Want) (*Program, []*Error) {
	env, err := l.Types.narrow(s)
	if err != nil {
		return nil, []*Error{{Message: err.Error()}}
	}
	return l.compile(source, env, want)
}

// IsPath tells whether an expression is the path of one attribute, and gives its names.
func IsPath(source string) ([]string, bool) {
	if !regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$`).MatchString(source) {
		return nil, false
	}
	return strings.Split(source, "."), true
}

// narrow is the type of a scope.
func (t *Types) narrow(s Scope) (nature.Nature, error) {
	env := strictObject()
	if len(s.Classes) > 0 {
		n, err := t.scope(s.Classes)
		if err != nil {
			return env, err
		}
		maps.Copy(env.Fields, n.Fields)
	}
	ours := map[string]bool{} // objects that were made here, and may be added to
	for _, text := range s.Paths {
		path, ok := IsPath(text)
		if !ok {
			continue
		}
		at := env
		for i, name := range path {
			have, exists := at.Fields[name]
			prefix := strings.Join(path[:i+1], ".")
			switch {
			case i == len(path)-1:
				if !exists {
					at.Fields[name] = t.typeOf(path)
				}
			case !exists:
				have = strictObject()
				at.Fields[name] = have
				ours[prefix] = true
			case !ours[prefix]: // an attribute of the classes, with all that is in it
				have = nature.Nature{}
			}
			if have.TypeData == nil {
				break
			}
			at = have
		}
	}
	return env, nil
}

// typeOf is the type of a path in any class.
func (t *Types) typeOf(path []string) nature.Nature {
	at := t.union
	for _, name := range path {
		if at.TypeData == nil {
			return nature.Nature{}
		}
		n, ok := at.Fields[name]
		if !ok {
			return nature.Nature{}
		}
		at = n
	}
	return at
}

// Complete gives those of some paths that, with their values, make up a valid object of OCSF: nothing that the object, or one within it, cannot
// do without is missing. Whether a value is of the right type is not looked at.
func (t *Types) Complete(object string, paths []string) []string {
	byRoot := map[string][][]string{}
	for _, text := range paths {
		if path, ok := IsPath(text); ok {
			byRoot[path[0]] = append(byRoot[path[0]], path)
		}
	}
	of, ok := t.schema.Object(object)
	if !ok {
		return nil
	}
	var out []string
	for root, group := range byRoot {
		if slices.Contains(of.AtLeastOne, root) && t.complete(of, group) {
			for _, path := range group {
				out = append(out, strings.Join(path, "."))
			}
		}
	}
	slices.Sort(out)
	return out
}

// complete tells whether an object with these paths, and no others, lacks nothing but what its caller looks at.
func (t *Types) complete(of *ocsf.Class, paths [][]string) bool {
	byName := map[string][][]string{}
	for _, path := range paths {
		byName[path[0]] = append(byName[path[0]], path[1:])
	}
	for name, below := range byName {
		a, ok := of.Attrs[name]
		if !ok || a.Array || len(a.Profiles) > 0 {
			return false
		}
		leaf := slices.ContainsFunc(below, func(p []string) bool { return len(p) == 0 })
		if leaf {
			if a.Kind == ocsf.Object || a.Kind == ocsf.JSON || len(below) > 1 {
				return false
			}
			continue
		}
		o, ok := t.schema.Object(a.Object)
		if !ok || a.Kind != ocsf.Object || !t.complete(o, below) || !satisfied(o, below) {
			return false
		}
	}
	return true
}

// satisfied tells whether an object with these paths has what OCSF demands of it.
func satisfied(o *ocsf.Class, paths [][]string) bool {
	has := func(name string) bool {
		return slices.ContainsFunc(paths, func(p []string) bool { return p[0] == name })
	}
	for name, a := range o.Attrs {
		if a.Required && len(a.Profiles) == 0 && !has(name) {
			return false
		}
	}
	just := 0
	for _, name := range o.JustOne {
		if has(name) {
			just++
		}
	}
	return (len(o.AtLeastOne) == 0 || slices.ContainsFunc(o.AtLeastOne, has)) && (len(o.JustOne) == 0 || just == 1)
}
