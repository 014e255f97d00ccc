// Package iamrevertpolicy takes back a change of an IAM policy that granted everything.
package iamrevertpolicy

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/iampolicy"
	"github.com/riposte-security/riposte/consumers/remediate/attribute"
	"github.com/riposte-security/riposte/consumers/remediate/confighistory"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

const within = time.Minute // IAM is slow to agree with itself

// API is what the action needs of IAM.
type API interface {
	managedAPI
	iampolicy.InlineAPI
	ownerAPI
}

type managedAPI interface {
	GetPolicy(context.Context, *iam.GetPolicyInput, ...func(*iam.Options)) (*iam.GetPolicyOutput, error)
	GetPolicyVersion(context.Context, *iam.GetPolicyVersionInput, ...func(*iam.Options)) (*iam.GetPolicyVersionOutput, error)
	ListPolicyVersions(context.Context, *iam.ListPolicyVersionsInput, ...func(*iam.Options)) (*iam.ListPolicyVersionsOutput, error)
	SetDefaultPolicyVersion(context.Context, *iam.SetDefaultPolicyVersionInput, ...func(*iam.Options)) (*iam.SetDefaultPolicyVersionOutput, error)
	CreatePolicyVersion(context.Context, *iam.CreatePolicyVersionInput, ...func(*iam.Options)) (*iam.CreatePolicyVersionOutput, error)
	DeletePolicyVersion(context.Context, *iam.DeletePolicyVersionInput, ...func(*iam.Options)) (*iam.DeletePolicyVersionOutput, error)
}

// Deps is what the action is made of.
type Deps struct {
	IAM    func(ctx context.Context, account string) (API, error)
	Config func(ctx context.Context, account, region string) (confighistory.API, error)
	Now    func() time.Time
}

// settings are what a command may say with its step.
type settings struct {
	By     string `json:"by"`
	Region string `json:"config_region"`
}

// The values of by.
const (
	byVersions = "versions"
	byConfig   = "config"
)

func settingsOf(cmd schemas.Command) (settings, error) {
	s := settings{By: byVersions}
	if err := attribute.Settings(cmd, &s); err != nil {
		return s, err
	}
	if s.By != byVersions && s.By != byConfig {
		return s, fault.Permanent(fmt.Errorf("with.by: %q: %s or %s expected", s.By, byVersions, byConfig))
	}
	return s, nil
}

// state is what a policy says.
type state struct {
	// Version is the default version of a managed policy; empty for an inline one, and for a version yet to be made.
	Version string `json:"version,omitempty"`
	// Document is what it grants; nil where an inline policy does not exist.
	Document json.RawMessage `json:"document"`
	// Made is, of the state before, the document of the version that we add to a managed policy: an undo deletes it.
	Made json.RawMessage `json:"made,omitempty"`

	previous *candidate // what to go back to, while planning
	full     bool       // as many versions as IAM allows exist, while planning
	asked    string     // what AWS Config knows where there is nothing to go back to, for people, while planning
}

// A candidate is a document to go back to: of a managed policy an existing version, or none yet.
type candidate struct {
	Version  string
	Document json.RawMessage
	From     string // where it is from, for people

	all bool // it grants everything as well
}

// OnAWS makes the action with real clients.
func OnAWS(c *cloud.Clients, now func() time.Time) consumers.Action {
	return New(Deps{
		Now: now,
		IAM: func(ctx context.Context, account string) (API, error) { return c.IAM(ctx, account, "") },
		Config: func(ctx context.Context, account, region string) (confighistory.API, error) {
			return c.ConfigService(ctx, account, region)
		},
	})
}

// New makes the action.
func New(d Deps) consumers.Action {
	r := reverter{d}
	return attribute.New(attribute.Row[state]{
		Noun:   func(cmd schemas.Command) string { return "policy " + cmd.Target.ID },
		Read:   r.read,
		Want:   want,
		Write:  r.write,
		Same:   same,
		Now:    d.Now,
		Within: within,
	})
}

// same compares versions where both are known, and always documents.
func same(a, b state) bool {
	if a.Version != "" && b.Version != "" && a.Version != b.Version {
		return false
	}
	return bytes.Equal(iampolicy.Compact(a.Document), iampolicy.Compact(b.Document))
}

type reverter struct{ Deps }

func (r reverter) read(ctx context.Context, cmd schemas.Command, like *state) (state, error) {
	with, err := settingsOf(cmd)
	if err != nil {
		return state{}, err
	}
	api, err := r.IAM(ctx, cmd.Target.Account)
	if err != nil {
		return state{}, err
	}
	if o, ok := ownerOf(cmd.Target.ID); ok {
		return r.readInline(ctx, api, cmd, o, with, like == nil)
	}
	if !strings.HasPrefix(cmd.Target.ID, "arn:") {
		return state{}, fault.Permanent(fmt.Errorf("target %q: the ARN of a managed policy, or user|role|group/NAME/policy/POLICY expected", cmd.Target.ID))
	}
	return r.readManaged(ctx, api, cmd, with, like == nil)
}

func (r reverter) write(ctx context.Context, cmd schemas.Command, from, to state) error {
	api, err := r.IAM(ctx, cmd.Target.Account)
	if err != nil {
		return err
	}
	if o, ok := ownerOf(cmd.Target.ID); ok {
		return iampolicy.Put(ctx, api, o, to.Document)
	}
	return writeManaged(ctx, api, cmd.Target.ID, from, to)
}

func want(cmd schemas.Command, current state) (attribute.Change[state], error) {
	c := attribute.Change[state]{Before: current, After: current}
	if len(current.Document) == 0 {
		c.Summary = "policy " + cmd.Target.ID + " does not exist (any more)"
		return c, nil
	}
	all, err := grantsAll(current.Document)
	if err != nil {
		return c, fault.Permanent(err)
	}
	if !all {
		c.Summary = "policy " + cmd.Target.ID + " does not grant every action on every resource (any more)"
		return c, nil
	}
	if o, ok := ownerOf(cmd.Target.ID); ok {
		return wantInline(c, o), nil
	}
	return wantManaged(c, cmd.Target.ID)
}
