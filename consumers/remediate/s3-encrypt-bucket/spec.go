package s3encryptbucket

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/riposte-security/riposte/schemas"
)

// Spec describes the action.
func Spec() schemas.ActionSpec {
	return schemas.ActionSpec{
		Name: "s3-encrypt-bucket",
		Lane: schemas.LaneRemediate,
		Summary: "Sets the default encryption of a bucket. A bucket that is encrypted that way already, or in a stronger one, is left alone. " +
			"The target is the bucket's name or ARN.",
		TargetType: "s3-bucket",
		Settings: []schemas.Setting{
			{Name: "algorithm", Type: "string", Default: defaultAlgorithm, Help: "aws:kms, aws:kms:dsse or AES256"},
			{Name: "kms_key", Type: "string", Help: "id, ARN or alias of the KMS key; without it, any key will do, and AWS's own for S3 (aws/s3) is set"},
			{Name: "bucket_key", Type: "bool", Default: "true", Help: "use a bucket key, which makes far fewer calls to KMS (aws:kms only)"},
		},
		Undo:         true,
		Irreversible: "objects written in the meantime stay encrypted as they are",
		Policy:       []string{"s3:ListBucket", "s3:GetEncryptionConfiguration", "s3:PutEncryptionConfiguration"},
		Canonical:    canonical,
	}
}

// canonical takes a name or an ARN. Names are unique over all regions, so the region is no part of the target: it would only let two
// spellings of one bucket differ.
func canonical(raw, account, _ string) (schemas.Target, error) {
	name := raw
	if strings.HasPrefix(raw, "arn:") {
		a, err := arn.Parse(raw)
		if err != nil {
			return schemas.Target{}, fmt.Errorf("bucket %q: %w", raw, err)
		}
		if a.Service != "s3" || a.Region != "" {
			return schemas.Target{}, fmt.Errorf("bucket %q: not the ARN of a bucket", raw)
		}
		name = a.Resource
	}
	if !isName(name) {
		return schemas.Target{}, fmt.Errorf("bucket %q: not the name of a bucket", raw)
	}
	return schemas.Target{Type: "s3-bucket", Account: account, ID: name}, nil
}

// isName is as wide as the names that the oldest buckets may have: up to 255 letters, digits, dots, hyphens and underscores.
func isName(s string) bool {
	if len(s) < 3 || len(s) > 255 {
		return false
	}
	for _, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !letter && r != '.' && r != '-' && r != '_' {
			return false
		}
	}
	return true
}
