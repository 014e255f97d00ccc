package app

import (
	"fmt"
	"slices"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/catalog"
	"github.com/riposte-security/riposte/internal/config"
)

// logReceiver always exists.
const logReceiver = "log"

// A receiver is one entry of `receivers:` that is not built yet.
type receiver struct {
	Name     string
	Kind     string
	Settings config.Node
}

// readReceivers reads the configured receivers and adds the one called log, unless the configuration has its own.
func readReceivers(nodes []config.Node) ([]receiver, error) {
	var all []receiver
	for _, n := range nodes {
		r, err := readReceiver(n)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(all, func(o receiver) bool { return o.Name == r.Name }) {
			return nil, fmt.Errorf("%s: receiver %q stands twice", n.Pos(), r.Name)
		}
		all = append(all, r)
	}
	if !slices.ContainsFunc(all, func(r receiver) bool { return r.Name == logReceiver }) {
		all = append(all, receiver{Name: logReceiver, Kind: logReceiver})
	}
	return all, nil
}

func readReceiver(n config.Node) (receiver, error) {
	var r receiver
	entries, err := n.Entries()
	if err != nil {
		return r, err
	}
	for _, e := range entries {
		switch {
		case e.Key == "name":
			if err := e.Value.Decode(&r.Name); err != nil {
				return r, err
			}
		case r.Kind != "":
			return r, fmt.Errorf("%s: receiver: one kind expected beside its name, found %s and %s", e.Value.Pos(), r.Kind, e.Key)
		default:
			r.Kind, r.Settings = e.Key, e.Value
		}
	}
	switch {
	case !config.ValidName(r.Name):
		return r, fmt.Errorf("%s: receiver: name %q: letters, digits, dots, dashes and underscores expected", n.Pos(), r.Name)
	case r.Kind == "":
		return r, fmt.Errorf("%s: receiver %q: its kind is missing (%s)", n.Pos(), r.Name, receiverKinds())
	}
	return r, nil
}

func receiverKinds() string {
	var names []string
	for _, k := range catalog.Receivers() {
		names = append(names, k.Name)
	}
	return oneOf(names)
}

// buildReceivers makes the actions of the alert lane, by name.
func buildReceivers(nodes []config.Node, d catalog.Deps) (map[string]consumers.Action, error) {
	receivers, err := readReceivers(nodes)
	if err != nil {
		return nil, err
	}
	kinds := catalog.Receivers()
	built := map[string]consumers.Action{}
	for _, r := range receivers {
		i := slices.IndexFunc(kinds, func(k catalog.Receiver) bool { return k.Name == r.Kind })
		if i < 0 {
			return nil, fmt.Errorf("%s: receiver %q: unknown kind %q; %s expected", r.Settings.Pos(), r.Name, r.Kind, receiverKinds())
		}
		action, err := kinds[i].New(r.Settings, d)
		if err != nil {
			return nil, fmt.Errorf("receiver %q: %w", r.Name, err)
		}
		built[r.Name] = action
	}
	return built, nil
}
