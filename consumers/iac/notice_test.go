package iac_test

import (
	"strings"
	"testing"
	"time"

	"github.com/riposte-security/riposte/consumers/iac"
	s3encryptbucket "github.com/riposte-security/riposte/consumers/remediate/s3-encrypt-bucket"
	"github.com/riposte-security/riposte/schemas"
)

func encrypted(with map[string]any) schemas.Command {
	return schemas.Command{
		ID: "c1", Rule: "r", Lane: schemas.LaneRemediate, Action: "s3-encrypt-bucket", Target: schemas.Target{Type: "s3-bucket", Account: "111122223333", ID: "logs"}, With: with, Created: time.Unix(1, 0),
	}
}

func TestNotice(t *testing.T) {
	t.Parallel()
	places := []iac.Place{
		{Tool: iac.Terraform, Where: "prod", Address: "aws_s3_bucket_policy.logs", Type: "aws_s3_bucket_policy", Name: "logs"},
		{Tool: iac.Terraform, Where: "prod", Address: "aws_s3_bucket.logs", Type: "aws_s3_bucket", Name: "logs"},
		{Tool: iac.CloudFormation, Where: "storage", Address: "LogBucket", Type: "AWS::S3::Bucket", Name: "LogBucket"},
	}
	notices, err := iac.Notices(encrypted(map[string]any{"kms_key": `a"${path.module}\`}), s3encryptbucket.Spec(), places)
	if err != nil || len(notices) != 2 {
		t.Fatalf("%+v, %v; one for the state and one for the stack expected", notices, err)
	}
	hcl := `resource "aws_s3_bucket_server_side_encryption_configuration" "logs" {
  bucket = "logs"

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "aws:kms"
      kms_master_key_id = "a\"$${path.module}\\"
    }
    bucket_key_enabled = true
  }
}
`
	yaml := `LogBucket:
  Properties:
    BucketEncryption:
      ServerSideEncryptionConfiguration:
        - ServerSideEncryptionByDefault:
            SSEAlgorithm: "aws:kms"
            KMSMasterKeyID: "a\"${path.module}\\"
          BucketKeyEnabled: true
`
	for i, want := range []struct{ subject, patch string }{{"storage LogBucket", yaml}, {"prod aws_s3_bucket.logs", hcl}} {
		n := notices[i]
		if n.Subject != want.subject || n.Facts["patch"] != want.patch {
			t.Errorf("%s\n%s\nexpected: %s\n%s", n.Subject, n.Facts["patch"], want.subject, want.patch)
		}
		if !strings.Contains(n.Message, "logs") || n.Facts["attribute"] != "default encryption" {
			t.Errorf("%+v", n)
		}
		ev, err := n.Event(time.Now())
		if err != nil || !strings.Contains(string(ev.Data), `"patch":`) {
			t.Errorf("%s, %v", ev.Data, err)
		}
	}
}

// TestNoticeWithoutPatch: what nobody knows is not made up.
func TestNoticeWithoutPatch(t *testing.T) {
	t.Parallel()
	places := []iac.Place{{Tool: iac.Terraform, Where: "s", Address: "odd.x", Type: "odd", Name: "x"}}
	notices, err := iac.Notices(encrypted(nil), schemas.ActionSpec{Name: "odd"}, places)
	if err != nil || len(notices) != 1 || notices[0].Facts["patch"] != nil {
		t.Errorf("%+v, %v", notices, err)
	}
}
