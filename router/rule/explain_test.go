package rule_test

import (
	"strings"
	"testing"

	"github.com/riposte-security/riposte/router/rule"
)

func TestWhy(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		head, when, event string
		want              string // verdict, distance, reason
		blocking          string
	}{
		{"", "status_id == 1", `{"class_uid": 0, "status_id": 1}`, "fired 0 its condition holds", ""},
		{"", "status_id == 1 and severity_id > 2", `{"class_uid": 0, "status_id": 1}`, "no 1 one condition is not", "severity_id=null severity_id > 2=false"},
		{"", "status_id == 1 or severity_id > 2", `{"class_uid": 0}`, "no 1 one of these conditions", "status_id=null status_id == 1=false severity_id=null severity_id > 2=false"},
		{"", "status_id == 1 and severity_id > 2", `{"class_uid": 0}`, "no 2 2 conditions", "status_id=null status_id == 1=false severity_id=null severity_id > 2=false"},
		{"", "let n = severity_id; n > 2 and status_id == 1", `{"class_uid": 0, "status_id": 1}`, "no 1 one condition is not", "n > 2=false"},
		{"", "status_id == 1 ? severity_id == 1 : severity_id == 2", `{"class_uid": 0, "status_id": 1}`, "no 1 one condition is not", "severity_id=null severity_id == 1=false"},
		{"", "not (status_id == 1)", `{"class_uid": 0, "status_id": 1}`, "no 1 one condition is not", "status_id=1 status_id == 1=true"},
		{"", "is_mfa", `{"class_uid": 0}`, "no 1 one condition is not", "is_mfa=null"},
		{"", "false", `{"class_uid": 0}`, "no 1 its condition is a constant", ""},
		{"class: [authentication, dns_activity]\n", "true", `{"class_uid": 6003}`, "no 0 it looks at class authentication, dns_activity; this event is of class 6003 api_activity", ""},
		{"on: outcomes\n", "true", `{"class_uid": 6003}`, "no 0 it asks for outcomes", ""},
		{"", "true", `{"class_uid": 7001}`, "no 0 it asks for events", ""},
		{"", "any(unmapped.l, # in filter(unmapped.l, # != 'x'))", `{"class_uid": 0, "unmapped": {"l": ["x"` + strings.Repeat(`,"x"`, 50_000) + `]}}`, "error 0 the predicate could not be evaluated", ""},
	} {
		e, err := parse(t, minimal+c.head+"when: >\n  "+c.when+"\nthen: [ { alert: {} } ]\n").Why(read(t, c.event))
		if err != nil {
			t.Errorf("%s: %v", c.when, err)
			continue
		}
		got := e.Verdict() + " " + string(rune('0'+e.Distance)) + " " + e.Reason
		var blocking []string
		for _, p := range e.Blocking {
			_, value, _ := strings.Cut(rule.Table([]rule.Part{p})[0], "  ->  ")
			blocking = append(blocking, p.Text+"="+value)
		}
		if !strings.HasPrefix(got, c.want) || strings.Join(blocking, " ") != c.blocking {
			t.Errorf("%s\n  gives %s\n  want  %s\n  blocked by %s\n  want       %s", c.when, got, c.want, strings.Join(blocking, " "), c.blocking)
		}
	}
}
