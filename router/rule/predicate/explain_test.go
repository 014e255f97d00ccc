package predicate_test

import (
	"strings"
	"testing"

	"github.com/riposte-security/riposte/router/rule/predicate"
)

// sketch writes a tree of parts on one line: operators with their parts in brackets, conditions with their values.
func sketch(parts []predicate.Part) string {
	var out []string
	for _, p := range parts {
		text := p.Op
		if p.Op == "" {
			text = strings.ReplaceAll(p.Text, " ", "")
		}
		text += "=" + predicate.Text(p.Value)
		if p.Op != "" {
			text += "[" + sketch(p.Of) + "]"
		}
		out = append(out, text)
	}
	return strings.Join(out, " ")
}

func TestTrace(t *testing.T) {
	t.Parallel()
	env, err := predicate.Decode([]byte(`{"class_uid": 0, "unmapped": {"a": 1, "b": 2, "l": [1, 2]}}`))
	if err != nil {
		t.Fatal(err)
	}
	l := language(t)
	for source, want := range map[string]string{
		"unmapped.a == 1":                                             "unmapped.a==1=true", // the operand is in Of
		"unmapped.a == 2 and unmapped.b == 2":                         "and=false[unmapped.a==2=false unmapped.b==2=true]",
		"unmapped.a == 1 and unmapped.b == 2 and unmapped.b > 5":      "and=false[unmapped.a==1=true unmapped.b==2=true unmapped.b>5=false]",
		"unmapped.a == 1 or not (unmapped.b == 2 or unmapped.a == 3)": "or=true[unmapped.a==1=true not=false[or=true[unmapped.b==2=true unmapped.a==3=false]]]",
		"any(unmapped.l, # == 1 and not (# == 2))":                    "any(unmapped.l,#==1andnot(#==2))=true",
		"unmapped.p and unmapped.a == 1":                              "and=false[unmapped.p= unmapped.a==1=true]",
	} {
		parts, _, err := compile(t, l, source).Trace(env)
		if err != nil {
			t.Fatal(err)
		}
		if got := sketch(parts); got != want {
			t.Errorf("%s\n  gives %s\n  want  %s", source, got, want)
		}
	}
}

// TestDistance: how many conditions would have to change, and which are in the way.
func TestDistance(t *testing.T) {
	t.Parallel()
	env, err := predicate.Decode([]byte(`{"class_uid": 0, "unmapped": {"a": 1, "b": 2}}`))
	if err != nil {
		t.Fatal(err)
	}
	l := language(t)
	for source, want := range map[string]struct {
		distance int
		blocking string
	}{
		"unmapped.a == 1": {0, ""},
		"unmapped.a == 2": {1, "unmapped.a==2=false"},
		"unmapped.a == 2 and unmapped.b == 2 and unmapped.b == 9":   {2, "unmapped.a==2=false unmapped.b==9=false"},
		"unmapped.a == 2 or unmapped.b == 3 and unmapped.b == 9":    {1, "unmapped.a==2=false unmapped.b==3=false unmapped.b==9=false"},
		"not (unmapped.a == 1 and unmapped.b == 2)":                 {1, "unmapped.a==1=true unmapped.b==2=true"},
		"not (unmapped.a == 1 or unmapped.b == 2)":                  {2, "unmapped.a==1=true unmapped.b==2=true"},
		"unmapped.c == 1 and not (unmapped.a == 1 or unmapped.a>0)": {3, "unmapped.c==1=false unmapped.a==1=true unmapped.a>0=true"},
	} {
		parts, _, err := compile(t, l, source).Trace(env)
		if err != nil || len(parts) != 1 {
			t.Fatal(parts, err)
		}
		if got := parts[0].Distance(true); got != want.distance {
			t.Errorf("%s: distance %d, want %d", source, got, want.distance)
		}
		if got := sketch(parts[0].Blocking(true)); got != want.blocking {
			t.Errorf("%s\n  blocked by %s\n  want       %s", source, got, want.blocking)
		}
	}
}
