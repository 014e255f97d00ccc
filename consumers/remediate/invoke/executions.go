package invoke

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/riposte-security/riposte/consumers/remediate/attribute"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/schemas"
)

// limited is what all that is followed may be told; see within.
type limited struct {
	Within string `json:"within"`
}

type machineSettings struct {
	input
	limited
	Machine string `json:"state_machine"`
}

func toStepFunctions() Target {
	return row[machineSettings, sfn.StartExecutionInput, *sfn.Client]{
		service: "states", operation: "StartExecution",
		client: func(ctx context.Context, c *cloud.Clients, account, region string) (*sfn.Client, error) {
			return cloud.For(ctx, c, account, region, func(conf aws.Config) *sfn.Client { return sfn.NewFromConfig(conf) })
		},
		at: func(s machineSettings) string { return s.Machine },
		build: func(cmd schemas.Command, s machineSettings) (sfn.StartExecutionInput, []byte, string, error) {
			in := sfn.StartExecutionInput{StateMachineArn: aws.String(s.Machine), Name: aws.String(cmd.ID)}
			if a, err := arn.Parse(s.Machine); err != nil || !strings.HasPrefix(a.Resource, "stateMachine:") {
				return in, nil, "", fmt.Errorf("with.state_machine %q: the ARN of a state machine expected", clip(s.Machine, 100))
			}
			body, err := s.body(cmd, mostMessage)
			return in, body, "start " + s.Machine, err
		},
		bodyAs: "Input",
		attach: func(in *sfn.StartExecutionInput, body []byte) { in.Input = aws.String(string(body)) },
		send: func(ctx context.Context, api *sfn.Client, in sfn.StartExecutionInput) (schemas.Run, error) {
			out, err := api.StartExecution(ctx, &in)
			if cloud.Code(err) == "ExecutionAlreadyExists" { // it was started, and has ended since
				return schemas.Run{Ref: executionOf(*in.StateMachineArn, *in.Name)}, nil
			}
			if err != nil {
				return schemas.Run{}, err
			}
			return schemas.Run{Ref: aws.ToString(out.ExecutionArn)}, nil
		},
		poll: func(ctx context.Context, api *sfn.Client, _ sfn.StartExecutionInput, run schemas.Run) (progress, error) {
			out, err := api.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: &run.Ref})
			if err != nil {
				return progress{}, err
			}
			is := progress{status: string(out.Status)}
			switch out.Status {
			case sfntypes.ExecutionStatusSucceeded:
				is.ended, is.output = true, outputOf([]byte(aws.ToString(out.Output)))
			case sfntypes.ExecutionStatusFailed, sfntypes.ExecutionStatusTimedOut, sfntypes.ExecutionStatusAborted:
				return is, badly(run.Ref, is.status, out.Error, out.Cause)
			case sfntypes.ExecutionStatusRunning, sfntypes.ExecutionStatusPendingRedrive:
			}
			return is, nil
		},
	}.target(spec("step-functions", "Starts an execution of a standard state machine of AWS Step Functions, and follows it to its end. The execution's name is the command's id: "+
		"it is started once.",
		[]string{"states:DescribeExecution", "states:StartExecution"},
		followed(append([]schemas.Setting{{Name: "state_machine", Type: "string", Required: true, Help: "ARN"}}, inputSettings(false)...)...)...))
}

// executionOf is the ARN of an execution of that name; the machine's may have a version or an alias at its end.
func executionOf(machine, name string) string {
	parts := strings.SplitN(machine, ":", 8)
	if len(parts) < 7 {
		return machine
	}
	parts[5] = "execution"
	return strings.Join(append(parts[:7:7], name), ":")
}

type documentSettings struct {
	limited
	Document   string                       `json:"document"`
	Version    string                       `json:"version"`
	Parameters map[string]attribute.Strings `json:"parameters"`
	Instances  attribute.Strings            `json:"instances"`
}

// parameters are those of the document, as SSM takes them.
func (s documentSettings) parameters() (map[string][]string, error) {
	if len(s.Parameters) == 0 {
		return nil, nil
	}
	out, size := map[string][]string{}, 0
	for k, v := range s.Parameters {
		out[k] = v
		size += len(k) + len(strings.Join(v, ""))
	}
	if size > 200*kib {
		return nil, fmt.Errorf("with.parameters: %d bytes; at most %d are taken", size, 200*kib)
	}
	return out, nil
}

func onSSM(ctx context.Context, c *cloud.Clients, account, region string) (*ssm.Client, error) {
	return cloud.For(ctx, c, account, region, func(conf aws.Config) *ssm.Client { return ssm.NewFromConfig(conf) })
}

func toAutomation() Target {
	return row[documentSettings, ssm.StartAutomationExecutionInput, *ssm.Client]{
		service: "ssm", operation: "StartAutomationExecution", client: onSSM,
		at: func(s documentSettings) string { return s.Document },
		build: func(cmd schemas.Command, s documentSettings) (ssm.StartAutomationExecutionInput, []byte, string, error) {
			in := ssm.StartAutomationExecutionInput{DocumentName: aws.String(s.Document), ClientToken: aws.String(uuidOf(cmd.ID))}
			if s.Version != "" {
				in.DocumentVersion = aws.String(s.Version)
			}
			if s.Instances != nil {
				return in, nil, "", fmt.Errorf("with.instances: an automation has them among its parameters")
			}
			var err error
			in.Parameters, err = s.parameters()
			return in, nil, "run the automation " + s.Document, err
		},
		send: func(ctx context.Context, api *ssm.Client, in ssm.StartAutomationExecutionInput) (schemas.Run, error) {
			out, err := api.StartAutomationExecution(ctx, &in)
			if err != nil {
				return schemas.Run{}, err
			}
			return schemas.Run{Ref: aws.ToString(out.AutomationExecutionId)}, nil
		},
		poll: func(ctx context.Context, api *ssm.Client, _ ssm.StartAutomationExecutionInput, run schemas.Run) (progress, error) {
			out, err := api.GetAutomationExecution(ctx, &ssm.GetAutomationExecutionInput{AutomationExecutionId: &run.Ref})
			if err != nil || out.AutomationExecution == nil {
				return progress{status: "unknown"}, err
			}
			e := out.AutomationExecution
			is := progress{status: string(e.AutomationExecutionStatus)}
			switch e.AutomationExecutionStatus {
			case ssmtypes.AutomationExecutionStatusSuccess, ssmtypes.AutomationExecutionStatusCompletedWithSuccess:
				is.ended, is.output = true, boundedMap(e.Outputs)
			case ssmtypes.AutomationExecutionStatusFailed, ssmtypes.AutomationExecutionStatusTimedout, ssmtypes.AutomationExecutionStatusCancelled,
				ssmtypes.AutomationExecutionStatusRejected, ssmtypes.AutomationExecutionStatusCompletedWithFailure, ssmtypes.AutomationExecutionStatusExited,
				ssmtypes.AutomationExecutionStatusChangeCalendarOverrideRejected:
				return is, badly(run.Ref, is.status, e.FailureMessage)
			default: // it goes on, or waits for somebody
			}
			return is, nil
		},
	}.target(spec("ssm-automation", "Runs an automation of AWS Systems Manager, and follows it to its end. Its client token is the command's id.",
		[]string{"ssm:GetAutomationExecution", "ssm:StartAutomationExecution"},
		followed(
			schemas.Setting{Name: "document", Type: "string", Required: true, Help: "name or ARN of the automation document"},
			schemas.Setting{Name: "version", Type: "string", Help: "version of the document; its default version otherwise"},
			schemas.Setting{Name: "parameters", Type: "map", Help: "parameters of the document: texts, or lists of texts"},
		)...))
}

func toRunCommand() Target {
	return row[documentSettings, ssm.SendCommandInput, *ssm.Client]{
		service: "ssm", operation: "SendCommand", client: onSSM,
		at: func(s documentSettings) string { return s.Document },
		build: func(cmd schemas.Command, s documentSettings) (ssm.SendCommandInput, []byte, string, error) {
			in := ssm.SendCommandInput{DocumentName: aws.String(s.Document), Comment: aws.String(comment(cmd.ID)), InstanceIds: s.instances(cmd)}
			if s.Version != "" {
				in.DocumentVersion = aws.String(s.Version)
			}
			for _, id := range in.InstanceIds {
				if !strings.HasPrefix(id, "i-") && !strings.HasPrefix(id, "mi-") {
					return in, nil, "", fmt.Errorf("with.instances: %q is no id of an instance; without them the target has to be one", clip(id, 100))
				}
			}
			if len(in.InstanceIds) > 50 {
				return in, nil, "", fmt.Errorf("with.instances: %d of them; SSM takes 50", len(in.InstanceIds))
			}
			var err error
			in.Parameters, err = s.parameters()
			return in, nil, "run " + s.Document + " on " + strings.Join(in.InstanceIds, ", "), err
		},
		send: func(ctx context.Context, api *ssm.Client, in ssm.SendCommandInput) (schemas.Run, error) {
			out, err := api.SendCommand(ctx, &in, func(o *ssm.Options) { o.RetryMaxAttempts = 1 })
			if err != nil || out.Command == nil {
				return schemas.Run{}, err
			}
			return schemas.Run{Ref: aws.ToString(out.Command.CommandId)}, nil
		},
		find: findCommand, poll: pollCommand,
		touches: func(cmd schemas.Command, s documentSettings, account, region string) []schemas.Target {
			var all []schemas.Target
			for _, id := range s.instances(cmd) {
				all = append(all, schemas.Target{Type: "ec2-instance", Account: account, Region: region, ID: id})
			}
			return all
		},
	}.target(spec("ssm-run-command", "Runs a command document of AWS Systems Manager on instances, and follows it to its end. SSM takes no idempotency key: a command that was sent is found "+
		"again by its comment, which is the id of riposte's command.",
		[]string{"ssm:ListCommandInvocations", "ssm:ListCommands", "ssm:SendCommand"},
		followed(
			schemas.Setting{Name: "document", Type: "string", Required: true, Help: "name or ARN, such as AWS-RunShellScript"},
			schemas.Setting{Name: "version", Type: "string", Help: "version of the document; its default version otherwise"},
			schemas.Setting{Name: "instances", Type: "list", Help: "ids of instances; by default the target"},
			schemas.Setting{Name: "parameters", Type: "map", Help: "parameters of the document: texts, or lists of texts"},
		)...))
}

func (s documentSettings) instances(cmd schemas.Command) []string {
	if len(s.Instances) > 0 {
		return s.Instances
	}
	return []string{lastOf(cmd.Target.ID)}
}

// comment is how a command of ours is told from others.
func comment(id string) string { return "riposte " + id }

// findCommand looks for a command of SSM that was sent for this command of ours.
func findCommand(ctx context.Context, api *ssm.Client, cmd schemas.Command, in ssm.SendCommandInput) (schemas.Run, error) {
	pages := ssm.NewListCommandsPaginator(api, &ssm.ListCommandsInput{MaxResults: aws.Int32(50), Filters: []ssmtypes.CommandFilter{
		{Key: ssmtypes.CommandFilterKeyDocumentName, Value: in.DocumentName},
		{Key: ssmtypes.CommandFilterKeyInvokedAfter, Value: aws.String(cmd.Created.Add(-time.Minute).UTC().Format(time.RFC3339))}, // clocks differ
	}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return schemas.Run{}, err
		}
		for _, c := range page.Commands {
			if aws.ToString(c.Comment) == aws.ToString(in.Comment) {
				return schemas.Run{Ref: aws.ToString(c.CommandId)}, nil
			}
		}
	}
	return schemas.Run{}, nil
}

func pollCommand(ctx context.Context, api *ssm.Client, _ ssm.SendCommandInput, run schemas.Run) (progress, error) {
	out, err := api.ListCommands(ctx, &ssm.ListCommandsInput{CommandId: &run.Ref})
	if err != nil || len(out.Commands) == 0 {
		return progress{status: "unknown"}, err
	}
	c := out.Commands[0]
	is := progress{status: string(c.Status)}
	switch c.Status {
	case ssmtypes.CommandStatusPending, ssmtypes.CommandStatusInProgress, ssmtypes.CommandStatusCancelling:
		return is, nil
	case ssmtypes.CommandStatusSuccess, ssmtypes.CommandStatusCancelled, ssmtypes.CommandStatusFailed, ssmtypes.CommandStatusTimedOut:
	}
	ran, err := api.ListCommandInvocations(ctx, &ssm.ListCommandInvocationsInput{CommandId: &run.Ref, Details: true})
	if err != nil {
		return is, err
	}
	said := map[string][]string{}
	for _, i := range ran.CommandInvocations {
		id := aws.ToString(i.InstanceId)
		said[id] = append(said[id], aws.ToString(i.StatusDetails))
		for _, p := range i.CommandPlugins {
			said[id] = append(said[id], clip(aws.ToString(p.Output), 2*kib))
		}
	}
	if c.Status != ssmtypes.CommandStatusSuccess {
		b, err := compact(boundedMap(said))
		if err != nil {
			return is, err
		}
		return is, badly(run.Ref, is.status, c.StatusDetails, aws.String(string(b)))
	}
	is.ended, is.output = true, boundedMap(said)
	return is, nil
}

// boundedMap is a result by name, or as much of it as an outcome takes.
func boundedMap(m map[string][]string) any {
	if len(m) == 0 {
		return nil
	}
	out := maps.Clone(m)
	b, err := compact(out)
	if err != nil || len(b) > mostOutput {
		return clip(string(b), mostOutput)
	}
	return out
}

// uuidOf writes the 32 hex digits of a command's id as a UUID.
func uuidOf(id string) string {
	if len(id) != 32 {
		return id
	}
	return id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:]
}
