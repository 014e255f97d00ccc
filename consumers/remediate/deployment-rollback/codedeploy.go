package deploymentrollback

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// CodeDeployAPI is what stops a deployment.
type CodeDeployAPI interface {
	GetDeployment(context.Context, *codedeploy.GetDeploymentInput, ...func(*codedeploy.Options)) (*codedeploy.GetDeploymentOutput, error)
	StopDeployment(context.Context, *codedeploy.StopDeploymentInput, ...func(*codedeploy.Options)) (*codedeploy.StopDeploymentOutput, error)
}

type codeDeploy struct{ Deps }

func (k codeDeploy) read(ctx context.Context, cmd schemas.Command, planning bool) (state, error) {
	api, err := k.CodeDeploy(ctx, cmd.Target.Account, cmd.Target.Region)
	if err != nil {
		return state{}, err
	}
	if planning {
		if _, err := settingsOf(cmd); err != nil {
			return state{}, err
		}
	}
	out, err := api.GetDeployment(ctx, &codedeploy.GetDeploymentInput{DeploymentId: &cmd.Target.ID})
	if cloud.Code(err) == "DeploymentDoesNotExistException" {
		return state{}, fault.Permanent(cloud.Classify(err))
	}
	if err != nil {
		return state{}, cloud.Classify(err)
	}
	if out.DeploymentInfo == nil {
		return state{}, errors.New("codedeploy GetDeployment: the answer does not hold the deployment")
	}
	s := state{from: "it is " + string(out.DeploymentInfo.Status)}
	switch out.DeploymentInfo.Status {
	case types.DeploymentStatusSucceeded:
		s.settled = true
	case types.DeploymentStatusStopped, types.DeploymentStatusFailed:
		s.Stopped, s.settled = true, true
	default:
		s.Running = true
		s.back = &state{Stopped: true}
	}
	return s, nil
}

// write stops the deployment; CodeDeploy deploys the last good revision again.
func (k codeDeploy) write(ctx context.Context, cmd schemas.Command, _, _ state) error {
	api, err := k.CodeDeploy(ctx, cmd.Target.Account, cmd.Target.Region)
	if err != nil {
		return err
	}
	_, err = api.StopDeployment(ctx, &codedeploy.StopDeploymentInput{DeploymentId: &cmd.Target.ID, AutoRollbackEnabled: aws.Bool(true)})
	if cloud.Code(err) == "DeploymentAlreadyCompletedException" { // another look tells how
		return errors.New("the deployment has ended meanwhile")
	}
	return cloud.Classify(err)
}

func (codeDeploy) call(cmd schemas.Command, _ state) schemas.Call {
	return schemas.Call{Service: "codedeploy", Operation: "StopDeployment", Params: map[string]any{"DeploymentId": cmd.Target.ID, "AutoRollbackEnabled": true}}
}

func (codeDeploy) text(s state) string {
	if s.Stopped {
		return "a stop, and the last good revision"
	}
	return "running"
}
