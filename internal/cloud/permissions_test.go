package cloud

import "testing"

func TestPermissions(t *testing.T) {
	for _, c := range []struct{ service, operation, want string }{
		{"S3", "HeadBucket", "s3:ListBucket"},
		{"S3", "ListObjectsV2", "s3:ListBucket"},
		{"S3", "ListBuckets", "s3:ListAllMyBuckets"},
		{"SQS", "DeleteMessageBatch", "sqs:DeleteMessage"},
		{"SQS", "ReceiveMessage", "sqs:ReceiveMessage"},
		{"S3", "GetBucketEncryption", "s3:GetEncryptionConfiguration"},
		{"s3", "DeleteBucketEncryption", "s3:PutEncryptionConfiguration"},
		{"S3", "DeletePublicAccessBlock", "s3:PutBucketPublicAccessBlock"},
		{"S3 Control", "GetPublicAccessBlock", "s3:GetAccountPublicAccessBlock"},
		{"s3control", "DeletePublicAccessBlock", "s3:PutAccountPublicAccessBlock"},
		{"S3", "PutBucketLifecycleConfiguration", "s3:PutLifecycleConfiguration"},
		{"S3", "DeleteBucketLifecycle", "s3:PutLifecycleConfiguration"},
		{"S3", "DeleteBucketOwnershipControls", "s3:PutBucketOwnershipControls"},
		{"S3", "DeleteBucketPolicy", "s3:DeleteBucketPolicy"},
		{"S3", "PutBucketAcl", "s3:PutBucketAcl"},
		{"EC2", "DescribeInstances", "ec2:DescribeInstances"},
		{"Network Firewall", "DescribeRuleGroup", "network-firewall:DescribeRuleGroup"},
		{"EventBridge", "PutEvents", "events:PutEvents"},
		{"SFN", "StartExecution", "states:StartExecution"},
		{"Lambda", "Invoke", "lambda:InvokeFunction"},
		{"Config Service", "GetResourceConfigHistory", "config:GetResourceConfigHistory"},
		{"CloudWatch Logs", "PutLogEvents", "logs:PutLogEvents"},
	} {
		if got := Permissions(c.service, c.operation); len(got) != 1 || got[0] != c.want {
			t.Errorf("%s %s: %v", c.service, c.operation, got)
		}
	}
}
