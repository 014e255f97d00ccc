//go:build integration

package integration

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/riposte-security/riposte/schemas"
)

const policyRule = "aws-iam-policy-grants-all"

// policyVersion: a managed policy goes back to the version before, and undo brings the new one back.
func policyVersion(t *testing.T, d *deployment) {
	arn := d.api.policy(t, unique("reports"), little)
	ask(t, d.api.iam.CreatePolicyVersion, &iam.CreatePolicyVersionInput{PolicyArn: &arn, PolicyDocument: aws.String(everything), SetAsDefault: true})
	record, event := trail("iam", "CreatePolicyVersion", map[string]any{"policyArn": arn, "policyDocument": everything, "setAsDefault": true},
		map[string]any{"policyVersion": map[string]any{"versionId": "v2", "isDefaultVersion": true}})
	d.post(t, "trail", record)
	e := d.await(t, policyRule, event, schemas.StateVerified)
	if version, document := d.api.standard(t, arn); version != "v1" || !strings.Contains(document, "s3:GetObject") {
		t.Errorf("the default is %s: %s", version, document)
	}
	d.must(t, "undo", e.Command.ID)
	if version, _ := d.api.standard(t, arn); version != "v2" {
		t.Errorf("after undo the default is %s", version)
	}
}

// inlinePolicy: it is removed, and undo brings its document back.
func inlinePolicy(t *testing.T, d *deployment) {
	user, policy := unique("bob"), "everything"
	ask(t, d.api.iam.CreateUser, &iam.CreateUserInput{UserName: &user})
	ask(t, d.api.iam.PutUserPolicy, &iam.PutUserPolicyInput{UserName: &user, PolicyName: &policy, PolicyDocument: aws.String(everything)})
	record, event := trail("iam", "PutUserPolicy", map[string]any{"userName": user, "policyName": policy, "policyDocument": everything}, nil)
	d.post(t, "trail", record)
	e := d.await(t, policyRule, event, schemas.StateVerified)
	if document := d.api.inline(t, user, policy); document != "" {
		t.Errorf("the policy is still there: %s", document)
	}
	d.must(t, "undo", e.Command.ID)
	if document := d.api.inline(t, user, policy); !sameJSON(t, document, everything) {
		t.Errorf("after undo the policy says %q", document)
	}
}

// policyApproval: without a version to go back to, a person is asked.
func policyApproval(t *testing.T, d *deployment) {
	create := func() (arn, event string) {
		name := unique("helper")
		arn = d.api.policy(t, name, everything)
		record, event := trail("iam", "CreatePolicy", map[string]any{"policyName": name, "policyDocument": everything},
			map[string]any{"policy": map[string]any{"policyName": name, "arn": arn, "defaultVersionId": "v1"}})
		d.post(t, "trail", record)
		return arn, event
	}
	arn, event := create()
	e := d.await(t, policyRule, event, schemas.StateApproval)
	if _, document := d.api.standard(t, arn); document != everything {
		t.Errorf("before approval the policy says %s", document)
	}
	d.must(t, "approve", e.Command.ID)
	d.await(t, policyRule, event, schemas.StateVerified)
	if _, document := d.api.standard(t, arn); strings.Contains(document, `"Allow","Action":"*"`) {
		t.Errorf("after approval the policy says %s", document)
	}

	arn, event = create()
	e = d.await(t, policyRule, event, schemas.StateApproval)
	d.must(t, "reject", e.Command.ID, "--reason", "it is meant so")
	d.await(t, policyRule, event, schemas.StateRejected)
	if version, document := d.api.standard(t, arn); version != "v1" || document != everything {
		t.Errorf("after rejection the policy says %s: %s", version, document)
	}
	if code, out := d.riposte(t, "approve", e.Command.ID); code != 1 {
		t.Errorf("approving what was rejected: exit %d: %s", code, out)
	}
}

// sameJSON tells whether two texts hold the same JSON.
func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	var x, y any
	if err := errors.Join(json.Unmarshal([]byte(a), &x), json.Unmarshal([]byte(b), &y)); err != nil {
		t.Errorf("%s: %v", a, err)
	}
	return reflect.DeepEqual(x, y)
}
