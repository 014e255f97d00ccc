package app

import (
	"fmt"
	"strings"
	"text/tabwriter"

	actions "github.com/riposte-security/riposte/consumers/catalog"
	formats "github.com/riposte-security/riposte/producers/catalog"

	"github.com/riposte-security/riposte/schemas"
)

type listCmd struct {
	What string `arg:"" enum:"formats,sources,actions,receivers" help:"formats, sources, actions or receivers."`
	JSON bool   `name:"json" help:"Print a JSON array."`
}

// A listed is one line of a catalogue.
type listed struct {
	Name         string            `json:"name"`
	Kind         string            `json:"kind,omitempty"`
	Lane         schemas.Lane      `json:"lane,omitempty"`
	Summary      string            `json:"summary"`
	Settings     []schemas.Setting `json:"settings"`
	Undo         bool              `json:"undo"`
	Irreversible string            `json:"irreversible,omitempty"`
	Policy       []string          `json:"policy"`
}

// Run lists what the code itself says.
func (c *listCmd) Run(a *App) error {
	all := catalogue(c.What)
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
	}
	return w.Flush()
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
			all = append(all, listed{Name: s.Name, Kind: "action", Lane: s.Lane, Summary: s.Summary, Settings: s.Settings, Undo: s.Undo, Irreversible: s.Irreversible, Policy: s.Policy})
		}
	case "receivers":
		for _, r := range actions.Receivers() {
			all = append(all, listed{Name: r.Name, Kind: "receiver", Lane: schemas.LaneAlert, Summary: r.Summary, Settings: r.Settings, Policy: r.Policy,
				Irreversible: "what was sent is sent"})
		}
	}
	return all
}
