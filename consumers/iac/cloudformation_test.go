package iac

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/schemas"
)

// former is an exchange with CloudFormation, made after its API reference: the server of the integration tests finds no stack by the id of a thing in it. There is one
// stack, with a topic and a bucket, in account 111122223333.
func former(t *testing.T) (clients *cloud.Clients, asked *[]string) {
	t.Helper()
	asked = new([]string)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		const xmlns = "http://cloudformation.amazonaws.com/doc/2010-05-15/"
		switch id := r.FormValue("PhysicalResourceId"); r.FormValue("Action") {
		case "GetCallerIdentity":
			fmt.Fprint(w, `<GetCallerIdentityResponse><GetCallerIdentityResult><Account>111122223333</Account><Arn>arn:aws:iam::111122223333:user/riposte</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>`)
		case "DescribeStackResources":
			*asked = append(*asked, id)
			if id == "denied" {
				w.WriteHeader(http.StatusForbidden)
				fmt.Fprintf(w, `<ErrorResponse xmlns=%q><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>not authorized to perform: cloudformation:DescribeStackResources</Message></Error></ErrorResponse>`, xmlns)
				return
			}
			if id != "logs" && id != "arn:aws:sns:eu-central-1:111122223333:orders" {
				w.WriteHeader(http.StatusBadRequest)
				fmt.Fprintf(w, `<ErrorResponse xmlns=%q><Error><Type>Sender</Type><Code>ValidationError</Code><Message>Stack for %s does not exist</Message></Error></ErrorResponse>`, xmlns, id)
				return
			}
			const member = `<member><StackName>storage</StackName><LogicalResourceId>%s</LogicalResourceId><PhysicalResourceId>%s</PhysicalResourceId><ResourceType>%s</ResourceType>` +
				`<ResourceStatus>CREATE_COMPLETE</ResourceStatus><Timestamp>2026-05-01T12:00:00Z</Timestamp></member>`
			fmt.Fprintf(w, `<DescribeStackResourcesResponse xmlns=%q><DescribeStackResourcesResult><StackResources>`+member+member+`</StackResources></DescribeStackResourcesResult></DescribeStackResourcesResponse>`,
				xmlns, "Topic", "arn:aws:sns:eu-central-1:111122223333:orders", "AWS::SNS::Topic", "LogBucket", "logs", "AWS::S3::Bucket")
		default:
			w.WriteHeader(http.StatusNotImplemented)
		}
	}))
	t.Cleanup(server.Close)
	for k, v := range map[string]string{
		"AWS_ENDPOINT_URL": server.URL, "AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing",
		"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_PROFILE": "",
	} {
		t.Setenv(k, v)
	}
	clients, err := cloud.New(t.Context(), cloud.Config{}, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	return clients, asked
}

// TestCloudFormation: what declares a thing is found by its name or by its ARN, whichever is its id there; that no stack has it is no error, and any other answer is.
func TestCloudFormation(t *testing.T) {
	clients, asked := former(t)
	conf := Defaults()
	conf.CloudFormation = true
	code, err := New(conf, clients)
	if err != nil {
		t.Fatal(err)
	}
	places, err := code.Search(t.Context(), bucket("logs"))
	want := Place{Tool: CloudFormation, Where: "storage", Address: "LogBucket", Type: "AWS::S3::Bucket", Name: "LogBucket"}
	if err != nil || len(places) != 1 || places[0] != want {
		t.Errorf("%+v, %v", places, err)
	}
	places, err = code.Search(t.Context(), schemas.Target{Type: "sns-topic", Account: "111122223333", Region: "eu-central-1", ID: "orders"})
	if err != nil || len(places) != 1 || places[0].Address != "Topic" {
		t.Errorf("%+v, %v", places, err)
	}
	*asked = nil
	if places, err = code.Search(t.Context(), bucket("others")); err != nil || places != nil || len(*asked) != 2 {
		t.Errorf("%+v, %v; asked for %q", places, err, *asked)
	}
	if places, err = code.Search(t.Context(), bucket("denied")); err == nil || !strings.Contains(err.Error(), "cloudformation:DescribeStackResources") {
		t.Errorf("%+v, %v", places, err)
	}
}
