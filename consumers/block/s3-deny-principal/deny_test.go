package s3denyprincipal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/actiontest"
	"github.com/riposte-security/riposte/consumers/iampolicy"
	"github.com/riposte-security/riposte/internal/cloud/cloudtest"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

const (
	alice  = "arn:aws:iam::444455556666:user/alice"
	theirs = `{ "Version": "2008-10-17", "Id": "kept",
  "Statement": [ {"Sid":"Own","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"s3:*","Resource":"arn:aws:s3:::logs/*"} ] }`
	single = `{"Statement":{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::logs/*","Condition":{"Bool":{"aws:SecureTransport":"false"}}},"Version":"2012-10-17"}`
)

// fake is one bucket, called logs, with a policy or none.
type fake struct {
	policy string
	err    error
}

func (f *fake) in(context.Context, string, string) (API, error) { return f, nil }

func (f *fake) HeadBucket(_ context.Context, in *s3.HeadBucketInput, _ ...func(*s3.Options)) (*s3.HeadBucketOutput, error) {
	if *in.Bucket != "logs" {
		return nil, cloudtest.Error("S3", "HeadBucket", "NotFound", 404)
	}
	return &s3.HeadBucketOutput{BucketRegion: aws.String("eu-central-1")}, nil
}

func (f *fake) GetBucketPolicy(context.Context, *s3.GetBucketPolicyInput, ...func(*s3.Options)) (*s3.GetBucketPolicyOutput, error) {
	if f.policy == "" {
		return nil, cloudtest.Error("S3", "GetBucketPolicy", "NoSuchBucketPolicy", 404)
	}
	return &s3.GetBucketPolicyOutput{Policy: aws.String(f.policy)}, nil
}

func (f *fake) PutBucketPolicy(_ context.Context, in *s3.PutBucketPolicyInput, _ ...func(*s3.Options)) (*s3.PutBucketPolicyOutput, error) {
	var doc struct{ Statement []json.RawMessage }
	if f.err == nil && *in.Policy != single && (json.Unmarshal([]byte(*in.Policy), &doc) != nil || len(doc.Statement) == 0) {
		return nil, cloudtest.Error("S3", "PutBucketPolicy", "MalformedPolicy", 400)
	}
	if f.err == nil {
		f.policy = *in.Policy
	}
	return &s3.PutBucketPolicyOutput{}, f.err
}

func (f *fake) DeleteBucketPolicy(context.Context, *s3.DeleteBucketPolicyInput, ...func(*s3.Options)) (*s3.DeleteBucketPolicyOutput, error) {
	f.policy = ""
	return &s3.DeleteBucketPolicyOutput{}, nil
}

func command(with map[string]any) schemas.Command {
	if with == nil {
		with = map[string]any{"principal": alice}
	}
	return schemas.Command{Target: schemas.Target{Type: "s3-bucket", Account: "111122223333", ID: "logs"}, With: with, EventTime: time.Now().Add(-time.Hour)}
}

func TestContract(t *testing.T) {
	for name, policy := range map[string]string{"no policy": "", "a policy": theirs, "a single statement": single} {
		t.Run(name, func(t *testing.T) {
			actiontest.Run(t, func(*testing.T) actiontest.Subject {
				f := &fake{policy: policy}
				return actiontest.Subject{Action: New(Deps{S3: f.in, Now: time.Now}), Command: command(nil), State: func() any { return f.policy },
					Change: func() { f.policy = strings.Replace(f.policy, `"s3:*"],"Condition"`, `"s3:Get*"],"Condition"`, 1) }}
			})
		})
	}
}

// The others' statements stay as they are written, and what is around them.
func TestRestStays(t *testing.T) {
	f := &fake{policy: theirs}
	a := New(Deps{S3: f.in, Now: time.Now})
	p := actiontest.CarryOut(t, a, command(nil))
	if f.policy != p.Calls[0].Params["Policy"] {
		t.Errorf("the plan says\n%s\nand the policy is\n%s", p.Calls[0].Params["Policy"], f.policy)
	}
	head, rest, _ := strings.Cut(theirs, "[ ")
	old, tail, _ := strings.Cut(rest, " ]")
	if !strings.HasPrefix(f.policy, head+"["+old+",{") || !strings.HasSuffix(f.policy, "}]"+tail) {
		t.Errorf("%s", f.policy)
	}
	// somebody adds a statement: an undo leaves it, and takes out ours alone
	f.policy = strings.Replace(f.policy, "[", `[{"Sid":"New","Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::logs/public/*"},`, 1)
	if err := a.(consumers.Undoer).Undo(t.Context(), command(nil), p, false); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(f.policy, `"New"`) || !strings.Contains(f.policy, old) || strings.Contains(f.policy, "Riposte") {
		t.Errorf("%s", f.policy)
	}
}

// Commands that deny the same share a statement; others have one each, and undoing one leaves the other.
func TestUnion(t *testing.T) {
	f := &fake{}
	a := New(Deps{S3: f.in, Now: time.Now})
	one, two := command(nil), command(map[string]any{"principal": []any{alice, "arn:aws:iam::444455556666:role/ci/deploy"}})
	same := command(map[string]any{"principal": []any{alice, alice}, "actions": "s3:*"})
	s := a.(consumers.Sharer)
	if s.Enforcer(one) == "" || s.Enforcer(one) != s.Enforcer(same) || s.Enforcer(one) == s.Enforcer(two) {
		t.Errorf("%q, %q, %q", s.Enforcer(one), s.Enforcer(same), s.Enforcer(two))
	}
	p1, p2 := actiontest.CarryOut(t, a, one), actiontest.CarryOut(t, a, two)
	u := a.(consumers.Undoer)
	if err := u.Undo(t.Context(), one, p1, false); err != nil || !strings.Contains(f.policy, s.Enforcer(two)) || strings.Contains(f.policy, s.Enforcer(one)) {
		t.Errorf("%v: %s", err, f.policy)
	}
	if err := u.Undo(t.Context(), two, p2, false); err != nil || f.policy != "" {
		t.Errorf("%v: %s", err, f.policy)
	}
}

func TestStatement(t *testing.T) {
	for name, tt := range map[string]struct {
		with map[string]any
		want string // the statement, but for Sid, effect and principal; or part of an error
	}{
		"a user":    {nil, `{"Action":["s3:*"],"Resource":["arn:aws:s3:::logs","arn:aws:s3:::logs/*"],"Condition":{"ArnLike":{"aws:PrincipalArn":["` + alice + `"]}}}`},
		"a session": {map[string]any{"principal": "arn:aws-cn:sts::444455556666:assumed-role/deploy/ada", "actions": []any{"s3:PutObject", "s3:GetObject"}}, `{"Action":["s3:GetObject","s3:PutObject"],"Resource":["arn:aws-cn:s3:::logs","arn:aws-cn:s3:::logs/*"],"Condition":{"ArnLike":{"aws:PrincipalArn":["arn:aws-cn:iam::444455556666:role/*/deploy","arn:aws-cn:iam::444455556666:role/deploy"]}}}`},
		"accounts":  {map[string]any{"principal": []any{"arn:aws:iam::444455556666:root", "777788889999"}}, `{"Action":["s3:*"],"Resource":["arn:aws:s3:::logs","arn:aws:s3:::logs/*"],"Condition":{"StringEquals":{"aws:PrincipalAccount":["444455556666","777788889999"]}}}`},
		"our own":   {map[string]any{"principal": "111122223333"}, "refused"},
		"our root":  {map[string]any{"principal": "arn:aws:iam::111122223333:root"}, "refused"},
		"both":      {map[string]any{"principal": []any{alice, "777788889999"}}, "two steps"},
		"nobody":    {map[string]any{"actions": "s3:*"}, "1 to 20 ARNs"},
		"a star":    {map[string]any{"principal": "*"}, "an ARN or the id"},
		"wildcards": {map[string]any{"principal": "arn:aws:iam::444455556666:user/*"}, "one principal"},
		"variables": {map[string]any{"principal": "arn:aws:iam::444455556666:user/${aws:username}"}, "one principal"},
		"a group":   {map[string]any{"principal": "arn:aws:iam::444455556666:group/g"}, "a user, a role"},
		"a service": {map[string]any{"principal": "logs.amazonaws.com"}, "an ARN or the id"},
		"an action": {map[string]any{"principal": alice, "actions": "*"}, "with.actions"},
		"a setting": {map[string]any{"principals": alice}, "unknown field"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := New(Deps{S3: (&fake{}).in, Now: time.Now}).Plan(t.Context(), command(tt.with))
			if !strings.HasPrefix(tt.want, "{") {
				if !fault.IsPermanent(err) || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got struct{ Statement []map[string]any }
			if err := json.Unmarshal([]byte(p.Calls[0].Params["Policy"].(string)), &got); err != nil || len(got.Statement) != 1 {
				t.Fatalf("%v: %v", err, got)
			}
			s := got.Statement[0]
			if s["Effect"] != "Deny" || s["Principal"] != "*" || !strings.HasPrefix(fmt.Sprint(s["Sid"]), "Riposte") {
				t.Errorf("%v", s)
			}
			delete(s, "Effect")
			delete(s, "Principal")
			delete(s, "Sid")
			text, err := json.Marshal(s)
			if err != nil || string(iampolicy.Compact(text)) != string(iampolicy.Compact([]byte(tt.want))) {
				t.Errorf("%s, %v", text, err)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	cmd := command(nil)
	cmd.Target.ID = "nobody"
	if _, err := New(Deps{S3: (&fake{}).in, Now: time.Now}).Plan(t.Context(), cmd); !fault.IsPermanent(err) || !strings.Contains(err.Error(), "bucket nobody") {
		t.Errorf("a bucket that does not exist: %v", err)
	}
	for name, policy := range map[string]string{"no JSON": "x", "no object": "[]", "cut short": `{"Statement":[]`, "no statement": `{"Version":"2012-10-17"}`, "a bad list": `{"Statement":[}`} {
		if _, err := New(Deps{S3: (&fake{policy: policy}).in, Now: time.Now}).Plan(t.Context(), command(nil)); !fault.IsPermanent(err) {
			t.Errorf("a policy with %s: %v", name, err)
		}
	}
	long := strings.Replace(theirs, "kept", strings.Repeat("x", longest-len(theirs)), 1)
	if _, err := New(Deps{S3: (&fake{policy: long}).in, Now: time.Now}).Plan(t.Context(), command(nil)); !fault.IsPermanent(err) || !strings.Contains(err.Error(), "20480") {
		t.Errorf("too long: %v", err)
	}
	for code, permanent := range map[string]bool{"AccessDenied": true, "MalformedPolicy": true, "MethodNotAllowed": true, "SlowDown": false, "OperationAborted": false, "ExpiredToken": false} {
		f := &fake{}
		a := New(Deps{S3: f.in, Now: time.Now})
		p, err := a.Plan(t.Context(), command(nil))
		if err != nil {
			t.Fatal(err)
		}
		f.err = cloudtest.Error("S3", "PutBucketPolicy", code, 400)
		if err := a.Apply(t.Context(), command(nil), p); err == nil || fault.IsPermanent(err) != permanent {
			t.Errorf("%s: %v", code, err)
		}
	}
	f := &fake{policy: theirs}
	a := New(Deps{S3: f.in, Now: time.Now})
	p := actiontest.CarryOut(t, a, command(nil))
	f.policy = strings.Replace(f.policy, alice, alice+"2", 1)
	if err := a.(consumers.Undoer).Undo(t.Context(), command(nil), p, false); !errors.Is(err, consumers.ErrChanged) {
		t.Errorf("our statement edited: %v", err)
	}
	if err := a.(consumers.Undoer).Undo(t.Context(), command(nil), p, true); err != nil || f.policy != theirs {
		t.Errorf("by force: %v: %s", err, f.policy)
	}
}

// Putting a statement in and taking it out again leaves a policy that says the same.
func FuzzPolicy(f *testing.F) {
	for _, s := range []string{theirs, single, `{"Statement":[]}`, `{"Statement":[{"Sid":"RiposteX"}],"Statement":{}}`, `{"a":{"Statement":[1]},"Statement" : [ 2 , {"Sid":7}]}`} {
		f.Add(s)
	}
	ours := json.RawMessage(`{"Effect":"Deny","Sid":"Riposte0"}`)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := iampolicy.Open(text)
		if err != nil || text == "" || p.Find("Riposte0") != nil {
			return
		}
		with := p.With("Riposte0", ours)
		q, err := iampolicy.Open(with)
		if err != nil || q.Find("Riposte0") == nil || len(q.All) != len(p.All)+1 {
			t.Fatalf("%q: %v", with, err)
		}
		if back := q.With("Riposte0", nil); len(p.All) == 0 && back != "" || len(p.All) > 0 && back != p.Text(p.All) {
			t.Errorf("%q became %q", text, back)
		}
	})
}
