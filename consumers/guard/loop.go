package guard

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/schemas"
)

// Loop stops responses that answer each other, or that somebody keeps taking back: a deployer that puts back what its code says, two rules of which
// each undoes the other's work, a rule that fires on its own effect. It asks a person, and says who is on the other side. Alerts pass.
type Loop struct {
	// Times is how often a rule acts on one target Within a time before it asks: the effect that would be the Times-th waits. Zero: any number.
	Times  int
	Within time.Duration
	// Chain is how many responses may lead to each other; zero: any number.
	Chain int
	// List is the ledger's, for what led to a command.
	List func(ctx context.Context, f ledger.Filter) ([]ledger.Entry, error)
	// Ours tells of an event whether it is a call that our own role made, and for which command. nil: none is known to be.
	Ours func(ctx context.Context, event []byte) (command string, ok bool, err error)
}

// Check is a Guard's.
func (g Loop) Check(ctx context.Context, c Case) (Verdict, error) {
	if c.Alert() || c.Approved() {
		return Verdict{}, nil
	}
	chain, err := g.chain(ctx, c.Command)
	if err != nil {
		return Verdict{}, err
	}
	if g.Chain > 0 && len(chain) > g.Chain {
		return ask(fmt.Sprintf("a chain of %d responses led here: %s", len(chain), strings.Join(chain, " <- "))), nil
	}
	return g.flapping(ctx, c)
}

// flapping asks where the rule has acted on the target again and again.
func (g Loop) flapping(ctx context.Context, c Case) (Verdict, error) {
	if g.Times <= 0 {
		return Verdict{}, nil
	}
	entries := slices.DeleteFunc(slices.Clone(c.Past.Done), func(e ledger.Entry) bool {
		return e.Command.ID == c.Command.ID || e.Command.Action != c.Command.Action || e.Entered.Before(c.Now.Add(-g.Within))
	})
	if len(entries)+1 < g.Times {
		return Verdict{}, nil
	}
	var who []string
	for _, cmd := range append([]schemas.Command{c.Command}, commandsOf(entries)...) {
		a, err := g.who(ctx, cmd)
		if err != nil {
			return Verdict{}, err
		}
		if !slices.Contains(who, a) {
			who = append(who, a)
		}
	}
	what := "the rule has acted on this target %d times within %s, and each time it was changed back; the changes were made by %s"
	if slices.ContainsFunc(entries, func(e ledger.Entry) bool { return e.Plan != nil && e.Plan.Run != nil }) { // which changes nothing that could be changed back
		what = "the rule has run this for the target %d times within %s, and it would be run again; what led to it was done by %s"
	}
	return ask(fmt.Sprintf(what, len(entries), g.Within, strings.Join(who, ", "))), nil
}

// who names who made the change that a command is about: of two rules against each other, the other one.
func (g Loop) who(ctx context.Context, cmd schemas.Command) (string, error) {
	e, err := g.before(ctx, cmd)
	if err != nil {
		return "", err
	}
	if e == nil {
		return Actor(cmd.Event), nil
	}
	return fmt.Sprintf("rule %s (command %s)", e.Command.Rule, e.Command.ID), nil
}

func commandsOf(entries []ledger.Entry) []schemas.Command {
	cmds := make([]schemas.Command, len(entries))
	for i, e := range entries {
		cmds[i] = e.Command
	}
	return cmds
}

// chain follows what led to a command, from one response to the one before it, as far as it is believed. It ends one beyond what is allowed.
func (g Loop) chain(ctx context.Context, cmd schemas.Command) ([]string, error) {
	var chain []string
	for g.Chain > 0 && len(chain) <= g.Chain {
		e, err := g.before(ctx, cmd)
		if err != nil || e == nil {
			return chain, err
		}
		before := e.Command
		chain = append(chain, fmt.Sprintf("%s %s on %s", before.Rule, before.Action, before.Target.ID))
		cmd = before
	}
	return chain, nil
}

// before returns the command that led to cmd, if the ledger bears out that it did; nil if none is known to have.
func (g Loop) before(ctx context.Context, cmd schemas.Command) (*ledger.Entry, error) {
	cause, call, err := g.cause(ctx, cmd)
	if err != nil || cause == "" {
		return nil, err
	}
	entries, err := g.List(ctx, ledger.Filter{IDs: []string{cause}, Limit: 1})
	if errors.Is(err, ledger.ErrAmbiguous) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if len(entries) == 0 || !believed(entries[0], cmd, call) {
		return nil, nil
	}
	return &entries[0], nil
}

// cause is the command that an event says it came from: an outcome by its headers, a call of ours by what it carries. call is the call's name.
func (g Loop) cause(ctx context.Context, cmd schemas.Command) (id, call string, err error) {
	if cmd.Cause != "" {
		return cmd.Cause, "", nil
	}
	if g.Ours == nil {
		return "", "", nil
	}
	id, ok, err := g.Ours(ctx, cmd.Event)
	if err != nil || !ok {
		return "", "", err
	}
	return id, gjson.GetBytes(cmd.Event, "api.operation").Str, nil
}

// believed tells whether the ledger bears out what an event says of its cause. A call counts if the command's plan has it, and if it was made on the
// same target: a name in a header proves nothing.
func believed(e ledger.Entry, cmd schemas.Command, call string) bool {
	if call == "" {
		return true // an outcome: nobody but the consumers writes those
	}
	return e.Applied && e.Plan != nil && e.Command.Target.Key() == cmd.Target.Key() &&
		slices.ContainsFunc(e.Plan.Calls, func(c schemas.Call) bool { return c.Operation == call })
}

// Actor names who made the change that an event tells of.
func Actor(event []byte) string {
	for _, a := range gjson.GetManyBytes(event, "actor.user.uid", "actor.session.issuer", "actor.user.name", "actor.invoked_by", "src_endpoint.ip") {
		if a.Str != "" {
			return strings.ToValidUTF8(a.Str[:min(len(a.Str), 200)], "")
		}
	}
	return "nobody whom the event names"
}
