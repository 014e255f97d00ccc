package invoke

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	cbtypes "github.com/aws/aws-sdk-go-v2/service/codebuild/types"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline"
	cptypes "github.com/aws/aws-sdk-go-v2/service/codepipeline/types"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/schemas"
)

type buildSettings struct {
	limited
	Project     string `json:"project"`
	Version     string `json:"source_version"`
	Environment texts  `json:"environment"`
}

func toCodeBuild() Target {
	return row[buildSettings, codebuild.StartBuildInput, *codebuild.Client]{
		service: "codebuild", operation: "StartBuild",
		client: func(ctx context.Context, c *cloud.Clients, account, region string) (*codebuild.Client, error) {
			return cloud.For(ctx, c, account, region, func(conf aws.Config) *codebuild.Client { return codebuild.NewFromConfig(conf) })
		},
		at: func(s buildSettings) string { return s.Project },
		build: func(cmd schemas.Command, s buildSettings) (codebuild.StartBuildInput, []byte, string, error) {
			in := codebuild.StartBuildInput{ProjectName: aws.String(lastOf(s.Project)), IdempotencyToken: aws.String(cmd.ID)}
			if s.Project == "" {
				return in, nil, "", errors.New("with.project is empty")
			}
			if s.Version != "" {
				in.SourceVersion = aws.String(s.Version)
			}
			env, err := s.Environment.environment(cmd)
			for _, k := range env.names() {
				in.EnvironmentVariablesOverride = append(in.EnvironmentVariablesOverride,
					cbtypes.EnvironmentVariable{Name: aws.String(k), Value: aws.String(env[k]), Type: cbtypes.EnvironmentVariableTypePlaintext})
			}
			return in, nil, "build " + s.Project, err
		},
		send: func(ctx context.Context, api *codebuild.Client, in codebuild.StartBuildInput) (schemas.Run, error) {
			out, err := api.StartBuild(ctx, &in)
			if err != nil || out.Build == nil {
				return schemas.Run{}, err
			}
			return schemas.Run{Ref: aws.ToString(out.Build.Id)}, nil
		},
		poll: func(ctx context.Context, api *codebuild.Client, _ codebuild.StartBuildInput, run schemas.Run) (progress, error) {
			out, err := api.BatchGetBuilds(ctx, &codebuild.BatchGetBuildsInput{Ids: []string{run.Ref}})
			if err != nil || len(out.Builds) == 0 {
				return progress{status: "unknown"}, err
			}
			b := out.Builds[0]
			is := progress{status: string(b.BuildStatus)}
			switch b.BuildStatus {
			case cbtypes.StatusTypeSucceeded:
				exported := map[string]string{}
				for _, v := range b.ExportedEnvironmentVariables {
					exported[aws.ToString(v.Name)] = clip(aws.ToString(v.Value), kib)
				}
				is.ended, is.output = true, map[string]any{"exported": exported}
			case cbtypes.StatusTypeFailed, cbtypes.StatusTypeFault, cbtypes.StatusTypeStopped, cbtypes.StatusTypeTimedOut:
				return is, badly(run.Ref, is.status, failedPhase(b))
			case cbtypes.StatusTypeInProgress:
			}
			return is, nil
		},
	}.target(spec("codebuild", "Starts a build of AWS CodeBuild, and follows it to its end. Its idempotency token is the command's id, which CodeBuild remembers for five minutes.",
		[]string{"codebuild:BatchGetBuilds", "codebuild:StartBuild"},
		followed(
			schemas.Setting{Name: "project", Type: "string", Required: true, Help: "name or ARN"},
			schemas.Setting{Name: "source_version", Type: "string", Help: "branch, tag or commit; the project's own otherwise"},
			schemas.Setting{Name: "environment", Type: "map", Help: "variables of the build, beside RIPOSTE_COMMAND, RIPOSTE_RULE, RIPOSTE_SEVERITY, RIPOSTE_EVENT and RIPOSTE_TARGET"},
		)...))
}

// failedPhase says which phase of a build went wrong, and why.
func failedPhase(b cbtypes.Build) *string {
	for _, p := range b.Phases {
		if p.PhaseStatus == "" || p.PhaseStatus == cbtypes.StatusTypeSucceeded || p.PhaseStatus == cbtypes.StatusTypeInProgress {
			continue
		}
		text := "phase " + string(p.PhaseType)
		for _, c := range p.Contexts {
			text += ": " + aws.ToString(c.Message)
		}
		return &text
	}
	return nil
}

type pipelineSettings struct {
	limited
	Pipeline  string `json:"pipeline"`
	Variables texts  `json:"variables"`
}

func toCodePipeline() Target {
	return row[pipelineSettings, codepipeline.StartPipelineExecutionInput, *codepipeline.Client]{
		service: "codepipeline", operation: "StartPipelineExecution",
		client: func(ctx context.Context, c *cloud.Clients, account, region string) (*codepipeline.Client, error) {
			return cloud.For(ctx, c, account, region, func(conf aws.Config) *codepipeline.Client { return codepipeline.NewFromConfig(conf) })
		},
		at: func(s pipelineSettings) string { return s.Pipeline },
		build: func(cmd schemas.Command, s pipelineSettings) (codepipeline.StartPipelineExecutionInput, []byte, string, error) {
			in := codepipeline.StartPipelineExecutionInput{Name: aws.String(lastOf(s.Pipeline)), ClientRequestToken: aws.String(cmd.ID)}
			if s.Pipeline == "" {
				return in, nil, "", errors.New("with.pipeline is empty")
			}
			for _, k := range s.Variables.names() {
				in.Variables = append(in.Variables, cptypes.PipelineVariable{Name: aws.String(k), Value: aws.String(s.Variables[k])})
			}
			return in, nil, "start pipeline " + s.Pipeline, nil
		},
		send: func(ctx context.Context, api *codepipeline.Client, in codepipeline.StartPipelineExecutionInput) (schemas.Run, error) {
			out, err := api.StartPipelineExecution(ctx, &in)
			if err != nil {
				return schemas.Run{}, err
			}
			return schemas.Run{Ref: aws.ToString(out.PipelineExecutionId)}, nil
		},
		poll: func(ctx context.Context, api *codepipeline.Client, in codepipeline.StartPipelineExecutionInput, run schemas.Run) (progress, error) {
			out, err := api.GetPipelineExecution(ctx, &codepipeline.GetPipelineExecutionInput{PipelineName: in.Name, PipelineExecutionId: &run.Ref})
			if err != nil || out.PipelineExecution == nil {
				return progress{status: "unknown"}, err
			}
			e := out.PipelineExecution
			is := progress{status: string(e.Status)}
			switch e.Status {
			case cptypes.PipelineExecutionStatusSucceeded:
				is.ended = true
			case cptypes.PipelineExecutionStatusFailed, cptypes.PipelineExecutionStatusCancelled, cptypes.PipelineExecutionStatusStopped,
				cptypes.PipelineExecutionStatusSuperseded:
				return is, badly(run.Ref, is.status, e.StatusSummary)
			case cptypes.PipelineExecutionStatusInProgress, cptypes.PipelineExecutionStatusStopping:
			}
			return is, nil
		},
	}.target(spec("codepipeline", "Starts an execution of an AWS CodePipeline pipeline, and follows it to its end. Its request token is the command's id.",
		[]string{"codepipeline:GetPipelineExecution", "codepipeline:StartPipelineExecution"},
		followed(
			schemas.Setting{Name: "pipeline", Type: "string", Required: true, Help: "name or ARN"},
			schemas.Setting{Name: "variables", Type: "map", Help: "variables of the pipeline"},
		)...))
}
