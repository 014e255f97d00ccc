package table

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

func codebuildRows() []Action {
	return []Action{buildUnprivileged(), buildLogs(), buildLogsEncrypted(), buildCredentials()}
}

// project completes a row that reads a part of a build project.
func project[S any](r row[*codebuild.Client, S], get func(*types.Project) S) Action {
	r.Target = named("codebuild-project", "project", func(id string) bool { return isName(id, 150, "_-") })
	r.API, r.Policy = (*cloud.Clients).CodeBuild, []string{"codebuild:BatchGetProjects"}
	if r.Write != nil {
		r.Policy = append(r.Policy, "codebuild:UpdateProject")
	}
	r.Read = func(ctx context.Context, api *codebuild.Client, in input, _ *S) (S, error) {
		var none S
		out, err := api.BatchGetProjects(ctx, &codebuild.BatchGetProjectsInput{Names: []string{in.ID}})
		if err != nil {
			return none, err
		}
		if len(out.Projects) != 1 {
			return none, fault.Permanent(errors.New("CodeBuild knows no such project"))
		}
		return get(&out.Projects[0]), nil
	}
	return action(r)
}

// privileges are whether the builds of a project run privileged. Environment is all that UpdateProject wants to be told with it, as it was just read; it may hold
// secrets in variables, and is neither kept nor printed.
type privileges struct {
	Privileged  bool `json:"privileged"`
	environment *types.ProjectEnvironment
}

func buildUnprivileged() Action {
	return project(row[*codebuild.Client, privileges]{
		Name: "codebuild-disable-privileged-mode", // Security Hub had a control for it, CodeBuild.5, until 2024
		Does: "Runs the builds of a project without privileges over the machine that they run on. Builds that need a Docker daemon of their own fail.",
		Do:   "take the privileges from the builds of", Done: "builds without privileges",
		Want: func(_ input, now privileges) (privileges, error) {
			now.Privileged = false
			return now, nil
		},
		Same: func(a, b privileges) bool { return a.Privileged == b.Privileged },
		Write: func(in input, from, to privileges) []call[*codebuild.Client] {
			env := types.ProjectEnvironment{}
			if from.environment != nil {
				env = *from.environment
			}
			env.PrivilegedMode = &to.Privileged
			c := calling((*codebuild.Client).UpdateProject, &codebuild.UpdateProjectInput{Name: &in.ID, Environment: &env})
			if shown, ok := c.Params["Environment"].(map[string]any); ok && shown["EnvironmentVariables"] != nil {
				shown["EnvironmentVariables"] = "as they are"
			}
			return []call[*codebuild.Client]{c}
		},
		Code: declared("aws_codebuild_project", "privileged mode", "environment {\n  # what stands here stays\n  privileged_mode = false\n}", "Environment:\n  PrivilegedMode: false"),
	}, func(p *types.Project) privileges {
		on := p.Environment != nil && aws.ToBool(p.Environment.PrivilegedMode)
		return privileges{on, p.Environment}
	})
}

func buildLogs() Action {
	return project(row[*codebuild.Client, *types.LogsConfig]{
		Name: "codebuild-enable-logs", Controls: []string{"CodeBuild.4"},
		Does:     "Has the builds of a project logged to CloudWatch Logs. One that logs somewhere already is left alone.",
		Settings: []schemas.Setting{{Name: "log_group", Type: "string", Help: "log group; without it, CodeBuild's own for the project"}},
		Do:       "turn build logs on for", Done: "has build logs",
		Want: func(in input, now *types.LogsConfig) (*types.LogsConfig, error) {
			if logsTo(now) {
				return now, nil
			}
			logs := &types.CloudWatchLogsConfig{Status: types.LogsConfigStatusTypeEnabled}
			if group := in.text("log_group"); group != "" {
				logs.GroupName = &group
			}
			want := &types.LogsConfig{CloudWatchLogs: logs}
			if now != nil {
				want.S3Logs = now.S3Logs
			}
			return want, nil
		},
		Write: writeLogs,
		Code: declared("aws_codebuild_project", "build logs", "logs_config {\n  cloudwatch_logs {\n    status = \"ENABLED\"{{ with .With.log_group }}\n    group_name = {{ quote . }}{{ end }}\n  }\n}",
			"LogsConfig:\n  CloudWatchLogs:\n    Status: ENABLED{{ with .With.log_group }}\n    GroupName: {{ quote . }}{{ end }}"),
	}, func(p *types.Project) *types.LogsConfig { return p.LogsConfig })
}

// logsTo tells whether a project logs anywhere. One without a word about it logs to CloudWatch.
func logsTo(c *types.LogsConfig) bool {
	if c == nil || c.CloudWatchLogs == nil && c.S3Logs == nil {
		return true
	}
	return c.CloudWatchLogs != nil && c.CloudWatchLogs.Status == types.LogsConfigStatusTypeEnabled || c.S3Logs != nil && c.S3Logs.Status == types.LogsConfigStatusTypeEnabled
}

func writeLogs(in input, _, to *types.LogsConfig) []call[*codebuild.Client] {
	return one((*codebuild.Client).UpdateProject, &codebuild.UpdateProjectInput{Name: &in.ID, LogsConfig: to})
}

func buildLogsEncrypted() Action {
	return project(row[*codebuild.Client, *types.LogsConfig]{
		Name: "codebuild-encrypt-s3-logs", Controls: []string{"CodeBuild.3"},
		Does:         "Has a project encrypt the build logs that it writes to S3. One that writes none there is left alone.",
		Irreversible: "logs written in the meantime stay encrypted",
		Do:           "encrypt the S3 logs of", Done: "writes no log to S3 that is not encrypted",
		Want: func(_ input, now *types.LogsConfig) (*types.LogsConfig, error) {
			if now == nil || now.S3Logs == nil || !aws.ToBool(now.S3Logs.EncryptionDisabled) {
				return now, nil
			}
			want, s3 := *now, *now.S3Logs
			s3.EncryptionDisabled, want.S3Logs = aws.Bool(false), &s3
			return &want, nil
		},
		Write: writeLogs,
		Code: declared("aws_codebuild_project", "encryption of logs", "logs_config {\n  s3_logs {\n    # what stands here stays\n    encryption_disabled = false\n  }\n}",
			"LogsConfig:\n  S3Logs:\n    EncryptionDisabled: false"),
	}, func(p *types.Project) *types.LogsConfig { return p.LogsConfig })
}

// buildCredentials reports names of variables, and never looks at what they hold.
func buildCredentials() Action {
	return project(row[*codebuild.Client, []string]{
		Name: "codebuild-report-credentials", Controls: []string{"CodeBuild.2"},
		Does: "Reports a project whose environment holds credentials in plain text: everybody who may read the project has them. It calls nothing, because builds that need " +
			"them would fail, and who has seen them keeps them: they have to be replaced.",
		Settings: []schemas.Setting{{Name: "variables", Type: "list", Default: "AWS_ACCESS_KEY_ID,AWS_SECRET_ACCESS_KEY", Help: "variables that hold credentials"}},
		Done:     "holds no credentials in plain text",
		Report: func(in input, now []string) string {
			bad := slices.DeleteFunc(slices.Clone(now), func(name string) bool { return !slices.Contains(in.list("variables"), name) })
			if len(bad) == 0 {
				return ""
			}
			return "it holds credentials in plain text (" + strings.Join(bad, ", ") + "): somebody has to replace them, and give the builds a role or a secret of Secrets Manager"
		},
	}, func(p *types.Project) (plain []string) {
		if p.Environment == nil {
			return nil
		}
		for _, v := range p.Environment.EnvironmentVariables {
			if v.Type == "" || v.Type == types.EnvironmentVariableTypePlaintext {
				plain = append(plain, aws.ToString(v.Name))
			}
		}
		slices.Sort(plain)
		return plain
	})
}
