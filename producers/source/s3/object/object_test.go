package object

import "testing"

func TestKeyAttrs(t *testing.T) {
	for key, want := range map[string]string{
		"AWSLogs/111122223333/CloudTrail/eu-west-1/2026/x.gz":                                             "111122223333 eu-west-1",
		"pre/fix/AWSLogs/o-abc123/111122223333/CloudTrail/us-gov-west-1/x.gz":                             "111122223333 us-gov-west-1",
		"AWSLogs/111122223333/vpcflowlogs/eu-west-1/2026/x.gz":                                            "111122223333 eu-west-1",
		"AWSLogs/aws-account-id=111122223333/aws-service=vpcflowlogs/aws-region=eu-west-1/year=2026/x.gz": "111122223333 eu-west-1",
		"AWSLogs/111122223333/Config/eu-west-1/2026/1/2/ConfigSnapshot/x.json.gz":                         "111122223333 eu-west-1",
		"AWSLogs/111122223333/other/2026-01-02/x":                                                         "111122223333 ",
		"AWSLogs/me/CloudTrail/eu-west-1/x":                                                               " ", "AWSLogs/": " ", "x/y": " ",
		"ext/aws/CLOUD_TRAIL_MGMT/2.0/region=eu-west-1/accountId=111122223333/eventDay=20260309/x.gz.parquet": "111122223333 eu-west-1",
		"ext/x/region=eu-west-1/accountId=external/eventDay=20260309/x":                                       " ",
	} {
		a := keyAttrs(key)
		if got := a["account"] + " " + a["region"]; got != want {
			t.Errorf("%s: %q", key, got)
		}
	}
}
