package invoke

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/riposte-security/riposte/schemas"
)

const longestTarget = 1024

// spec describes an action. Its target is whatever the invocation is about: it locks, and is looked for in lists, but only the settings say what is invoked.
func spec(name, summary string, policy []string, settings ...schemas.Setting) schemas.ActionSpec {
	return schemas.ActionSpec{
		Name: "invoke-" + name, Lane: schemas.LaneRemediate, Summary: summary, TargetType: "resource", Settings: settings, Policy: policy,
		Irreversible: "what was invoked has happened; a rule says approval: waived where nobody need be asked first", Canonical: canonical,
	}
}

// followed are the settings of what is followed to its end.
func followed(settings ...schemas.Setting) []schemas.Setting {
	return append(settings, schemas.Setting{Name: "within", Type: "duration", Default: "1h", Help: "how long it may last; then the command has failed, and what runs is left to itself"})
}

// canonical takes whatever names something: its spelling is its own.
func canonical(raw, account, region string) (schemas.Target, error) {
	id := strings.TrimSpace(raw)
	if id == "" || len(id) > longestTarget || strings.ContainsFunc(id, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return schemas.Target{}, fmt.Errorf("target %q: 1 to %d bytes without control characters expected", raw[:min(len(raw), 80)], longestTarget)
	}
	if strings.HasPrefix(id, "arn:") {
		a, err := arn.Parse(id)
		if err != nil {
			return schemas.Target{}, fmt.Errorf("target %q: it begins as an ARN, and is none", raw[:min(len(raw), 80)])
		}
		if a.AccountID != "" {
			account = a.AccountID
		}
		if a.Region != "" {
			region = a.Region
		}
	}
	return schemas.Target{Type: "resource", Account: account, Region: region, ID: id}, nil
}
