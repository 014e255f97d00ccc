package iamrevertpolicy

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/riposte-security/riposte/consumers/actiontest"
	"github.com/riposte-security/riposte/consumers/remediate/confighistory"
	"github.com/riposte-security/riposte/consumers/remediate/confighistory/historytest"
	"github.com/riposte-security/riposte/internal/cloud/cloudtest"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

const (
	theARN = "arn:aws:iam::123456789012:policy/Reports"
	all    = `{"Statement":[{"Action":"*","Effect":"Allow","Resource":"*"}]}`
	little = `{"Statement":[{"Action":"s3:GetObject","Effect":"Allow","Resource":"*"}]}`
	less   = `{"Statement":[{"Action":"s3:ListBucket","Effect":"Allow","Resource":"*"}]}`
)

// fake is one managed policy, and inline policies under kind/name/policy. What it does not define panics: nil interface.
type fake struct {
	API
	versions map[string]string
	standard string
	made     int
	inline   map[string]string
	history  historytest.History
}

func newFake(versions map[string]string, standard string) *fake {
	return &fake{versions: versions, standard: standard, made: len(versions), inline: map[string]string{}}
}

func (f *fake) deps() Deps {
	return Deps{
		Now:    time.Now,
		IAM:    func(context.Context, string) (API, error) { return f, nil },
		Config: func(context.Context, string, string) (confighistory.API, error) { return &f.history, nil },
	}
}

func (f *fake) state() any {
	return map[string]any{"versions": maps.Clone(f.versions), "default": f.standard, "inline": maps.Clone(f.inline)}
}

func missing(op string) error { return cloudtest.Error("IAM", op, "NoSuchEntity", 404) }

func (f *fake) GetPolicy(_ context.Context, in *iam.GetPolicyInput, _ ...func(*iam.Options)) (*iam.GetPolicyOutput, error) {
	if *in.PolicyArn != theARN {
		return nil, missing("GetPolicy")
	}
	return &iam.GetPolicyOutput{Policy: &types.Policy{DefaultVersionId: &f.standard, PolicyId: aws.String("ANPA1")}}, nil
}

func (f *fake) GetPolicyVersion(_ context.Context, in *iam.GetPolicyVersionInput, _ ...func(*iam.Options)) (*iam.GetPolicyVersionOutput, error) {
	doc := url.PathEscape(f.versions[*in.VersionId])
	return &iam.GetPolicyVersionOutput{PolicyVersion: &types.PolicyVersion{Document: &doc}}, nil
}

func (f *fake) ListPolicyVersions(context.Context, *iam.ListPolicyVersionsInput, ...func(*iam.Options)) (*iam.ListPolicyVersionsOutput, error) {
	out := &iam.ListPolicyVersionsOutput{}
	for v := range f.versions {
		out.Versions = append(out.Versions, types.PolicyVersion{VersionId: &v})
	}
	return out, nil
}

func (f *fake) SetDefaultPolicyVersion(_ context.Context, in *iam.SetDefaultPolicyVersionInput, _ ...func(*iam.Options)) (*iam.SetDefaultPolicyVersionOutput, error) {
	if _, ok := f.versions[*in.VersionId]; !ok {
		return nil, missing("SetDefaultPolicyVersion")
	}
	f.standard = *in.VersionId
	return &iam.SetDefaultPolicyVersionOutput{}, nil
}

func (f *fake) CreatePolicyVersion(_ context.Context, in *iam.CreatePolicyVersionInput, _ ...func(*iam.Options)) (*iam.CreatePolicyVersionOutput, error) {
	f.made++
	f.standard = fmt.Sprintf("v%d", f.made)
	f.versions[f.standard] = *in.PolicyDocument
	return &iam.CreatePolicyVersionOutput{}, nil
}

func (f *fake) DeletePolicyVersion(_ context.Context, in *iam.DeletePolicyVersionInput, _ ...func(*iam.Options)) (*iam.DeletePolicyVersionOutput, error) {
	if *in.VersionId == f.standard {
		return nil, cloudtest.Error("IAM", "DeletePolicyVersion", "DeleteConflict", 409)
	}
	delete(f.versions, *in.VersionId)
	return &iam.DeletePolicyVersionOutput{}, nil
}

func (f *fake) get(op, key string) (*string, error) {
	doc, ok := f.inline[key]
	if !ok {
		return nil, missing(op)
	}
	doc = url.PathEscape(doc)
	return &doc, nil
}

func (f *fake) GetUserPolicy(_ context.Context, in *iam.GetUserPolicyInput, _ ...func(*iam.Options)) (*iam.GetUserPolicyOutput, error) {
	doc, err := f.get("GetUserPolicy", "user/"+*in.UserName+"/"+*in.PolicyName)
	return &iam.GetUserPolicyOutput{PolicyDocument: doc}, err
}

func (f *fake) GetRolePolicy(_ context.Context, in *iam.GetRolePolicyInput, _ ...func(*iam.Options)) (*iam.GetRolePolicyOutput, error) {
	doc, err := f.get("GetRolePolicy", "role/"+*in.RoleName+"/"+*in.PolicyName)
	return &iam.GetRolePolicyOutput{PolicyDocument: doc}, err
}

func (f *fake) GetGroupPolicy(_ context.Context, in *iam.GetGroupPolicyInput, _ ...func(*iam.Options)) (*iam.GetGroupPolicyOutput, error) {
	doc, err := f.get("GetGroupPolicy", "group/"+*in.GroupName+"/"+*in.PolicyName)
	return &iam.GetGroupPolicyOutput{PolicyDocument: doc}, err
}

func (f *fake) PutUserPolicy(_ context.Context, in *iam.PutUserPolicyInput, _ ...func(*iam.Options)) (*iam.PutUserPolicyOutput, error) {
	f.inline["user/"+*in.UserName+"/"+*in.PolicyName] = *in.PolicyDocument
	return &iam.PutUserPolicyOutput{}, nil
}

func (f *fake) PutRolePolicy(_ context.Context, in *iam.PutRolePolicyInput, _ ...func(*iam.Options)) (*iam.PutRolePolicyOutput, error) {
	f.inline["role/"+*in.RoleName+"/"+*in.PolicyName] = *in.PolicyDocument
	return &iam.PutRolePolicyOutput{}, nil
}

func (f *fake) PutGroupPolicy(_ context.Context, in *iam.PutGroupPolicyInput, _ ...func(*iam.Options)) (*iam.PutGroupPolicyOutput, error) {
	f.inline["group/"+*in.GroupName+"/"+*in.PolicyName] = *in.PolicyDocument
	return &iam.PutGroupPolicyOutput{}, nil
}

func (f *fake) DeleteUserPolicy(_ context.Context, in *iam.DeleteUserPolicyInput, _ ...func(*iam.Options)) (*iam.DeleteUserPolicyOutput, error) {
	delete(f.inline, "user/"+*in.UserName+"/"+*in.PolicyName)
	return &iam.DeleteUserPolicyOutput{}, nil
}

func (f *fake) DeleteRolePolicy(_ context.Context, in *iam.DeleteRolePolicyInput, _ ...func(*iam.Options)) (*iam.DeleteRolePolicyOutput, error) {
	delete(f.inline, "role/"+*in.RoleName+"/"+*in.PolicyName)
	return &iam.DeleteRolePolicyOutput{}, nil
}

func (f *fake) DeleteGroupPolicy(_ context.Context, in *iam.DeleteGroupPolicyInput, _ ...func(*iam.Options)) (*iam.DeleteGroupPolicyOutput, error) {
	delete(f.inline, "group/"+*in.GroupName+"/"+*in.PolicyName)
	return &iam.DeleteGroupPolicyOutput{}, nil
}

func (f *fake) GetUser(context.Context, *iam.GetUserInput, ...func(*iam.Options)) (*iam.GetUserOutput, error) {
	return &iam.GetUserOutput{User: &types.User{UserId: aws.String("user1")}}, nil
}

func (f *fake) GetRole(context.Context, *iam.GetRoleInput, ...func(*iam.Options)) (*iam.GetRoleOutput, error) {
	return &iam.GetRoleOutput{Role: &types.Role{RoleId: aws.String("role1")}}, nil
}

func (f *fake) GetGroup(context.Context, *iam.GetGroupInput, ...func(*iam.Options)) (*iam.GetGroupOutput, error) {
	return &iam.GetGroupOutput{Group: &types.Group{GroupId: aws.String("group1")}}, nil
}

func managed(operation string) schemas.Command {
	return schemas.Command{Target: schemas.Target{Type: targetType, Account: "123456789012", ID: theARN},
		Event: json.RawMessage(fmt.Sprintf(`{"api":{"operation":%q}}`, operation))}
}

func inline(kind string) schemas.Command {
	return schemas.Command{Target: schemas.Target{Type: targetType, Account: "123456789012", ID: kind + "/bob/policy/p"}}
}

func TestContract(t *testing.T) {
	subject := func(cmd schemas.Command, prepare func() *fake, change func(*fake)) func(*testing.T) actiontest.Subject {
		return func(*testing.T) actiontest.Subject {
			f := prepare()
			return actiontest.Subject{Action: New(f.deps()), Command: cmd, State: f.state, Change: func() { change(f) }}
		}
	}
	t.Run("with a predecessor", func(t *testing.T) {
		actiontest.Run(t, subject(managed("CreatePolicyVersion"), func() *fake { return newFake(map[string]string{"v1": little, "v2": all}, "v2") },
			func(f *fake) { f.versions["v3"], f.standard = less, "v3" }))
	})
	t.Run("without", func(t *testing.T) {
		actiontest.Run(t, subject(managed("CreatePolicy"), func() *fake { return newFake(map[string]string{"v1": all}, "v1") },
			func(f *fake) { f.versions["v7"], f.standard = less, "v7" }))
	})
	for _, kind := range []string{"user", "role", "group"} {
		t.Run(kind, func(t *testing.T) {
			actiontest.Run(t, subject(inline(kind), func() *fake {
				f := newFake(nil, "")
				f.inline[kind+"/bob/p"] = all
				return f
			}, func(f *fake) { f.inline[kind+"/bob/p"] = less }))
		})
	}
}

func TestPredecessor(t *testing.T) {
	tests := []struct {
		name, event, standard string
		versions              map[string]string
		want                  string // the version to go back to; "new", or "" for nothing to do
	}{
		{"the newest older one", "CreatePolicyVersion", "v3", map[string]string{"v1": less, "v2": little, "v3": all}, "v2"},
		{"numbers, not texts", "CreatePolicyVersion", "v11", map[string]string{"v9": less, "v10": little, "v11": all}, "v10"},
		{"one that grants all is none", "CreatePolicyVersion", "v3", map[string]string{"v1": less, "v2": all, "v3": all}, "v1"},
		{"an old version made the default", "SetDefaultPolicyVersion", "v2", map[string]string{"v1": less, "v2": all, "v5": little}, "v5"},
		{"older before newer otherwise", "CreatePolicyVersion", "v2", map[string]string{"v1": less, "v2": all, "v5": little}, "v1"},
		{"only newer ones", "CreatePolicyVersion", "v2", map[string]string{"v2": all, "v5": little}, "v5"},
		{"none", "CreatePolicy", "v1", map[string]string{"v1": all}, "new"},
		{"all of them grant all", "CreatePolicyVersion", "v2", map[string]string{"v1": all, "v2": all}, "new"},
		{"not the default", "CreatePolicyVersion", "v1", map[string]string{"v1": little, "v2": all}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake(tt.versions, tt.standard)
			p, err := New(f.deps()).Plan(t.Context(), managed(tt.event))
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if !p.Empty() {
				if got = "new"; p.Calls[0].Operation == "SetDefaultPolicyVersion" {
					got = p.Calls[0].Params["VersionId"].(string)
				}
			}
			if got != tt.want || (p.Approval != "") != (tt.want == "new") {
				t.Errorf("back to %q, approval %q: %s", got, p.Approval, p.Summary)
			}
		})
	}
	full := newFake(map[string]string{"v1": all, "v2": all, "v3": all, "v4": all, "v5": all}, "v5")
	if _, err := New(full.deps()).Plan(t.Context(), managed("")); !fault.IsPermanent(err) || !strings.Contains(err.Error(), "delete one") {
		t.Errorf("no room for another version: %v", err)
	}
}

func TestInlineGone(t *testing.T) {
	now := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	deps := newFake(nil, "").deps()
	deps.Now = func() time.Time { return now }
	a := New(deps)
	cmd := inline("user")
	cmd.EventTime = now.Add(-time.Hour)
	if p, err := a.Plan(t.Context(), cmd); err != nil || !p.Empty() {
		t.Errorf("removed meanwhile: %+v, %v", p, err)
	}
	cmd.EventTime = now.Add(-time.Second)
	if _, err := a.Plan(t.Context(), cmd); err == nil || fault.IsPermanent(err) {
		t.Errorf("perhaps not visible yet: %v", err)
	}
	cmd.With = map[string]any{"version": "v1"}
	if _, err := a.Plan(t.Context(), cmd); !fault.IsPermanent(err) {
		t.Errorf("an unknown setting: %v", err)
	}
}

// What an undo puts back is what was there, to the last digit.
func TestRestoresVerbatim(t *testing.T) {
	doc := `{"Statement":[{"Action":"*","Condition":{"NumericLessThan":{"x":12345678901234567890},"StringLike":{"y":"<a&b>"}},"Effect":"Allow","Resource":"*"}]}`
	f := newFake(nil, "")
	f.inline["user/bob/p"] = doc
	a := New(f.deps())
	p, err := a.Plan(t.Context(), inline("user"))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Apply(t.Context(), inline("user"), p); err != nil || len(f.inline) != 0 {
		t.Fatalf("%v, %v", f.inline, err)
	}
	u, ok := a.(interface {
		Undo(context.Context, schemas.Command, schemas.Plan, bool) error
	})
	if !ok {
		t.Fatal("no undo")
	}
	if err := u.Undo(t.Context(), inline("user"), p, false); err != nil || f.inline["user/bob/p"] != doc {
		t.Errorf("%v, %v", f.inline, err)
	}
}
