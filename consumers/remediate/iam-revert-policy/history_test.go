package iamrevertpolicy

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/configservice/types"

	"github.com/riposte-security/riposte/consumers/actiontest"
	"github.com/riposte-security/riposte/consumers/remediate/confighistory/historytest"
	"github.com/riposte-security/riposte/internal/cloud/cloudtest"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

func eventTime() time.Time { return time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC) }

func recordedManaged(minutes int, doc string) types.ConfigurationItem {
	return historytest.Item("ANPA1", eventTime().Add(-time.Duration(minutes)*time.Minute), fmt.Sprintf(
		`{"policyName":"Reports","defaultVersionId":"v1","policyVersionList":[{"versionId":"v0","isDefaultVersion":false,"document":"x"},{"versionId":"v1","isDefaultVersion":true,"document":%q}]}`, url.PathEscape(doc)))
}

// recordedInline is a user, role or group with one inline policy.
func recordedInline(kind string, minutes int, name, doc string) types.ConfigurationItem {
	return historytest.Item(kind+"1", eventTime().Add(-time.Duration(minutes)*time.Minute), fmt.Sprintf(
		`{"%sPolicyList":[{"policyName":"other","policyDocument":"%%7B%%7D"},{"policyName":%q,"policyDocument":%q}]}`, kind, name, url.PathEscape(doc)))
}

func at(cmd schemas.Command, with map[string]any) schemas.Command {
	cmd.EventTime, cmd.With = eventTime(), with
	return cmd
}

func TestContractByHistory(t *testing.T) {
	subject := func(cmd schemas.Command, prepare func() *fake, change func(*fake)) func(*testing.T) actiontest.Subject {
		return func(*testing.T) actiontest.Subject {
			f := prepare()
			return actiontest.Subject{Action: New(f.deps()), Command: cmd, State: f.state, Change: func() { change(f) }}
		}
	}
	t.Run("managed", func(t *testing.T) {
		actiontest.Run(t, subject(at(managed("CreatePolicyVersion"), nil), func() *fake {
			f := newFake(map[string]string{"v1": all}, "v1")
			f.history.Items = []types.ConfigurationItem{recordedManaged(1, little)}
			return f
		}, func(f *fake) { f.versions["v7"], f.standard = less, "v7" }))
	})
	for _, kind := range []string{"user", "role", "group"} {
		t.Run(kind, func(t *testing.T) {
			actiontest.Run(t, subject(at(inline(kind), nil), func() *fake {
				f := newFake(nil, "")
				f.inline[kind+"/bob/p"] = all
				f.history.Items = []types.ConfigurationItem{recordedInline(kind, 1, "p", little)}
				return f
			}, func(f *fake) { f.inline[kind+"/bob/p"] = less }))
		})
	}
}

func TestHistory(t *testing.T) {
	gone := recordedManaged(1, little)
	gone.ConfigurationItemStatus = types.ConfigurationItemStatusResourceDeleted
	for name, c := range map[string]struct {
		by       string
		versions map[string]string // the last is the default
		items    []types.ConfigurationItem
		call     string // SetDefaultPolicyVersion v1, or CreatePolicyVersion and its document
		says     string // in the summary
		asks     bool
	}{
		"a version before the history":         {"", map[string]string{"v1": less, "v2": all}, []types.ConfigurationItem{recordedManaged(1, little)}, "SetDefaultPolicyVersion v1", "to version v1", false},
		"the history before a version":         {"config", map[string]string{"v1": less, "v2": all}, []types.ConfigurationItem{recordedManaged(1, little)}, "CreatePolicyVersion " + little, "as AWS Config recorded it at 2026-05-01T11:59:00Z", false},
		"what a version says as well":          {"config", map[string]string{"v1": less, "v2": all}, []types.ConfigurationItem{recordedManaged(1, less)}, "SetDefaultPolicyVersion v1", "as AWS Config recorded it at", false},
		"no history":                           {"config", map[string]string{"v1": less, "v2": all}, nil, "SetDefaultPolicyVersion v1", "AWS Config has no record", false},
		"no version":                           {"versions", map[string]string{"v2": all}, []types.ConfigurationItem{recordedManaged(1, little)}, "CreatePolicyVersion " + little, "as AWS Config recorded it at", false},
		"what granted everything then as well": {"", map[string]string{"v2": all}, []types.ConfigurationItem{recordedManaged(1, all), recordedManaged(60, little)}, "CreatePolicyVersion " + little, "T11:00:00Z", false},
		"nothing else ever":                    {"", map[string]string{"v2": all}, []types.ConfigurationItem{recordedManaged(1, all)}, "CreatePolicyVersion " + grantsNothing, "nothing of it that does not grant everything", true},
		"it did not exist":                     {"", map[string]string{"v2": all}, []types.ConfigurationItem{gone, recordedManaged(60, little)}, "CreatePolicyVersion " + grantsNothing, "did not exist before", true},
		"recorded after the event":             {"", map[string]string{"v2": all}, []types.ConfigurationItem{recordedManaged(-5, little)}, "CreatePolicyVersion " + grantsNothing, "no record", true},
		"of another policy":                    {"", map[string]string{"v2": all}, []types.ConfigurationItem{recordedInline("user", 1, "p", little)}, "CreatePolicyVersion " + grantsNothing, "no record", true},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(c.versions, "v2")
			f.history.Items = c.items
			with := map[string]any{}
			if c.by != "" {
				with["by"] = c.by
			}
			p, err := New(f.deps()).Plan(t.Context(), at(managed("CreatePolicyVersion"), with))
			if err != nil {
				t.Fatal(err)
			}
			call := p.Calls[0].Operation
			for _, k := range []string{"VersionId", "PolicyDocument"} {
				if v, ok := p.Calls[0].Params[k].(string); ok {
					call += " " + v
				}
			}
			if call != c.call || !strings.Contains(p.Summary, c.says) || (p.Approval != "") != c.asks {
				t.Errorf("%s, approval %q\n%s", call, p.Approval, p.Summary)
			}
		})
	}
}

func TestInlineHistory(t *testing.T) {
	for name, c := range map[string]struct {
		items []types.ConfigurationItem
		call  string
		says  string
	}{
		"overwritten":   {[]types.ConfigurationItem{recordedInline("user", 1, "p", little)}, "PutUserPolicy", "as AWS Config recorded it at 2026-05-01T11:59:00Z"},
		"new":           {[]types.ConfigurationItem{recordedInline("user", 1, "q", little)}, "DeleteUserPolicy", "it did not exist before"},
		"not recorded":  {nil, "DeleteUserPolicy", "AWS Config has no record"},
		"broken before": {[]types.ConfigurationItem{recordedInline("user", 1, "p", "[")}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(nil, "")
			f.inline["user/bob/p"] = all
			f.history.Items = c.items
			p, err := New(f.deps()).Plan(t.Context(), at(inline("user"), nil))
			if c.call == "" {
				if !fault.IsPermanent(err) {
					t.Errorf("%+v, %v", p, err)
				}
				return
			}
			if err != nil || p.Calls[0].Operation != c.call || !strings.Contains(p.Summary, c.says) {
				t.Errorf("%+v, %v", p, err)
			}
		})
	}
}

// Where AWS Config's answer cannot be read, the plan says so, and so does what a person is asked.
func TestHistoryUnreadable(t *testing.T) {
	f := newFake(map[string]string{"v2": all}, "v2")
	f.inline["user/bob/p"] = all
	f.history.Err = historytest.Unreadable()
	p, err := New(f.deps()).Plan(t.Context(), at(managed("CreatePolicyVersion"), nil))
	if err != nil || !strings.Contains(p.Summary, "could not be read") || !strings.Contains(p.Approval, "could not be read") {
		t.Errorf("%+v, %v", p, err)
	}
	p, err = New(f.deps()).Plan(t.Context(), at(inline("user"), nil))
	if err != nil || !strings.Contains(p.Summary, "AWS Config's answer could not be read") {
		t.Errorf("%+v, %v", p, err)
	}
}

// A permission that is missing stands in the way, and is named: a policy would be removed that could have been put back.
func TestHistoryDenied(t *testing.T) {
	f := newFake(nil, "")
	f.inline["user/bob/p"] = all
	f.history.Err = cloudtest.Error("Config Service", "GetResourceConfigHistory", "AccessDeniedException", 400)
	if _, err := New(f.deps()).Plan(t.Context(), at(inline("user"), nil)); !fault.IsPermanent(err) || !strings.Contains(err.Error(), "config:GetResourceConfigHistory") {
		t.Errorf("%v", err)
	}
	if _, err := New(f.deps()).Plan(t.Context(), at(inline("user"), map[string]any{"by": "guess"})); !fault.IsPermanent(err) || !strings.Contains(err.Error(), "guess") {
		t.Errorf("%v", err)
	}
}
