package confighistory_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/configservice/types"

	"github.com/riposte-security/riposte/consumers/remediate/confighistory"
	"github.com/riposte-security/riposte/consumers/remediate/confighistory/historytest"
	"github.com/riposte-security/riposte/internal/cloud/cloudtest"
	"github.com/riposte-security/riposte/internal/fault"
)

func TestBefore(t *testing.T) {
	event := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	item := func(before time.Duration, conf string) types.ConfigurationItem {
		return historytest.Item("sg-1", event.Add(-before), conf)
	}
	deleted := item(time.Minute, "")
	deleted.ConfigurationItemStatus = types.ConfigurationItemStatusResourceDeleted
	unrecorded := item(time.Second, "")
	unrecorded.ConfigurationItemStatus = types.ConfigurationItemStatusResourceNotRecorded
	for name, c := range map[string]struct {
		items []types.ConfigurationItem
		want  string // its configuration; "none", "gone", or "error"
	}{
		"nothing":                        {nil, "none"},
		"only after the event":           {[]types.ConfigurationItem{item(-time.Second, "{}")}, "none"},
		"at the time of the event":       {[]types.ConfigurationItem{item(0, "{}")}, "none"},
		"the newest before":              {[]types.ConfigurationItem{item(-time.Minute, `{"a":3}`), item(time.Minute, `{"a":2}`), item(time.Hour, `{"a":1}`)}, `{"a":2}`},
		"on a later page":                {[]types.ConfigurationItem{item(30*24*time.Hour, `{"a":1}`)}, `{"a":1}`},
		"deleted then":                   {[]types.ConfigurationItem{deleted, item(time.Hour, `{"a":1}`)}, "gone"},
		"what says nothing is passed by": {[]types.ConfigurationItem{unrecorded, item(time.Hour, `{"a":1}`)}, `{"a":1}`},
		"of another thing":               {[]types.ConfigurationItem{historytest.Item("sg-2", event.Add(-time.Hour), "{}")}, "none"},
		"without a configuration":        {[]types.ConfigurationItem{item(time.Hour, "")}, "error"},
		"far too long":                   {[]types.ConfigurationItem{item(time.Hour, strings.Repeat(" ", 5<<20))}, "error"},
	} {
		t.Run(name, func(t *testing.T) {
			h := &historytest.History{Items: c.items, PageDays: 7}
			got, err := confighistory.Before(t.Context(), h, types.ResourceTypeSecurityGroup, "sg-1", event)
			said := "none"
			switch {
			case err != nil && fault.IsPermanent(err):
				said = "error"
			case err != nil:
				t.Fatal(err)
			case got != nil && got.Deleted:
				said = "gone"
			case got != nil:
				said = string(got.Configuration)
			}
			if said != c.want {
				t.Errorf("%s, want %s", said, c.want)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	for code, want := range map[string]string{"ResourceNotDiscoveredException": "", "NoAvailableConfigurationRecorderException": "", "AccessDeniedException": "permanent", "ThrottlingException": "passing"} {
		h := &historytest.History{Err: cloudtest.Error("Config Service", "GetResourceConfigHistory", code, 400)}
		got, err := confighistory.Before(t.Context(), h, types.ResourceTypeSecurityGroup, "sg-1", time.Now())
		said := ""
		if fault.IsPermanent(err) {
			said = "permanent"
		} else if err != nil {
			said = "passing"
		}
		if said != want || got != nil {
			t.Errorf("%s: %+v, %v", code, got, err)
		}
	}
}

// An answer that nobody can read is told from no record.
func TestUnreadable(t *testing.T) {
	h := &historytest.History{Err: historytest.Unreadable()}
	if got, err := confighistory.Before(t.Context(), h, types.ResourceTypeSecurityGroup, "sg-1", time.Now()); got != nil || !errors.Is(err, confighistory.ErrUnreadable) {
		t.Errorf("%+v, %v", got, err)
	}
}

// A server whose pages do not end is not asked for ever.
func TestEndless(t *testing.T) {
	h := &historytest.History{Endless: true}
	if got, err := confighistory.Before(t.Context(), h, types.ResourceTypeSecurityGroup, "sg-1", time.Now()); got != nil || err != nil || h.Asked > 200 {
		t.Errorf("%+v, %v after %d pages", got, err, h.Asked)
	}
}

func TestWhen(t *testing.T) {
	i := confighistory.Item{Captured: *aws.Time(time.Date(2026, 5, 1, 12, 0, 0, 0, time.FixedZone("", 7200)))}
	if got := i.When(); got != "as AWS Config recorded it at 2026-05-01T10:00:00Z" {
		t.Error(got)
	}
}
