// Package deploymentrollback takes a deployment back: the alias of a Lambda function, an ECS service, or a running deployment of CodeDeploy.
package deploymentrollback

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/remediate/attribute"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// within is how long one look for the effect may take. What is not stable then is looked at again by the worker, as after any error.
const within = 2 * time.Minute

// Deps is what the action is made of.
type Deps struct {
	Lambda     func(ctx context.Context, account, region string) (LambdaAPI, error)
	ECS        func(ctx context.Context, account, region string) (ECSAPI, error)
	CodeDeploy func(ctx context.Context, account, region string) (CodeDeployAPI, error)
	Now        func() time.Time
}

// state is what is deployed. Which fields there are depends on the kind.
type state struct {
	Version        string             `json:"version,omitempty"` // of a function, that an alias points to
	Weights        map[string]float64 `json:"weights,omitempty"` // of further versions, in an alias
	TaskDefinition string             `json:"task_definition,omitempty"`
	Running        bool               `json:"running,omitempty"` // a deployment
	Stopped        bool               `json:"stopped,omitempty"` // a deployment that was stopped, or failed

	settled  bool   // nothing is moving any more
	revision string // of an alias
	back     *state // what to go back to, while planning; nil for nothing to do
	from     string // where that is from, or why there is nothing to do, for people
}

func same(a, b state) bool {
	return a.Version == b.Version && maps.Equal(a.Weights, b.Weights) && a.TaskDefinition == b.TaskDefinition && a.Running == b.Running && a.Stopped == b.Stopped
}

// A kind is one kind of deployment.
type kind interface {
	read(ctx context.Context, cmd schemas.Command, planning bool) (state, error)
	write(ctx context.Context, cmd schemas.Command, from, to state) error
	call(cmd schemas.Command, to state) schemas.Call
	text(s state) string
}

// OnAWS makes the action with real clients.
func OnAWS(c *cloud.Clients, now func() time.Time) consumers.Action {
	return New(Deps{
		Now: now,
		Lambda: func(ctx context.Context, account, region string) (LambdaAPI, error) {
			return c.Lambda(ctx, account, region)
		},
		ECS: func(ctx context.Context, account, region string) (ECSAPI, error) {
			return cloud.For(ctx, c, account, region, func(conf aws.Config) *ecs.Client { return ecs.NewFromConfig(conf) })
		},
		CodeDeploy: func(ctx context.Context, account, region string) (CodeDeployAPI, error) {
			return cloud.For(ctx, c, account, region, func(conf aws.Config) *codedeploy.Client { return codedeploy.NewFromConfig(conf) })
		},
	})
}

// An action waits, beside what attribute does, until what it set in motion has come to rest.
type action struct {
	*attribute.Action[state]
	rollback
}

type rollback struct{ Deps }

// New makes the action.
func New(d Deps) consumers.Action {
	r := rollback{d}
	return &action{attribute.New(attribute.Row[state]{
		Noun: func(cmd schemas.Command) string { return "deployment " + cmd.Target.ID },
		Read: func(ctx context.Context, cmd schemas.Command, like *state) (state, error) {
			return r.kindOf(cmd).read(ctx, cmd, like == nil)
		},
		Want: r.want,
		Write: func(ctx context.Context, cmd schemas.Command, from, to state) error {
			return r.kindOf(cmd).write(ctx, cmd, from, to)
		},
		Same:   same,
		Now:    d.Now,
		Within: within,
	}), r}
}

// Verify implements consumers.Action.
func (a *action) Verify(ctx context.Context, cmd schemas.Command, p schemas.Plan) (schemas.Outcome, error) {
	out, err := a.Action.Verify(ctx, cmd, p)
	if err != nil {
		return out, err
	}
	return out, a.rest(ctx, cmd)
}

// rest waits until nothing moves.
func (a *action) rest(ctx context.Context, cmd schemas.Command) error {
	return cloud.Await(ctx, within, "deployment "+cmd.Target.ID, func(ctx context.Context) (bool, error) {
		s, err := a.kindOf(cmd).read(ctx, cmd, false)
		return s.settled, err
	})
}

// Undo implements consumers.Undoer: it goes forward again.
func (a *action) Undo(ctx context.Context, cmd schemas.Command, p schemas.Plan, force bool) error {
	if strings.HasPrefix(cmd.Target.ID, "d-") && !p.Empty() {
		return fault.Permanent(fmt.Errorf("deployment %s: one that was stopped does not go on: deploy anew", cmd.Target.ID))
	}
	return a.Action.Undo(ctx, cmd, p, force)
}

func (r rollback) kindOf(cmd schemas.Command) kind {
	switch id := cmd.Target.ID; {
	case strings.HasPrefix(id, "d-"):
		return codeDeploy(r)
	case strings.Contains(id, ":ecs:"):
		return ecsService(r)
	default:
		return lambdaAlias(r)
	}
}

func (r rollback) want(cmd schemas.Command, current state) (attribute.Change[state], error) {
	k := r.kindOf(cmd)
	c := attribute.Change[state]{Before: current, After: current}
	if current.back == nil || same(current, *current.back) {
		c.Summary = "deployment " + cmd.Target.ID + " is not to be taken back (any more): " + current.from
		return c, nil
	}
	c.After = *current.back
	c.Summary = "take " + cmd.Target.ID + " from " + k.text(current) + " back to " + k.text(c.After) + ", " + current.from
	c.Calls = []schemas.Call{k.call(cmd, c.After)}
	return c, nil
}

// settings are what a command may say with its step.
type settings struct {
	Version string `json:"version"`
}

func settingsOf(cmd schemas.Command) (settings, error) {
	var s settings
	err := attribute.Settings(cmd, &s)
	return s, err
}

// errUnknown says that a command does not name what was deployed: what is there now may be what was there before.
func errUnknown() error {
	return fault.Permanent(errors.New("the event does not say what was deployed: name the version to go back to"))
}

func sortedKeys(m map[string]float64) []string { return slices.Sorted(maps.Keys(m)) }
