package deploymentrollback

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/tidwall/gjson"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// ECSAPI is what takes a service back.
type ECSAPI interface {
	DescribeServices(context.Context, *ecs.DescribeServicesInput, ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error)
	ListTaskDefinitions(context.Context, *ecs.ListTaskDefinitionsInput, ...func(*ecs.Options)) (*ecs.ListTaskDefinitionsOutput, error)
	UpdateService(context.Context, *ecs.UpdateServiceInput, ...func(*ecs.Options)) (*ecs.UpdateServiceOutput, error)
}

type ecsService struct{ Deps }

// names are of the cluster and the service: arn:aws:ecs:REGION:ACCOUNT:service/CLUSTER/NAME.
func (ecsService) names(cmd schemas.Command) (cluster, service string) {
	parts := append(strings.Split(cmd.Target.ID, "/"), "", "", "")
	return parts[1], parts[2]
}

func (k ecsService) read(ctx context.Context, cmd schemas.Command, planning bool) (state, error) {
	api, err := k.ECS(ctx, cmd.Target.Account, cmd.Target.Region)
	if err != nil {
		return state{}, err
	}
	cluster, service := k.names(cmd)
	out, err := api.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &cluster, Services: []string{service}})
	if err != nil {
		return state{}, cloud.Classify(err)
	}
	if len(out.Services) != 1 || aws.ToString(out.Services[0].Status) == "INACTIVE" {
		return state{}, fault.Permanent(fmt.Errorf("ecs DescribeServices: no service %s in cluster %s", service, cluster))
	}
	x := out.Services[0]
	if x.DeploymentController != nil && x.DeploymentController.Type != types.DeploymentControllerTypeEcs && x.DeploymentController.Type != "" {
		return state{}, fault.Permanent(fmt.Errorf("it is deployed by %s: take the deployment back there", x.DeploymentController.Type))
	}
	s := state{TaskDefinition: aws.ToString(x.TaskDefinition), settled: settled(x)}
	if !planning {
		return s, nil
	}
	return s, k.previous(ctx, api, cmd, x, &s)
}

// settled: one deployment is left, and all of its tasks run.
func settled(x types.Service) bool {
	return len(x.Deployments) <= 1 && x.RunningCount == x.DesiredCount && x.PendingCount == 0
}

// previous finds what to go back to: what a deployment that goes on still replaces, or the revision before.
func (k ecsService) previous(ctx context.Context, api ECSAPI, cmd schemas.Command, x types.Service, s *state) error {
	with, err := settingsOf(cmd)
	if err != nil {
		return err
	}
	if with.Version != "" {
		if !strings.HasPrefix(with.Version, "arn:") {
			return fault.Permanent(fmt.Errorf("with.version: %q: the ARN of a task definition expected", with.Version))
		}
		s.back, s.from = &state{TaskDefinition: with.Version}, "as the rule says"
		return nil
	}
	bad := gjson.GetBytes(cmd.Event, "api.response.data.service.taskDefinition").String()
	if bad == "" {
		return errUnknown()
	}
	if bad != s.TaskDefinition {
		s.from = "it has " + s.TaskDefinition
		return nil
	}
	for _, d := range x.Deployments { // the newest first
		if td := aws.ToString(d.TaskDefinition); td != "" && td != bad {
			s.back, s.from = &state{TaskDefinition: td}, "which is being replaced"
			return nil
		}
	}
	td, err := revisionBefore(ctx, api, bad)
	if err != nil {
		return err
	}
	s.back, s.from = &state{TaskDefinition: td}, "the revision before"
	return nil
}

// revisionBefore finds the newest active revision of a family that is older than one.
func revisionBefore(ctx context.Context, api ECSAPI, than string) (string, error) {
	family, n := revision(than)
	in := &ecs.ListTaskDefinitionsInput{FamilyPrefix: &family, Status: types.TaskDefinitionStatusActive, Sort: types.SortOrderDesc}
	best, bestN := "", 0
	for range mostPages {
		out, err := api.ListTaskDefinitions(ctx, in)
		if err != nil {
			return "", cloud.Classify(err)
		}
		for _, td := range out.TaskDefinitionArns {
			if f, m := revision(td); f == family && m < n && m > bestN {
				best, bestN = td, m
			}
		}
		if in.NextToken = out.NextToken; aws.ToString(out.NextToken) == "" {
			if best == "" {
				return "", fault.Permanent(fmt.Errorf("there is no active revision before %s", than))
			}
			return best, nil
		}
	}
	return "", fault.Permanent(errors.New("ecs ListTaskDefinitions: the pages do not end"))
}

// revision takes the ARN of a task definition apart: arn:aws:ecs:REGION:ACCOUNT:task-definition/FAMILY:N.
func revision(td string) (family string, n int) {
	name := td[strings.LastIndexByte(td, '/')+1:]
	family, digits, _ := strings.Cut(name, ":")
	n, err := strconv.Atoi(digits)
	if err != nil {
		return family, 0
	}
	return family, n
}

func (k ecsService) write(ctx context.Context, cmd schemas.Command, _, to state) error {
	api, err := k.ECS(ctx, cmd.Target.Account, cmd.Target.Region)
	if err != nil {
		return err
	}
	cluster, service := k.names(cmd)
	_, err = api.UpdateService(ctx, &ecs.UpdateServiceInput{Cluster: &cluster, Service: &service, TaskDefinition: &to.TaskDefinition})
	return cloud.Classify(err)
}

func (k ecsService) call(cmd schemas.Command, to state) schemas.Call {
	cluster, service := k.names(cmd)
	return schemas.Call{Service: "ecs", Operation: "UpdateService", Params: map[string]any{"Cluster": cluster, "Service": service, "TaskDefinition": to.TaskDefinition}}
}

func (ecsService) text(s state) string { return s.TaskDefinition }
