package table

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// What is printed of a call is what is sent: all that is set, if only to false, and nothing else.
func TestCalling(t *testing.T) {
	date := time.Date(2026, 11, 29, 1, 2, 3, 0, time.UTC)
	for _, c := range []struct {
		got  schemas.Call
		want string
	}{
		{calling((*s3.Client).PutPublicAccessBlock, &s3.PutPublicAccessBlockInput{Bucket: aws.String("logs"),
			PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{BlockPublicAcls: aws.Bool(true), BlockPublicPolicy: aws.Bool(false)}}).Call,
			`{"service":"s3","operation":"PutPublicAccessBlock","params":{"Bucket":"logs","PublicAccessBlockConfiguration":{"BlockPublicAcls":true,"BlockPublicPolicy":false}}}`},
		{calling((*iam.Client).UpdateAccountPasswordPolicy, &iam.UpdateAccountPasswordPolicyInput{RequireSymbols: true, MinimumPasswordLength: aws.Int32(14)}).Call,
			`{"service":"iam","operation":"UpdateAccountPasswordPolicy","params":{"MinimumPasswordLength":14,"RequireSymbols":true}}`},
		{calling((*s3.Client).PutBucketLifecycleConfiguration, &s3.PutBucketLifecycleConfigurationInput{LifecycleConfiguration: &types.BucketLifecycleConfiguration{
			Rules: []types.LifecycleRule{{Status: "Enabled", Filter: &types.LifecycleRuleFilter{Prefix: aws.String("")}, Expiration: &types.LifecycleExpiration{Date: &date}}}}}).Call,
			`{"service":"s3","operation":"PutBucketLifecycleConfiguration","params":{"LifecycleConfiguration":{"Rules":[{"Expiration":{"Date":"2026-11-29T01:02:03Z"},` +
				`"Filter":{"Prefix":""},"Status":"Enabled"}]}}}`},
		{calling((*iam.Client).DeleteAccountPasswordPolicy, &iam.DeleteAccountPasswordPolicyInput{}).Call, `{"service":"iam","operation":"DeleteAccountPasswordPolicy"}`},
	} {
		if b, err := json.Marshal(c.got); err != nil || string(b) != c.want {
			t.Errorf("%v\n got %s\nwant %s", err, b, c.want)
		}
	}
}

func TestSettings(t *testing.T) {
	known := []schemas.Setting{
		{Name: "days", Type: "int", Default: "90"}, {Name: "on", Type: "bool", Default: "true"}, {Name: "ports", Type: "list", Default: "22,3389"},
		{Name: "to", Type: "string", Required: true, Help: "where"}, {Name: "how", Type: "string", OneOf: []string{"fast", "well"}, Default: "well"},
	}
	s, err := settingsOf(known, schemas.Command{With: map[string]any{"to": "here"}})
	if err != nil || s.number("days") != 90 || !s.truth("on") || strings.Join(s.list("ports"), "+") != "22+3389" || s.text("to") != "here" || s.text("how") != "well" {
		t.Errorf("%v, %v", s, err)
	}
	s, err = settingsOf(known, schemas.Command{With: map[string]any{"to": "x", "days": 7, "on": false, "ports": []any{80, "443"}, "how": nil}})
	if err != nil || s.number("days") != 7 || s.truth("on") || strings.Join(s.list("ports"), "+") != "80+443" || s.text("none") != "" || s.text("how") != "well" {
		t.Errorf("%v, %v", s, err)
	}
	for want, with := range map[string]map[string]any{
		"with.to is missing: where": nil, `unknown setting "day"`: {"to": "x", "day": 1}, "with.days": {"to": "x", "days": "many"}, "with.days: -1": {"to": "x", "days": -1},
		"with.on": {"to": "x", "on": "yes"}, "with.ports": {"to": "x", "ports": []any{true}}, "with.to:": {"to": 7}, `with.how: "badly": one of [fast well]`: {"to": "x", "how": "badly"},
	} {
		if _, err := settingsOf(known, schemas.Command{With: with}); !fault.IsPermanent(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v", with, err)
		}
	}
}

func TestSame(t *testing.T) {
	type v struct {
		A *bool
		L []string
		M map[string]string
	}
	yes, no := aws.Bool(true), aws.Bool(false)
	if !same(v{A: yes}, v{A: yes, L: []string{}, M: map[string]string{}}) || same(v{A: no}, v{}) || same(v{L: []string{"a", "b"}}, v{L: []string{"b", "a"}}) {
		t.Error("same")
	}
	before, after := v{A: no, L: []string{"a", "b"}}, v{A: yes, L: []string{"b", "c"}}
	for _, c := range []struct {
		now  v
		want bool
	}{
		{before, true}, {after, true}, {v{A: yes, L: []string{"a", "b"}}, true}, {v{A: no, L: []string{"b"}}, true}, {v{A: no, L: []string{"c", "b", "a"}}, true},
		{v{A: no, L: []string{"a", "c"}}, false}, {v{A: no, L: []string{"b", "d"}}, false}, {v{L: []string{"b"}}, false}, {v{A: no, L: []string{"b"}, M: map[string]string{"x": "y"}}, false},
	} {
		if got := between(c.now, before, after); got != c.want {
			t.Errorf("%s is between: %t", canonical(c.now), got)
		}
	}
}

func TestTargets(t *testing.T) {
	group := resource("ec2-security-group", "security group", "ec2", "security-group/", func(id string) bool { return strings.HasPrefix(id, "sg-") })
	for _, c := range []struct {
		k         kind
		raw, want string // want: account/region/id, or a part of the error
	}{
		{accountKind(false), "123456789012", "123456789012//123456789012"},
		{accountKind(true), "AWS::::Account:123456789012", "123456789012/eu-central-1/123456789012"},
		{accountKind(false), "arn:aws:iam::123456789012:root", "123456789012//123456789012"},
		{accountKind(false), "arn:aws:organizations::111111111111:account/o-1/222222222222", "222222222222//222222222222"},
		{accountKind(false), "arn:aws:iam::123456789012:user/root", "an account id"},
		{accountKind(false), "12345", "an account id"},
		{group, "sg-1", "999999999999/eu-central-1/sg-1"},
		{group, "arn:aws:ec2:us-east-1:123456789012:security-group/sg-1", "123456789012/us-east-1/sg-1"},
		{group, "arn:aws:ec2:us-east-1:123456789012:vpc/vpc-1", "not the ARN of one"},
		{group, "vpc-1", `security group "vpc-1": an id or ARN`},
	} {
		got, err := c.k.canonical(c.raw, "999999999999", "eu-central-1")
		text := got.Account + "/" + got.Region + "/" + got.ID
		if err != nil {
			text = err.Error()
		}
		if (err == nil && text != c.want) || !strings.Contains(text, c.want) {
			t.Errorf("%s: %s", c.raw, text)
		}
	}
	if _, err := accountKind(true).canonical("123456789012", "", ""); err == nil {
		t.Error("an account without a region")
	}
}

// What a statement has to say so that plain HTTP is denied.
func TestDeniesPlain(t *testing.T) {
	full := `{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::logs","arn:aws:s3:::logs/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}`
	for change, want := range map[string]bool{
		"": true, `"*","Action"=>{"AWS":"*"},"Action"`: true, `"false"=>false`: true, `"s3:*"=>["s3:*"]`: true, `["arn:aws:s3:::logs","arn:aws:s3:::logs/*"]=>"*"`: true,
		"Deny=>Allow": false, `"s3:*"=>"s3:GetObject"`: false, `,"arn:aws:s3:::logs/*"=>`: false, `"false"=>"true"`: false, `"*","Action"=>{"AWS":"1"},"Action"`: false,
		`"Bool":=>"StringEquals":{"a":"b"},"Bool":`: false, `:::logs"=>:::logs2"`: false,
	} {
		old, now, _ := strings.Cut(change, "=>")
		s := strings.Replace(full, old, now, 1)
		if !json.Valid([]byte(s)) || deniesPlain(json.RawMessage(s), "logs") != want {
			t.Errorf("%s: %t expected", s, want)
		}
	}
}
