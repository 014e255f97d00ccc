package catalog_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/riposte-security/riposte/consumers/iac"
	"github.com/riposte-security/riposte/consumers/remediate/table"
	"github.com/riposte-security/riposte/schemas"
)

// TestCode: how an attribute is written in infrastructure code can be said of every row that has a word about it, with nothing but the settings that it needs. What is
// said stands in testdata/patches.txtar: its attributes are those of the Terraform AWS provider 6 and of CloudFormation's resource schemas, against which they were checked.
func TestCode(t *testing.T) {
	var all txtar.Archive
	for _, a := range table.Actions() {
		code := a.Spec.Code
		if code == nil || code.HCL+code.YAML == "" { // or only its name is known
			continue
		}
		cmd := schemas.Command{ID: "c", Action: a.Spec.Name, Target: schemas.Target{Type: a.Spec.TargetType, Account: "123456789012", ID: "logs"}, With: map[string]any{}}
		for _, s := range a.Spec.Settings {
			if s.Required {
				cmd.With[s.Name] = "needed"
			}
		}
		places := map[string]iac.Place{
			".tf":   {Tool: iac.Terraform, Where: "prod", Address: code.Resources[0] + ".logs", Type: code.Resources[0], Name: "logs"},
			".yaml": {Tool: iac.CloudFormation, Where: "stack", Address: "Logs", Type: "AWS::Any::Thing", Name: "Logs"},
		}
		for _, file := range []string{".tf", ".yaml"} {
			if file == ".tf" && code.HCL == "" || file == ".yaml" && code.YAML == "" {
				continue
			}
			notices, err := iac.Notices(cmd, a.Spec, []iac.Place{places[file]})
			if err != nil || len(notices) != 1 {
				t.Errorf("%s: %d notices, %v", a.Spec.Name, len(notices), err)
				continue
			}
			patch, _ := notices[0].Facts["patch"].(string)
			if patch == "" || strings.Contains(patch, "no value") || strings.Contains(patch, "{{") {
				t.Errorf("%s: %s", a.Spec.Name, patch)
			}
			all.Files = append(all.Files, txtar.File{Name: a.Spec.Name + file, Data: []byte(patch)})
		}
	}
	golden := filepath.Join("testdata", "patches.txtar")
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(golden, txtar.Format(&all), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(golden); err != nil || !bytes.Equal(want, txtar.Format(&all)) {
		t.Errorf("the patches are not those of %s (%v): check what is new, and run with UPDATE_GOLDEN=1", golden, err)
	}
}

// What goes by the id of an account is not the account.
func TestCodeOfAccounts(t *testing.T) {
	cmd := schemas.Command{ID: "c", Target: schemas.Target{Type: "aws-account", Account: "123456789012", ID: "123456789012"}}
	places := []iac.Place{
		{Tool: iac.Terraform, Where: "prod", Address: "aws_s3_account_public_access_block.all", Type: "aws_s3_account_public_access_block", Name: "all"},
		{Tool: iac.CloudFormation, Where: "stack", Address: "Sharing", Type: "AWS::EC2::SnapshotBlockPublicAccess", Name: "Sharing"},
	}
	told := map[string]string{"s3-block-account-public-access": "prod", "ec2-block-public-snapshots": "stack", "iam-set-password-policy": ""}
	for _, a := range table.Actions() {
		want, ok := told[a.Spec.Name]
		if !ok {
			continue
		}
		notices, err := iac.Notices(cmd, a.Spec, places)
		got := ""
		for _, n := range notices {
			got += n.Facts["where"].(string)
		}
		if err != nil || got != want {
			t.Errorf("%s: %q, %v; %q expected", a.Spec.Name, got, err, want)
		}
	}
}
