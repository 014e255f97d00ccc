package rule_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/router/engine"
	"github.com/riposte-security/riposte/router/rule"
	"github.com/riposte-security/riposte/schemas"
)

// canonical is a strict stand-in: no blanks in targets.
func canonical(kind string) func(raw, account, region string) (schemas.Target, error) {
	return func(raw, account, region string) (schemas.Target, error) {
		if strings.Contains(raw, " ") {
			return schemas.Target{}, errors.New("no such thing")
		}
		return schemas.Target{Type: kind, Account: account, Region: region, ID: strings.TrimPrefix(raw, "arn:")}, nil
	}
}

// options knows three actions: one that encrypts buckets, one that blocks addresses for a time, and one that calls a function.
func options() rule.Options {
	return rule.Options{Actions: []schemas.ActionSpec{
		{
			Name: "encrypt", Lane: schemas.LaneRemediate, TargetType: "bucket", Canonical: canonical("bucket"),
			Settings: []schemas.Setting{
				{Name: "algorithm", Type: "string", Default: "aws:kms"},
				{Name: "count", Type: "int"}, {Name: "flag", Type: "bool"}, {Name: "wait", Type: "duration"},
				{Name: "names", Type: "list"}, {Name: "tags", Type: "map"},
			},
		},
		{
			Name: "invoke-function", Lane: schemas.LaneRemediate, TargetType: "resource", Canonical: canonical("resource"),
			Settings: []schemas.Setting{{Name: "name", Type: "string", Required: true, Help: "name of the function"}, {Name: "input", Type: "map"}},
		},
		{
			Name: "ipset", Lane: schemas.LaneBlock, TargetType: "ip", Canonical: canonical("ip"), Expires: true,
			Settings: []schemas.Setting{{Name: "set", Type: "string", Required: true, Help: "name of the set"}},
		},
	}}
}

// minimal is a rule to which tests append; its when and then stand last.
const minimal = "id: r\ntitle: A rule\nseverity: high\n"

func parse(t testing.TB, text string) *rule.Rule {
	t.Helper()
	rules, err := rule.Parse(options(), "r.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if len(rules) != 1 {
		t.Fatalf("%d rules", len(rules))
	}
	return rules[0]
}

func read(t testing.TB, event string) schemas.Event {
	t.Helper()
	ev, err := schemas.ReadEvent([]byte(event), schemas.Envelope{Origin: "test", Position: "0"})
	if err != nil {
		t.Fatal(err)
	}
	return ev
}

func decide(t testing.TB, text, event string) rule.Decision {
	t.Helper()
	return engine.New([]*rule.Rule{parse(t, text)}, zerolog.Nop()).Decide(read(t, event), false, time.Unix(1772800000, 0))
}
