package iamrevertpolicy

import (
	"testing"

	"github.com/riposte-security/riposte/consumers/iampolicy"
	"github.com/riposte-security/riposte/internal/fault"
)

func TestGrantsAll(t *testing.T) {
	tests := []struct {
		name, doc string
		want      bool
	}{
		{"the usual form", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`, true},
		{"one statement without a list", `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`, true},
		{"lists", `{"Statement":[{"Effect":"Allow","Action":["s3:Get*","*"],"Resource":["arn:aws:s3:::x","*"]}]}`, true},
		{"*:*", `{"Statement":[{"Effect":"Allow","Action":"*:*","Resource":"*"}]}`, true},
		{"more stars", `{"Statement":[{"Effect":"Allow","Action":"**","Resource":"**"}]}`, true},
		{"a question mark", `{"Statement":[{"Effect":"Allow","Action":"?*:*","Resource":"*"}]}`, true},
		{"names in another case", `{"statement":[{"effect":"Allow","ACTION":"*","resource":"*"}]}`, true},
		{"resource as an ARN of all", `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"arn:aws:*:*:*:*"}]}`, true},
		{"resource as a short ARN of all", `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"arn:*"}]}`, true},
		{"a condition is no excuse", `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringLike":{"aws:userid":"*"}}}]}`, true},
		{"all but a trifle", `{"Statement":[{"Effect":"Allow","NotAction":"aws-portal:*","Resource":"*"}]}`, true},
		{"all but nothing real", `{"Statement":[{"Effect":"Allow","NotAction":["x:y"],"Resource":"*"}]}`, true},
		{"all resources but one", `{"Statement":[{"Effect":"Allow","Action":"*","NotResource":"arn:aws:s3:::safe"}]}`, true},
		{"the second statement", `{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"},{"Effect":"Allow","Action":"*","Resource":"*"}]}`, true},
		{"a deny of one thing", `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"iam:*","Resource":"*"}]}`, true},
		{"a deny of all on a condition", `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`, true},

		{"a deny of all", `{"Statement":[{"Effect":"Deny","Action":"*","Resource":"*"},{"Effect":"Allow","Action":"*","Resource":"*"}]}`, false},
		{"one service", `{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`, false},
		{"one action everywhere", `{"Statement":[{"Effect":"Allow","Action":"*:Get*","Resource":"*"}]}`, false},
		{"one resource", `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::*"}]}`, false},
		{"one account's resources", `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"arn:aws:*:*:123456789012:*"}]}`, false},
		{"action and resource in two statements", `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::x"},{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`, false},
		{"all but IAM", `{"Statement":[{"Effect":"Allow","NotAction":["iam:*","organizations:*"],"Resource":"*"}]}`, false},
		{"all but all", `{"Statement":[{"Effect":"Allow","NotAction":"*","Resource":"*"}]}`, false},
		{"no resource but none", `{"Statement":[{"Effect":"Allow","Action":"*","NotResource":"*"}]}`, false},
		{"no statement", `{"Statement":[]}`, false},
		{"nothing", `{}`, false},
		{"what we put in its place", grantsNothing, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := grantsAll([]byte(tt.doc)); err != nil || got != tt.want {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
	for _, bad := range []string{``, `[]`, `"*"`, `{"Statement":7}`, `{"Statement":[{"Action":{"a":1}}]}`} {
		if _, err := grantsAll([]byte(bad)); err == nil {
			t.Errorf("%s passes for a policy", bad)
		}
	}
	if string(iampolicy.Compact([]byte(grantsNothing))) != grantsNothing {
		t.Error("grantsNothing is not in the compact form in which it is recognised")
	}
}

func FuzzGrantsAll(f *testing.F) {
	f.Add("%7B%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22*%22%2C%22Resource%22%3A%22*%22%7D%7D")
	f.Add(`{"Statement":[{"Effect":"Deny","NotAction":["*"],"NotResource":[],"Condition":null}]}`)
	f.Fuzz(func(t *testing.T, s string) {
		doc, err := iampolicy.Decode(s)
		if err != nil {
			return
		}
		before, err := grantsAll(doc)
		if err != nil {
			return
		}
		if after, err := grantsAll(iampolicy.Compact(doc)); err != nil || after != before && before {
			t.Errorf("compact changes the meaning of %s: %v, %v", doc, after, err)
		}
	})
}

func TestCanonical(t *testing.T) {
	const event = "111122223333"
	for _, tt := range []struct{ raw, key string }{
		{"arn:aws:iam::123456789012:policy/Reports", "iam-policy:123456789012::arn:aws:iam::123456789012:policy/Reports"},
		{"arn:aws:iam::123456789012:policy/team/a/Reports", "iam-policy:123456789012::arn:aws:iam::123456789012:policy/team/a/Reports"},
		{"user/bob/policy/p", "iam-policy:111122223333::user/bob/policy/p"},
		{"role/team/deploy/policy/p", "iam-policy:111122223333::role/deploy/policy/p"},
		{"arn:aws:iam::123456789012:group/team/ops/policy/p+1", "iam-policy:123456789012::group/ops/policy/p+1"},
		{"arn:aws:iam::aws:policy/AdministratorAccess", ""},
		{"arn:aws:iam::123456789012:user/bob", ""},
		{"arn:aws:iam::123456789012:policy/", ""},
		{"arn:aws:s3:::policy", ""},
		{"user/bob", ""}, {"user//policy/p", ""}, {"user/bob/policy/", ""}, {"robot/r2/policy/p", ""}, {"user/b b/policy/p", ""}, {"", ""}, {"Reports", ""},
	} {
		got, err := Spec().Canonical(tt.raw, event, "eu-west-1")
		if (err == nil) != (tt.key != "") || err == nil && got.Key() != tt.key {
			t.Errorf("%q: %+v, %v", tt.raw, got, err)
		}
	}
}

func TestUnreadable(t *testing.T) {
	f := newFake(map[string]string{"v1": "not JSON"}, "v1")
	if _, err := New(f.deps()).Plan(t.Context(), managed("")); !fault.IsPermanent(err) {
		t.Errorf("%v", err)
	}
}
