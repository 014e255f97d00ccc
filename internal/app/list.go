package app

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	actions "github.com/riposte-security/riposte/consumers/catalog"
	formats "github.com/riposte-security/riposte/producers/catalog"

	"github.com/riposte-security/riposte/schemas"
)

type listCmd struct {
	What string `arg:"" enum:"formats,sources,actions,receivers" help:"formats, sources, actions or receivers."`
	JSON bool   `name:"json" help:"Print a JSON array."`
	// Policy is the name of one thing of the list.
	Policy string `name:"policy" placeholder:"NAME" help:"Print the least IAM policy that NAME needs, as JSON."`
}

// A listed is one line of a catalogue.
type listed struct {
	Name         string            `json:"name"`
	Kind         string            `json:"kind,omitempty"`
	Lane         schemas.Lane      `json:"lane,omitempty"`
	Summary      string            `json:"summary"`
	Target       string            `json:"target,omitempty"`
	Controls     []string          `json:"controls,omitempty"`
	Settings     []schemas.Setting `json:"settings"`
	Undo         bool              `json:"undo"`
	Irreversible string            `json:"irreversible,omitempty"`
	Policy       []string          `json:"policy"`
}

// Run lists what the code itself says.
func (c *listCmd) Run(a *App) error {
	all := catalogue(c.What)
	if c.Policy != "" {
		return c.policy(a, all)
	}
	for i := range all {
		if all[i].Settings == nil {
			all[i].Settings = []schemas.Setting{}
		}
		if all[i].Policy == nil {
			all[i].Policy = []string{}
		}
	}
	if c.JSON {
		return a.printJSON(all)
	}
	w := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
	for _, e := range all {
		fmt.Fprintf(w, "%s\t%s\t%s\n", e.Name, e.Lane, e.Summary)
		for _, s := range e.Settings {
			fmt.Fprintf(w, "  %s\t%s\t%s\n", s.Name, s.Type, settingText(s))
		}
		if len(e.Policy) > 0 {
			fmt.Fprintf(w, "  IAM\t\t%s\n", strings.Join(e.Policy, " "))
		}
		if e.Irreversible != "" {
			fmt.Fprintf(w, "  irreversible\t\t%s\n", e.Irreversible)
		}
		if len(e.Controls) > 0 {
			fmt.Fprintf(w, "  Security Hub\t\t%s\n", strings.Join(e.Controls, " "))
		}
	}
	if c.What == "actions" {
		counts(w, all)
	}
	return w.Flush()
}

// policy prints what may stand as it is in a role: IAM's own form.
func (c *listCmd) policy(a *App, all []listed) error {
	i := slices.IndexFunc(all, func(e listed) bool { return e.Name == c.Policy })
	if i < 0 {
		return misuse{fmt.Errorf("no %s %q: see riposte list %s", strings.TrimSuffix(c.What, "s"), c.Policy, c.What)}
	}
	if len(all[i].Policy) == 0 {
		return fmt.Errorf("%s needs no permission of IAM", c.Policy)
	}
	type statement struct {
		Effect, Resource string
		Action           []string
	}
	return a.printJSON(struct {
		Version   string
		Statement []statement
	}{"2012-10-17", []statement{{"Allow", "*", slices.Sorted(slices.Values(all[i].Policy))}}})
}

// counts closes the list: how many there are, by lane and by the service that they change.
func counts(w io.Writer, all []listed) {
	lanes, services := map[schemas.Lane]int{}, map[schemas.Lane]map[string]int{}
	for _, e := range all {
		if services[e.Lane] == nil {
			services[e.Lane] = map[string]int{}
		}
		lanes[e.Lane]++
		services[e.Lane][e.service()]++
	}
	fmt.Fprintln(w)
	for _, lane := range slices.Sorted(maps.Keys(lanes)) {
		var by []string
		for _, s := range slices.Sorted(maps.Keys(services[lane])) {
			by = append(by, fmt.Sprintf("%s %d", s, services[lane][s]))
		}
		fmt.Fprintf(w, "%s\t%d\t%s\n", lane, lanes[lane], strings.Join(by, ", "))
	}
	fmt.Fprintf(w, "actions\t%d\t\n", len(all))
}

// service is whose permissions a thing needs; "other" for what is not on AWS.
func (e listed) service() string {
	if len(e.Policy) == 0 {
		return "other"
	}
	service, _, _ := strings.Cut(e.Policy[0], ":")
	return service
}

func settingText(s schemas.Setting) string {
	switch {
	case s.Required:
		return s.Help + " (required)"
	case s.Default != "":
		return s.Help + " (default " + s.Default + ")"
	}
	return s.Help
}

func catalogue(what string) []listed {
	var all []listed
	switch what {
	case "formats":
		for _, f := range formats.Formats() {
			all = append(all, listed{Name: f.Name, Kind: "format", Summary: f.Summary, Settings: f.Settings})
		}
	case "sources":
		for _, s := range formats.Sources() {
			all = append(all, listed{Name: s.Name, Kind: "source", Summary: s.Summary, Settings: s.Settings})
		}
	case "actions":
		for _, e := range actions.Actions() {
			s := e.Spec
			all = append(all, listed{Name: s.Name, Kind: "action", Lane: s.Lane, Summary: s.Summary, Target: s.TargetType, Controls: s.Controls, Settings: s.Settings,
				Undo: s.Undo, Irreversible: s.Irreversible, Policy: s.Policy})
		}
	case "receivers":
		for _, r := range actions.Receivers() {
			all = append(all, listed{Name: r.Name, Kind: "receiver", Lane: schemas.LaneAlert, Summary: r.Summary, Settings: r.Settings, Policy: r.Policy,
				Irreversible: "what was sent is sent"})
		}
	}
	return all
}
