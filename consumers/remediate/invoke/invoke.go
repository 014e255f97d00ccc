// Package invoke reaches what riposte has no action for: it calls functions, starts executions, tasks, jobs and scans, sends messages and requests, runs runbooks, and
// follows what it has started to its end.
//
// Each kind of thing is an action of its own (invoke-lambda, invoke-sqs), not a setting of one action: so each has its own settings, which are checked when a rule is
// loaded, its own least IAM policy, and its own mode and budgets. A rule may write `invoke: { to: lambda, … }` for it.
package invoke

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/internal/callout"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// Deps is what actions are made of. Those on AWS need Clients, publish needs Writer.
type Deps struct {
	Clients  *cloud.Clients
	Writer   consumers.Publisher // of messages; the caller closes it
	Prefix   string              // of riposte's own topics
	Config   config.Node         // section invoke of the configuration
	Callouts callout.Policy      // which addresses may be called
	Now      func() time.Time
}

// A Target is a kind of thing that can be invoked: a line of the catalogue.
type Target struct {
	Spec schemas.ActionSpec
	New  func(Deps) (consumers.Action, error)
}

// Targets lists every kind, by name.
func Targets() []Target {
	return []Target{
		toBatch(), toLogs(), toCodeBuild(), toCodePipeline(), toECR(), toECS(), toEventBridge(), toFirehose(), toHTTP(), toInspector(), toKinesis(), toLambda(),
		toKafka(), toRunbook(), toSNS(), toSQS(), toAutomation(), toRunCommand(), toStepFunctions(),
	}
}

// A target knows how to invoke one kind of thing.
type target interface {
	// plan says which call invokes what the command names, as it will be made. It changes nothing.
	plan(cmd schemas.Command) (planned, error)
	// start makes the call. Called again after a crash it finds what the command has started, or sends the same idempotency key, where there is such a thing.
	start(ctx context.Context, cmd schemas.Command, call schemas.Call) (schemas.Run, error)
	// poll reads how far a run is. One that ended badly is a permanent error.
	poll(ctx context.Context, cmd schemas.Command, call schemas.Call, run schemas.Run) (progress, error)
}

// A lingerer is a target of which start may last for minutes.
type lingerer interface {
	lingers(cmd schemas.Command) bool
}

// planned is the call, and what it comes to in a sentence.
type planned struct {
	summary string
	call    schemas.Call
	touches []schemas.Target // what it is about beside the command's target
}

// progress is how far a run is.
type progress struct {
	status string // the service's own word
	ended  bool   // well
	output any    // what came of it, in JSON's types
}

// action carries out a target. It is a consumers.Action, a consumers.Poller, a consumers.Lingerer and a consumers.Toucher.
type action struct {
	target
	now func() time.Time
}

// Plan implements consumers.Action.
func (a *action) Plan(_ context.Context, cmd schemas.Command) (schemas.Plan, error) {
	p, err := a.plan(cmd)
	if err == nil {
		_, err = within(cmd)
	}
	if err != nil {
		return schemas.Plan{}, fault.Permanent(fmt.Errorf("%s: %w", cmd.Action, err)) // it was made of the command alone
	}
	return schemas.Plan{Summary: p.summary + irreversible, Calls: []schemas.Call{p.call}}, nil
}

// Touches implements consumers.Toucher.
func (a *action) Touches(cmd schemas.Command, _ schemas.Plan) ([]schemas.Target, error) {
	p, err := a.plan(cmd)
	return p.touches, err
}

// Lingers implements consumers.Lingerer.
func (a *action) Lingers(cmd schemas.Command) bool {
	l, ok := a.target.(lingerer)
	return ok && l.lingers(cmd)
}

// Start implements consumers.Poller.
func (a *action) Start(ctx context.Context, cmd schemas.Command, p schemas.Plan) (schemas.Run, error) {
	if len(p.Calls) != 1 {
		return schemas.Run{}, fault.Permanent(fmt.Errorf("%s: a plan of one call expected, %d found", cmd.Action, len(p.Calls)))
	}
	run, err := a.start(ctx, cmd, p.Calls[0])
	if err != nil {
		return run, fmt.Errorf("%s: %w", cmd.Action, cloud.Settle(err, cmd.EventTime, a.now()))
	}
	run.Since = a.now().UTC()
	return run, nil
}

// Poll implements consumers.Poller.
func (a *action) Poll(ctx context.Context, cmd schemas.Command, p schemas.Plan) (schemas.Outcome, time.Duration, error) {
	if len(p.Calls) != 1 || p.Run == nil {
		return schemas.Outcome{}, 0, fault.Permanent(fmt.Errorf("%s: the plan says of no run", cmd.Action))
	}
	limit, err := within(cmd)
	if err != nil {
		return schemas.Outcome{}, 0, fault.Permanent(err)
	}
	is, err := a.poll(ctx, cmd, p.Calls[0], *p.Run)
	if err != nil {
		return schemas.Outcome{}, 0, fmt.Errorf("%s: %w", cmd.Action, err)
	}
	if is.ended {
		after, err := resultOf(p.Run.Ref, is)
		return schemas.Outcome{State: schemas.StateVerified, Message: done(p, is.status), After: after}, 0, fault.Permanent(err)
	}
	since := a.now().Sub(p.Run.Since)
	if since >= limit {
		return schemas.Outcome{}, 0, fault.Permanent(fmt.Errorf("%s: %s is %s, and has not ended within %s; it is left to itself", cmd.Action, p.Run.Ref, is.status, limit))
	}
	return schemas.Outcome{Message: fmt.Sprintf("%s is %s", p.Run.Ref, is.status)}, pause(since, limit), nil
}

// Apply implements consumers.Action: Start, for who does not follow.
func (a *action) Apply(ctx context.Context, cmd schemas.Command, p schemas.Plan) error {
	_, err := a.Start(ctx, cmd, p)
	return err
}

// Verify implements consumers.Action: what was started without being followed, nobody can ask about.
func (a *action) Verify(_ context.Context, _ schemas.Command, p schemas.Plan) (schemas.Outcome, error) {
	return schemas.Outcome{State: schemas.StateVerified, Message: done(p, "accepted")}, nil
}

// irreversible ends what a plan says it will do: who approves it is to know. There is no undo, because only whoever wrote what is invoked knows its opposite: a rule
// may invoke that.
const irreversible = " (nothing takes it back)"

// done says what became of what a plan said.
func done(p schemas.Plan, status string) string {
	return strings.TrimSuffix(p.Summary, irreversible) + ": " + status
}

const (
	soonest, latest = 2 * time.Second, time.Minute
	defaultWithin   = time.Hour
	longestWithin   = 7 * 24 * time.Hour
)

// pause is how long to wait before the next question: the longer the run has lasted, the longer, and not beyond its limit.
func pause(since, limit time.Duration) time.Duration {
	return max(min(since/4, latest, limit-since), soonest)
}

// within reads how long a run may last.
func within(cmd schemas.Command) (time.Duration, error) {
	v, ok := cmd.With["within"]
	if !ok {
		return defaultWithin, nil
	}
	text, _ := v.(string)
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Second || d > longestWithin {
		return 0, fmt.Errorf("with.within is %v; 1s to %s expected", v, longestWithin)
	}
	return d, nil
}

// errNoClients says that an action on AWS was made without it.
const errNoClients = runError("no AWS clients")
