package iac

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template"

	"github.com/riposte-security/riposte/schemas"
)

const (
	mostPlaces = 5 // that one command tells of
	mostPatch  = 4 << 10
)

// Notices are what the owners of the code at places are to be told of a command that has taken effect.
func Notices(cmd schemas.Command, spec schemas.ActionSpec, places []Place) ([]schemas.Notice, error) {
	var all []schemas.Notice
	for _, p := range best(cmd.Target, places, spec.Code) {
		n, err := notice(cmd, spec, p)
		if err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	return all, nil
}

// best leaves out, of the resources in one state that go by the same id (a bucket and its policy), all but those that declare the attribute best. What goes by the
// id of an account is not the account: there, only what is known to declare the attribute counts.
func best(t schemas.Target, places []Place, code *schemas.Code) []Place {
	rank := func(p Place) int {
		if code == nil || p.Tool != Terraform {
			return 0
		}
		if i := slices.Index(code.Resources, p.Type); i >= 0 {
			return i
		}
		return len(code.Resources)
	}
	places = slices.Clone(places)
	if t.ID == t.Account {
		places = slices.DeleteFunc(places, func(p Place) bool { return code == nil || !slices.Contains(code.Resources, p.Type) })
	}
	slices.SortStableFunc(places, func(a, b Place) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(len(a.Address), len(b.Address)))
	})
	var kept []Place
	for _, p := range places {
		if !slices.ContainsFunc(kept, func(k Place) bool { return k.Where == p.Where && k.Module == p.Module }) && len(kept) < mostPlaces {
			kept = append(kept, p)
		}
	}
	return kept
}

func notice(cmd schemas.Command, spec schemas.ActionSpec, p Place) (schemas.Notice, error) {
	facts := map[string]any{"tool": p.Tool, "where": p.Where, "address": p.Address, "target": cmd.Target.Key(), "action": cmd.Action}
	attribute := "it"
	if c := spec.Code; c != nil {
		attribute = "its " + c.Attribute
		facts["attribute"] = c.Attribute
		patch, err := render(cmd, spec, p)
		if err != nil {
			return schemas.Notice{}, err
		}
		if patch != "" {
			facts["patch"] = patch
		}
	}
	where := "the Terraform state " + p.Where
	if p.Tool == CloudFormation {
		where = "the CloudFormation stack " + p.Where
	}
	return schemas.Notice{
		Kind: schemas.NoticeCode, Subject: p.Where + " " + p.Address, Severity: "medium", Command: cmd.ID, Rule: cmd.Rule, Facts: facts, Once: cmd.Created,
		Message: fmt.Sprintf("%s has changed %s, and the code declares %s otherwise: the next deployment takes the response back, unless %s in %s is changed",
			cmd.Action, cmd.Target.ID, attribute, p.Address, where),
	}, nil
}

// render writes the change that is proposed; "" where nobody knows it.
func render(cmd schemas.Command, spec schemas.ActionSpec, p Place) (string, error) {
	text, marks := spec.Code.HCL, "$%"
	if p.Tool == CloudFormation {
		text, marks = spec.Code.YAML, ""
	}
	if text == "" {
		return "", nil
	}
	t, err := template.New(spec.Name).Option("missingkey=zero").Funcs(template.FuncMap{"quote": func(v any) string { return quote(v, marks) }}).Parse(text)
	if err != nil {
		return "", fmt.Errorf("action %s: the template of a patch: %w", spec.Name, err)
	}
	with := map[string]any{}
	for _, s := range spec.Settings {
		with[s.Name] = s.Default
	}
	maps.Copy(with, cmd.With)
	var b bytes.Buffer
	err = t.Execute(&b, schemas.CodeValues{Name: p.Name, Address: p.Address, Type: p.Type, Target: cmd.Target, With: with})
	if err != nil {
		return "", fmt.Errorf("action %s: the patch for %s: %w", spec.Name, p.Address, err)
	}
	if b.Len() > mostPatch {
		return "", nil
	}
	return strings.TrimSpace(b.String()) + "\n", nil
}

// quote writes a value as a string of YAML or of HCL, in which some marks before { mean something and are doubled. What comes from an event stays a string
// in the code.
func quote(v any, marks string) string {
	s := fmt.Sprint(v)
	var b strings.Builder
	b.WriteByte('"')
	for i, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case strings.ContainsRune(marks, r) && strings.HasPrefix(s[i+1:], "{"):
			b.WriteRune(r)
			b.WriteRune(r)
		case r < ' ' || r == 0x7f || r > 0x7e && r < 0xa0:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
