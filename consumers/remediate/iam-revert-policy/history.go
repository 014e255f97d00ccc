package iamrevertpolicy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/configservice/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/riposte-security/riposte/consumers/iampolicy"
	"github.com/riposte-security/riposte/consumers/remediate/confighistory"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

const noRecord = " (AWS Config has no record of what it said before)"

// ownerAPI finds the ids under which AWS Config keeps the owners of inline policies.
type ownerAPI interface {
	GetUser(context.Context, *iam.GetUserInput, ...func(*iam.Options)) (*iam.GetUserOutput, error)
	GetRole(context.Context, *iam.GetRoleInput, ...func(*iam.Options)) (*iam.GetRoleOutput, error)
	GetGroup(context.Context, *iam.GetGroupInput, ...func(*iam.Options)) (*iam.GetGroupOutput, error)
}

// A recorded configuration, as far as it matters here. AWS Config keeps the documents as IAM hands them out, URL-encoded.
type configuration struct {
	Versions []policyVersion `json:"policyVersionList"`
	User     []inlinePolicy  `json:"userPolicyList"`
	Role     []inlinePolicy  `json:"rolePolicyList"`
	Group    []inlinePolicy  `json:"groupPolicyList"`
}

type policyVersion struct {
	Document  string `json:"document"`
	IsDefault bool   `json:"isDefaultVersion"`
}

type inlinePolicy struct {
	Name     string `json:"policyName"`
	Document string `json:"policyDocument"`
}

// managedHistory looks for the newest document before the event that did not grant everything. Where a version has it, that version is meant.
func (r reverter) managedHistory(ctx context.Context, cmd schemas.Command, with settings, id string, versions []candidate, s *state) error {
	found, err := r.lookBack(ctx, cmd, with, types.ResourceTypePolicy, id, s, func(c configuration) (string, bool) {
		i := slices.IndexFunc(c.Versions, func(v policyVersion) bool { return v.IsDefault })
		if i < 0 {
			return "", false
		}
		return c.Versions[i].Document, true
	})
	if err != nil || found == nil {
		return err
	}
	i := slices.IndexFunc(versions, func(v candidate) bool {
		return bytes.Equal(iampolicy.Compact(v.Document), iampolicy.Compact(found.Document))
	})
	if i >= 0 {
		found.Version, found.Document = versions[i].Version, versions[i].Document
	}
	s.previous = found
	return nil
}

// inlineHistory looks for the document that an inline policy had before it was overwritten. That it did not exist then is an answer too.
func (r reverter) inlineHistory(ctx context.Context, api ownerAPI, cmd schemas.Command, with settings, o iampolicy.Owner, s *state) error {
	kind, id, err := identify(ctx, api, o)
	if err != nil {
		return err
	}
	s.previous, err = r.lookBack(ctx, cmd, with, kind, id, s, func(c configuration) (string, bool) {
		for _, p := range slices.Concat(c.User, c.Role, c.Group) { // an owner has those of its kind
			if p.Name == o.Policy {
				return p.Document, true
			}
		}
		return "", false
	})
	return err
}

// lookBack walks the history of a thing until there is an answer: a document that did not grant everything, or that there was none.
func (r reverter) lookBack(ctx context.Context, cmd schemas.Command, with settings, kind types.ResourceType, id string, s *state,
	document func(configuration) (string, bool)) (*candidate, error) {
	api, err := r.Config(ctx, cmd.Target.Account, with.Region)
	if err != nil {
		return nil, err
	}
	var found *candidate
	s.asked = noRecord
	err = confighistory.Walk(ctx, api, kind, id, cmd.EventTime, func(i confighistory.Item) (bool, error) {
		if i.Deleted {
			s.asked = " (it did not exist before, " + i.When() + ")"
			return true, nil
		}
		var c configuration
		if err := json.Unmarshal(i.Configuration, &c); err != nil {
			return false, fault.Permanent(fmt.Errorf("the configuration %s: %w", i.When(), err))
		}
		text, ok := document(c)
		if !ok {
			s.asked = " (it did not exist before, " + i.When() + ")"
			return true, nil
		}
		doc, err := iampolicy.Decode(text)
		if err != nil {
			return false, fault.Permanent(fmt.Errorf("the configuration %s: %w", i.When(), err))
		}
		all, err := grantsAll(doc)
		if err != nil {
			return false, fault.Permanent(fmt.Errorf("the configuration %s: %w", i.When(), err))
		}
		s.asked = " (AWS Config has recorded nothing of it that does not grant everything)"
		if !all {
			s.asked = ""
			found = &candidate{Document: doc, From: ", " + i.When()}
		}
		return !all, nil
	})
	if errors.Is(err, confighistory.ErrUnreadable) {
		s.asked, err = fmt.Sprintf(" (%v)", err), nil
	}
	return found, err
}

// identify finds the id of an owner, under which AWS Config keeps it.
func identify(ctx context.Context, api ownerAPI, o iampolicy.Owner) (types.ResourceType, string, error) {
	var kind types.ResourceType
	var id *string
	var err error
	switch o.Kind {
	case iampolicy.User:
		var out *iam.GetUserOutput
		if out, err = api.GetUser(ctx, &iam.GetUserInput{UserName: &o.Name}); err == nil && out.User != nil {
			kind, id = types.ResourceTypeUser, out.User.UserId
		}
	case iampolicy.Role:
		var out *iam.GetRoleOutput
		if out, err = api.GetRole(ctx, &iam.GetRoleInput{RoleName: &o.Name}); err == nil && out.Role != nil {
			kind, id = types.ResourceTypeRole, out.Role.RoleId
		}
	default:
		var out *iam.GetGroupOutput
		if out, err = api.GetGroup(ctx, &iam.GetGroupInput{GroupName: &o.Name, MaxItems: aws.Int32(1)}); err == nil && out.Group != nil {
			kind, id = types.ResourceTypeGroup, out.Group.GroupId
		}
	}
	if err != nil {
		return "", "", cloud.Classify(err)
	}
	if aws.ToString(id) == "" {
		return "", "", errors.New("iam Get" + o.Kind + ": the answer does not hold its id")
	}
	return kind, *id, nil
}
