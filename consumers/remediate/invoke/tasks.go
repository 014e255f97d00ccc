package invoke

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	batchtypes "github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/riposte-security/riposte/consumers/remediate/attribute"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

type taskSettings struct {
	limited
	Cluster        string            `json:"cluster"`
	Definition     string            `json:"task_definition"`
	Container      string            `json:"container"`
	LaunchType     string            `json:"launch_type"`
	Subnets        attribute.Strings `json:"subnets"`
	SecurityGroups attribute.Strings `json:"security_groups"`
	PublicIP       bool              `json:"public_ip"`
	Command        attribute.Strings `json:"command"`
	Environment    texts             `json:"environment"`
}

func toECS() Target {
	return row[taskSettings, ecs.RunTaskInput, *ecs.Client]{
		service: "ecs", operation: "RunTask",
		client: func(ctx context.Context, c *cloud.Clients, account, region string) (*ecs.Client, error) {
			return cloud.For(ctx, c, account, region, func(conf aws.Config) *ecs.Client { return ecs.NewFromConfig(conf) })
		},
		at:    func(s taskSettings) string { return s.Cluster },
		build: buildTask,
		send: func(ctx context.Context, api *ecs.Client, in ecs.RunTaskInput) (schemas.Run, error) {
			out, err := api.RunTask(ctx, &in)
			if err != nil {
				return schemas.Run{}, err
			}
			for _, f := range out.Failures { // a lack of room passes
				return schemas.Run{}, fmt.Errorf("ECS RunTask: %s %s", aws.ToString(f.Reason), aws.ToString(f.Detail))
			}
			if len(out.Tasks) == 0 {
				return schemas.Run{}, errors.New("ECS RunTask: no task was started")
			}
			return schemas.Run{Ref: aws.ToString(out.Tasks[0].TaskArn)}, nil
		},
		poll: pollTask,
	}.target(spec("ecs-task", "Runs a task on Amazon ECS, and follows it until its containers have ended. Its client token is the command's id, which also stands in the environment "+
		"(RIPOSTE_COMMAND). Containers have to end with exit code 0.",
		[]string{"ecs:DescribeTasks", "ecs:RunTask", "iam:PassRole"},
		followed(
			schemas.Setting{Name: "cluster", Type: "string", Required: true, Help: "name or ARN"},
			schemas.Setting{Name: "task_definition", Type: "string", Required: true, Help: "family, family:revision or ARN"},
			schemas.Setting{Name: "container", Type: "string", Help: "the container that command and environment are for; without it, the task runs as it is defined"},
			schemas.Setting{Name: "launch_type", Type: "string", Default: "FARGATE", Help: "FARGATE, EC2 or EXTERNAL"},
			schemas.Setting{Name: "subnets", Type: "list", Help: "subnets of a task in the network mode awsvpc"},
			schemas.Setting{Name: "security_groups", Type: "list", Help: "its security groups"},
			schemas.Setting{Name: "public_ip", Type: "bool", Default: "false", Help: "give it a public address"},
			schemas.Setting{Name: "command", Type: "list", Help: "command of the container, in the place of its own"},
			schemas.Setting{Name: "environment", Type: "map", Help: "variables of the container, beside RIPOSTE_COMMAND, RIPOSTE_RULE, RIPOSTE_SEVERITY, RIPOSTE_EVENT and RIPOSTE_TARGET"},
		)...))
}

func buildTask(cmd schemas.Command, s taskSettings) (ecs.RunTaskInput, []byte, string, error) {
	in := ecs.RunTaskInput{
		Cluster: aws.String(s.Cluster), TaskDefinition: aws.String(s.Definition), ClientToken: aws.String(cmd.ID), StartedBy: aws.String("riposte/" + clip(cmd.Rule, 100)),
		LaunchType: ecstypes.LaunchType(orElse(s.LaunchType, "FARGATE")), Count: aws.Int32(1),
	}
	switch {
	case s.Cluster == "" || s.Definition == "":
		return in, nil, "", errors.New("with: cluster and task_definition are needed")
	case s.Container == "" && (len(s.Command) > 0 || len(s.Environment) > 0):
		return in, nil, "", errors.New("with.container: command and environment need the name of the container that they are for")
	case len(s.Subnets) > 0:
		public := ecstypes.AssignPublicIpDisabled
		if s.PublicIP {
			public = ecstypes.AssignPublicIpEnabled
		}
		in.NetworkConfiguration = &ecstypes.NetworkConfiguration{AwsvpcConfiguration: &ecstypes.AwsVpcConfiguration{
			Subnets: s.Subnets, SecurityGroups: s.SecurityGroups, AssignPublicIp: public,
		}}
	}
	if s.Container != "" {
		env, err := s.Environment.environment(cmd)
		if err != nil {
			return in, nil, "", err
		}
		override := ecstypes.ContainerOverride{Name: aws.String(s.Container), Command: s.Command}
		for _, k := range env.names() {
			override.Environment = append(override.Environment, ecstypes.KeyValuePair{Name: aws.String(k), Value: aws.String(env[k])})
		}
		in.Overrides = &ecstypes.TaskOverride{ContainerOverrides: []ecstypes.ContainerOverride{override}}
	}
	return in, nil, "run task " + s.Definition + " on cluster " + s.Cluster, nil
}

func pollTask(ctx context.Context, api *ecs.Client, in ecs.RunTaskInput, run schemas.Run) (progress, error) {
	out, err := api.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: in.Cluster, Tasks: []string{run.Ref}})
	if err != nil {
		return progress{}, err
	}
	if len(out.Tasks) == 0 { // ECS forgets tasks an hour after their end, and shows new ones late
		for _, f := range out.Failures {
			return progress{}, fault.Permanent(fmt.Errorf("%s: %s", run.Ref, aws.ToString(f.Reason)))
		}
		return progress{status: "unknown"}, nil
	}
	t := out.Tasks[0]
	is := progress{status: aws.ToString(t.LastStatus)}
	if is.status != "STOPPED" {
		return is, nil
	}
	codes := map[string]any{}
	for _, c := range t.Containers {
		name := aws.ToString(c.Name)
		if c.ExitCode == nil {
			return is, badly(run.Ref, is.status, t.StoppedReason, aws.String("container "+name+" did not run"), c.Reason)
		}
		if codes[name] = *c.ExitCode; *c.ExitCode != 0 {
			return is, badly(run.Ref, is.status, t.StoppedReason, aws.String(fmt.Sprintf("container %s ended with %d", name, *c.ExitCode)), c.Reason)
		}
	}
	if len(codes) == 0 {
		return is, badly(run.Ref, is.status, t.StoppedReason, aws.String("no container ran"))
	}
	is.ended, is.output = true, map[string]any{"exit_codes": codes}
	return is, nil
}

type jobSettings struct {
	limited
	Queue       string            `json:"job_queue"`
	Definition  string            `json:"job_definition"`
	Parameters  texts             `json:"parameters"`
	Command     attribute.Strings `json:"command"`
	Environment texts             `json:"environment"`
}

func toBatch() Target {
	return row[jobSettings, batch.SubmitJobInput, *batch.Client]{
		service: "batch", operation: "SubmitJob",
		client: func(ctx context.Context, c *cloud.Clients, account, region string) (*batch.Client, error) {
			return cloud.For(ctx, c, account, region, func(conf aws.Config) *batch.Client { return batch.NewFromConfig(conf) })
		},
		at: func(s jobSettings) string { return s.Queue },
		build: func(cmd schemas.Command, s jobSettings) (batch.SubmitJobInput, []byte, string, error) {
			in := batch.SubmitJobInput{JobName: aws.String("riposte-" + cmd.ID), JobQueue: aws.String(s.Queue), JobDefinition: aws.String(s.Definition), Parameters: s.Parameters}
			if s.Queue == "" || s.Definition == "" {
				return in, nil, "", errors.New("with: job_queue and job_definition are needed")
			}
			env, err := s.Environment.environment(cmd)
			in.ContainerOverrides = &batchtypes.ContainerOverrides{Command: s.Command}
			for _, k := range env.names() {
				in.ContainerOverrides.Environment = append(in.ContainerOverrides.Environment, batchtypes.KeyValuePair{Name: aws.String(k), Value: aws.String(env[k])})
			}
			return in, nil, "submit job " + s.Definition + " to queue " + s.Queue, err
		},
		send: func(ctx context.Context, api *batch.Client, in batch.SubmitJobInput) (schemas.Run, error) {
			out, err := api.SubmitJob(ctx, &in, func(o *batch.Options) { o.RetryMaxAttempts = 1 })
			if err != nil {
				return schemas.Run{}, err
			}
			return schemas.Run{Ref: aws.ToString(out.JobId)}, nil
		},
		find: func(ctx context.Context, api *batch.Client, _ schemas.Command, in batch.SubmitJobInput) (schemas.Run, error) {
			out, err := api.ListJobs(ctx, &batch.ListJobsInput{
				JobQueue: in.JobQueue, Filters: []batchtypes.KeyValuesPair{{Name: aws.String("JOB_NAME"), Values: []string{*in.JobName}}},
			})
			if err != nil {
				return schemas.Run{}, err
			}
			for _, j := range out.JobSummaryList {
				if aws.ToString(j.JobName) == *in.JobName {
					return schemas.Run{Ref: aws.ToString(j.JobId)}, nil
				}
			}
			return schemas.Run{}, nil
		},
		poll: func(ctx context.Context, api *batch.Client, _ batch.SubmitJobInput, run schemas.Run) (progress, error) {
			out, err := api.DescribeJobs(ctx, &batch.DescribeJobsInput{Jobs: []string{run.Ref}})
			if err != nil || len(out.Jobs) == 0 {
				return progress{status: "unknown"}, err
			}
			j := out.Jobs[0]
			is := progress{status: string(j.Status)}
			switch j.Status {
			case batchtypes.JobStatusSucceeded:
				is.ended = true
			case batchtypes.JobStatusFailed:
				var why *string
				if j.Container != nil {
					why = j.Container.Reason
				}
				return is, badly(run.Ref, is.status, j.StatusReason, why)
			default: // on its way
			}
			return is, nil
		},
	}.target(spec("batch-job", "Submits a job to AWS Batch, and follows it to its end. Batch takes no idempotency key: a job that was submitted is found again by its name, riposte- and "+
		"the command's id.",
		[]string{"batch:DescribeJobs", "batch:ListJobs", "batch:SubmitJob"},
		followed(
			schemas.Setting{Name: "job_queue", Type: "string", Required: true, Help: "name or ARN"},
			schemas.Setting{Name: "job_definition", Type: "string", Required: true, Help: "name, name:revision or ARN"},
			schemas.Setting{Name: "parameters", Type: "map", Help: "parameters of the job definition"},
			schemas.Setting{Name: "command", Type: "list", Help: "command of the container, in the place of its own"},
			schemas.Setting{Name: "environment", Type: "map", Help: "variables of the container, beside RIPOSTE_COMMAND, RIPOSTE_RULE, RIPOSTE_SEVERITY, RIPOSTE_EVENT and RIPOSTE_TARGET"},
		)...))
}
