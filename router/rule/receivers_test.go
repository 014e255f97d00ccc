package rule_test

import (
	"strings"
	"testing"

	"github.com/riposte-security/riposte/router/rule"
)

func TestReceiversAreNamedOnce(t *testing.T) {
	t.Parallel()
	o := options()
	o.Receivers = []string{"log", "oncall", "oncall"}
	_, err := rule.Parse(o, "r.yaml", []byte(minimal+"when: true\nthen: [ { alert: { to: nobody } } ]\n"))
	if err == nil || !strings.Contains(err.Error(), "(known: log, oncall)") {
		t.Errorf("error %v", err)
	}
}
