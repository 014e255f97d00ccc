// Package table is the remediations that set one attribute of one thing: a row each, a file a service. What the contract asks of every action
// is in package attribute; what the rows have in common (targets, settings, calls and how they are printed) is here, once.
package table

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/remediate/attribute"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// within is how long a write may take to be seen. Those of IAM are slow to agree with each other.
const within = time.Minute

// An Action is a row as the catalogue has it: what describes it, and what makes it of clients and a clock.
type Action struct {
	Spec  schemas.ActionSpec
	OnAWS func(*cloud.Clients, func() time.Time) consumers.Action
}

// Actions lists every row, by service.
func Actions() []Action {
	return slices.Concat(s3Rows(), ec2Rows(), iamRows(), rdsRows(),
		cloudtrailRows(), configRows(), kmsRows(), lambdaRows(), snsRows(), sqsRows(), ecrRows(), dynamodbRows(), elbRows(), secretRows(), codebuildRows(), apigatewayRows())
}

// A row is one remediation. C is the client that it calls, S the attribute: all of it that the row may change, in a form that encoding/json
// keeps without loss and in the same order whenever it is read.
type row[C, S any] struct {
	Name     string
	Does     string   // first sentence of the summary: "Turns the versioning of a bucket on."
	Controls []string // of AWS Security Hub, the ones that the row brings into order
	Target   kind
	Settings []schemas.Setting
	// Irreversible says what of the effect cannot be taken back; empty for nothing.
	Irreversible string
	// Policy is the least IAM policy: the permissions of the calls that Read and Write make, those of an undo included. What finds the target
	// (kind.finding) is added to it.
	Policy []string
	// API makes the client, as the methods of cloud.Clients do.
	API func(*cloud.Clients, context.Context, string, string) (C, error)

	// Do and Done are what the plan's summary says: Do before the target ("turn versioning on for" bucket logs), Done after it (bucket logs
	// "has versioning on").
	Do, Done string
	// Read reads the attribute. before is nil when planning; afterwards it is the plan's pre-image, which says what to look at where the
	// settings alone do not (which of the keys were unused at the time). Errors need not be classified.
	Read func(ctx context.Context, api C, in input, before *S) (S, error)
	// Want says what should become of the value read. What it returns unchanged is as it should be. It calls nobody.
	Want func(in input, now S) (S, error)
	// Write lists the calls that make to of from, which has just been read. They are what a dry run prints, and what is made.
	Write func(in input, from, to S) []call[C]

	// Same tells whether two values say the same; nil compares all of them. A row whose S holds what others may change as well (a whole policy,
	// for the sake of one statement) compares what is its own, and Write leaves the rest as it is in from.
	Same func(a, b S) bool
	// Approve gives a reason to ask a person before the effect, or ""; nil asks nobody.
	Approve func(in input, now S) string
	// Report says what is wrong with the value that nobody but a person can mend, or "". A row that has it has neither Want nor Write, and nothing to undo.
	Report func(in input, now S) string
	// Code says how the attribute is written in infrastructure code; nil where it stands nowhere, or nothing short can be said.
	Code *schemas.Code
}

// always is a Want that does not depend on what there is.
func always[S any](v S) func(input, S) (S, error) {
	return func(input, S) (S, error) { return v, nil }
}

// An input is what a command gives its row.
type input struct {
	schemas.Target
	settings
	Command string    // its id: the idempotency key, where a call takes one
	Now     time.Time // for ages; what depends on it is settled when planning
}

// state is S, and the region that the thing was found in.
type state[S any] struct {
	Region string `json:"region,omitempty"`
	Value  S      `json:"value"`
}

// action makes an action of a row.
func action[C, S any](r row[C, S]) Action {
	if r.Same == nil {
		r.Same = same[S]
	}
	return Action{Spec: r.spec(), OnAWS: func(c *cloud.Clients, now func() time.Time) consumers.Action {
		b := bound[C, S]{r, c, now}
		a := attribute.New(attribute.Row[state[S]]{
			Noun:    func(cmd schemas.Command) string { return r.Target.noun(cmd.Target) },
			Read:    b.read,
			Want:    b.want,
			Write:   b.write,
			Same:    func(x, y state[S]) bool { return r.Same(x.Value, y.Value) },
			Between: func(now, before, after state[S]) bool { return between(now.Value, before.Value, after.Value) },
			Now:     now,
			Within:  within,
		})
		if r.Report != nil {
			return struct{ consumers.Action }{a}
		}
		return a
	}}
}

func (r row[C, S]) spec() schemas.ActionSpec {
	return schemas.ActionSpec{
		Name:         r.Name,
		Lane:         schemas.LaneRemediate,
		Summary:      r.Does + " The target is " + r.Target.takes + ".",
		Controls:     r.Controls,
		TargetType:   r.Target.typ,
		Settings:     r.Settings,
		Undo:         r.Report == nil,
		Irreversible: r.Irreversible,
		Policy:       slices.Concat(r.Target.finding, r.Policy),
		Canonical:    r.Target.canonical,
		Code:         r.Code,
	}
}

// A bound row has what it needs to call AWS.
type bound[C, S any] struct {
	row[C, S]
	clients *cloud.Clients
	now     func() time.Time
}

// input is what the row gets to know. region is where the thing was found, "" if its target says it.
func (b bound[C, S]) input(cmd schemas.Command, region string) (input, error) {
	s, err := settingsOf(b.Settings, cmd)
	in := input{Target: cmd.Target, settings: s, Command: cmd.ID, Now: b.now()}
	if region != "" {
		in.Region = region
	}
	return in, err
}

func (b bound[C, S]) read(ctx context.Context, cmd schemas.Command, like *state[S]) (state[S], error) {
	var now state[S]
	var before *S
	if like != nil {
		now.Region, before = like.Region, &like.Value
	}
	in, err := b.input(cmd, now.Region)
	if err != nil {
		return now, err
	}
	if now.Region == "" && b.Target.locate != nil {
		if now.Region, err = b.Target.locate(ctx, b.clients, cmd.Target); err != nil {
			return now, err
		}
		in.Region = now.Region
	}
	api, err := b.API(b.clients, ctx, in.Account, in.Region)
	if err != nil {
		return now, err
	}
	now.Value, err = b.Read(ctx, api, in, before)
	return now, cloud.Classify(err)
}

func (b bound[C, S]) want(cmd schemas.Command, now state[S]) (attribute.Change[state[S]], error) {
	c := attribute.Change[state[S]]{Before: now, After: now}
	in, err := b.input(cmd, now.Region)
	if err != nil {
		return c, err
	}
	noun := b.Target.noun(cmd.Target)
	if b.Report != nil {
		c.Summary = noun + " " + b.Done
		if found := b.Report(in, now.Value); found != "" {
			c.Summary, c.Report = noun+": "+found, true
		}
		return c, nil
	}
	if c.After.Value, err = b.Want(in, now.Value); err != nil {
		return c, err
	}
	if b.Same(now.Value, c.After.Value) {
		c.After, c.Summary = now, noun+" "+b.Done+" already"
		return c, nil
	}
	c.Summary = b.Do + " " + noun
	for _, call := range b.Write(in, now.Value, c.After.Value) {
		c.Calls = append(c.Calls, call.Call)
	}
	if len(c.Calls) == 0 {
		return c, fault.Permanent(fmt.Errorf("the row %s changes the value and has no call for it", b.Name))
	}
	if b.Approve != nil {
		c.Approval = b.Approve(in, now.Value)
	}
	return c, nil
}

func (b bound[C, S]) write(ctx context.Context, cmd schemas.Command, from, to state[S]) error {
	in, err := b.input(cmd, from.Region)
	if err != nil {
		return err
	}
	api, err := b.API(b.clients, ctx, in.Account, in.Region)
	if err != nil {
		return err
	}
	for _, call := range b.Write(in, from.Value, to.Value) {
		if err := call.do(ctx, api); err != nil {
			return cloud.Classify(err)
		}
	}
	return nil
}

// arn is the ARN of the target, for calls that take one.
func (in input) arn() *string {
	for _, a := range cloud.ARNs(in.Target) {
		return &a
	}
	return &in.ID // which has none; kinds are tested to have one
}
