package catalog_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/catalog"
	"github.com/riposte-security/riposte/consumers/remediate/table"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// A sample is a target that an action of the catalogue takes, one that it does not, and what it needs to be told.
type sample struct {
	target, wrong string
	with          map[string]any
}

// samples are by action. An action without one fails the test: whatever is in the catalogue is held to what follows.
func samples() map[string]sample {
	const instance, user, bucket = "i-0123456789abcdef0", "arn:aws:iam::123456789012:user/eve", "logs"
	ip := func(with map[string]any) sample { return sample{"203.0.113.7", "not an address", with} }
	all := map[string]sample{
		"ec2-isolate":                 {instance, "sg-0123456789abcdef0", nil},
		"iam-deny-role":               {"arn:aws:iam::123456789012:role/deploy", user, nil},
		"iam-deny-user":               {user, "arn:aws:iam::123456789012:role/deploy", nil},
		"iam-disable-access-key":      {"AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE", nil},
		"iam-disable-console":         {user, "arn:aws:s3:::logs", nil},
		"lambda-throttle":             {"arn:aws:lambda:eu-central-1:123456789012:function:resize", user, nil},
		"nacl-deny":                   ip(map[string]any{"network_acl": "acl-0123456789abcdef0"}),
		"network-firewall-rule-group": ip(map[string]any{"rule_group": "blocked"}),
		"s3-deny-principal":           {bucket, "arn:aws:iam::123456789012:user/eve", map[string]any{"principal": "arn:aws:iam::123456789012:user/eve"}},
		"security-group-revoke":       {"sg-0123456789abcdef0", instance, map[string]any{"cidr": "0.0.0.0/0"}},
		"wafv2-ipset":                 ip(map[string]any{"ip_set": "blocked"}),
		"deployment-rollback":         {"arn:aws:lambda:eu-central-1:123456789012:function:resize:live", "arn:aws:lambda:eu-central-1:123456789012:function:resize", nil},
		"ec2-require-security-group":  {instance, bucket, nil},
		"ec2-require-tags":            {instance, user, map[string]any{"tags": map[string]any{"owner": "nobody"}}},
		"iam-revert-policy":           {"arn:aws:iam::123456789012:policy/wide", "arn:aws:iam::aws:policy/AdministratorAccess", nil},
		"security-group-revert":       {"sg-0123456789abcdef0", instance, nil},
		"trail-restore":               {"main", instance + "/", nil},
		"s3-encrypt-bucket":           {bucket, "arn:aws:ec2:eu-central-1:123456789012:instance/" + instance, nil},
	}
	for _, row := range table.Actions() {
		s := kinds()[row.Spec.TargetType]
		for _, set := range row.Spec.Settings {
			if set.Required {
				s.with = map[string]any{set.Name: "needed"}
			}
		}
		all[row.Spec.Name] = s
	}
	for name, with := range invocations() {
		all[name] = sample{instance, "arn:aws", with} // about anything, but what is no name
	}
	return all
}

// kinds are samples by type of target, for the rows of the table.
func kinds() map[string]sample {
	return map[string]sample{
		"s3-bucket":          {target: "logs", wrong: "arn:aws:iam::123456789012:user/eve"},
		"ec2-image":          {target: "ami-0123456789abcdef0", wrong: "snap-0123456789abcdef0"},
		"ec2-instance":       {target: "i-0123456789abcdef0", wrong: "arn:aws:ec2:eu-central-1:123456789012:vpc/vpc-0123456789abcdef0"},
		"ec2-security-group": {target: "sg-0123456789abcdef0", wrong: "i-0123456789abcdef0"},
		"ec2-snapshot":       {target: "snap-0123456789abcdef0", wrong: "vol-0123456789abcdef0"},
		"ec2-subnet":         {target: "subnet-0123456789abcdef0", wrong: "vpc-0123456789abcdef0"},
		"ec2-vpc":            {target: "vpc-0123456789abcdef0", wrong: "subnet-0123456789abcdef0"},
		"iam-user":           {target: "arn:aws:iam::123456789012:user/eve", wrong: "arn:aws:iam::123456789012:role/deploy"},
		"aws-account":        {target: "AWS::::Account:123456789012", wrong: "arn:aws:s3:::logs"},

		"apigateway-stage":     {target: "a1b2c3/stages/prod", wrong: "arn:aws:apigateway:eu-central-1::/restapis/a1b2c3"},
		"cloudtrail-trail":     {target: "audit", wrong: "arn:aws:cloudtrail:eu-central-1:123456789012:eventdatastore/audit"},
		"codebuild-project":    {target: "site", wrong: "arn:aws:codebuild:eu-central-1:123456789012:report-group/site"},
		"dynamodb-table":       {target: "orders", wrong: "arn:aws:dynamodb:eu-central-1:123456789012:global-table/orders"},
		"ecr-repository":       {target: "shop/web", wrong: "arn:aws:ecr-public::123456789012:repository/shop"},
		"elb-load-balancer":    {target: "app/front/50dc6c495c0c9188", wrong: "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/classic"},
		"kms-key":              {target: "0b7d9a4e-1111-4222-8333-444455556666", wrong: "alias/aws/sns"},
		"lambda-function":      {target: "arn:aws:lambda:eu-central-1:123456789012:function:resize:prod", wrong: "arn:aws:lambda:eu-central-1:123456789012:layer:resize"},
		"secret":               {target: "arn:aws:secretsmanager:eu-central-1:123456789012:secret:db/password-AbCdEf", wrong: "db/password"},
		"sns-topic":            {target: "orders", wrong: "arn:aws:sns:eu-central-1:123456789012:orders:0b7d9a4e-1111-4222-8333-444455556666"},
		"sqs-queue":            {target: "https://sqs.eu-central-1.amazonaws.com/123456789012/orders", wrong: "https://example.com/123456789012/orders"},
		"rds-cluster":          {target: "ledger", wrong: "arn:aws:rds:eu-central-1:123456789012:db:orders"},
		"rds-cluster-snapshot": {target: "ledger-1", wrong: "arn:aws:rds:eu-central-1:123456789012:snapshot:orders-1"},
		"rds-instance":         {target: "orders", wrong: "arn:aws:rds:eu-central-1:123456789012:cluster:ledger"},
		"rds-snapshot":         {target: "orders-1", wrong: "arn:aws:rds:eu-central-1:123456789012:cluster-snapshot:ledger-1"},
	}
}

// invocations are settings of the actions that invoke something on AWS.
func invocations() map[string]map[string]any {
	const at = "arn:aws:%s:eu-central-1:123456789012:%s"
	return map[string]map[string]any{
		"invoke-batch-job":       {"job_queue": "forensics", "job_definition": "scan"},
		"invoke-cloudwatch-logs": {"log_group": "responses", "message": "done"},
		"invoke-codebuild":       {"project": "rebuild", "environment": map[string]any{"DEPTH": int64(3)}},
		"invoke-codepipeline":    {"pipeline": "release", "variables": map[string]any{"why": "incident"}},
		"invoke-ecr-scan":        {"repository": "shop/web", "tag": "v1"},
		"invoke-ecs-task":        {"cluster": "tools", "task_definition": "scan:3", "container": "main", "command": []any{"scan"}, "subnets": []any{"subnet-1"}},
		"invoke-eventbridge":     {"bus": "security", "input": map[string]any{"n": int64(1)}},
		"invoke-firehose":        {"stream": "lake", "input": map[string]any{"n": int64(1)}},
		"invoke-inspector-scan":  {"tags": map[string]any{"app": "shop"}},
		"invoke-kinesis":         {"stream": "responses", "input": map[string]any{"n": int64(1)}},
		"invoke-lambda":          {"function": "triage", "input": map[string]any{"n": int64(1)}},
		"invoke-sns":             {"topic": fmt.Sprintf(at, "sns", "responses"), "message": "look"},
		"invoke-sqs":             {"queue": "https://sqs.eu-central-1.amazonaws.com/123456789012/responses", "input": map[string]any{"n": int64(1)}},
		"invoke-ssm-automation":  {"document": "AWS-StopEC2Instance", "parameters": map[string]any{"InstanceId": "i-0123456789abcdef0"}},
		"invoke-ssm-run-command": {"document": "AWS-RunShellScript", "parameters": map[string]any{"commands": []any{"id"}}},
		"invoke-step-functions":  {"state_machine": fmt.Sprintf(at, "states", "stateMachine:triage"), "input": map[string]any{"n": int64(1)}},
	}
}

// An ill is what an AWS API says to everything, by service; "" is for the others.
type ill struct {
	code    map[string]string
	status  int
	retry   string // Retry-After
	message string
}

// hostile is an AWS API, in all of its protocols, that knows who asks and does nothing else.
func hostile(t *testing.T, says *ill) *cloud.Clients {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(body))
		if form.Get("Action") == "GetCallerIdentity" {
			fmt.Fprint(w, `<GetCallerIdentityResponse><GetCallerIdentityResult><Account>123456789012</Account><Arn>arn:aws:iam::123456789012:user/riposte</Arn>`+
				`</GetCallerIdentityResult></GetCallerIdentityResponse>`)
			return
		}
		complain(w, r, says)
	}))
	t.Cleanup(server.Close)
	for k, v := range map[string]string{
		"AWS_ENDPOINT_URL": server.URL, "AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing",
		"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_PROFILE": "",
	} {
		t.Setenv(k, v)
	}
	c, err := cloud.New(t.Context(), cloud.Config{}, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// complain answers a request with an error, in the protocol of its service.
func complain(w http.ResponseWriter, r *http.Request, says *ill) {
	scope := strings.Split(r.Header.Get("Authorization"), "/")
	service := ""
	if len(scope) > 3 {
		service = scope[3]
	}
	code := says.code[service]
	if code == "" {
		code = says.code[""]
	}
	if says.retry != "" {
		w.Header().Set("Retry-After", says.retry)
	}
	w.Header().Set("X-Amzn-Errortype", code)
	switch service {
	case "iam", "sts", "sns", "rds", "elasticloadbalancing":
		w.WriteHeader(says.status)
		fmt.Fprintf(w, `<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error></ErrorResponse>`, code, says.message)
	case "ec2":
		w.WriteHeader(says.status)
		fmt.Fprintf(w, `<Response><Errors><Error><Code>%s</Code><Message>%s</Message></Error></Errors></Response>`, code, says.message)
	case "s3": // an answer to HEAD has no body, but for what does not exist it says where the bucket is
		if says.status != http.StatusNotFound {
			w.Header().Set("X-Amz-Bucket-Region", "eu-central-1")
		}
		w.WriteHeader(says.status)
		text := fmt.Sprintf(`<Error><Code>%s</Code><Message>%s</Message></Error>`, code, says.message)
		if strings.HasPrefix(r.URL.Path, "/v20180820/") { // what it keeps of an account
			text = "<ErrorResponse>" + text + "</ErrorResponse>"
		}
		fmt.Fprint(w, text)
	default:
		w.WriteHeader(says.status)
		_ = json.NewEncoder(w).Encode(map[string]string{"__type": code, "message": says.message})
	}
}

// onAWS calls f with every action of the catalogue that works on AWS, and a command for it about an event of that age.
func onAWS(t *testing.T, c *cloud.Clients, age time.Duration, f func(t *testing.T, a consumers.Action, cmd schemas.Command)) {
	t.Helper()
	all := samples()
	for _, e := range catalog.Actions() {
		if len(e.Spec.Policy) == 0 {
			continue
		}
		s, ok := all[e.Spec.Name]
		if !ok {
			t.Errorf("%s: no sample of a target", e.Spec.Name)
			continue
		}
		target, err := e.Spec.Canonical(s.target, "123456789012", "eu-central-1")
		if err != nil {
			t.Errorf("%s: %v", e.Spec.Name, err)
			continue
		}
		action, err := e.New(catalog.Deps{Clients: c, Log: zerolog.Nop()})
		if err != nil {
			t.Errorf("%s: %v", e.Spec.Name, err)
			continue
		}
		cmd := schemas.Command{ID: "test", Lane: e.Spec.Lane, Action: e.Spec.Name, Target: target, With: maps.Clone(s.with), EventTime: time.Now().Add(-age), Created: time.Now()}
		t.Run(e.Spec.Name, func(t *testing.T) {
			t.Parallel()
			f(t, action, cmd)
		})
	}
}

func specOf(name string) schemas.ActionSpec {
	for _, a := range catalog.Actions() {
		if a.Spec.Name == name {
			return a.Spec
		}
	}
	return schemas.ActionSpec{}
}

// TestOnAHostileAPI: whatever the action, the outcome names what is wrong, and what may pass is tried again.
func TestOnAHostileAPI(t *testing.T) {
	const may = "User: riposte is not authorized to perform: the:Call"
	missing := map[string]string{
		"iam": "NoSuchEntity", "s3": "NoSuchBucket", "ec2": "InvalidInstanceID.NotFound", "wafv2": "WAFNonexistentItemException", "": "ResourceNotFoundException",
	}
	for _, c := range []struct {
		name      string
		says      ill
		age       time.Duration
		permanent bool
		why       string        // of the error; "CODE" stands for the code
		wait      time.Duration // at least
	}{
		{"permission missing", ill{map[string]string{"iam": "AccessDenied", "s3": "AccessDenied", "ec2": "UnauthorizedOperation", "": "AccessDeniedException"}, 403, "", may}, time.Hour, true, may, 0},
		{"target missing", ill{missing, 404, "", "there is none"}, time.Hour, true, "CODE", 0},
		{"target not there yet", ill{missing, 404, "", "there is none"}, time.Second, false, "CODE", 0},
		{"throttled", ill{map[string]string{"iam": "Throttling", "s3": "SlowDown", "ec2": "RequestLimitExceeded", "lambda": "TooManyRequestsException", "": "ThrottlingException"}, 429, "7", "too fast"},
			time.Hour, false, "CODE", 5 * time.Second},
		{"token expired", ill{map[string]string{"ec2": "RequestExpired", "": "ExpiredTokenException"}, 400, "", "the token is old"}, time.Hour, false, "CODE", 0},
		{"an error of AWS's own", ill{map[string]string{"": "InternalFailure"}, 500, "", "sorry"}, time.Hour, false, "CODE", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			onAWS(t, hostile(t, &c.says), c.age, func(t *testing.T, a consumers.Action, cmd schemas.Command) {
				p, err := a.Plan(t.Context(), cmd)
				if poller, ok := a.(consumers.Poller); ok && err == nil { // what it invokes is not read before
					_, err = poller.Start(t.Context(), cmd, p)
				}
				if err == nil && c.says.status == http.StatusNotFound && cmd.Target.Type == "aws-account" {
					return // an account is there: what is missing is what has not been set in it
				}
				if err == nil {
					t.Fatalf("a plan: %+v", p)
				}
				if needs := func(p string) bool { return strings.Contains(err.Error(), p) }; c.says.status == 403 && !slices.ContainsFunc(specOf(cmd.Action).Policy, needs) {
					t.Errorf("the error names no permission: %v", err)
				}
				if fault.IsPermanent(err) != c.permanent {
					t.Errorf("permanent %t, %t expected: %v", !c.permanent, c.permanent, err)
				}
				codes := append(slices.Collect(maps.Values(c.says.code)), "S3 HeadBucket: NotFound")
				if named := func(code string) bool { return strings.Contains(err.Error(), code) }; c.why == "CODE" && !slices.ContainsFunc(codes, named) || c.why != "CODE" && !named(c.why) {
					t.Errorf("the error names none of %v: %v", codes, err)
				}
				if got := fault.Wait(err); got < c.wait {
					t.Errorf("the next try is after %s, and AWS wants %s: %v", got, c.wait, err)
				}
			})
		})
	}
}

// TestTargetsOfTheWrongKind: a name or ARN of something else is no target, and the error says what was given.
func TestTargetsOfTheWrongKind(t *testing.T) {
	all := samples()
	for _, e := range catalog.Actions() {
		s, ok := all[e.Spec.Name]
		if !ok {
			continue // whose targets are all kinds
		}
		for _, raw := range []string{s.wrong, "", "\x00", "arn:aws:", strings.Repeat("x", 5000)} {
			if target, err := e.Spec.Canonical(raw, "123456789012", "eu-central-1"); err == nil {
				t.Errorf("%s: %.60q is taken, as %.60s", e.Spec.Name, raw, target.Key())
			}
		}
	}
}
