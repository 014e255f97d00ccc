//go:build integration

package integration

import (
	"fmt"
	"testing"
	"time"

	"github.com/riposte-security/riposte/schemas"
)

// A policy that grants everything, and one that grants little.
const (
	everything = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
	little     = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::reports/*"}]}`
)

// unique makes names that nothing else bears.
func unique(prefix string) string { return fmt.Sprintf("%s-%d", prefix, time.Now().UnixNano()) }

// trail is a CloudTrail record of a call that went well just now, and its eventID, which is the uid of the event.
func trail(service, operation string, request, response map[string]any) (record map[string]any, id string) {
	id = unique("e")
	return map[string]any{
		"eventVersion": "1.11", "eventID": id, "eventTime": time.Now().UTC().Format(time.RFC3339), "eventSource": service + ".amazonaws.com",
		"eventName": operation, "awsRegion": region, "sourceIPAddress": "198.51.100.24", "userAgent": "aws-cli/2.17",
		"userIdentity":      map[string]any{"type": "IAMUser", "principalId": "AIDAEXAMPLE", "arn": "arn:aws:iam::" + account + ":user/mallory", "accountId": account, "userName": "mallory"},
		"requestParameters": request, "responseElements": response, "eventType": "AwsApiCall", "recipientAccountId": account,
	}, id
}

// stripped is the record of a bucket whose encryption was taken away.
func stripped(bucket string) (record map[string]any, id string) {
	return trail("s3", "DeleteBucketEncryption", map[string]any{"bucketName": bucket, "encryption": ""}, nil)
}

// nonCompliant is what EventBridge delivers when AWS Config finds a bucket without encryption, and its uid.
func nonCompliant(bucket string) (record map[string]any, id string) {
	own, now := unique("config"), time.Now().UTC().Format(time.RFC3339)
	result := func(is string) map[string]any {
		return map[string]any{
			"evaluationResultIdentifier": map[string]any{
				"evaluationResultQualifier": map[string]any{
					"configRuleName": "s3-bucket-server-side-encryption-enabled", "resourceType": "AWS::S3::Bucket", "resourceId": bucket,
				},
				"orderingTimestamp": now,
			},
			"complianceType": is, "resultRecordedTime": now, "configRuleInvokedTime": now,
		}
	}
	return map[string]any{
		"version": "0", "id": own, "detail-type": "Config Rules Compliance Change", "source": "aws.config", "account": account, "time": now,
		"region": region, "resources": []any{}, "detail": map[string]any{
			"messageType": "ComplianceChangeNotification", "configRuleName": "s3-bucket-server-side-encryption-enabled",
			"configRuleARN": "arn:aws:config:" + region + ":" + account + ":config-rule/config-rule-0ac0de", "awsAccountId": account, "awsRegion": region,
			"resourceType": "AWS::S3::Bucket", "resourceId": bucket, "newEvaluationResult": result("NON_COMPLIANT"), "oldEvaluationResult": result("COMPLIANT"),
			"notificationCreationTime": now, "recordVersion": "1.0",
		},
	}, schemas.CloudEventUID("aws.config", own)
}

// rejected is a line of a flow log: many packets from an address to a port that were not let in.
func rejected(from string, port int) string {
	now := time.Now().Unix()
	return fmt.Sprintf("2 %s eni-0a1b2c3d4e5f60718 %s 10.20.1.15 51544 %d 6 140 6300 %d %d REJECT OK\n", account, from, port, now-60, now)
}

// seed is a bucket that has just lost its encryption: it exists, and the record says so.
func seed(t *testing.T, a *awsAPI, prefix string) (bucket string, record map[string]any, id string) {
	t.Helper()
	bucket = unique(prefix)
	a.bucket(t, bucket)
	record, id = stripped(bucket)
	return bucket, record, id
}
