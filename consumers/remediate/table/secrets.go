package table

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

func secretRows() []Action { return []Action{secretRotation(), secretUnused()} }

// secretKind is a secret by its ARN, or by what stands at the end of it: the name, and the six characters that Secrets Manager adds. A bare name may stand for
// several, one after the other.
func secretKind() kind {
	k := named("secret", "secret", func(id string) bool {
		return isName(id, 519, "/_+=.@!-") && len(id) > 7 && id[len(id)-7] == '-'
	})
	k.takes = "the secret's ARN"
	return k
}

// described completes a row that reads what Secrets Manager says of a secret; never the secret itself.
func described[S any](r row[*secretsmanager.Client, S], get func(*secretsmanager.DescribeSecretOutput) S) Action {
	r.Target, r.API = secretKind(), (*cloud.Clients).SecretsManager
	r.Policy = append([]string{"secretsmanager:DescribeSecret"}, r.Policy...)
	r.Read = func(ctx context.Context, api *secretsmanager.Client, in input, _ *S) (S, error) {
		out, err := api.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: in.arn()})
		if err != nil {
			var none S
			return none, err
		}
		return get(out), nil
	}
	return action(r)
}

func secretRotation() Action {
	type rotation struct {
		On       bool                     `json:"on"`
		Function string                   `json:"function,omitempty"`
		Rules    *types.RotationRulesType `json:"rules,omitempty"`
	}
	return described(row[*secretsmanager.Client, rotation]{
		Name: "secretsmanager-enable-rotation", Controls: []string{"SecretsManager.1"},
		Does: "Has a secret rotated regularly by a Lambda function, the first time when it is due. One that is rotated already is left alone.",
		Settings: []schemas.Setting{
			{Name: "function", Type: "string", Required: true, Help: "ARN of the function that rotates secrets of this kind; its policy must let Secrets Manager call it"},
			{Name: "days", Type: "int", Default: "30", Help: "days between rotations, 1 to 1000"},
		},
		Irreversible: "a rotation that was made in the meantime",
		Policy:       []string{"secretsmanager:RotateSecret", "secretsmanager:CancelRotateSecret", "lambda:InvokeFunction"},
		Do:           "turn rotation on for", Done: "is rotated",
		Want: func(in input, now rotation) (rotation, error) {
			days := int64(in.number("days"))
			if days < 1 || days > 1000 {
				return now, fault.Permanent(errors.New("with.days: 1 to 1000 expected"))
			}
			if now.On {
				return now, nil
			}
			return rotation{true, in.text("function"), &types.RotationRulesType{AutomaticallyAfterDays: &days}}, nil
		},
		Write: func(in input, _, to rotation) []call[*secretsmanager.Client] {
			if !to.On {
				return one((*secretsmanager.Client).CancelRotateSecret, &secretsmanager.CancelRotateSecretInput{SecretId: in.arn()})
			}
			return one((*secretsmanager.Client).RotateSecret, &secretsmanager.RotateSecretInput{
				SecretId: in.arn(), ClientRequestToken: &in.Command, RotationLambdaARN: &to.Function, RotationRules: to.Rules, RotateImmediately: aws.Bool(false),
			})
		},
		Same: func(a, b rotation) bool { return a.On == b.On },
	}, func(s *secretsmanager.DescribeSecretOutput) rotation {
		if !aws.ToBool(s.RotationEnabled) {
			return rotation{}
		}
		return rotation{true, aws.ToString(s.RotationLambdaARN), s.RotationRules}
	})
}

func secretUnused() Action {
	type use struct {
		Last    string `json:"last_used"` // day of the last use, or else of its making
		Deleted bool   `json:"deleted"`
	}
	return described(row[*secretsmanager.Client, use]{
		Name: "secretsmanager-delete-unused-secret", Controls: []string{"SecretsManager.3"},
		Does: "Schedules the deletion of a secret that nobody has read for a number of days. A person is asked, and until the recovery window is over it can be restored.",
		Settings: []schemas.Setting{
			{Name: "days", Type: "int", Default: "90", Help: "days without use"},
			{Name: "recovery_days", Type: "int", Default: "30", Help: "days for which it can be restored, 7 to 30"},
		},
		Irreversible: "when the recovery window is over, the secret is gone",
		Policy:       []string{"secretsmanager:DeleteSecret", "secretsmanager:RestoreSecret"},
		Do:           "schedule the deletion of", Done: "is in use, or to be deleted",
		Want: func(in input, now use) (use, error) {
			if d := in.number("recovery_days"); d < 7 || d > 30 {
				return now, fault.Permanent(errors.New("with.recovery_days: 7 to 30 expected"))
			}
			last, err := time.Parse(time.DateOnly, now.Last)
			if err != nil {
				return now, fault.Permanent(fmt.Errorf("day of the last use: %w", err))
			}
			if now.Deleted || in.Now.Before(last.AddDate(0, 0, in.number("days"))) {
				return now, nil
			}
			return use{now.Last, true}, nil
		},
		Approve: func(_ input, now use) string { return "the secret was last used, or made, on " + now.Last },
		Write: func(in input, _, to use) []call[*secretsmanager.Client] {
			if !to.Deleted {
				return one((*secretsmanager.Client).RestoreSecret, &secretsmanager.RestoreSecretInput{SecretId: in.arn()})
			}
			return one((*secretsmanager.Client).DeleteSecret, &secretsmanager.DeleteSecretInput{SecretId: in.arn(), RecoveryWindowInDays: aws.Int64(int64(in.number("recovery_days")))})
		},
	}, func(s *secretsmanager.DescribeSecretOutput) use {
		last := s.LastAccessedDate
		if last == nil || s.CreatedDate != nil && s.CreatedDate.After(*last) {
			last = s.CreatedDate
		}
		u := use{Deleted: s.DeletedDate != nil}
		if last != nil {
			u.Last = last.UTC().Format(time.DateOnly)
		}
		return u
	})
}
