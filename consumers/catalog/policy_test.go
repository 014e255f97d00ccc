package catalog_test

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/riposte-security/riposte/consumers/catalog"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/cloud/own"
)

// TestMemberRole: the role that the CloudFormation template makes may do what the actions, the reading of tags and of own addresses need, and nothing else.
func TestMemberRole(t *testing.T) {
	text, err := os.ReadFile("../../deployments/cloudformation/member-role.yaml")
	if err != nil {
		t.Fatal(err)
	}
	needed := append(own.Policy(), cloud.TagsPolicy()...)
	for _, a := range catalog.Actions() {
		needed = append(needed, a.Spec.Policy...)
	}
	var given []string
	for _, m := range regexp.MustCompile(`(?m)^ +- ((?:ec2|iam|lambda|network-firewall|s3|wafv2):\w+)$`).FindAllSubmatch(text, -1) {
		given = append(given, string(m[1]))
		if !slices.Contains(needed, string(m[1])) {
			t.Errorf("nothing needs %s", m[1])
		}
	}
	for _, p := range needed {
		if !slices.Contains(given, p) {
			t.Errorf("%s is missing", p)
		}
	}
}
