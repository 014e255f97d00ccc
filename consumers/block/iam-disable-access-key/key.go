// Package iamdisableaccesskey makes an access key of an IAM user inactive.
package iamdisableaccesskey

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/iampolicy"
	"github.com/riposte-security/riposte/consumers/remediate/attribute"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

const (
	targetType = "iam-access-key"
	within     = time.Minute // IAM is slow to agree with itself
	mostPages  = 10
)

// Spec describes the action.
func Spec() schemas.ActionSpec {
	return schemas.ActionSpec{
		Name: "iam-disable-access-key",
		Lane: schemas.LaneBlock,
		Summary: "Makes an access key of an IAM user inactive. Temporary credentials that were got with the key stay valid: see iam-deny-user and iam-deny-role. " +
			"The target is the key's id (AKIA…).",
		TargetType: targetType,
		Settings: []schemas.Setting{
			{Name: "user", Type: "string", Help: "name of the key's user; IAM is asked for it if it is not given"},
		},
		Undo:      true,
		Expires:   true,
		Policy:    []string{"iam:GetAccessKeyLastUsed", "iam:ListAccessKeys", "iam:UpdateAccessKey"},
		Canonical: canonical,
	}
}

// canonical takes the id of a long-term key. IAM has no regions.
func canonical(raw, account, _ string) (schemas.Target, error) {
	id := strings.ToUpper(raw)
	if strings.HasPrefix(id, "ASIA") {
		return schemas.Target{}, fmt.Errorf("access key %q: temporary credentials cannot be made inactive; deny their role or user", raw)
	}
	if !strings.HasPrefix(id, "AKIA") || len(id) < 16 || len(id) > 128 || strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "" {
		return schemas.Target{}, fmt.Errorf("access key %q: the id of a key (AKIA…) expected", raw)
	}
	return schemas.Target{Type: targetType, Account: account, ID: id}, nil
}

// API is what the action needs of IAM.
type API interface {
	GetAccessKeyLastUsed(context.Context, *iam.GetAccessKeyLastUsedInput, ...func(*iam.Options)) (*iam.GetAccessKeyLastUsedOutput, error)
	ListAccessKeys(context.Context, *iam.ListAccessKeysInput, ...func(*iam.Options)) (*iam.ListAccessKeysOutput, error)
	UpdateAccessKey(context.Context, *iam.UpdateAccessKeyInput, ...func(*iam.Options)) (*iam.UpdateAccessKeyOutput, error)
}

// Deps is what the action is made of.
type Deps struct {
	IAM func(ctx context.Context, account string) (API, error)
	Now func() time.Time
}

// deleted is the status of a key that is there no more.
const deleted = "Deleted"

// state is whose the key is, and whether it works.
type state struct {
	User   string `json:"user"`
	Status string `json:"status"` // Active, Inactive, Expired, Deleted
}

// OnAWS makes the action with real clients.
func OnAWS(c *cloud.Clients, now func() time.Time) consumers.Action {
	return New(Deps{Now: now, IAM: func(ctx context.Context, account string) (API, error) { return c.IAM(ctx, account, "") }})
}

// New makes the action. Commands for one key share their effect.
func New(d Deps) consumers.Action {
	k := &disabler{Deps: d}
	k.Action = attribute.New(attribute.Row[state]{
		Noun:   func(cmd schemas.Command) string { return "access key " + cmd.Target.ID },
		Read:   k.read,
		Want:   want,
		Write:  k.write,
		Same:   func(a, b state) bool { return a.Status == b.Status },
		Now:    d.Now,
		Within: within,
	})
	return k
}

type disabler struct {
	*attribute.Action[state]
	Deps
}

// Enforcer implements consumers.Sharer: a key is active or not, whatever the settings say.
func (k *disabler) Enforcer(schemas.Command) string { return "status" }

// Touches implements consumers.Toucher: the user whose key it is.
func (k *disabler) Touches(cmd schemas.Command, p schemas.Plan) ([]schemas.Target, error) {
	s, err := attribute.Before[state](p)
	return []schemas.Target{{Type: "iam-user", Account: cmd.Target.Account, ID: s.User}}, err
}

func (k *disabler) read(ctx context.Context, cmd schemas.Command, like *state) (state, error) {
	api, err := k.IAM(ctx, cmd.Target.Account)
	if err != nil {
		return state{}, err
	}
	if like != nil {
		return status(ctx, api, cmd.Target.ID, like.User)
	}
	user, err := userOf(ctx, api, cmd)
	if err != nil {
		return state{}, err
	}
	s, err := status(ctx, api, cmd.Target.ID, user)
	if err == nil && s.Status == deleted {
		err = fault.Permanent(fmt.Errorf("user %s has no such key (any more)", user))
		if k.Now().Sub(cmd.EventTime) <= cloud.Settling {
			err = fmt.Errorf("user %s has no such key (it may not be visible yet)", user)
		}
	}
	return s, err
}

// userOf finds whose key it is.
func userOf(ctx context.Context, api API, cmd schemas.Command) (string, error) {
	var s struct {
		User string `json:"user"`
	}
	if err := attribute.Settings(cmd, &s); err != nil {
		return "", err
	}
	if s.User != "" {
		if !iampolicy.IsName(s.User) {
			return "", fault.Permanent(fmt.Errorf("with.user %q: the name of a user expected", s.User))
		}
		return s.User, nil
	}
	out, err := api.GetAccessKeyLastUsed(ctx, &iam.GetAccessKeyLastUsedInput{AccessKeyId: &cmd.Target.ID})
	if err != nil {
		return "", cloud.Classify(err)
	}
	if aws.ToString(out.UserName) == "" {
		return "", fault.Permanent(errors.New("IAM knows no user with this key; a key of the root user cannot be made inactive from here"))
	}
	return *out.UserName, nil
}

func status(ctx context.Context, api API, key, user string) (state, error) {
	in := &iam.ListAccessKeysInput{UserName: &user}
	for range mostPages {
		out, err := api.ListAccessKeys(ctx, in)
		if err != nil {
			return state{}, cloud.Classify(err)
		}
		for _, k := range out.AccessKeyMetadata {
			if aws.ToString(k.AccessKeyId) == key {
				return state{User: user, Status: string(k.Status)}, nil
			}
		}
		if in.Marker = out.Marker; !out.IsTruncated {
			break
		}
	}
	return state{User: user, Status: deleted}, nil
}

func want(cmd schemas.Command, current state) (attribute.Change[state], error) {
	inactive := string(types.StatusTypeInactive)
	c := attribute.Change[state]{Before: current, After: state{User: current.User, Status: inactive}}
	whose := "access key " + cmd.Target.ID + " of user " + current.User
	if current.Status != string(types.StatusTypeActive) {
		c.After = current
		c.Summary = whose + " is not active: " + current.Status
		return c, nil
	}
	c.Summary = "make " + whose + " inactive" + attribute.Lasting(cmd)
	c.Calls = []schemas.Call{{Service: "iam", Operation: "UpdateAccessKey", Params: map[string]any{
		"UserName": current.User, "AccessKeyId": cmd.Target.ID, "Status": inactive,
	}}}
	return c, nil
}

func (k *disabler) write(ctx context.Context, cmd schemas.Command, from, to state) error {
	api, err := k.IAM(ctx, cmd.Target.Account)
	if err != nil {
		return err
	}
	if from.Status == deleted {
		return fault.Permanent(errors.New("the key was deleted: nothing brings it back"))
	}
	_, err = api.UpdateAccessKey(ctx, &iam.UpdateAccessKeyInput{UserName: &from.User, AccessKeyId: &cmd.Target.ID, Status: types.StatusType(to.Status)})
	return cloud.Classify(err)
}
