package app

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/guard"
	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/router/rule"
	"github.com/riposte-security/riposte/router/rule/predicate"
	"github.com/riposte-security/riposte/schemas"
)

const (
	maxExemptions   = 1 << 20 // bytes
	exemptionsEvery = 5 * time.Second
)

// readExemptions reads the file of exemptions. What is wrong in it is told with file, line and column; a file with one mistake is refused whole.
func readExemptions(path string, now time.Time) ([]guard.Exemption, [sha256.Size]byte, error) {
	var sum [sha256.Size]byte
	f, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, sum, fmt.Errorf("exemptions: %w", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	text, err := io.ReadAll(io.LimitReader(f, maxExemptions+1))
	if err != nil {
		return nil, sum, fmt.Errorf("exemptions: %w", err)
	}
	if len(text) > maxExemptions {
		return nil, sum, fmt.Errorf("exemptions %s: more than %d bytes", path, maxExemptions)
	}
	sum = sha256.Sum256(text)
	root, err := config.Parse(path, text)
	if err != nil {
		return nil, sum, err
	}
	var file struct {
		Exemptions []config.Node `yaml:"exemptions"`
	}
	if err := root.Decode(&file); err != nil {
		return nil, sum, err
	}
	language, err := rule.NewLanguage()
	if err != nil {
		return nil, sum, err
	}
	seen := map[string]bool{}
	var all []guard.Exemption
	for _, n := range file.Exemptions {
		n = n.Within(path)
		var x guard.Exemption
		if err := n.Decode(&x); err != nil {
			return nil, sum, err
		}
		if err := x.Validate(now); err != nil {
			return nil, sum, fmt.Errorf("%s: exemption %q: %w", n.Pos(), x.ID, err)
		}
		if seen[x.ID] {
			return nil, sum, fmt.Errorf("%s: exemption %q stands twice", n.At("id").Pos(), x.ID)
		}
		seen[x.ID] = true
		program, problems := language.Compile(x.When, nil, predicate.WantBool)
		if len(problems) > 0 {
			return nil, sum, fmt.Errorf("%s: exemption %q: when: %w", n.At("when").Pos(), x.ID, problems[0])
		}
		x.Holds = func(event []byte) (bool, error) {
			decoded, err := predicate.Decode(event)
			if err != nil {
				return false, err
			}
			v, err := program.Eval(decoded)
			if err != nil {
				return false, err
			}
			holds, _ := v.(bool)
			return holds, nil
		}
		all = append(all, x)
	}
	return all, sum, nil
}

// exemptions follows the file of exemptions: a change is taken over as a whole, or refused as a whole, and what held before stays.
type exemptions struct {
	path string
	log  zerolog.Logger
	all  atomic.Pointer[[]guard.Exemption]
	sum  [sha256.Size]byte // of what was looked at last
}

func newExemptions(path string, log zerolog.Logger) (*exemptions, error) {
	x := &exemptions{path: path, log: log}
	all, sum, err := readExemptions(path, time.Now())
	if err != nil {
		return nil, err
	}
	x.all.Store(&all)
	x.sum = sum
	return x, nil
}

// list returns the exemptions as they are now.
func (x *exemptions) list() []guard.Exemption { return *x.all.Load() }

// run follows the file until ctx ends.
func (x *exemptions) run(ctx context.Context) error {
	tick := time.NewTicker(exemptionsEvery)
	defer tick.Stop()
	failed := ""
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		all, sum, err := readExemptions(x.path, time.Now())
		switch {
		case err != nil && err.Error() != failed:
			failed = err.Error()
			x.log.Error().Err(err).Msg("exemptions are refused; those that were in force stay")
		case err == nil && sum != x.sum:
			x.all.Store(&all)
			x.log.Info().Int("exemptions", len(all)).Msg("exemptions are in force")
			fallthrough
		case err == nil:
			x.sum, failed = sum, ""
		}
	}
}

type exemptionsCmd struct {
	List  exemptionsListCmd  `cmd:"" help:"List the exemptions, and until when they hold."`
	Check exemptionsCheckCmd `cmd:"" help:"Say which exemptions cover an event."`
}

type exemptionsListCmd struct {
	JSON bool   `name:"json" help:"Print JSON."`
	File string `help:"File of exemptions; the configuration's if absent."`
}

// Run lists the exemptions.
func (c *exemptionsListCmd) Run(_ context.Context, a *App) error {
	all, err := a.exemptions(c.File)
	if err != nil {
		return err
	}
	if c.JSON {
		if all == nil {
			all = []guard.Exemption{}
		}
		return a.printJSON(all)
	}
	w := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tEXPIRES\tSTATE\tOWNER\tREASON\tWHEN")
	for _, x := range all {
		state := "in force"
		switch now := time.Now(); {
		case x.Over(now):
			state = "over"
		case x.Over(now.Add(7 * 24 * time.Hour)):
			state = "ends within a week"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", clean(x.ID), x.Expires.UTC().Format(time.RFC3339), state, clean(x.Owner), clean(x.Reason), clean(x.When))
	}
	return w.Flush()
}

type exemptionsCheckCmd struct {
	File  string       `help:"File of exemptions; the configuration's if absent."`
	Lane  schemas.Lane `default:"" enum:",alert,block,remediate" help:"Lane of the command; any if absent."`
	Rule  string       `help:"Rule of the command; any if absent."`
	Event string       `arg:"" help:"File with an event, '-' for stdin."`
}

// Run says which exemptions cover the event; exit 1 if none does.
func (c *exemptionsCheckCmd) Run(_ context.Context, a *App) error {
	all, err := a.exemptions(c.File)
	if err != nil {
		return err
	}
	var event []byte
	err = a.withFile(c.Event, func(r io.Reader, _ time.Time) error {
		event, err = io.ReadAll(io.LimitReader(r, maxExemptions))
		return err
	})
	if err != nil {
		return fmt.Errorf("event: %w", err)
	}
	covered := false
	for _, x := range all {
		verdict := "does not hold of the event"
		holds, err := x.Holds(event)
		switch {
		case err != nil:
			return fmt.Errorf("exemption %s: %w", x.ID, err)
		case x.Over(time.Now()):
			verdict = "is over since " + x.Expires.UTC().Format(time.RFC3339)
		case c.Lane != "" && !x.CoversLane(c.Lane):
			verdict = fmt.Sprintf("is not about lane %s", c.Lane)
		case c.Rule != "" && !x.CoversRule(c.Rule):
			verdict = fmt.Sprintf("is not about rule %q", c.Rule)
		case holds:
			covered = true
			verdict = fmt.Sprintf("covers it until %s%s (%s: %s)", x.Expires.UTC().Format(time.RFC3339), c.scope(x), clean(x.Owner), clean(x.Reason))
		}
		fmt.Fprintf(a.Out, "%s %s\n", clean(x.ID), verdict)
	}
	if !covered {
		fmt.Fprintln(a.Out, "no exemption covers it")
		return errReported
	}
	return nil
}

// scope says which lanes and rules an exemption is about, where the question does not.
func (c *exemptionsCheckCmd) scope(x guard.Exemption) string {
	text := ""
	if c.Lane == "" && len(x.Lanes) > 0 {
		text = " in lane " + oneOf(x.Lanes)
	}
	if c.Rule == "" && len(x.Rules) > 0 {
		text += " from rule " + clean(oneOf(x.Rules))
	}
	return text
}

// exemptions reads the named file, else the configured one.
func (a *App) exemptions(file string) ([]guard.Exemption, error) {
	if file == "" {
		cfg, _, err := a.find()
		if err != nil {
			return nil, err
		}
		conf := consumers.Defaults()
		if err := cfg.Consumers.Decode(&conf); err != nil {
			return nil, fmt.Errorf("consumers: %w", err)
		}
		if conf.Exemptions == "" {
			return nil, misuse{fmt.Errorf("no exemptions are configured (consumers.exemptions); name a file with --file")}
		}
		file = conf.Exemptions
	}
	all, _, err := readExemptions(file, time.Now())
	return all, err
}
