package iamdisableaccesskey

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/actiontest"
	"github.com/riposte-security/riposte/internal/cloud/cloudtest"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

const key = "AKIAIOSFODNN7EXAMPLE"

// fake is the keys of one user, alice, on pages of one.
type fake struct {
	keys  []string
	as    map[string]types.StatusType
	asked int
	err   error
}

func newFake() *fake {
	return &fake{keys: []string{"AKIAOTHERKEY00000000", key}, as: map[string]types.StatusType{"AKIAOTHERKEY00000000": "Active", key: "Active"}}
}

func (f *fake) in(context.Context, string) (API, error) { return f, nil }

func (f *fake) GetAccessKeyLastUsed(_ context.Context, in *iam.GetAccessKeyLastUsedInput, _ ...func(*iam.Options)) (*iam.GetAccessKeyLastUsedOutput, error) {
	f.asked++
	if _, ok := f.as[*in.AccessKeyId]; !ok {
		return &iam.GetAccessKeyLastUsedOutput{}, nil
	}
	return &iam.GetAccessKeyLastUsedOutput{UserName: aws.String("alice")}, nil
}

func (f *fake) ListAccessKeys(_ context.Context, in *iam.ListAccessKeysInput, _ ...func(*iam.Options)) (*iam.ListAccessKeysOutput, error) {
	if *in.UserName != "alice" {
		return nil, cloudtest.Error("IAM", "ListAccessKeys", "NoSuchEntity", 404)
	}
	n := len(aws.ToString(in.Marker))
	if n >= len(f.keys) {
		return &iam.ListAccessKeysOutput{}, nil
	}
	return &iam.ListAccessKeysOutput{AccessKeyMetadata: []types.AccessKeyMetadata{{AccessKeyId: &f.keys[n], Status: f.as[f.keys[n]]}},
		IsTruncated: n+1 < len(f.keys), Marker: aws.String(strings.Repeat("x", n+1))}, nil
}

func (f *fake) UpdateAccessKey(_ context.Context, in *iam.UpdateAccessKeyInput, _ ...func(*iam.Options)) (*iam.UpdateAccessKeyOutput, error) {
	if f.err != nil {
		return nil, f.err
	}
	if _, ok := f.as[*in.AccessKeyId]; !ok || *in.UserName != "alice" {
		return nil, cloudtest.Error("IAM", "UpdateAccessKey", "NoSuchEntity", 404)
	}
	f.as[*in.AccessKeyId] = in.Status
	return &iam.UpdateAccessKeyOutput{}, nil
}

func (f *fake) delete() { f.keys, f.as = f.keys[:1], map[string]types.StatusType{f.keys[0]: "Active"} }

func command(with map[string]any) schemas.Command {
	return schemas.Command{Target: schemas.Target{Type: targetType, Account: "123456789012", ID: key}, With: with, EventTime: time.Now().Add(-time.Hour)}
}

func TestContract(t *testing.T) {
	for name, with := range map[string]map[string]any{"user looked up": nil, "user given": {"user": "alice"}} {
		t.Run(name, func(t *testing.T) {
			actiontest.Run(t, func(*testing.T) actiontest.Subject {
				f := newFake()
				return actiontest.Subject{Action: New(Deps{IAM: f.in, Now: time.Now}), Command: command(with), State: func() any { return f.as }}
			})
		})
	}
}

// A key that was inactive before is left so; one that is deleted cannot come back, and undo says it.
func TestStates(t *testing.T) {
	f := newFake()
	f.as[key] = types.StatusTypeInactive
	a := New(Deps{IAM: f.in, Now: time.Now})
	p, err := a.Plan(t.Context(), command(nil))
	if err != nil || !p.Empty() || !strings.Contains(p.Summary, "Inactive") {
		t.Errorf("%+v, %v", p, err)
	}
	f.as[key] = types.StatusTypeActive
	if p, err = a.Plan(t.Context(), command(map[string]any{"user": "alice"})); err != nil {
		t.Fatal(err)
	}
	if f.asked != 1 {
		t.Errorf("asked %d times whose the key is", f.asked)
	}
	if err := a.Apply(t.Context(), command(nil), p); err != nil {
		t.Fatal(err)
	}
	f.delete()
	u := a.(consumers.Undoer)
	if err := u.Undo(t.Context(), command(nil), p, false); !errors.Is(err, consumers.ErrChanged) {
		t.Errorf("undo of a deleted key: %v", err)
	}
	if err := u.Undo(t.Context(), command(nil), p, true); !fault.IsPermanent(err) || !strings.Contains(err.Error(), "deleted") {
		t.Errorf("undo by force of a deleted key: %v", err)
	}
}

func TestErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		with    map[string]any
		deleted bool
		age     time.Duration
		want    string
		again   bool
	}{
		"no such user":        {with: map[string]any{"user": "bob"}, age: time.Hour, want: "NoSuchEntity"},
		"no such user as yet": {with: map[string]any{"user": "bob"}, want: "not be visible yet", again: true},
		"no such key":         {with: map[string]any{"user": "alice"}, deleted: true, age: time.Hour, want: "no such key"},
		"no such key as yet":  {with: map[string]any{"user": "alice"}, deleted: true, want: "not be visible yet", again: true},
		"nobody's key":        {deleted: true, age: time.Hour, want: "no user with this key"},
		"a name that is none": {with: map[string]any{"user": "a/b"}, age: time.Hour, want: "with.user"},
		"unknown setting":     {with: map[string]any{"name": "alice"}, age: time.Hour, want: "unknown field"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake()
			if tt.deleted {
				f.delete()
			}
			cmd := command(tt.with)
			cmd.EventTime = time.Now().Add(-tt.age)
			_, err := New(Deps{IAM: f.in, Now: time.Now}).Plan(t.Context(), cmd)
			if err == nil || fault.IsPermanent(err) == tt.again || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "access key "+key) {
				t.Errorf("%v", err)
			}
		})
	}
	for code, permanent := range map[string]bool{"AccessDenied": true, "Throttling": false, "ExpiredToken": false, "EntityTemporarilyUnmodifiable": false} {
		f := newFake()
		a := New(Deps{IAM: f.in, Now: time.Now})
		p, err := a.Plan(t.Context(), command(nil))
		if err != nil {
			t.Fatal(err)
		}
		f.err = cloudtest.Error("IAM", "UpdateAccessKey", code, 400)
		if err := a.Apply(t.Context(), command(nil), p); err == nil || fault.IsPermanent(err) != permanent {
			t.Errorf("%s: %v", code, err)
		}
	}
}

func TestCanonical(t *testing.T) {
	for raw, id := range map[string]string{
		key: key, "akiaiosfodnn7example": key, "ASIAIOSFODNN7EXAMPLE": "", "AKIA": "", "AKIA IOSFODNN7EXAMPLE": "", "alice": "", "": "", "AROAIOSFODNN7EXAMPLE": "",
	} {
		got, err := Spec().Canonical(raw, "123456789012", "eu-west-1")
		if (err == nil) != (id != "") || err == nil && got.Key() != "iam-access-key:123456789012::"+id {
			t.Errorf("%q: %+v, %v", raw, got, err)
		}
	}
}
