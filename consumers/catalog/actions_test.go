package catalog_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/catalog"
	"github.com/riposte-security/riposte/consumers/remediate/invoke"
	"github.com/riposte-security/riposte/consumers/remediate/table"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/schemas"
)

func TestActions(t *testing.T) {
	t.Setenv("AWS_REGION", "eu-central-1")
	clients, err := cloud.New(t.Context(), cloud.Config{}, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	var folders, names []string
	for _, lane := range []schemas.Lane{schemas.LaneBlock, schemas.LaneRemediate} {
		specs, err := filepath.Glob("../" + string(lane) + "/*/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range specs {
			name := filepath.Base(filepath.Dir(f))
			if text, err := os.ReadFile(f); err != nil {
				t.Fatal(err)
			} else if bytes.Contains(text, []byte("\nfunc Spec() schemas.ActionSpec")) && !slices.Contains(folders, name) { // else it is what several share
				folders = append(folders, name)
			}
		}
	}
	permission := regexp.MustCompile(`^[a-z0-9-]+:[A-Z][A-Za-z0-9]+$`)
	for _, a := range catalog.Actions() {
		s := a.Spec
		names = append(names, s.Name)
		if s.Summary == "" || s.TargetType == "" || s.Canonical == nil {
			t.Errorf("%s: the spec is not whole: %+v", s.Name, s)
		}
		for _, p := range s.Policy {
			if !permission.MatchString(p) {
				t.Errorf("%s: permission %q", s.Name, p)
			}
		}
		for _, set := range s.Settings {
			if !slices.Contains([]string{"string", "int", "bool", "duration", "list", "map"}, set.Type) || set.Help == "" {
				t.Errorf("%s: setting %+v", s.Name, set)
			}
		}
		action, err := a.New(catalog.Deps{Clients: clients, Log: zerolog.Nop()})
		if err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
		if _, ok := action.(consumers.Undoer); ok != s.Undo || s.Expires && !ok {
			t.Errorf("%s: undo is said to be %v", s.Name, s.Undo)
		}
		if _, err := a.New(catalog.Deps{}); (err == nil) != (len(s.Policy) == 0) {
			t.Errorf("%s with the IAM policy %v, made without AWS: %v", s.Name, s.Policy, err)
		}
	}
	for _, row := range table.Actions() {
		folders = append(folders, row.Spec.Name)
	}
	for _, t := range invoke.Targets() {
		folders = append(folders, t.Spec.Name)
	}
	if !slices.Equal(names, folders) {
		t.Errorf("the list has %v, the folders are %v", names, folders)
	}
}
