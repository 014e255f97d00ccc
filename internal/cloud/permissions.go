package cloud

import "strings"

// Permissions names the IAM permissions that a call needs of its caller: mostly one of the same name. service is the SDK's name of it ("S3 Control") or that of
// its package ("s3control"). Beside what stands here a call may need others that depend on its parameters, as iam:PassRole.
func Permissions(service, operation string) []string {
	service = strings.ReplaceAll(strings.ToLower(service), " ", "")
	prefix := service
	switch service {
	case "s3", "s3control":
		return []string{"s3:" + s3Permission(service, operation)}
	case "cloudwatchlogs":
		prefix = "logs"
	case "configservice":
		prefix = "config"
	case "networkfirewall":
		prefix = "network-firewall"
	case "resourcegroupstaggingapi":
		prefix = "tag"
	case "eventbridge":
		prefix = "events"
	case "sfn":
		prefix = "states"
	case "elasticloadbalancingv2":
		prefix = "elasticloadbalancing"
	case "apigateway": // which has one for each verb of HTTP
		operation = map[bool]string{true: "GET", false: "PATCH"}[strings.HasPrefix(operation, "Get")]
	case "lambda":
		if operation == "Invoke" {
			operation = "InvokeFunction"
		}
	case "sqs": // a batch is as many of the call that it is a batch of
		operation = strings.TrimSuffix(operation, "Batch")
	}
	return []string{prefix + ":" + operation}
}

// s3Permission: those of S3 are named after the thing, not after the call, and what may set a configuration may delete it.
func s3Permission(service, operation string) string {
	scope := "Bucket"
	if service == "s3control" {
		scope = "Account"
	}
	switch verb, thing := verbOf(operation); thing {
	case "HeadBucket", "ListObjects", "ListObjectsV2":
		return "ListBucket"
	case "ListBuckets":
		return "ListAllMyBuckets"
	case "PublicAccessBlock":
		return verb + scope + thing
	case "BucketEncryption":
		return verb + "EncryptionConfiguration"
	case "BucketLifecycle", "BucketLifecycleConfiguration":
		return verb + "LifecycleConfiguration"
	case "BucketOwnershipControls", "BucketTagging":
		return verb + thing
	}
	return operation
}

func verbOf(operation string) (verb, thing string) {
	for _, v := range []string{"Get", "Put"} {
		if thing, ok := strings.CutPrefix(operation, v); ok {
			return v, thing
		}
	}
	if thing, ok := strings.CutPrefix(operation, "Delete"); ok {
		return "Put", thing
	}
	return "", operation
}
