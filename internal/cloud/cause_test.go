package cloud

import (
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// eventOf is the event of a golden case of the format cloudtrail.
func eventOf(t *testing.T, name string) string {
	t.Helper()
	file, err := txtar.ParseFile(filepath.Join("..", "..", "producers", "format", "cloudtrail", "testdata", name+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range file.Files {
		if f.Name == "events" {
			return string(f.Data)
		}
	}
	t.Fatalf("%s: no events", name)
	return ""
}

func TestCauseOf(t *testing.T) {
	const id = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
	swap := func(event, from, to string) string {
		if !strings.Contains(event, from) {
			t.Errorf("%q is not in the event", from)
		}
		return strings.ReplaceAll(event, from, to)
	}
	call, session := eventOf(t, "riposte_call"), eventOf(t, "riposte_session")
	want := Cause{Command: id, Actor: "arn:aws:sts::210987654321:assumed-role/riposte/riposte", Account: "210987654321", Role: "riposte", Session: "riposte", SourceIdentity: "riposte-prod"}
	inSession := want
	inSession.Actor, inSession.Session = want.Actor+"-"+id, "riposte-"+id
	user := Cause{Command: id, Actor: "arn:aws:iam::210987654321:user/bots/riposte", Account: "210987654321", SourceIdentity: "riposte-prod"}
	tests := []struct {
		name, event string
		want        Cause
	}{
		{"in the User-Agent", call, want},
		{"in the session", session, inSession},
		{"of a user", swap(call, want.Actor, user.Actor), user},
		{"in both", swap(session, `"user_agent": "cloudformation.amazonaws.com"`, `"user_agent": "x md/riposte-command#`+id+`"`), inSession},
		{"in both, which disagree", swap(session, `"user_agent": "cloudformation.amazonaws.com"`, `"user_agent": "x md/riposte-command#`+strings.Repeat("a", 32)+`"`), Cause{}},
		{"nowhere", swap(call, "riposte-command", "other"), Cause{}},
		{"by nobody", swap(call, want.Actor, "AROAEXAMPLE"), Cause{}},
		{"somebody else's call", eventOf(t, "api_create_bucket"), Cause{}},
		{"a sign-in", eventOf(t, "console_login_no_mfa"), Cause{}},
		{"no JSON", "{", Cause{}},
		{"odd types", `{"actor":[1],"http_request":{"user_agent":{}}}`, Cause{}},
	}
	for _, tt := range tests {
		if got, ok := CauseOf([]byte(tt.event)); got != tt.want || ok != (tt.want != Cause{}) {
			t.Errorf("%s: %+v, %v", tt.name, got, ok)
		}
	}
}

func TestParsePrincipal(t *testing.T) {
	tests := []struct {
		arn  string
		want Principal
	}{
		{"arn:aws:iam::111122223333:role/a/b/riposte", Principal{"111122223333", "role", "riposte", ""}},
		{"arn:aws-us-gov:iam::111122223333:user/ada", Principal{"111122223333", "user", "ada", ""}},
		{"arn:aws:iam::111122223333:root", Principal{"111122223333", "root", "", ""}},
		{"arn:aws:sts::111122223333:assumed-role/riposte/i-0abc", Principal{"111122223333", "role", "riposte", "i-0abc"}},
		{"arn:aws:sts::111122223333:federated-user/ada", Principal{"111122223333", "federated-user", "ada", ""}},
		{"arn:aws:s3:::bucket", Principal{}},
		{"arn:aws:ec2:eu-central-1:111122223333:instance/i-1", Principal{}},
		{"ada", Principal{}},
		{"", Principal{}},
	}
	for _, tt := range tests {
		if got := ParsePrincipal(tt.arn); got != tt.want {
			t.Errorf("%s: %+v", tt.arn, got)
		}
	}
}
