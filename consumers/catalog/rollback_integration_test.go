//go:build integration

package catalog_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/riposte-security/riposte/internal/cloud"
)

// rollback: aliases and services on moto; of CodeDeploy moto cannot stop a deployment, so that is an exchange after the API reference.
func rollback(t *testing.T, endpoint string) {
	status := "InProgress"
	v := reverting(t, endpoint, "deployment-rollback", exchange{
		"GetDeployment": func(r *http.Request) string {
			return fmt.Sprintf(`{"deploymentInfo":{"deploymentId":%q,"status":%q}}`, deploymentIn(r), status)
		},
		"StopDeployment": func(r *http.Request) string {
			if deploymentIn(r) == "d-ABCDEF123" {
				status = "Stopped"
			}
			return `{"status":"Succeeded","statusMessage":"stopped"}`
		},
	})
	t.Run("alias", func(t *testing.T) { rollbackAlias(t, v) })
	t.Run("service", func(t *testing.T) { rollbackService(t, v) })
	t.Run("deployment", func(t *testing.T) {
		r := start(t, v.Clients, v.name, "d-ABCDEF123", ownAccount, nil)
		v.noting(func() { r.carryOut() })
		if status != "Stopped" {
			t.Errorf("it is %s", status)
		}
	})
	v.policy(t)
}

// deploymentIn is the deployment that a request is about; it has to ask for a rollback where it stops one.
func deploymentIn(r *http.Request) string {
	var in struct {
		ID       string `json:"deploymentId"`
		Rollback *bool  `json:"autoRollbackEnabled"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.Rollback != nil && !*in.Rollback {
		return ""
	}
	return in.ID
}

// twoVersions makes a function that has two versions.
func twoVersions(t *testing.T, c *cloud.Clients) (name string) {
	t.Helper()
	api, roles, name := must(c.Lambda(t.Context(), "", ""))(t), must(c.IAM(t.Context(), "", ""))(t), unique("resize")
	role := must(roles.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[]}`)}))(t).Role.Arn
	code := func(text string) []byte {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		if _, err := must(z.Create("f.py"))(t).Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	must(api.CreateFunction(t.Context(), &lambda.CreateFunctionInput{FunctionName: &name, Role: role, Handler: aws.String("f.f"), Runtime: lambdatypes.RuntimePython313,
		Code: &lambdatypes.FunctionCode{ZipFile: code("1")}, Publish: true}))(t)
	must(api.UpdateFunctionCode(t.Context(), &lambda.UpdateFunctionCodeInput{FunctionName: &name, ZipFile: code("2"), Publish: true}))(t)
	return name
}

func rollbackAlias(t *testing.T, v *revert) {
	api, name := must(v.Lambda(t.Context(), "", ""))(t), twoVersions(t, v.Clients)
	arn := *must(api.CreateAlias(t.Context(), &lambda.CreateAliasInput{FunctionName: &name, Name: aws.String("live"), FunctionVersion: aws.String("2")}))(t).AliasArn
	points := func() string {
		return *must(api.GetAlias(t.Context(), &lambda.GetAliasInput{FunctionName: &name, Name: aws.String("live")}))(t).FunctionVersion
	}
	r := start(t, v.Clients, v.name, arn, ownAccount, nil)
	r.cmd.Event = json.RawMessage(`{"api":{"request":{"data":{"functionVersion":"2"}}}}`)
	v.noting(func() {
		p := r.carryOut()
		if points() != "1" {
			t.Errorf("it points to %s", points())
		}
		if err := r.undo(p, false); err != nil || points() != "2" {
			t.Errorf("undo: %v, it points to %s", err, points())
		}
	})
	r = start(t, v.Clients, v.name, strings.Replace(arn, ":live", ":none", 1), ownAccount, nil)
	if _, err := r.action.Plan(t.Context(), r.cmd); !cloud.Missing(err) {
		t.Errorf("an alias that does not exist: %v", err)
	}
}

func rollbackService(t *testing.T, v *revert) {
	api := must(cloud.For(t.Context(), v.Clients, "", region, func(conf aws.Config) *ecs.Client { return ecs.NewFromConfig(conf) }))(t)
	cluster, family := unique("prod"), unique("web")
	must(api.CreateCluster(t.Context(), &ecs.CreateClusterInput{ClusterName: &cluster}))(t)
	var definitions []string
	for _, image := range []string{"web:1", "web:2"} {
		out := must(api.RegisterTaskDefinition(t.Context(), &ecs.RegisterTaskDefinitionInput{Family: &family, ContainerDefinitions: []ecstypes.ContainerDefinition{
			{Name: aws.String("web"), Image: &image, Memory: aws.Int32(64)}}}))(t)
		definitions = append(definitions, *out.TaskDefinition.TaskDefinitionArn)
	}
	made := must(api.CreateService(t.Context(), &ecs.CreateServiceInput{Cluster: &cluster, ServiceName: aws.String("web"), TaskDefinition: &definitions[1], DesiredCount: aws.Int32(0)}))(t)
	has := func() string {
		return *must(api.DescribeServices(t.Context(), &ecs.DescribeServicesInput{Cluster: &cluster, Services: []string{"web"}}))(t).Services[0].TaskDefinition
	}
	r := start(t, v.Clients, v.name, *made.Service.ServiceArn, ownAccount, nil)
	r.cmd.Event = json.RawMessage(`{"api":{"response":{"data":{"service":{"taskDefinition":"` + definitions[1] + `"}}}}}`)
	v.noting(func() {
		p := r.carryOut()
		if has() != definitions[0] {
			t.Errorf("it has %s", has())
		}
		if err := r.undo(p, false); err != nil || has() != definitions[1] {
			t.Errorf("undo: %v, it has %s", err, has())
		}
	})
}
