//go:build integration

package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/tidwall/gjson"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/schemas"
)

// searched makes a deployment look for the code that declares what it has changed. CloudFormation is left out here: moto finds a stack by its name alone, not by
// what is in it. The calls that ask it are in the tests of package iac.
const searched = `
  code: { terraform: [ "code/*.tfstate" ] }`

// declare writes the Terraform state, in which buckets are declared.
func (d *deployment) declare(t *testing.T, buckets ...string) {
	t.Helper()
	resources := []any{}
	for i, b := range buckets {
		resources = append(resources, map[string]any{
			"module": "module.storage", "mode": "managed", "type": "aws_s3_bucket", "name": fmt.Sprint("b", i),
			"instances": []any{map[string]any{"index_key": 0, "attributes": map[string]any{"id": b, "arn": "arn:aws:s3:::" + b}}},
		})
	}
	state, err := json.Marshal(map[string]any{"version": 4, "serial": len(buckets), "resources": resources})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(d.dir, "code")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "prod.tfstate", string(state))
}

// codeOutOfDate: the owner of the code hears where it is and how it should read; and when the code goes on to take the encryption away, the fight ends, and the
// deployer is named.
func codeOutOfDate(t *testing.T, d *deployment) {
	bucket, record, event := seed(t, d.api, "declared")
	d.declare(t, "others", bucket)
	defer d.declare(t)
	d.post(t, "trail", record)
	e := d.await(t, bucketRule, event, schemas.StateVerified)
	var told gjson.Result
	await.Until(t, "the owner of the code is told", func() bool {
		for _, alert := range d.list(t, ledger.Filter{Rule: "riposte-code-out-of-date", States: []schemas.State{schemas.StateVerified}}) {
			if n := gjson.GetBytes(alert.Command.Event, "unmapped.riposte.notice"); n.Get("command").String() == e.Command.ID {
				told = n
			}
		}
		return told.Exists()
	})
	if told.Get("address").String() != "module.storage.aws_s3_bucket.b1[0]" || told.Get("where").String() != "code/prod.tfstate" ||
		!strings.Contains(told.Get("patch").String(), `sse_algorithm = "aws:kms"`) {
		t.Errorf("told: %s", told.Raw)
	}

	for _, state := range []schemas.State{schemas.StateVerified, schemas.StateApproval} { // the next deployments take it away again
		ask(t, d.api.s3.DeleteBucketEncryption, &s3.DeleteBucketEncryptionInput{Bucket: &bucket})
		record, event = stripped(bucket)
		d.post(t, "trail", record)
		e = d.await(t, bucketRule, event, state)
	}
	if why := e.Outcome.Message; !strings.Contains(why, "each time it was changed back") || !strings.Contains(why, "user/mallory") {
		t.Errorf("after the third time the command waits, since %s", why)
	}
}
