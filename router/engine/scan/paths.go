// Package scan reads one JSON document in one pass: it checks all of it, and notes where the values at a set of paths stand. Nothing is
// decoded, and nothing allocated but what grows once.
//
// paths.go makes an automaton of the paths, whose states are places in documents; keys.go finds the members of an object that lead on;
// scan.go walks through the document, jsontext over what leads nowhere.
package scan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/riposte-security/riposte/router/rule/predicate"
)

// Paths is a set of paths, made for reading. It is read-only and safe for concurrent use.
type Paths struct {
	states []state
	start  int32 // the state of the document
	keys   int   // in all states together
}

// A state is a place in a document. State 0 leads nowhere.
type state struct {
	accept   []int32 // paths that end here
	elements []int32 // paths that end here unless the value is a list, whose elements they are about instead, or null
	keys     table
	each     int32 // the state of elements of a list
}

// item is a path of which the first so many steps have been gone.
type item struct{ path, gone int }

// NewPaths makes a set of paths; a path is known by its index.
func NewPaths(paths [][]predicate.Step) *Paths {
	b := builder{paths: paths, known: map[string]int32{}}
	b.out.states = make([]state, 1)
	start := make([]item, len(paths))
	for i := range paths {
		start[i] = item{i, 0}
	}
	b.out.start = b.state(start)
	return &b.out
}

type builder struct {
	paths [][]predicate.Step
	known map[string]int32 // by the items
	out   Paths
}

// state gives the state of a set of items, and makes it with all that it leads to.
func (b *builder) state(items []item) int32 {
	if len(items) == 0 {
		return 0
	}
	slices.SortFunc(items, func(x, y item) int {
		if x.path != y.path {
			return x.path - y.path
		}
		return x.gone - y.gone
	})
	items = slices.Compact(items)
	var name strings.Builder
	for _, it := range items {
		fmt.Fprintf(&name, "%d.%d ", it.path, it.gone)
	}
	if s, ok := b.known[name.String()]; ok {
		return s
	}
	at := int32(len(b.out.states)) //nolint:gosec // far below
	b.known[name.String()] = at
	b.out.states = append(b.out.states, state{})
	var s state
	var each []item
	members := map[string][]item{}
	for _, it := range items {
		s.step(b.paths[it.path], it, &each, members)
	}
	names := make([]string, 0, len(members))
	for n := range members {
		names = append(names, n)
	}
	slices.Sort(names)
	next := make([]int32, len(names))
	for i, n := range names {
		next[i] = b.state(members[n])
	}
	s.each = b.state(each)
	s.keys = newTable(names, next, b.out.keys)
	b.out.keys += len(names)
	b.out.states[at] = s
	return at
}

// step notes what one item makes of the value at its place.
func (s *state) step(path []predicate.Step, it item, each *[]item, members map[string][]item) {
	through := false
	for it.gone < len(path) && path[it.gone].Kind == predicate.Through {
		through = true
		it.gone++
	}
	if through { // an element of a list is at the same place as the list
		*each = append(*each, item{it.path, it.gone - 1})
	}
	switch {
	case it.gone == len(path) && through:
		s.elements = append(s.elements, int32(it.path)) //nolint:gosec // far below
	case it.gone == len(path):
		s.accept = append(s.accept, int32(it.path)) //nolint:gosec // far below
	case path[it.gone].Kind == predicate.Each:
		if through {
			return // one kind of step does not follow the other
		}
		*each = append(*each, item{it.path, it.gone + 1})
	default:
		name := path[it.gone].Name
		members[name] = append(members[name], item{it.path, it.gone + 1})
	}
}
