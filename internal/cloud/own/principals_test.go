package own

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
)

type roles struct{ err error }

func (r roles) Caller(context.Context) (cloud.Identity, error) {
	return cloud.Identity{Account: ours, ARN: "arn:aws:sts::" + ours + ":assumed-role/hub/i-0abc"}, r.err
}

func (r roles) AccessKey(context.Context) (string, error) { return "ASIAEXAMPLEHUB000001", r.err }

func (r roles) RoleARN(account string) (string, error) {
	if account != theirs {
		return "", fault.Permanent(errors.New("not allowed"))
	}
	return "arn:aws:iam::" + theirs + ":role/security/riposte", nil
}

func TestPrincipals(t *testing.T) {
	hub, member := "riposte's own role arn:aws:sts::"+ours+":assumed-role/hub/i-0abc", "riposte's own role arn:aws:iam::"+theirs+":role/security/riposte"
	tests := []struct{ account, ref, want string }{
		{"", "arn:aws:iam::" + ours + ":role/a/b/hub", hub},
		{"", "arn:aws:sts::" + ours + ":assumed-role/hub/i-0fff", hub},
		{"", "hub", hub},
		{ours, "role/hub", hub},
		{ours, "role/hub/policy/inline", hub},
		{theirs, "riposte", member},
		{"", "arn:aws:iam::" + theirs + ":role/riposte", member},
		{"", "arn:aws:sts::" + theirs + ":assumed-role/riposte/other", member},
		{ours, "ASIAEXAMPLEHUB000001", "riposte's own access key ASIAEXAMPLEHUB000001 of arn:aws:sts::" + ours + ":assumed-role/hub/i-0abc"},
		{ours, "AKIAEXAMPLEOTHER0001", ""},
		{ours, "user/hub", ""},
		{"", "arn:aws:iam::" + ours + ":user/hub", ""},
		{theirs, "hub", ""},
		{"", "riposte", ""},
		{"333344445555", "riposte", ""},
		{"", "arn:aws:iam::" + ours + ":root", ""},
		{"", "arn:aws:s3:::hub", ""},
		{"", "", ""},
	}
	for _, tt := range tests {
		entry, found, err := NewPrincipals(roles{}).Lookup(t.Context(), tt.account, tt.ref)
		if err != nil || entry != tt.want || found != (tt.want != "") {
			t.Errorf("%s %s: %q, %v, %v", tt.account, tt.ref, entry, found, err)
		}
	}
	if _, _, err := NewPrincipals(roles{fault.Permanent(errors.New("no credentials"))}).Lookup(t.Context(), "", "x"); err == nil || fault.IsPermanent(err) || !strings.Contains(err.Error(), "no credentials") {
		t.Errorf("%v", err)
	}
}
