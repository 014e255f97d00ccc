package invoke

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// A script is an AWS API that answers as it is told: for each operation one answer after the other, the last of them again and again. The answers are made after the
// API reference, for what the server of the integration tests does not have or cannot be brought to say.
type script struct {
	mu      sync.Mutex
	answers map[string][]string
	asked   map[string][]string // bodies by operation
}

// operationOf reads the operation out of a request, in the protocols that the services have.
func operationOf(r *http.Request) string {
	if _, op, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "."); ok {
		return op
	}
	path := r.URL.Path
	switch {
	case strings.HasSuffix(path, "/invocations"):
		return "Invoke"
	case strings.HasPrefix(path, "/v1/"):
		return map[string]string{"submitjob": "SubmitJob", "listjobs": "ListJobs", "describejobs": "DescribeJobs"}[path[4:]]
	}
	return map[string]string{
		"/cis/scan-configuration/create": "CreateCisScanConfiguration", "/cis/scan-configuration/list": "ListCisScanConfigurations", "/cis/scan/list": "ListCisScans",
	}[path]
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	if strings.Contains(string(body), "Action=GetCallerIdentity") {
		fmt.Fprint(w, `<GetCallerIdentityResponse><GetCallerIdentityResult><Account>123456789012</Account><Arn>arn:aws:iam::123456789012:user/riposte</Arn>`+
			`</GetCallerIdentityResult></GetCallerIdentityResponse>`)
		return
	}
	op := operationOf(r)
	s.asked[op] = append(s.asked[op], string(body))
	left := s.answers[op]
	if len(left) == 0 {
		w.WriteHeader(http.StatusNotImplemented)
		return
	}
	if len(left) > 1 {
		s.answers[op] = left[1:]
	}
	if code, ok := strings.CutPrefix(left[0], "error "); ok {
		w.Header().Set("X-Amzn-Errortype", code)
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"__type":%q,"message":"no"}`, code)
		return
	}
	if what, ok := strings.CutPrefix(left[0], "function error "); ok {
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
		fmt.Fprint(w, what)
		return
	}
	fmt.Fprint(w, left[0])
}

func play(t *testing.T, answers map[string][]string) (*script, Deps) {
	t.Helper()
	s := &script{answers: maps.Clone(answers), asked: map[string][]string{}}
	server := httptest.NewServer(s)
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
	return s, Deps{Clients: c}
}

const machine = "arn:aws:states:eu-central-1:123456789012:stateMachine:triage"

// withs are settings of those that are followed, and of a function.
func withs() map[string]map[string]any {
	return map[string]map[string]any{
		"invoke-lambda":         {"function": "triage", "input": map[string]any{"n": int64(1)}},
		"invoke-step-functions": {"state_machine": machine}, "invoke-ssm-automation": {"document": "AWS-StopEC2Instance", "parameters": map[string]any{"InstanceId": "i-1"}},
		"invoke-ssm-run-command": {"document": "AWS-RunShellScript", "parameters": map[string]any{"commands": []any{"id", ""}}},
		"invoke-ecs-task":        {"cluster": "tools", "task_definition": "scan", "container": "main", "environment": map[string]any{"EMPTY": ""}},
		"invoke-batch-job":       {"job_queue": "q", "job_definition": "scan"},
		"invoke-codebuild":       {"project": "rebuild"}, "invoke-codepipeline": {"pipeline": "release", "variables": map[string]any{"why": "incident"}},
		"invoke-ecr-scan": {"repository": "arn:aws:ecr:eu-central-1:123456789012:repository/shop/web", "digest": "sha256:1"}, "invoke-inspector-scan": {"tags": map[string]any{"app": "shop"}},
	}
}

// TestToTheEnd: what is started under the command's id is followed until it has ended, well or badly, with its result or the reason; the calls that it takes are those of
// the policy.
func TestToTheEnd(t *testing.T) {
	const id, uuid = commandID, "01234567-89ab-cdef-0123-456789abcdef"
	for name, tt := range map[string]struct {
		sent    string // is part of what starts it
		answers map[string][]string
		after   string            // is part of the outcome
		bad     map[string]string // other last answers to the last operation, and the reason that follows
		last    string
	}{
		"invoke-lambda": {
			`{"n":1}`, map[string][]string{"Invoke": {`{"verdict":"bad"}`}}, `"output":{"verdict":"bad"}`,
			map[string]string{`function error {"errorMessage":"boom"}`: "boom"}, "Invoke",
		},
		"invoke-step-functions": {
			`"name":"` + id + `"`,
			map[string][]string{
				"StartExecution":    {`{"executionArn":"arn:aws:states:eu-central-1:123456789012:execution:triage:` + id + `"}`},
				"DescribeExecution": {`{"status":"RUNNING"}`, `{"status":"PENDING_REDRIVE"}`, `{"status":"SUCCEEDED","output":"{\"n\":1}"}`},
			}, `"status":"SUCCEEDED","output":{"n":1}`,
			map[string]string{`{"status":"FAILED","error":"States.TaskFailed","cause":"no disk"}`: "no disk", `{"status":"TIMED_OUT"}`: "TIMED_OUT", `{"status":"ABORTED"}`: "ABORTED"}, "DescribeExecution",
		},
		"invoke-ssm-automation": {
			`"ClientToken":"` + uuid + `"`,
			map[string][]string{
				"StartAutomationExecution": {`{"AutomationExecutionId":"a-1"}`},
				"GetAutomationExecution":   {`{"AutomationExecution":{"AutomationExecutionStatus":"Waiting"}}`, `{"AutomationExecution":{"AutomationExecutionStatus":"Success","Outputs":{"stop.State":["stopped"]}}}`},
			}, `"output":{"stop.State":["stopped"]}`,
			map[string]string{`{"AutomationExecution":{"AutomationExecutionStatus":"Failed","FailureMessage":"step 2"}}`: "step 2", `{"AutomationExecution":{"AutomationExecutionStatus":"Cancelled"}}`: "Cancelled"}, "GetAutomationExecution",
		},
		"invoke-ssm-run-command": {
			`"Comment":"riposte ` + id + `"`,
			map[string][]string{
				"ListCommands":           {`{"Commands":[{"CommandId":"other","Comment":"riposte of somebody else"}]}`, `{"Commands":[{"CommandId":"c-1","Status":"InProgress"}]}`, `{"Commands":[{"CommandId":"c-1","Status":"Success"}]}`},
				"SendCommand":            {`{"Command":{"CommandId":"c-1"}}`},
				"ListCommandInvocations": {`{"CommandInvocations":[{"InstanceId":"i-1","StatusDetails":"Success","CommandPlugins":[{"Output":"uid=0"}]}]}`},
			}, `"output":{"i-1":["Success","uid=0"]}`,
			map[string]string{`{"Commands":[{"CommandId":"c-1","Status":"Failed","StatusDetails":"NonZeroExitCode"}]}`: "NonZeroExitCode"}, "ListCommands",
		},
		"invoke-ecs-task": {
			`"clientToken":"` + id + `"`,
			map[string][]string{
				"RunTask":       {`{"tasks":[{"taskArn":"t-1"}]}`},
				"DescribeTasks": {`{"tasks":[]}`, `{"tasks":[{"taskArn":"t-1","lastStatus":"PROVISIONING"}]}`, `{"tasks":[{"taskArn":"t-1","lastStatus":"STOPPED","containers":[{"name":"main","exitCode":0}]}]}`},
			}, `"output":{"exit_codes":{"main":0}}`,
			map[string]string{
				`{"tasks":[{"taskArn":"t-1","lastStatus":"STOPPED","stoppedReason":"Essential container exited","containers":[{"name":"main","exitCode":3}]}]}`:           "ended with 3",
				`{"tasks":[{"taskArn":"t-1","lastStatus":"STOPPED","stoppedReason":"CannotPullContainerError","containers":[{"name":"main","reason":"no such image"}]}]}`: "no such image",
				`{"failures":[{"arn":"t-1","reason":"MISSING"}]}`: "MISSING",
			}, "DescribeTasks",
		},
		"invoke-batch-job": {
			`"jobName":"riposte-` + id + `"`,
			map[string][]string{
				"ListJobs": {`{"jobSummaryList":[]}`}, "SubmitJob": {`{"jobId":"j-1","jobName":"x"}`},
				"DescribeJobs": {`{"jobs":[{"jobId":"j-1","status":"RUNNABLE"}]}`, `{"jobs":[{"jobId":"j-1","status":"SUCCEEDED"}]}`},
			}, `"status":"SUCCEEDED"`,
			map[string]string{`{"jobs":[{"jobId":"j-1","status":"FAILED","statusReason":"Host EC2 terminated"}]}`: "terminated"}, "DescribeJobs",
		},
		"invoke-codebuild": {
			`"idempotencyToken":"` + id + `"`,
			map[string][]string{
				"StartBuild":     {`{"build":{"id":"b:1"}}`},
				"BatchGetBuilds": {`{"builds":[{"id":"b:1","buildStatus":"IN_PROGRESS"}]}`, `{"builds":[{"id":"b:1","buildStatus":"SUCCEEDED","exportedEnvironmentVariables":[{"name":"TAG","value":"v2"}]}]}`},
			}, `"output":{"exported":{"TAG":"v2"}}`,
			map[string]string{`{"builds":[{"id":"b:1","buildStatus":"FAILED","phases":[{"phaseType":"BUILD","phaseStatus":"FAILED","contexts":[{"message":"exit status 1"}]}]}]}`: "phase BUILD: exit status 1"}, "BatchGetBuilds",
		},
		"invoke-codepipeline": {
			`"clientRequestToken":"` + id + `"`,
			map[string][]string{
				"StartPipelineExecution": {`{"pipelineExecutionId":"p-1"}`},
				"GetPipelineExecution":   {`{"pipelineExecution":{"status":"InProgress"}}`, `{"pipelineExecution":{"status":"Succeeded"}}`},
			}, `"status":"Succeeded"`,
			map[string]string{`{"pipelineExecution":{"status":"Superseded","statusSummary":"by p-2"}}`: "by p-2", `{"pipelineExecution":{"status":"Stopped"}}`: "Stopped"}, "GetPipelineExecution",
		},
		"invoke-ecr-scan": {
			`"imageDigest":"sha256:1"`,
			map[string][]string{
				"StartImageScan":            {`error LimitExceededException`}, // today's scan stands
				"DescribeImageScanFindings": {`error ScanNotFoundException`, `{"imageScanStatus":{"status":"IN_PROGRESS"}}`, `{"imageScanStatus":{"status":"COMPLETE"},"imageScanFindings":{"findingSeverityCounts":{"HIGH":2}}}`},
			}, `"output":{"findings":{"HIGH":2}}`,
			map[string]string{`{"imageScanStatus":{"status":"UNSUPPORTED_IMAGE","description":"the operating system"}}`: "operating system"}, "DescribeImageScanFindings",
		},
		"invoke-inspector-scan": {
			`"scanName":"riposte-` + id + `"`,
			map[string][]string{
				"ListCisScanConfigurations": {`{"scanConfigurations":[]}`}, "CreateCisScanConfiguration": {`{"scanConfigurationArn":"s-1"}`},
				"ListCisScans": {`{"scans":[]}`, `{"scans":[{"scanArn":"x","status":"IN_PROGRESS"}]}`, `{"scans":[{"scanArn":"x","status":"COMPLETED","failedChecks":3,"totalChecks":200}]}`},
			}, `"failed_checks":3`,
			map[string]string{`{"scans":[{"scanArn":"x","status":"FAILED"}]}`: "FAILED"}, "ListCisScans",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, d := play(t, tt.answers)
			a, cmd := made(t, name, d), command(name, withs()[name])
			p, out, err := carryOut(t, a, cmd)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(out.After), tt.after) || p.Calls[0].Operation == "" {
				t.Errorf("%s: %s", out.Message, out.After)
			}
			if got := s.asked[p.Calls[0].Operation]; len(got) == 0 || !strings.Contains(got[0], tt.sent) {
				t.Errorf("sent: %v", got)
			}
			policy(t, name, p.Calls[0].Service, s)
			for answer, why := range tt.bad {
				again := maps.Clone(tt.answers)
				again[tt.last] = []string{answer}
				if tt.last == "ListCommands" { // the first of which looks for what was sent before
					again[tt.last] = []string{`{"Commands":[]}`, answer}
				}
				_, d := play(t, again)
				if _, _, err := carryOut(t, made(t, name, d), cmd); !fault.IsPermanent(err) || !strings.Contains(err.Error(), why) {
					t.Errorf("%s: %v", why, err)
				}
			}
		})
	}
}

// policy compares the calls that were made with the action's policy.
func policy(t *testing.T, name, service string, s *script) {
	t.Helper()
	if service == "states" {
		service = "sfn"
	}
	var made []string
	for op := range s.asked {
		made = append(made, cloud.Permissions(service, op)...)
	}
	for _, target := range Targets() {
		if target.Spec.Name != name {
			continue
		}
		want := slices.DeleteFunc(slices.Clone(target.Spec.Policy), func(p string) bool { return p == "iam:PassRole" })
		slices.Sort(made)
		slices.Sort(want)
		if !slices.Equal(made, want) {
			t.Errorf("calls made: %v; policy: %v", made, want)
		}
	}
}

// TestFoundAgain: where a service takes no idempotency key, what was started before a crash is found, and nothing is started again.
func TestFoundAgain(t *testing.T) {
	for name, answers := range map[string]map[string][]string{
		"invoke-ssm-run-command": {"ListCommands": {`{"Commands":[{"CommandId":"c-1","Comment":"riposte ` + commandID + `","Status":"Success"}]}`}},
		"invoke-batch-job":       {"ListJobs": {`{"jobSummaryList":[{"jobId":"c-1","jobName":"riposte-` + commandID + `"}]}`}},
		"invoke-inspector-scan":  {"ListCisScanConfigurations": {`{"scanConfigurations":[{"scanConfigurationArn":"c-1"}]}`}},
		"invoke-step-functions":  {"StartExecution": {`error ExecutionAlreadyExists`}},
	} {
		s, d := play(t, answers)
		a, cmd := made(t, name, d), command(name, withs()[name])
		p, err := a.Plan(t.Context(), cmd)
		if err != nil {
			t.Fatal(err)
		}
		run, err := a.(consumers.Poller).Start(t.Context(), cmd, p)
		want := "c-1"
		if name == "invoke-step-functions" {
			want = "arn:aws:states:eu-central-1:123456789012:execution:triage:" + commandID
		}
		if err != nil || run.Ref != want || len(s.asked) != 1 {
			t.Errorf("%s: %+v, %v; asked %v", name, run, err, s.asked)
		}
	}
}

// TestDeadline: what has not ended in its time has failed, with the word of the service, and is not asked about at shorter times than it needs.
func TestDeadline(t *testing.T) {
	_, d := play(t, map[string][]string{"StartExecution": {`{"executionArn":"e-1"}`}, "DescribeExecution": {`{"status":"RUNNING"}`}})
	a := made(t, "invoke-step-functions", d)
	poller := a.(consumers.Poller)
	with := withs()["invoke-step-functions"]
	with["within"] = "10m"
	cmd := command("invoke-step-functions", with)
	p, err := a.Plan(t.Context(), cmd)
	if err != nil {
		t.Fatal(err)
	}
	run, err := poller.Start(t.Context(), cmd, p)
	if err != nil {
		t.Fatal(err)
	}
	p.Run = &run
	now := run.Since
	for _, c := range []struct{ after, wait string }{{"0s", "2s"}, {"40s", "10s"}, {"5m", "1m0s"}, {"9m30s", "30s"}} {
		age := mustDuration(t, c.after)
		p.Run.Since = now.Add(-age)
		out, wait, err := poller.Poll(t.Context(), cmd, p)
		if err != nil || wait.Round(1e9).String() != c.wait || !strings.Contains(out.Message, "RUNNING") {
			t.Errorf("after %s: %s, %+v, %v", c.after, wait, out, err)
		}
	}
	p.Run.Since = now.Add(-mustDuration(t, "10m1s"))
	if _, _, err := poller.Poll(t.Context(), cmd, p); !fault.IsPermanent(err) || !strings.Contains(err.Error(), "has not ended within 10m0s") {
		t.Errorf("%v", err)
	}
	for _, bad := range []any{"soon", "1ms", "1000h", int64(5)} {
		with["within"] = bad
		if _, err := a.Plan(t.Context(), command("invoke-step-functions", with)); !fault.IsPermanent(err) {
			t.Errorf("within %v: %v", bad, err)
		}
	}
}

// TestPlanErrors: what makes no sense is refused before anything is called, by the name of the setting.
func TestPlanErrors(t *testing.T) {
	_, d := play(t, nil)
	big := strings.Repeat("y", 300<<10)
	for _, c := range []struct {
		action string
		with   map[string]any
		why    string
	}{
		{"invoke-lambda", map[string]any{"function": ""}, "with.function"}, {"invoke-lambda", map[string]any{"function": "f", "async": true, "message": big}, "at most 262144"},
		{"invoke-lambda", map[string]any{"function": "f", "input": map[string]any{}, "message": "x"}, "not both"}, {"invoke-lambda", map[string]any{"fonction": "f"}, "unknown field"},
		{"invoke-sns", map[string]any{"topic": "responses"}, "the ARN of a topic"}, {"invoke-sns", map[string]any{"topic": "arn:aws:sqs:eu-central-1:123456789012:x"}, "the ARN of a topic"},
		{"invoke-sqs", map[string]any{"queue": "responses"}, "the URL of a queue"}, {"invoke-kinesis", map[string]any{"stream": ""}, "with.stream"},
		{"invoke-eventbridge", map[string]any{"source": "aws.ec2"}, "with.source"}, {"invoke-eventbridge", map[string]any{"input": map[string]any{"x": big}}, "at most"},
		{"invoke-step-functions", map[string]any{"state_machine": "triage"}, "ARN of a state machine"}, {"invoke-ssm-run-command", map[string]any{"document": "x", "instances": []any{"web"}}, "with.instances"},
		{"invoke-ecs-task", map[string]any{"cluster": "a", "task_definition": "b", "command": []any{"x"}}, "with.container"},
		{"invoke-ecs-task", map[string]any{"cluster": "a", "task_definition": "b", "container": "c", "environment": map[string]any{"RIPOSTE_COMMAND": "x"}}, "with.environment"},
		{"invoke-batch-job", map[string]any{"job_queue": "a", "job_definition": "b", "environment": map[string]any{"X": strings.Repeat("y", 9000)}}, "at most 8192"},
		{"invoke-ecr-scan", map[string]any{"repository": "a"}, "tag or digest"}, {"invoke-ecr-scan", map[string]any{"repository": "a", "tag": "a", "digest": "b"}, "tag or digest"},
		{"invoke-inspector-scan", map[string]any{"tags": map[string]any{}}, "with.tags"}, {"invoke-inspector-scan", map[string]any{"tags": map[string]any{"a": "b"}, "level": int64(3)}, "with.level"},
		{"invoke-codebuild", map[string]any{"project": ""}, "with.project"}, {"invoke-codepipeline", map[string]any{"pipeline": ""}, "with.pipeline"}, {"invoke-cloudwatch-logs", map[string]any{"log_group": ""}, "with.log_group"},
		{"invoke-publish", map[string]any{"topic": "riposte.events"}, "own topics"}, {"invoke-publish", map[string]any{"topic": "a b"}, "with.topic"}, {"invoke-runbook", map[string]any{"runbook": "../x"}, "invoke.runbooks.folder"},
		{"invoke-runbook", map[string]any{"runbook": []any{}}, "with"},
	} {
		if p, err := made(t, c.action, d).Plan(t.Context(), command(c.action, c.with)); !fault.IsPermanent(err) || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s %v: %+v, %v", c.action, c.with, p, err)
		}
	}
	cmd := command("invoke-sns", map[string]any{"topic": "arn:aws:sns:eu-central-1:123456789012:x"})
	cmd.Event = fmt.Appendf(nil, `{"x":%q}`, big)
	if _, err := made(t, "invoke-sns", d).Plan(t.Context(), cmd); !fault.IsPermanent(err) || !strings.Contains(err.Error(), "name what is needed of it with input") {
		t.Errorf("%v", err)
	}
}

// TestTouches: a function that is called, and instances that a command runs on, are asked about in the lists of what is never touched.
func TestTouches(t *testing.T) {
	_, d := play(t, nil)
	for _, c := range []struct {
		action string
		with   map[string]any
		want   string
	}{
		{"invoke-lambda", map[string]any{"function": "arn:aws:lambda:us-east-1:210987654321:function:triage:live"}, "lambda-function:210987654321:us-east-1:triage"},
		{"invoke-lambda", map[string]any{"function": "triage"}, "lambda-function:123456789012:eu-central-1:triage"},
		{"invoke-ssm-run-command", map[string]any{"document": "x"}, "ec2-instance:123456789012:eu-central-1:i-0123456789abcdef0"},
		{"invoke-ssm-run-command", map[string]any{"document": "x", "instances": []any{"i-1"}}, "ec2-instance:123456789012:eu-central-1:i-1"},
	} {
		a, cmd := made(t, c.action, d), command(c.action, c.with)
		all, err := a.(consumers.Toucher).Touches(cmd, schemas.Plan{})
		if err != nil || len(all) != 1 || all[0].Key() != c.want {
			t.Errorf("%s %v: %v, %v", c.action, c.with, all, err)
		}
	}
}
