package iampolicy_test

import (
	"encoding/json"
	"testing"

	"github.com/riposte-security/riposte/consumers/iampolicy"
)

func TestPublic(t *testing.T) {
	t.Parallel()
	const all = `"Effect":"Allow","Action":"sns:Publish","Resource":"*"`
	under := func(condition string) string { return `{` + all + `,"Principal":"*","Condition":` + condition + `}` }
	for statement, want := range map[string]bool{
		`{` + all + `,"Principal":"*"}`:                                            true,
		`{` + all + `,"Principal":{"AWS":"*"}}`:                                    true,
		`{` + all + `,"Principal":{"AWS":["arn:aws:iam::123456789012:root","*"]}}`: true,
		`{` + all + `,"NotPrincipal":{"AWS":"arn:aws:iam::123456789012:root"}}`:    true,
		`{` + all + `,"Principal":{"AWS":"123456789012"}}`:                         false,
		`{` + all + `,"Principal":{"Service":"s3.amazonaws.com"}}`:                 false,
		`{"Effect":"Deny","Action":"*","Resource":"*","Principal":"*"}`:            false,
		`{"Effect":`: false,
		under(`{"StringEquals":{"AWS:SourceOwner":"123456789012"}}`):                                         false,
		under(`{"StringEquals":{"aws:PrincipalOrgID":["o-1","o-2"]}}`):                                       false,
		under(`{"ArnLike":{"aws:SourceArn":"arn:aws:s3:*:*:logs"}}`):                                         false,
		under(`{"ArnLike":{"aws:SourceArn":"arn:aws:s3:*:123456789012:*"}}`):                                 false,
		under(`{"ArnLike":{"aws:SourceArn":"arn:aws:sns:*:*:*"}}`):                                           true,
		under(`{"StringLike":{"aws:SourceArn":"*"}}`):                                                        true,
		under(`{"StringEquals":{"aws:SourceAccount":["123456789012","*"]}}`):                                 true,
		under(`{"StringEquals":{"aws:SourceAccount":[]}}`):                                                   true,
		under(`{"StringEqualsIfExists":{"aws:SourceAccount":"123456789012"}}`):                               true,
		under(`{"ForAllValues:StringEquals":{"aws:PrincipalOrgID":"o-1"}}`):                                  true,
		under(`{"ForAnyValue:StringLike":{"aws:PrincipalOrgPaths":"o-1/*"}}`):                                false,
		under(`{"StringNotEquals":{"aws:SourceAccount":"123456789012"}}`):                                    true,
		under(`{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`):                                             false,
		under(`{"IpAddress":{"aws:SourceIp":["203.0.113.0/24","0.0.0.0/0"]}}`):                               true,
		under(`{"Bool":{"aws:SecureTransport":"true"}}`):                                                     true,
		under(`{"StringEquals":{"lambda:FunctionUrlAuthType":"NONE"}}`):                                      true,
		under(`{"StringEquals":{"sns:Protocol":"https"},"ArnEquals":{"aws:SourceArn":"arn:aws:s3:::logs"}}`): false,
	} {
		if got := iampolicy.Public(json.RawMessage(statement)); got != want {
			t.Errorf("%s: public %t", statement, got)
		}
	}
}
