package s3encryptbucket

import (
	"github.com/riposte-security/riposte/consumers/remediate/bucket"
	"github.com/riposte-security/riposte/schemas"
)

// Spec describes the action.
func Spec() schemas.ActionSpec {
	return schemas.ActionSpec{
		Name: "s3-encrypt-bucket",
		Lane: schemas.LaneRemediate,
		Summary: "Sets the default encryption of a bucket. A bucket that is encrypted that way already, or in a stronger one, is left alone. " +
			"The target is the bucket's name or ARN.",
		Controls:   []string{"S3.17"},
		TargetType: bucket.TargetType,
		Settings: []schemas.Setting{
			{Name: "algorithm", Type: "string", Default: defaultAlgorithm, Help: "aws:kms, aws:kms:dsse or AES256"},
			{Name: "kms_key", Type: "string", Help: "id, ARN or alias of the KMS key; without it, any key will do, and AWS's own for S3 (aws/s3) is set"},
			{Name: "bucket_key", Type: "bool", Default: "true", Help: "use a bucket key, which makes far fewer calls to KMS (aws:kms only)"},
		},
		Undo:         true,
		Irreversible: "objects written in the meantime stay encrypted as they are",
		Policy:       []string{"s3:ListBucket", "s3:GetEncryptionConfiguration", "s3:PutEncryptionConfiguration"},
		Canonical:    bucket.Canonical,
		Code: &schemas.Code{
			Attribute: "default encryption",
			Resources: []string{"aws_s3_bucket_server_side_encryption_configuration", "aws_s3_bucket"},
			HCL: `
resource "aws_s3_bucket_server_side_encryption_configuration" "{{ .Name }}" {
  bucket = {{ quote .Target.ID }}

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = {{ quote .With.algorithm }}{{ with .With.kms_key }}
      kms_master_key_id = {{ quote . }}{{ end }}
    }
    bucket_key_enabled = {{ .With.bucket_key }}
  }
}`,
			YAML: `
{{ .Name }}:
  Properties:
    BucketEncryption:
      ServerSideEncryptionConfiguration:
        - ServerSideEncryptionByDefault:
            SSEAlgorithm: {{ quote .With.algorithm }}{{ with .With.kms_key }}
            KMSMasterKeyID: {{ quote . }}{{ end }}
          BucketKeyEnabled: {{ .With.bucket_key }}`,
		},
	}
}
