//go:build integration

package catalog_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/rds"
)

// buildProjects answers the calls about projects after the API reference of CodeBuild: moto has no UpdateProject. A project is what was told of it last, member
// by member.
func buildProjects() exchange {
	project := map[string]json.RawMessage{}
	told := func(r *http.Request) string {
		if err := json.NewDecoder(r.Body).Decode(&project); err != nil {
			return "{}"
		}
		b, _ := json.Marshal(map[string]any{"project": project})
		return string(b)
	}
	return exchange{
		"CreateProject": told, "UpdateProject": told,
		"BatchGetProjects": func(*http.Request) string {
			found := []any{}
			if len(project) > 0 {
				found = append(found, project)
			}
			b, _ := json.Marshal(map[string]any{"projects": found})
			return string(b)
		},
		"DeleteProject": func(*http.Request) string {
			clear(project)
			return "{}"
		},
	}
}

func buildFixtures() map[string]fixture {
	name, off := aws.String("site"), types.LogsConfigStatusTypeDisabled
	f := fixture{exchange: buildProjects, wrong: makes{"as it should not be": func(t *testing.T, w *world) string {
		must(must(w.CodeBuild(t.Context(), w.account, region))(t).CreateProject(t.Context(), &codebuild.CreateProjectInput{
			Name: name, ServiceRole: aws.String("arn:aws:iam::" + w.account + ":role/build"), Artifacts: &types.ProjectArtifacts{Type: types.ArtifactsTypeNoArtifacts},
			Source: &types.ProjectSource{Type: types.SourceTypeGithub},
			Environment: &types.ProjectEnvironment{Type: types.EnvironmentTypeLinuxContainer, ComputeType: types.ComputeTypeBuildGeneral1Small, Image: aws.String("aws/codebuild/standard:7.0"),
				PrivilegedMode: aws.Bool(true), EnvironmentVariables: []types.EnvironmentVariable{{Name: aws.String("TOKEN"), Value: aws.String("not-a-secret")}}},
			LogsConfig: &types.LogsConfig{CloudWatchLogs: &types.CloudWatchLogsConfig{Status: off}, S3Logs: &types.S3LogsConfig{Status: off, EncryptionDisabled: aws.Bool(true)}},
		}))(t)
		return "arn:aws:codebuild:" + region + ":" + w.account + ":project/site"
	}}, gone: func(t *testing.T, w *world, _ string) {
		must(must(w.CodeBuild(t.Context(), w.account, region))(t).DeleteProject(t.Context(), &codebuild.DeleteProjectInput{Name: name}))(t)
	}}
	leaks := f
	leaks.with, leaks.reports = map[string]any{"variables": "TOKEN"}, "plain text (TOKEN)"
	leaks.mend = func(t *testing.T, w *world, _ string) {
		must(must(w.CodeBuild(t.Context(), w.account, region))(t).UpdateProject(t.Context(), &codebuild.UpdateProjectInput{Name: name,
			Environment: &types.ProjectEnvironment{Type: types.EnvironmentTypeLinuxContainer, ComputeType: types.ComputeTypeBuildGeneral1Small, Image: aws.String("aws/codebuild/standard:7.0"),
				EnvironmentVariables: []types.EnvironmentVariable{{Name: aws.String("TOKEN"), Type: types.EnvironmentVariableTypeSecretsManager, Value: aws.String("build/token")}}}}))(t)
	}
	return map[string]fixture{"codebuild-disable-privileged-mode": f, "codebuild-enable-logs": f, "codebuild-encrypt-s3-logs": f, "codebuild-report-credentials": leaks}
}

// clusterLogin answers the calls about a DB cluster after the API reference of RDS: moto takes EnableIAMDatabaseAuthentication and forgets it.
func clusterLogin() exchange {
	on, there := "false", true
	answer := func(operation string) string {
		cluster := fmt.Sprintf(`<DBClusterIdentifier>ledger</DBClusterIdentifier><IAMDatabaseAuthenticationEnabled>%s</IAMDatabaseAuthenticationEnabled>`, on)
		result := "<DBCluster>" + cluster + "</DBCluster>"
		if operation == "DescribeDBClusters" {
			if result = "<DBClusters/>"; there {
				result = "<DBClusters><DBCluster>" + cluster + "</DBCluster></DBClusters>"
			}
		}
		return fmt.Sprintf(`<%[1]sResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><%[1]sResult>%[2]s</%[1]sResult></%[1]sResponse>`, operation, result)
	}
	return exchange{
		"DescribeDBClusters": func(*http.Request) string { return answer("DescribeDBClusters") },
		"ModifyDBCluster": func(r *http.Request) string {
			on = r.FormValue("EnableIAMDatabaseAuthentication")
			return answer("ModifyDBCluster")
		},
		"DeleteDBCluster": func(*http.Request) string {
			there = false
			return answer("DeleteDBCluster")
		},
	}
}

func clusterLoginFixture() fixture {
	return fixture{exchange: clusterLogin, wrong: makes{"off": func(*testing.T, *world) string { return "ledger" }}, gone: func(t *testing.T, w *world, _ string) {
		must(w.rds(t).DeleteDBCluster(t.Context(), &rds.DeleteDBClusterInput{DBClusterIdentifier: aws.String("ledger"), SkipFinalSnapshot: aws.Bool(true)}))(t)
	}}
}

// secretRotation answers the calls about the rotation of a secret after the API reference of Secrets Manager: moto looks for the function in an account of its own.
func secretRotation() exchange {
	var told struct {
		RotationLambdaARN string
		RotationRules     map[string]any
	}
	on := false
	return exchange{
		"DescribeSecret": func(*http.Request) string {
			b, _ := json.Marshal(map[string]any{"RotationEnabled": on, "RotationLambdaARN": told.RotationLambdaARN, "RotationRules": told.RotationRules})
			return string(b)
		},
		"RotateSecret": func(r *http.Request) string {
			on = json.NewDecoder(r.Body).Decode(&told) == nil
			return "{}"
		},
		"CancelRotateSecret": func(*http.Request) string {
			on = false
			return "{}"
		},
	}
}

// scannedRepository answers the calls about a repository after the API reference of ECR: where scanOnPush is left out, as the SDK does for false, moto keeps
// what was.
func scannedRepository() fixture {
	scans := func() exchange {
		there, now := true, map[string]any{}
		return exchange{
			"DescribeRepositories": func(*http.Request) string {
				all := []any{}
				if there {
					all = append(all, map[string]any{"repositoryName": "shop/web", "imageScanningConfiguration": now})
				}
				b, _ := json.Marshal(map[string]any{"repositories": all})
				return string(b)
			},
			"PutImageScanningConfiguration": func(r *http.Request) string {
				var told struct {
					ImageScanningConfiguration map[string]any `json:"imageScanningConfiguration"`
				}
				if json.NewDecoder(r.Body).Decode(&told) == nil {
					now = told.ImageScanningConfiguration
				}
				return "{}"
			},
			"DeleteRepository": func(*http.Request) string {
				there = false
				return "{}"
			},
		}
	}
	return fixture{exchange: scans, wrong: makes{"off": func(*testing.T, *world) string { return "shop/web" }}, gone: func(t *testing.T, w *world, _ string) {
		must(must(w.ECR(t.Context(), w.account, region))(t).DeleteRepository(t.Context(), &ecr.DeleteRepositoryInput{RepositoryName: aws.String("shop/web")}))(t)
	}}
}
