// Package iamdeny denies an IAM user or role, by an inline policy of its own beside whatever else it has: an explicit Deny goes before every
// Allow. What is denied, the actions say that are made of it.
package iamdeny

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/iampolicy"
	"github.com/riposte-security/riposte/consumers/remediate/attribute"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

const within = time.Minute // IAM is slow to agree with itself

// API is what these actions need of IAM.
type API interface {
	iampolicy.InlineAPI
	GetUser(context.Context, *iam.GetUserInput, ...func(*iam.Options)) (*iam.GetUserOutput, error)
	GetRole(context.Context, *iam.GetRoleInput, ...func(*iam.Options)) (*iam.GetRoleOutput, error)
}

// Deps is what an action is made of.
type Deps struct {
	IAM func(ctx context.Context, account string) (API, error)
	Now func() time.Time
}

// OnAWS is Deps with real clients.
func OnAWS(c *cloud.Clients, now func() time.Time) Deps {
	return Deps{Now: now, IAM: func(ctx context.Context, account string) (API, error) { return c.IAM(ctx, account, "") }}
}

// A Denial is one action: whom it denies, and what.
type Denial struct {
	Kind string // iampolicy.User or iampolicy.Role
	// Deny says what a command denies, from its settings and nothing that another reading could give otherwise, and says it for people:
	// "everything".
	Deny func(cmd schemas.Command) (Statement, string, error)
}

// A Statement is what is denied. Its Effect is Deny.
type Statement struct {
	Actions   []string
	Resources []string
	Condition map[string]map[string]string
}

// document writes the policy, always in the same way.
func (s Statement) document() (json.RawMessage, error) {
	doc := map[string]any{"Effect": "Deny", "Sid": "Riposte", "Action": s.Actions, "Resource": s.Resources}
	if len(s.Condition) > 0 {
		doc["Condition"] = s.Condition
	}
	b, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": []any{doc}})
	if err != nil {
		return nil, fault.Permanent(fmt.Errorf("policy document: %w", err))
	}
	return iampolicy.Compact(b), nil
}

// policyName is made of what the policy says: commands that deny the same share one policy, and those that deny different things, or until
// different times, never overwrite each other.
func policyName(doc json.RawMessage) string {
	sum := sha256.Sum256(doc)
	return "riposte-deny-" + hex.EncodeToString(sum[:6])
}

// state is what our policy says; a nil Document stands for none.
type state struct {
	Policy   string          `json:"policy"`
	Document json.RawMessage `json:"document,omitempty"`
}

type denier struct {
	*attribute.Action[state]
	Denial
	Deps
}

// New makes the action of a denial. Commands that deny one principal the same share their effect.
func New(n Denial, d Deps) consumers.Action {
	a := &denier{Denial: n, Deps: d}
	a.Action = attribute.New(attribute.Row[state]{
		Noun:  func(cmd schemas.Command) string { return n.Kind + " " + cmd.Target.ID },
		Read:  a.read,
		Want:  a.want,
		Write: a.write,
		Same: func(x, y state) bool {
			return bytes.Equal(iampolicy.Compact(x.Document), iampolicy.Compact(y.Document))
		},
		Now:    d.Now,
		Within: within,
	})
	return a
}

// Enforcer implements consumers.Sharer: it is the policy.
func (a *denier) Enforcer(cmd schemas.Command) string {
	doc, _, err := a.document(cmd)
	if err != nil {
		return ""
	}
	return policyName(doc)
}

func (a *denier) document(cmd schemas.Command) (json.RawMessage, string, error) {
	s, what, err := a.Deny(cmd)
	if err != nil {
		return nil, "", err
	}
	doc, err := s.document()
	return doc, what, err
}

func (a *denier) owner(cmd schemas.Command, policy string) iampolicy.Owner {
	return iampolicy.Owner{Kind: a.Kind, Name: cmd.Target.ID, Policy: policy}
}

func (a *denier) read(ctx context.Context, cmd schemas.Command, like *state) (state, error) {
	var s state
	api, err := a.IAM(ctx, cmd.Target.Account)
	if err != nil {
		return s, err
	}
	if like != nil {
		s.Policy = like.Policy
	} else {
		doc, _, err := a.document(cmd)
		if err != nil {
			return s, err
		}
		if err := a.exists(ctx, api, cmd.Target.ID); err != nil {
			return s, err
		}
		s.Policy = policyName(doc)
	}
	s.Document, err = iampolicy.Get(ctx, api, a.owner(cmd, s.Policy))
	if cloud.Missing(err) { // the policy, or whom it denied: nobody is denied by it
		return s, nil
	}
	return s, err
}

// exists tells a principal that does not exist from one without our policy: IAM gives the same answer for both when asked for the policy.
func (a *denier) exists(ctx context.Context, api API, name string) error {
	var err error
	switch a.Kind {
	case iampolicy.User:
		_, err = api.GetUser(ctx, &iam.GetUserInput{UserName: &name})
	case iampolicy.Role:
		_, err = api.GetRole(ctx, &iam.GetRoleInput{RoleName: &name})
	default:
		err = fault.Permanent(errors.New("only users and roles can be denied"))
	}
	return cloud.Classify(err)
}

func (a *denier) want(cmd schemas.Command, current state) (attribute.Change[state], error) {
	doc, what, err := a.document(cmd)
	c := attribute.Change[state]{Before: current, After: state{Policy: current.Policy, Document: doc}}
	if err != nil {
		return c, err
	}
	whom := a.Kind + " " + cmd.Target.ID
	if bytes.Equal(iampolicy.Compact(current.Document), doc) {
		c.Summary = whom + " is denied " + what + " already (inline policy " + current.Policy + ")"
		return c, nil
	}
	c.Summary = "deny " + whom + " " + what + attribute.Lasting(cmd) + " (inline policy " + current.Policy + ")"
	o := a.owner(cmd, current.Policy)
	params := o.Params()
	params["PolicyDocument"] = string(doc)
	c.Calls = []schemas.Call{{Service: "iam", Operation: o.Operation("Put"), Params: params}}
	return c, nil
}

func (a *denier) write(ctx context.Context, cmd schemas.Command, _, to state) error {
	api, err := a.IAM(ctx, cmd.Target.Account)
	if err != nil {
		return err
	}
	return iampolicy.Put(ctx, api, a.owner(cmd, to.Policy), to.Document)
}
