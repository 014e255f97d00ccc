package iamdeny_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/actiontest"
	iamdenyrole "github.com/riposte-security/riposte/consumers/block/iam-deny-role"
	iamdenyuser "github.com/riposte-security/riposte/consumers/block/iam-deny-user"
	iamdisableconsole "github.com/riposte-security/riposte/consumers/block/iam-disable-console"
	"github.com/riposte-security/riposte/consumers/block/iamdeny"
	"github.com/riposte-security/riposte/internal/cloud/cloudtest"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// fake is a user and a role called alice, and inline policies under kind/name/policy. What it does not define panics: nil interface.
type fake struct {
	iamdeny.API
	inline map[string]string
	err    error
}

func newFake() *fake {
	return &fake{inline: map[string]string{"user/alice/theirs": "{}", "role/alice/theirs": "{}"}}
}

func (f *fake) deps() iamdeny.Deps {
	return iamdeny.Deps{Now: time.Now, IAM: func(context.Context, string) (iamdeny.API, error) { return f, nil }}
}

func missing(op string) error { return cloudtest.Error("IAM", op, "NoSuchEntity", 404) }

func (f *fake) GetUser(_ context.Context, in *iam.GetUserInput, _ ...func(*iam.Options)) (*iam.GetUserOutput, error) {
	if *in.UserName != "alice" {
		return nil, missing("GetUser")
	}
	return &iam.GetUserOutput{}, nil
}

func (f *fake) GetRole(_ context.Context, in *iam.GetRoleInput, _ ...func(*iam.Options)) (*iam.GetRoleOutput, error) {
	if *in.RoleName != "alice" {
		return nil, missing("GetRole")
	}
	return &iam.GetRoleOutput{}, nil
}

func (f *fake) get(op, k string) (*string, error) {
	doc, ok := f.inline[k]
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

func (f *fake) put(k, doc string) error {
	if f.err == nil {
		f.inline[k] = doc
	}
	return f.err
}

func (f *fake) PutUserPolicy(_ context.Context, in *iam.PutUserPolicyInput, _ ...func(*iam.Options)) (*iam.PutUserPolicyOutput, error) {
	return &iam.PutUserPolicyOutput{}, f.put("user/"+*in.UserName+"/"+*in.PolicyName, *in.PolicyDocument)
}

func (f *fake) PutRolePolicy(_ context.Context, in *iam.PutRolePolicyInput, _ ...func(*iam.Options)) (*iam.PutRolePolicyOutput, error) {
	return &iam.PutRolePolicyOutput{}, f.put("role/"+*in.RoleName+"/"+*in.PolicyName, *in.PolicyDocument)
}

func (f *fake) DeleteUserPolicy(_ context.Context, in *iam.DeleteUserPolicyInput, _ ...func(*iam.Options)) (*iam.DeleteUserPolicyOutput, error) {
	delete(f.inline, "user/"+*in.UserName+"/"+*in.PolicyName)
	return &iam.DeleteUserPolicyOutput{}, nil
}

func (f *fake) DeleteRolePolicy(_ context.Context, in *iam.DeleteRolePolicyInput, _ ...func(*iam.Options)) (*iam.DeleteRolePolicyOutput, error) {
	delete(f.inline, "role/"+*in.RoleName+"/"+*in.PolicyName)
	return &iam.DeleteRolePolicyOutput{}, nil
}

// ours returns the policies that are not theirs.
func (f *fake) ours() (names, docs []string) {
	for k, doc := range f.inline {
		if !strings.HasSuffix(k, "/theirs") {
			names, docs = append(names, k), append(docs, doc)
		}
	}
	return names, docs
}

func command(kind string, with map[string]any) schemas.Command {
	at := time.Date(2026, 3, 1, 12, 0, 0, 500, time.UTC)
	return schemas.Command{Target: schemas.Target{Type: "iam-" + kind, ID: "alice"}, With: with, Created: at, EventTime: at, For: schemas.Duration(4 * time.Hour)}
}

func TestActions(t *testing.T) {
	tests := map[string]struct {
		make    func(iamdeny.Deps) consumers.Action
		kind    string
		with    map[string]any
		doc     string // of the policy, but for its version and the statement's effect and Sid
		summary string
	}{
		"user": {iamdenyuser.New, "user", nil, `{"Action":["*"],"Resource":["*"]}`, "deny user alice everything for 4h"},
		"user, in part": {iamdenyuser.New, "user", map[string]any{"actions": []any{"s3:*", "iam:*", "s3:*"}, "resources": []any{"arn:aws:s3:::x/*"}},
			`{"Action":["iam:*","s3:*"],"Resource":["arn:aws:s3:::x/*"]}`, "deny user alice iam:*, s3:* on arn:aws:s3:::x/*"},
		"role": {iamdenyrole.New, "role", nil, `{"Action":["*"],"Resource":["*"],"Condition":{"DateLessThan":{"aws:TokenIssueTime":"2026-03-01T12:00:01Z"}}}`,
			"deny role alice everything in sessions issued before 2026-03-01T12:00:01Z for 4h"},
		"role, for ever": {iamdenyrole.New, "role", map[string]any{"sessions": "all"}, `{"Action":["*"],"Resource":["*"]}`, "deny role alice everything for 4h"},
		"console": {iamdisableconsole.New, "user", nil,
			`{"Action":["*"],"Resource":["*"],"Condition":{"Null":{"aws:TokenIssueTime":"false"},"BoolIfExists":{"aws:ViaAWSService":"false"}}}`,
			"deny user alice everything from the console"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			actiontest.Run(t, func(*testing.T) actiontest.Subject {
				f := newFake()
				return actiontest.Subject{Action: tt.make(f.deps()), Command: command(tt.kind, tt.with), State: func() any { return maps.Clone(f.inline) },
					Change: func() {
						names, _ := f.ours()
						f.inline[names[0]] = `{"Statement":[]}`
					}}
			})
			f := newFake()
			a, cmd := tt.make(f.deps()), command(tt.kind, tt.with)
			p, err := a.Plan(t.Context(), cmd)
			if err != nil || !strings.HasPrefix(p.Summary, tt.summary) {
				t.Fatalf("%+v, %v", p, err)
			}
			if err := a.Apply(t.Context(), cmd, p); err != nil {
				t.Fatal(err)
			}
			names, docs := f.ours()
			if len(names) != 1 || !strings.HasPrefix(names[0], tt.kind+"/alice/riposte-deny-") || docs[0] != p.Calls[0].Params["PolicyDocument"] {
				t.Errorf("%v, %v", names, docs)
			}
			got, want := map[string]any{}, map[string]any{}
			err = errors.Join(json.Unmarshal([]byte(docs[0]), &got), json.Unmarshal([]byte(tt.doc), &want))
			want["Effect"], want["Sid"] = "Deny", "Riposte"
			g, err1 := json.Marshal(got["Statement"].([]any)[0])
			w, err2 := json.Marshal(want)
			if errors.Join(err, err1, err2) != nil || string(g) != string(w) || got["Version"] != "2012-10-17" {
				t.Errorf("%v\n%s\n%s", err, g, w)
			}
		})
	}
}

// Commands that deny the same share a policy, and those that do not have one each: lifting one leaves the other.
func TestUnion(t *testing.T) {
	f := newFake()
	a := iamdenyrole.New(f.deps())
	first, second, same := command("role", nil), command("role", nil), command("role", map[string]any{"actions": []any{"*"}})
	second.Created = second.Created.Add(time.Hour)
	plans := map[*schemas.Command]schemas.Plan{}
	for _, cmd := range []*schemas.Command{&first, &second} {
		p, err := a.Plan(t.Context(), *cmd)
		if err == nil {
			err = a.Apply(t.Context(), *cmd, p)
		}
		if err != nil {
			t.Fatal(err)
		}
		plans[cmd] = p
	}
	s := a.(consumers.Sharer)
	if s.Enforcer(first) == "" || s.Enforcer(first) != s.Enforcer(same) || s.Enforcer(first) == s.Enforcer(second) {
		t.Errorf("%q, %q, %q", s.Enforcer(first), s.Enforcer(same), s.Enforcer(second))
	}
	if err := a.(consumers.Undoer).Undo(t.Context(), first, plans[&first], false); err != nil {
		t.Fatal(err)
	}
	if _, docs := f.ours(); len(docs) != 1 || !strings.Contains(docs[0], "T13:00:01Z") {
		t.Errorf("%v", docs)
	}
}

// Of a user who was deleted meanwhile, nothing is left to take back.
func TestGone(t *testing.T) {
	f := newFake()
	a, cmd := iamdenyuser.New(f.deps()), command("user", nil)
	p, err := a.Plan(t.Context(), cmd)
	if err != nil {
		t.Fatal(err)
	}
	clear(f.inline)
	if err := a.(consumers.Undoer).Undo(t.Context(), cmd, p, false); err != nil {
		t.Error(err)
	}
}

func TestErrors(t *testing.T) {
	user, role := iamdenyuser.New, iamdenyrole.New
	for name, tt := range map[string]struct {
		make func(iamdeny.Deps) consumers.Action
		kind string
		with map[string]any
		edit func(*schemas.Command)
		want string
	}{
		"no such user":     {user, "user", nil, func(c *schemas.Command) { c.Target.ID = "bob" }, "user bob: IAM GetUser: NoSuchEntity"},
		"no such role":     {role, "role", nil, func(c *schemas.Command) { c.Target.ID = "bob" }, "role bob: IAM GetRole: NoSuchEntity"},
		"no time":          {role, "role", nil, func(c *schemas.Command) { c.Created = time.Time{} }, "when it was decided"},
		"unknown sessions": {role, "role", map[string]any{"sessions": "old"}, nil, "issued or all expected"},
		"an action":        {user, "user", map[string]any{"actions": []any{"s3"}}, nil, `with.actions: "s3"`},
		"a resource":       {user, "user", map[string]any{"resources": []any{"bucket"}}, nil, `with.resources: "bucket"`},
		"unknown setting":  {iamdisableconsole.New, "user", map[string]any{"actions": []any{"*"}}, nil, "unknown field"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := command(tt.kind, tt.with)
			if tt.edit != nil {
				tt.edit(&cmd)
			}
			if _, err := tt.make(newFake().deps()).Plan(t.Context(), cmd); !fault.IsPermanent(err) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v", err)
			}
		})
	}
	young := command("user", nil)
	young.Target.ID, young.EventTime = "bob", time.Now()
	if _, err := user(newFake().deps()).Plan(t.Context(), young); err == nil || fault.IsPermanent(err) {
		t.Errorf("a user that may not be visible yet: %v", err)
	}
	for code, permanent := range map[string]bool{"AccessDenied": true, "LimitExceeded": true, "UnmodifiableEntity": true, "Throttling": false, "ExpiredToken": false} {
		f := newFake()
		a := user(f.deps())
		p, err := a.Plan(t.Context(), command("user", nil))
		if err != nil {
			t.Fatal(err)
		}
		f.err = cloudtest.Error("IAM", "PutUserPolicy", code, 400)
		if err := a.Apply(t.Context(), command("user", nil), p); err == nil || fault.IsPermanent(err) != permanent {
			t.Errorf("%s: %v", code, err)
		}
	}
}

func TestCanonical(t *testing.T) {
	for _, tt := range []struct {
		canonical func(raw, account, region string) (schemas.Target, error)
		raw, key  string
	}{
		{iamdeny.CanonicalUser, "alice", "iam-user:111122223333::alice"},
		{iamdeny.CanonicalUser, "alice@example.org", "iam-user:111122223333::alice@example.org"},
		{iamdeny.CanonicalUser, "arn:aws:iam::444455556666:user/alice", "iam-user:444455556666::alice"},
		{iamdeny.CanonicalUser, "arn:aws-cn:iam::444455556666:user/staff/eu/alice", "iam-user:444455556666::alice"},
		{iamdeny.CanonicalUser, "arn:aws:iam::444455556666:root", ""},
		{iamdeny.CanonicalUser, "arn:aws:iam::444455556666:role/alice", ""},
		{iamdeny.CanonicalUser, "arn:aws:sts::444455556666:federated-user/alice", ""},
		{iamdeny.CanonicalUser, "arn:aws:iam", ""},
		{iamdeny.CanonicalUser, "al ice", ""}, {iamdeny.CanonicalUser, "", ""}, {iamdeny.CanonicalUser, strings.Repeat("a", 65), ""},
		{iamdeny.CanonicalRole, "deploy", "iam-role:111122223333::deploy"},
		{iamdeny.CanonicalRole, "arn:aws:iam::444455556666:role/ci/deploy", "iam-role:444455556666::deploy"},
		{iamdeny.CanonicalRole, "arn:aws:sts::444455556666:assumed-role/deploy/i-0123456789abcdef0", "iam-role:444455556666::deploy"},
		{iamdeny.CanonicalRole, "arn:aws:sts::444455556666:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/ada", ""},
		{iamdeny.CanonicalRole, "arn:aws:iam::444455556666:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling", ""},
		{iamdeny.CanonicalRole, "arn:aws:iam::444455556666:role/aws-reserved/sso.amazonaws.com/x", ""},
		{iamdeny.CanonicalRole, "AWSServiceRoleForAutoScaling", ""},
		{iamdeny.CanonicalRole, "arn:aws:iam::444455556666:user/alice", ""}, {iamdeny.CanonicalRole, "a/b", ""}, {iamdeny.CanonicalRole, "", ""},
	} {
		got, err := tt.canonical(tt.raw, "111122223333", "eu-west-1")
		if (err == nil) != (tt.key != "") || err == nil && got.Key() != tt.key {
			t.Errorf("%q: %+v, %v", tt.raw, got, err)
		}
	}
}
