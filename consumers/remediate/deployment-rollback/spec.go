package deploymentrollback

import (
	"fmt"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/riposte-security/riposte/schemas"
)

const targetType = "deployment"

// Spec describes the action.
func Spec() schemas.ActionSpec {
	return schemas.ActionSpec{
		Name: "deployment-rollback",
		Lane: schemas.LaneRemediate,
		Summary: "Takes a deployment back, if what the event deployed is still there. The alias of a Lambda function goes back to the version that has the rest of the traffic, or to " +
			"the newest one before. An ECS service goes back to the task definition that is being replaced, or to the revision before, and is waited for until its tasks run. " +
			"A running deployment of CodeDeploy is stopped, and the last good revision deployed again. The target is the ARN of an alias or of a service, or the id of a deployment (d-…).",
		TargetType: targetType,
		Settings: []schemas.Setting{
			{Name: "version", Type: "string", Help: "what to go back to: a version of the function, or the ARN of a task definition; by default it is found, and then the event must say what was deployed"},
		},
		Undo:         true,
		Irreversible: "a deployment of CodeDeploy that was stopped does not go on; requests that the version before has answered",
		Policy: []string{
			"lambda:GetAlias", "lambda:ListVersionsByFunction", "lambda:UpdateAlias", "ecs:DescribeServices", "ecs:ListTaskDefinitions", "ecs:UpdateService",
			"codedeploy:GetDeployment", "codedeploy:StopDeployment",
		},
		Canonical: canonical,
		Code:      &schemas.Code{Attribute: "the version that is deployed", Resources: []string{"aws_lambda_alias", "aws_ecs_service"}},
	}
}

// canonical takes the ARN of an alias or service, whose account and region go before the event's, or the id of a deployment.
func canonical(raw, account, region string) (schemas.Target, error) {
	t := schemas.Target{Type: targetType, Account: account, Region: region, ID: raw}
	if regexp.MustCompile(`^d-[A-Z0-9]{1,30}$`).MatchString(raw) && region != "" {
		return t, nil
	}
	a, err := arn.Parse(raw)
	if err != nil {
		return schemas.Target{}, fmt.Errorf("deployment %q: the ARN of an alias of a Lambda function or of an ECS service, or the id of a deployment (d-…), expected", raw)
	}
	t.Account, t.Region = a.AccountID, a.Region
	switch {
	case a.Service == "lambda" && regexp.MustCompile(`^function:[A-Za-z0-9_-]{1,140}:[A-Za-z0-9_-]{1,128}$`).MatchString(a.Resource) && !regexp.MustCompile(`:[0-9]+$`).MatchString(a.Resource):
		return t, nil
	case a.Service == "ecs" && regexp.MustCompile(`^service/[A-Za-z0-9_-]{1,255}/[A-Za-z0-9_-]{1,255}$`).MatchString(a.Resource):
		return t, nil
	}
	return schemas.Target{}, fmt.Errorf("deployment %q: neither the ARN of an alias (arn:aws:lambda:…:function:NAME:ALIAS) nor of a service (arn:aws:ecs:…:service/CLUSTER/NAME)", raw)
}
