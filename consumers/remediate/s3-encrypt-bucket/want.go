package s3encryptbucket

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/riposte-security/riposte/consumers/remediate/attribute"
	"github.com/riposte-security/riposte/schemas"
)

// strength orders the algorithms; 0 is none, or one that we do not know.
func strength(algorithm string) int {
	switch algorithm {
	case "AES256":
		return 1
	case "aws:kms":
		return 2
	case "aws:kms:dsse":
		return 3
	}
	return 0
}

func want(cmd schemas.Command, current state) (attribute.Change[state], error) {
	s, err := settingsOf(cmd)
	if err != nil {
		return attribute.Change[state]{}, err
	}
	c := attribute.Change[state]{Before: current, After: current}
	algorithm, key, _ := first(current.Configuration)
	if strength(algorithm) >= strength(s.Algorithm) && (s.KMSKey == "" || sameKey(key, s.KMSKey)) {
		c.Summary = "bucket " + cmd.Target.ID + " is encrypted with " + algorithm + " already"
		return c, nil
	}
	rule := types.ServerSideEncryptionRule{
		ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryption(s.Algorithm)},
		BucketKeyEnabled:                   aws.Bool(s.BucketKey && s.Algorithm == "aws:kms"),
	}
	params := map[string]any{"Bucket": cmd.Target.ID, "SSEAlgorithm": s.Algorithm, "BucketKeyEnabled": *rule.BucketKeyEnabled}
	if s.KMSKey != "" {
		rule.ApplyServerSideEncryptionByDefault.KMSMasterKeyID = &s.KMSKey
		params["KMSMasterKeyID"] = s.KMSKey
	}
	if current.Configuration != nil && len(current.Configuration.Rules) > 0 {
		rule.BlockedEncryptionTypes = current.Configuration.Rules[0].BlockedEncryptionTypes // not ours to change
	}
	c.After.Configuration = &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{rule}}
	was := algorithm
	if was == "" {
		was = "nothing"
	}
	c.Summary = "encrypt bucket " + cmd.Target.ID + " with " + s.Algorithm + " by default (now: " + was + ")"
	c.Calls = []schemas.Call{{Service: "s3", Operation: "PutBucketEncryption", Params: params}}
	return c, nil
}

// first returns what a configuration says; S3 allows one rule.
func first(c *types.ServerSideEncryptionConfiguration) (algorithm, key string, bucketKey bool) {
	if c == nil || len(c.Rules) == 0 {
		return "", "", false
	}
	r := c.Rules[0]
	if d := r.ApplyServerSideEncryptionByDefault; d != nil {
		algorithm, key = string(d.SSEAlgorithm), aws.ToString(d.KMSMasterKeyID)
	}
	return algorithm, key, aws.ToBool(r.BucketKeyEnabled)
}

func same(x, y *types.ServerSideEncryptionConfiguration) bool {
	ax, kx, bx := first(x)
	ay, ky, by := first(y)
	if ax != ay || !sameKey(kx, ky) {
		return false
	}
	return bx == by || ax != "aws:kms" // a bucket key means nothing to the others
}

// sameKey compares KMS keys over their spellings: id, ARN, and for aws/s3 none at all. An alias may have been resolved by S3 to the key that it
// stands for, which cannot be told without asking KMS: an alias is presumed to stand for the key it is compared with.
func sameKey(x, y string) bool {
	x, y = keyID(x), keyID(y)
	return x == y || (strings.HasPrefix(x, "alias/") != strings.HasPrefix(y, "alias/") && x != ownKey && y != ownKey)
}

// ownKey is the alias of the key that AWS keeps for S3, which stands in where none is named.
const ownKey = "alias/aws/s3"

func keyID(s string) string {
	if a, err := arn.Parse(s); err == nil {
		s = a.Resource
	}
	if s == "" {
		return ownKey
	}
	return strings.TrimPrefix(s, "key/")
}
