package deploymentrollback

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	cdtypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/actiontest"
	"github.com/riposte-security/riposte/internal/cloud/cloudtest"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

const (
	alias      = "arn:aws:lambda:eu-central-1:123456789012:function:resize:live"
	service    = "arn:aws:ecs:eu-central-1:123456789012:service/prod/web"
	deployment = "d-ABCDEF123"
)

func td(n int) string {
	return fmt.Sprintf("arn:aws:ecs:eu-central-1:123456789012:task-definition/web:%d", n)
}

// fake is an alias, a service and a deployment.
type fake struct {
	version  string
	weights  map[string]float64
	versions []string

	taskDefinition string
	replacing      string // what a deployment that goes on replaces
	pending        int    // looks until it has come to rest
	definitions    []int
	controller     ecstypes.DeploymentControllerType

	status cdtypes.DeploymentStatus
}

func (f *fake) deps() Deps {
	return Deps{
		Now:        time.Now,
		Lambda:     func(context.Context, string, string) (LambdaAPI, error) { return f, nil },
		ECS:        func(context.Context, string, string) (ECSAPI, error) { return f, nil },
		CodeDeploy: func(context.Context, string, string) (CodeDeployAPI, error) { return f, nil },
	}
}

func (f *fake) state() any {
	return map[string]any{"version": f.version, "weights": maps.Clone(f.weights), "definition": f.taskDefinition, "status": f.status}
}

func (f *fake) GetAlias(context.Context, *lambda.GetAliasInput, ...func(*lambda.Options)) (*lambda.GetAliasOutput, error) {
	out := &lambda.GetAliasOutput{FunctionVersion: &f.version, RevisionId: aws.String("r")}
	if len(f.weights) > 0 {
		out.RoutingConfig = &lambdatypes.AliasRoutingConfiguration{AdditionalVersionWeights: maps.Clone(f.weights)}
	}
	return out, nil
}

func (f *fake) ListVersionsByFunction(_ context.Context, in *lambda.ListVersionsByFunctionInput, _ ...func(*lambda.Options)) (*lambda.ListVersionsByFunctionOutput, error) {
	i := len(aws.ToString(in.Marker)) // a version a page
	out := &lambda.ListVersionsByFunctionOutput{}
	if i < len(f.versions) {
		out.Versions = []lambdatypes.FunctionConfiguration{{Version: &f.versions[i]}}
		out.NextMarker = aws.String(strings.Repeat("x", i+1))
	}
	return out, nil
}

func (f *fake) UpdateAlias(_ context.Context, in *lambda.UpdateAliasInput, _ ...func(*lambda.Options)) (*lambda.UpdateAliasOutput, error) {
	if aws.ToString(in.RevisionId) != "r" {
		return nil, cloudtest.Error("Lambda", "UpdateAlias", "PreconditionFailedException", 412)
	}
	f.version, f.weights = *in.FunctionVersion, nil
	if len(in.RoutingConfig.AdditionalVersionWeights) > 0 {
		f.weights = maps.Clone(in.RoutingConfig.AdditionalVersionWeights)
	}
	return &lambda.UpdateAliasOutput{}, nil
}

func (f *fake) DescribeServices(context.Context, *ecs.DescribeServicesInput, ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error) {
	if f.taskDefinition == "" {
		return &ecs.DescribeServicesOutput{Failures: []ecstypes.Failure{{Reason: aws.String("MISSING")}}}, nil
	}
	x := ecstypes.Service{Status: aws.String("ACTIVE"), TaskDefinition: aws.String(f.taskDefinition), DesiredCount: 2, RunningCount: 2,
		Deployments: []ecstypes.Deployment{{TaskDefinition: aws.String(f.taskDefinition)}}}
	if f.replacing != "" {
		x.Deployments = append(x.Deployments, ecstypes.Deployment{TaskDefinition: aws.String(f.replacing)})
	}
	if f.controller != "" {
		x.DeploymentController = &ecstypes.DeploymentController{Type: f.controller}
	}
	if f.pending > 0 {
		f.pending--
		x.RunningCount, x.PendingCount = 1, 1
	}
	return &ecs.DescribeServicesOutput{Services: []ecstypes.Service{x}}, nil
}

func (f *fake) ListTaskDefinitions(context.Context, *ecs.ListTaskDefinitionsInput, ...func(*ecs.Options)) (*ecs.ListTaskDefinitionsOutput, error) {
	out := &ecs.ListTaskDefinitionsOutput{}
	for _, n := range f.definitions {
		out.TaskDefinitionArns = append(out.TaskDefinitionArns, td(n))
	}
	return out, nil
}

func (f *fake) UpdateService(_ context.Context, in *ecs.UpdateServiceInput, _ ...func(*ecs.Options)) (*ecs.UpdateServiceOutput, error) {
	f.taskDefinition, f.replacing = *in.TaskDefinition, ""
	return &ecs.UpdateServiceOutput{}, nil
}

func (f *fake) GetDeployment(context.Context, *codedeploy.GetDeploymentInput, ...func(*codedeploy.Options)) (*codedeploy.GetDeploymentOutput, error) {
	if f.status == "" {
		return nil, cloudtest.Error("CodeDeploy", "GetDeployment", "DeploymentDoesNotExistException", 400)
	}
	return &codedeploy.GetDeploymentOutput{DeploymentInfo: &cdtypes.DeploymentInfo{Status: f.status}}, nil
}

func (f *fake) StopDeployment(_ context.Context, in *codedeploy.StopDeploymentInput, _ ...func(*codedeploy.Options)) (*codedeploy.StopDeploymentOutput, error) {
	if !aws.ToBool(in.AutoRollbackEnabled) {
		return nil, cloudtest.Error("CodeDeploy", "StopDeployment", "InvalidAutoRollbackConfigException", 400)
	}
	f.status = cdtypes.DeploymentStatusStopped
	return &codedeploy.StopDeploymentOutput{}, nil
}

func command(target, event string, with map[string]any) schemas.Command {
	return schemas.Command{Target: schemas.Target{Type: targetType, Account: "123456789012", Region: "eu-central-1", ID: target}, Event: json.RawMessage(event), With: with,
		EventTime: time.Now().Add(-time.Hour)}
}

// The records of calls, as OCSF keeps them.
func aliased(version string) string {
	return `{"api":{"request":{"data":{"functionVersion":"` + version + `"}}}}`
}

const shifting = `{"api":{"request":{"data":{"routingConfig":{"additionalVersionWeights":{"10":0.1}}}}}}`

func deployed(n int) string {
	return `{"api":{"response":{"data":{"service":{"taskDefinition":"` + td(n) + `"}}}}}`
}

func TestContract(t *testing.T) {
	lambdaFake := func(weights map[string]float64, version string) func() *fake {
		return func() *fake {
			return &fake{version: version, weights: weights, versions: []string{"$LATEST", "2", "9", "10", "11"}}
		}
	}
	for name, c := range map[string]struct {
		cmd    schemas.Command
		fresh  func() *fake
		change func(*fake)
	}{
		"alias":               {command(alias, aliased("10"), nil), lambdaFake(nil, "10"), func(f *fake) { f.version = "11" }},
		"alias, by the rule":  {command(alias, `{}`, map[string]any{"version": "2"}), lambdaFake(nil, "10"), func(f *fake) { f.version = "11" }},
		"alias while shifted": {command(alias, shifting, nil), lambdaFake(map[string]float64{"10": 0.1}, "9"), func(f *fake) { f.version = "11" }},
		"service": {command(service, deployed(12), nil), func() *fake { return &fake{taskDefinition: td(12), definitions: []int{12, 10, 9}} },
			func(f *fake) { f.taskDefinition = td(13) }},
	} {
		t.Run(name, func(t *testing.T) {
			actiontest.Run(t, func(*testing.T) actiontest.Subject {
				f := c.fresh()
				return actiontest.Subject{Action: New(f.deps()), Command: c.cmd, State: f.state, Change: func() { c.change(f) }}
			})
		})
	}
	t.Run("deployment", func(t *testing.T) {
		actiontest.Run(t, func(*testing.T) actiontest.Subject {
			f := &fake{status: cdtypes.DeploymentStatusInProgress}
			return actiontest.Subject{Action: struct{ consumers.Action }{New(f.deps())}, Command: command(deployment, `{}`, nil), State: f.state}
		})
	})
}

func TestPlan(t *testing.T) {
	versions := []string{"$LATEST", "2", "9", "10", "11"}
	for name, c := range map[string]struct {
		f    fake
		cmd  schemas.Command
		back string // "" for nothing to do, or "error"
		says string
	}{
		"the version before":          {fake{version: "10", versions: versions}, command(alias, aliased("10"), nil), "9", "the newest version before it"},
		"$LATEST":                     {fake{version: "$LATEST", versions: versions}, command(alias, aliased("$LATEST"), nil), "11", "the newest"},
		"another version meanwhile":   {fake{version: "11", versions: versions}, command(alias, aliased("10"), nil), "", "version 11"},
		"no version before":           {fake{version: "2", versions: versions}, command(alias, aliased("2"), nil), "error", "no version before 2"},
		"shifted":                     {fake{version: "9", weights: map[string]float64{"10": 0.1}}, command(alias, shifting, nil), "9", "rest of the traffic"},
		"shifted whole meanwhile":     {fake{version: "10", versions: versions}, command(alias, shifting, nil), "9", "the newest"},
		"an event that does not say":  {fake{version: "10", versions: versions}, command(alias, `{}`, nil), "error", "name the version"},
		"a setting that is none":      {fake{version: "10"}, command(alias, `{}`, map[string]any{"to": "x"}), "error", "to"},
		"the revision before":         {fake{taskDefinition: td(12), definitions: []int{13, 12, 10, 9}}, command(service, deployed(12), nil), td(10), "the revision before"},
		"what is being replaced":      {fake{taskDefinition: td(12), replacing: td(7), definitions: []int{12, 10}}, command(service, deployed(12), nil), td(7), "being replaced"},
		"another revision meanwhile":  {fake{taskDefinition: td(13)}, command(service, deployed(12), nil), "", td(13)},
		"no revision before":          {fake{taskDefinition: td(1), definitions: []int{1}}, command(service, deployed(1), nil), "error", "no active revision"},
		"a service that is not there": {fake{}, command(service, deployed(1), nil), "error", "no service web in cluster prod"},
		"deployed by CodeDeploy":      {fake{taskDefinition: td(2), controller: ecstypes.DeploymentControllerTypeCodeDeploy}, command(service, deployed(2), nil), "error", "CODE_DEPLOY"},
		"a revision that is no ARN":   {fake{taskDefinition: td(2)}, command(service, `{}`, map[string]any{"version": "web:1"}), "error", "ARN"},
		"a deployment that runs":      {fake{status: cdtypes.DeploymentStatusReady}, command(deployment, `{}`, nil), deployment, "Ready"},
		"a deployment that is over":   {fake{status: cdtypes.DeploymentStatusSucceeded}, command(deployment, `{}`, nil), "", "Succeeded"},
		"no such deployment":          {fake{}, command(deployment, `{}`, nil), "error", "DeploymentDoesNotExist"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := New(c.f.deps()).Plan(t.Context(), c.cmd)
			if c.back == "error" {
				if !fault.IsPermanent(err) || !strings.Contains(err.Error(), c.says) {
					t.Errorf("%+v, %v", p, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			back := ""
			if !p.Empty() {
				for _, k := range []string{"FunctionVersion", "TaskDefinition", "DeploymentId"} {
					if v, ok := p.Calls[0].Params[k].(string); ok {
						back = v
					}
				}
			}
			if back != c.back || !strings.Contains(p.Summary, c.says) {
				t.Errorf("back to %q: %s", back, p.Summary)
			}
		})
	}
}

// A service is waited for until its tasks run, but not for ever.
func TestRest(t *testing.T) {
	for pending, rests := range map[int]bool{5: true, 1 << 20: false} {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{taskDefinition: td(12), definitions: []int{12, 10}}
			a := New(f.deps())
			cmd := command(service, deployed(12), nil)
			p, err := a.Plan(t.Context(), cmd)
			if err != nil {
				t.Fatal(err)
			}
			if err := a.Apply(t.Context(), cmd, p); err != nil {
				t.Fatal(err)
			}
			f.pending = pending
			if _, err := a.Verify(t.Context(), cmd, p); (err == nil) != rests || fault.IsPermanent(err) {
				t.Errorf("%d: %v", pending, err)
			}
		})
	}
}

func TestStoppedForGood(t *testing.T) {
	f := &fake{status: cdtypes.DeploymentStatusInProgress}
	a := New(f.deps())
	cmd := command(deployment, `{}`, nil)
	p, err := a.Plan(t.Context(), cmd)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.(consumers.Undoer).Undo(t.Context(), cmd, p, true); !fault.IsPermanent(err) {
		t.Errorf("%v", err)
	}
	f.status = cdtypes.DeploymentStatusSucceeded // before it could be stopped
	if err := a.Apply(t.Context(), cmd, p); !fault.IsPermanent(err) {
		t.Errorf("%v", err)
	}
}

func TestCanonical(t *testing.T) {
	for raw, key := range map[string]string{
		alias: "deployment:123456789012:eu-central-1:" + alias, service: "deployment:123456789012:eu-central-1:" + service, deployment: "deployment:111122223333:eu-west-1:d-ABCDEF123",
		"arn:aws:lambda:eu-central-1:123456789012:function:resize": "", "arn:aws:lambda:eu-central-1:123456789012:function:resize:7": "",
		"arn:aws:ecs:eu-central-1:123456789012:service/web": "", "arn:aws:ecs:eu-central-1:123456789012:cluster/prod": "", "d-": "", "web": "",
	} {
		got, err := canonical(raw, "111122223333", "eu-west-1")
		if (err == nil) != (key != "") || err == nil && got.Key() != key {
			t.Errorf("%q: %+v, %v", raw, got, err)
		}
	}
}
