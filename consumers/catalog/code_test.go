package catalog_test

import (
	"strings"
	"testing"

	"github.com/riposte-security/riposte/consumers/iac"
	"github.com/riposte-security/riposte/consumers/remediate/table"
	"github.com/riposte-security/riposte/schemas"
)

// TestCode: how an attribute is written in infrastructure code can be said of every row that has a word about it, with nothing but the settings that it needs.
func TestCode(t *testing.T) {
	for _, a := range table.Actions() {
		if a.Spec.Code == nil || a.Spec.Code.HCL == "" { // or only its name is known
			continue
		}
		with := map[string]any{}
		for _, s := range a.Spec.Settings {
			if s.Required {
				with[s.Name] = "needed"
			}
		}
		cmd := schemas.Command{ID: "c", Action: a.Spec.Name, Target: schemas.Target{Type: a.Spec.TargetType, Account: "123456789012", ID: "logs"}, With: with}
		notices, err := iac.Notices(cmd, a.Spec, []iac.Place{
			{Tool: iac.Terraform, Where: "prod", Address: a.Spec.Code.Resources[0] + ".logs", Type: a.Spec.Code.Resources[0], Name: "logs"},
			{Tool: iac.CloudFormation, Where: "stack", Address: "Logs", Type: "AWS::Any::Thing", Name: "Logs"},
		})
		if err != nil || len(notices) != 2 {
			t.Errorf("%s: %d notices, %v", a.Spec.Name, len(notices), err)
			continue
		}
		for _, n := range notices {
			if patch, _ := n.Facts["patch"].(string); patch == "" || strings.Contains(patch, "no value") {
				t.Errorf("%s: %+v", a.Spec.Name, n.Facts)
			}
		}
	}
}
