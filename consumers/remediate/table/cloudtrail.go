package table

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

func cloudtrailRows() []Action {
	return []Action{trailLogging(), trailValidation(), trailEncryption(), trailMultiRegion()}
}

func trailKind() kind {
	return named("cloudtrail-trail", "trail", func(id string) bool { return isName(id, 128, "._-") })
}

func trailLogging() Action {
	return action(row[*cloudtrail.Client, bool]{
		Name: "cloudtrail-start-logging", Controls: []string{"CloudTrail.3"}, Target: trailKind(), API: (*cloud.Clients).CloudTrail,
		Does:         "Lets a trail log again that was stopped.",
		Irreversible: "what happened while it was stopped is not in its logs",
		Policy:       []string{"cloudtrail:GetTrailStatus", "cloudtrail:StartLogging", "cloudtrail:StopLogging"},
		Do:           "start the logging of", Done: "is logging",
		Read: func(ctx context.Context, api *cloudtrail.Client, in input, _ *bool) (bool, error) {
			out, err := api.GetTrailStatus(ctx, &cloudtrail.GetTrailStatusInput{Name: in.arn()})
			if err != nil {
				return false, err
			}
			return aws.ToBool(out.IsLogging), nil
		},
		Want: always(true),
		Write: func(in input, _, on bool) []call[*cloudtrail.Client] {
			if !on {
				return one((*cloudtrail.Client).StopLogging, &cloudtrail.StopLoggingInput{Name: in.arn()})
			}
			return one((*cloudtrail.Client).StartLogging, &cloudtrail.StartLoggingInput{Name: in.arn()})
		},
		Code: declared("aws_cloudtrail", "logging", "enable_logging = true", "IsLogging: true"),
	})
}

// trail completes a row that reads an attribute of a trail and sets it by UpdateTrail.
func trail[S any](r row[*cloudtrail.Client, S], get func(*types.Trail) S, set func(*cloudtrail.UpdateTrailInput, S)) Action {
	r.Target, r.API, r.Policy = trailKind(), (*cloud.Clients).CloudTrail, []string{"cloudtrail:GetTrail", "cloudtrail:UpdateTrail"}
	r.Read = func(ctx context.Context, api *cloudtrail.Client, in input, _ *S) (S, error) {
		var none S
		out, err := api.GetTrail(ctx, &cloudtrail.GetTrailInput{Name: in.arn()})
		if err != nil {
			return none, err
		}
		if out.Trail == nil {
			return none, fault.Permanent(errors.New("CloudTrail knows no such trail"))
		}
		return get(out.Trail), nil
	}
	r.Write = func(in input, _, to S) []call[*cloudtrail.Client] {
		u := &cloudtrail.UpdateTrailInput{Name: in.arn()}
		set(u, to)
		return one((*cloudtrail.Client).UpdateTrail, u)
	}
	return action(r)
}

func trailValidation() Action {
	return trail(row[*cloudtrail.Client, bool]{
		Name: "cloudtrail-enable-log-validation", Controls: []string{"CloudTrail.4"},
		Does: "Has a trail write digests, by which one can tell whether somebody has changed its logs.",
		Do:   "turn log file validation on for", Done: "has log file validation",
		Want: always(true),
		Code: declared("aws_cloudtrail", "log file validation", "enable_log_file_validation = true", "EnableLogFileValidation: true"),
	}, func(t *types.Trail) bool { return aws.ToBool(t.LogFileValidationEnabled) },
		func(u *cloudtrail.UpdateTrailInput, on bool) { u.EnableLogFileValidation = &on })
}

func trailEncryption() Action {
	return trail(row[*cloudtrail.Client, string]{
		Name: "cloudtrail-encrypt-logs", Controls: []string{"CloudTrail.2"},
		Does: "Has a trail encrypt its logs with a KMS key. One that does so already is left alone, whatever the key.",
		Settings: []schemas.Setting{
			{Name: "kms_key", Type: "string", Required: true, Help: "ARN, id or alias (alias/…) of the key; its policy must let CloudTrail use it"},
		},
		Irreversible: "logs written in the meantime stay encrypted as they are",
		Do:           "encrypt the logs of", Done: "encrypts its logs with a KMS key",
		Want: func(in input, now string) (string, error) {
			if now != "" {
				return now, nil
			}
			return in.kmsKey(in.text("kms_key")), nil
		},
		Same: sameKey,
		Code: declared("aws_cloudtrail", "encryption of logs", "kms_key_id = {{ quote .With.kms_key }}", "KMSKeyId: {{ quote .With.kms_key }}"),
	}, func(t *types.Trail) string { return aws.ToString(t.KmsKeyId) },
		func(u *cloudtrail.UpdateTrailInput, key string) { u.KmsKeyId = &key })
}

func trailMultiRegion() Action {
	type scope struct {
		MultiRegion bool `json:"multi_region"`
		Global      bool `json:"global_services"`
	}
	return trail(row[*cloudtrail.Client, scope]{
		Name: "cloudtrail-make-multi-region", Controls: []string{"CloudTrail.1"},
		Does: "Has a trail log what happens in every region, global services like IAM included.",
		Do:   "log every region in", Done: "logs every region",
		Want: always(scope{true, true}),
		Code: declared("aws_cloudtrail", "regions", "is_multi_region_trail         = true\ninclude_global_service_events = true", "IsMultiRegionTrail: true\nIncludeGlobalServiceEvents: true"),
	}, func(t *types.Trail) scope {
		return scope{aws.ToBool(t.IsMultiRegionTrail), aws.ToBool(t.IncludeGlobalServiceEvents)}
	}, func(u *cloudtrail.UpdateTrailInput, to scope) {
		u.IsMultiRegionTrail, u.IncludeGlobalServiceEvents = &to.MultiRegion, &to.Global
	})
}
