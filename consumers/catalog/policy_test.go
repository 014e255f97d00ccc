package catalog_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/riposte-security/riposte/consumers/catalog"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/cloud/own"
	"github.com/riposte-security/riposte/schemas"
)

// TestMemberRole: the role that the CloudFormation template makes may do what the actions, the reading of tags and of own addresses need, and nothing else; and it may change
// only what the lanes do that are switched on. UPDATE_GOLDEN=1 writes the template's lists anew.
func TestMemberRole(t *testing.T) {
	const file = "../../deployments/cloudformation/member-role.yaml"
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for _, list := range []struct {
		after string // the line that the list follows, somewhere
		want  []string
	}{
		{"Sid: OwnAddresses", own.Policy()},
		{"Sid: Plan", append(permissions("", true), cloud.TagsPolicy()...)},
		{"PolicyName: riposte-block", permissions(schemas.LaneBlock, false)},
		{"PolicyName: riposte-remediate", permissions(schemas.LaneRemediate, false)},
		{"PolicyName: riposte-invoke", permissions(invoking, false)},
	} {
		slices.Sort(list.want)
		list.want = slices.Compact(list.want)
		where := regexp.MustCompile(`(?s)` + regexp.QuoteMeta(list.after) + `.*?Action:\n((?: +- [a-z0-9-]+:\w+\n)+)`).FindStringSubmatchIndex(text)
		if where == nil {
			t.Fatalf("no list after %q", list.after)
		}
		var given []string
		for line := range strings.SplitSeq(strings.TrimSpace(text[where[2]:where[3]]), "\n") {
			given = append(given, strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "-")))
		}
		if slices.Equal(given, list.want) {
			continue
		}
		if os.Getenv("UPDATE_GOLDEN") == "" {
			t.Errorf("after %q the template has\n%v\nand needed is\n%v", list.after, given, list.want)
			continue
		}
		indent := text[where[2] : where[2]+strings.Index(text[where[2]:], "-")]
		text = text[:where[2]] + indent + "- " + strings.Join(list.want, "\n"+indent+"- ") + "\n" + text[where[3]:]
	}
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestMemberRoleFits: IAM lets the inline policies of a role have 10,240 characters together, white space aside. Each line of the template stands for at most its own
// characters and four more in JSON; beyond the limit, what lanes change has to move to managed policies, of 6,144 characters each.
func TestMemberRoleFits(t *testing.T) {
	b, err := os.ReadFile("../../deployments/cloudformation/member-role.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(b), "\nResources:\n")
	text, _, _ = strings.Cut(text, "\nOutputs:\n")
	size := 0
	for line := range strings.Lines(text) {
		if line = strings.Join(strings.Fields(line), ""); line != "" && line[0] != '#' {
			size += len(line) + 4
		}
	}
	t.Logf("%d characters of 10,240", size)
	if size == 0 || size > 10240 {
		t.Errorf("%d characters of inline policies", size)
	}
}

// invoking stands for the part of the lane remediate that starts things, which is switched on apart from the rest.
const invoking = schemas.Lane("invoke")

// permissions are those of a lane's actions ("": of all) that read, or the ones that do not.
func permissions(lane schemas.Lane, read bool) (all []string) {
	for _, a := range catalog.Actions() {
		part := a.Spec.Lane
		if strings.HasPrefix(a.Spec.Name, "invoke-") {
			part = invoking
		}
		for _, p := range a.Spec.Policy {
			_, operation, _ := strings.Cut(p, ":")
			reads := slices.ContainsFunc([]string{"Get", "List", "Describe", "BatchGet"}, func(v string) bool { return strings.HasPrefix(operation, v) })
			if reads == read && (lane == "" || part == lane) && p != passRole {
				all = append(all, p)
			}
		}
	}
	return all
}

// passRole has a condition in the template, and so a statement of its own.
const passRole = "iam:PassRole"
