package scan_test

import (
	"testing"

	"github.com/tidwall/gjson"

	"github.com/riposte-security/riposte/router/engine/scan"
)

const benchEvent = `{"activity_id":1,"activity_name":"Create","category_name":"Application Activity","category_uid":6,"class_name":"API Activity","class_uid":6003,"time":1772000000000,"type_name":"API Activity: Create","type_uid":600301,"severity":"Informational","severity_id":1,"status":"Success","status_id":1,"metadata":{"version":"1.8.0","log_name":"cloudtrail","profiles":["cloud"],"uid":"60324999422745d349b27b8fb1bc8be6","product":{"name":"CloudTrail","vendor_name":"AWS"}},"cloud":{"provider":"AWS","account":{"uid":"111122223333"},"region":"eu-central-1"},"api":{"operation":"CreateBucket","service":{"name":"s3.amazonaws.com"},"request":{"uid":"AB12","data":{"bucketName":"my-bucket","CreateBucketConfiguration":{"LocationConstraint":"eu-central-1"}}},"response":{"data":null}},"actor":{"user":{"type":"IAMUser","name":"alice","uid":"AIDAEXAMPLE","account":{"uid":"111122223333"},"credential_uid":"AKIAEXAMPLE"}},"src_endpoint":{"ip":"198.51.100.7"},"http_request":{"user_agent":"aws-cli/2.15.0 Python/3.11.6 Linux/6.1 exe/x86_64"},"observables":[{"name":"src_endpoint.ip","type":"IP Address","type_id":2,"value":"198.51.100.7"},{"name":"actor.user.name","type":"User Name","type_id":4,"value":"alice"}],"unmapped":{"eventVersion":"1.09","eventType":"AwsApiCall","readOnly":false,"managementEvent":true}}`

// BenchmarkRead reads an event for seven paths, beside gjson, which only checks it.
func BenchmarkRead(b *testing.B) {
	doc := []byte(benchEvent)
	p := paths("class_uid", "status_id", "api.operation", "api.service.name", "actor.user.name", "src_endpoint.ip", "cloud.account.uid")
	b.Run("scan", func(b *testing.B) {
		var s scan.Scan
		b.ReportAllocs()
		b.SetBytes(int64(len(doc)))
		for b.Loop() {
			if err := s.Read(p, doc); err != nil || len(s.Values) != 7 {
				b.Fatal(err, len(s.Values))
			}
		}
	})
	b.Run("gjson.ValidBytes", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(doc)))
		for b.Loop() {
			if !gjson.ValidBytes(doc) {
				b.Fatal("not valid")
			}
		}
	})
}
