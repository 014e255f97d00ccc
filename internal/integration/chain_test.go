//go:build integration

package integration

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	batchtypes "github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/schemas"
)

// tickets is a system that takes tickets over HTTP, once for each idempotency key.
type tickets struct {
	*httptest.Server
	mu     sync.Mutex
	opened map[string]string // bodies by key
}

func newTickets(t *testing.T) *tickets {
	s := &tickets{opened: map[string]string{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Header.Get("Authorization") != "Bearer it-key" || r.Method != http.MethodPost || r.URL.Path != "/tickets" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.opened[r.Header.Get("Idempotency-Key")] = string(body)
		_, _ = io.WriteString(w, `{"ticket":"INC-7"}`)
	}))
	t.Cleanup(s.Close)
	return s
}

// of returns the ticket that a command opened.
func (s *tickets) of(command string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened[command]
}

// forensics makes what the example starts: a state machine, which the API runs for real, and a queue of jobs, which it says to have succeeded.
func (a *awsAPI) forensics(t *testing.T, endpoint string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, endpoint+"/moto-api/config",
		strings.NewReader(`{"stepfunctions":{"execute_state_machine":true},"batch":{"use_docker":false}}`))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // only its status is looked at
	if res.StatusCode >= 300 {
		t.Fatalf("the API's settings: %s", res.Status)
	}
	role := ask(t, a.iam.CreateRole, &iam.CreateRoleInput{RoleName: aws.String("forensics"), AssumeRolePolicyDocument: aws.String("{}")}).Role.Arn
	ask(t, a.machines.CreateStateMachine, &sfn.CreateStateMachineInput{
		Name: aws.String("riposte-snapshot"), RoleArn: role, Definition: aws.String(`{"StartAt":"Snapshot","States":{"Snapshot":{"Type":"Pass","Result":{"snapshots":["snap-1"]},"End":true}}}`),
	})
	place := ask(t, a.jobs.CreateComputeEnvironment, &batch.CreateComputeEnvironmentInput{
		ComputeEnvironmentName: aws.String("forensics"), Type: batchtypes.CETypeUnmanaged, ServiceRole: role, State: batchtypes.CEStateEnabled,
	})
	ask(t, a.jobs.CreateJobQueue, &batch.CreateJobQueueInput{JobQueueName: aws.String("riposte-scan"), Priority: aws.Int32(1), State: batchtypes.JQStateEnabled,
		ComputeEnvironmentOrder: []batchtypes.ComputeEnvironmentOrder{{ComputeEnvironment: place.ComputeEnvironmentArn, Order: aws.Int32(1)}}})
	ask(t, a.jobs.RegisterJobDefinition, &batch.RegisterJobDefinitionInput{JobDefinitionName: aws.String("riposte-scan"), Type: batchtypes.JobDefinitionTypeContainer,
		ContainerProperties: &batchtypes.ContainerProperties{Image: aws.String("scanner"), Vcpus: aws.Int32(1), Memory: aws.Int32(128), Command: []string{"scan"}}}) //nolint:staticcheck // of what has replaced these, this API says what the SDK cannot read
}

// interfaceGroups are the groups of an instance's one network interface.
func (a *awsAPI) interfaceGroups(t *testing.T, id string) (groups []string) {
	t.Helper()
	for _, g := range ask(t, a.ec2.DescribeInstances, &ec2.DescribeInstancesInput{InstanceIds: []string{id}}).Reservations[0].Instances[0].NetworkInterfaces[0].Groups {
		groups = append(groups, *g.GroupId)
	}
	slices.Sort(groups)
	return groups
}

// chain runs the example: an event leads to a snapshot, that to an isolation, that to a scan, that to a ticket, each by a rule on the outcome of the one before; the
// loop breaker lets so many responses lead to each other, and no more.
func chain(t *testing.T, d *deployment) {
	d.api.forensics(t, d.w.aws)
	id := *d.api.instances(t, 1, ec2types.Tag{Key: aws.String("owner"), Value: aws.String("ada")})[0].InstanceId
	was := d.api.interfaceGroups(t, id)
	d.post(t, "custom", map[string]any{"kind": "instance_compromised", "instance": id, "why": "mining"})
	var steps []ledger.Entry
	for _, s := range []struct {
		rule   string
		action string
		state  schemas.State
	}{
		{"chain-detected", "invoke-step-functions", schemas.StateVerified},
		{"chain-isolate", "ec2-isolate", schemas.StateVerified},
		{"chain-scan", "invoke-batch-job", schemas.StateVerified},
		{"chain-ticket", "invoke-http", schemas.StateVerified},
		{"it-chain-too-long", "invoke-http", schemas.StateApproval},
	} {
		e := d.awaitRule(t, s.rule, id, s.state)
		if e.Command.Action != s.action {
			t.Errorf("%s: action %s", s.rule, e.Command.Action)
		}
		if len(steps) > 0 {
			before := steps[len(steps)-1]
			if e.Command.Cause != before.Command.ID || e.Command.Created.Before(before.Outcome.Time) {
				t.Errorf("%s (cause %s, %s) does not follow from %s (%s, %s)", s.rule, e.Command.Cause, e.Command.Created, before.Command.Rule, before.Command.ID, before.Outcome.Time)
			}
		}
		steps = append(steps, e)
	}
	d.invoked(t, steps)
	d.ticketed(t, id, steps)
	if groups := d.api.interfaceGroups(t, id); len(groups) != 1 || slices.Equal(groups, was) {
		t.Errorf("the instance's interface is in groups %v, and was in %v", groups, was)
	}
	if last := steps[4]; !strings.Contains(last.Outcome.Message, "a chain of 4 responses") || d.tickets.of(last.Command.ID) != "" {
		t.Errorf("the fifth: %s; ticket %s", last.Outcome.Message, d.tickets.of(last.Command.ID))
	}
	d.must(t, "reject", steps[4].Command.ID)
	d.must(t, "undo", steps[1].Command.ID) // the isolation
	if groups := d.api.interfaceGroups(t, id); !slices.Equal(groups, was) {
		t.Errorf("after undo the instance is in groups %v", groups)
	}
}

// invoked looks at what the chain has started at the AWS API: each once, under its command's id.
func (d *deployment) invoked(t *testing.T, steps []ledger.Entry) {
	t.Helper()
	runs := ask(t, d.api.machines.ListExecutions, &sfn.ListExecutionsInput{StateMachineArn: aws.String("arn:aws:states:us-east-1:" + account + ":stateMachine:riposte-snapshot")})
	if len(runs.Executions) != 1 || *runs.Executions[0].Name != steps[0].Command.ID || steps[0].Plan.Run.Ref != *runs.Executions[0].ExecutionArn {
		t.Errorf("executions %+v, and the ledger has %+v", runs.Executions, steps[0].Plan.Run)
	}
	if !strings.Contains(string(steps[0].Outcome.After), `"output":{"snapshots":["snap-1"]}`) {
		t.Errorf("%s", steps[0].Outcome.After)
	}
	jobs := ask(t, d.api.jobs.DescribeJobs, &batch.DescribeJobsInput{Jobs: []string{steps[2].Plan.Run.Ref}})
	if len(jobs.Jobs) != 1 || *jobs.Jobs[0].JobName != "riposte-"+steps[2].Command.ID {
		t.Errorf("jobs %+v", jobs.Jobs)
	}
}

// ticketed looks at the ticket, which has the result of the step before it.
func (d *deployment) ticketed(t *testing.T, id string, steps []ledger.Entry) {
	t.Helper()
	var ticket struct {
		Title, Command string
		Scan           struct{ Run, Status string }
	}
	if err := json.Unmarshal([]byte(d.tickets.of(steps[3].Command.ID)), &ticket); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(ticket.Title, id) || ticket.Command != steps[2].Command.ID || ticket.Scan.Run != steps[2].Plan.Run.Ref || ticket.Scan.Status != "SUCCEEDED" {
		t.Errorf("ticket %+v", ticket)
	}
	if !strings.Contains(string(steps[3].Outcome.After), "INC-7") {
		t.Errorf("%s", steps[3].Outcome.After)
	}
}
