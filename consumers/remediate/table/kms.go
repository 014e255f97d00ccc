package table

import (
	"context"
	"errors"
	"math"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

func kmsRows() []Action { return []Action{kmsRotation(), kmsCancelDeletion()} }

func keyKind() kind {
	return named("kms-key", "KMS key", func(id string) bool {
		uuid := strings.Count(id, "-") == 4 && len(id) == 36
		return isName(id, 64, "-") && (uuid || strings.HasPrefix(id, "mrk-"))
	})
}

// kmsKey is the ARN of a key that a setting names by its ARN, id or alias; what is none of them stays as it is. AWS says ARNs when it is asked.
func (in input) kmsKey(name string) string {
	switch {
	case name == "" || strings.HasPrefix(name, "arn:"):
		return name
	case !strings.HasPrefix(name, "alias/"):
		name = "key/" + name
	}
	return "arn:" + cloud.Partition(in.Region) + ":kms:" + in.Region + ":" + in.Account + ":" + name
}

// sameKey tells whether two names of keys may stand for one: an alias, which AWS answers with the key behind it, is taken for any key.
func sameKey(a, b string) bool {
	alias := func(s string) bool { return strings.Contains(s, "alias/") }
	return a == b || a != "" && b != "" && (alias(a) || alias(b))
}

func kmsRotation() Action {
	type rotation struct {
		On   bool  `json:"on"`
		Days int32 `json:"days,omitempty"`
	}
	return action(row[*kms.Client, rotation]{
		Name: "kms-enable-key-rotation", Controls: []string{"KMS.4"}, Target: keyKind(), API: (*cloud.Clients).KMS,
		Does:         "Has KMS make new key material for a key regularly. What was encrypted before can still be read. A key that rotates already is left alone.",
		Settings:     []schemas.Setting{{Name: "days", Type: "int", Default: "365", Help: "days between rotations, 90 to 2560"}},
		Irreversible: "key material that was made in the meantime stays in use",
		Policy:       []string{"kms:GetKeyRotationStatus", "kms:EnableKeyRotation", "kms:DisableKeyRotation"},
		Do:           "turn rotation on for", Done: "rotates",
		Read: func(ctx context.Context, api *kms.Client, in input, _ *rotation) (rotation, error) {
			out, err := api.GetKeyRotationStatus(ctx, &kms.GetKeyRotationStatusInput{KeyId: &in.ID})
			if err != nil || !out.KeyRotationEnabled {
				return rotation{}, err
			}
			return rotation{true, aws.ToInt32(out.RotationPeriodInDays)}, nil
		},
		Want: func(in input, now rotation) (rotation, error) {
			days := in.number("days")
			if days < 90 || days > 2560 {
				return now, fault.Permanent(errors.New("with.days: 90 to 2560 expected"))
			}
			if now.On {
				return now, nil
			}
			return rotation{true, int32(days)}, nil
		},
		Write: func(in input, _, to rotation) []call[*kms.Client] {
			if !to.On {
				return one((*kms.Client).DisableKeyRotation, &kms.DisableKeyRotationInput{KeyId: &in.ID})
			}
			return one((*kms.Client).EnableKeyRotation, &kms.EnableKeyRotationInput{KeyId: &in.ID, RotationPeriodInDays: &to.Days})
		},
		Same: func(a, b rotation) bool { return a.On == b.On },
		Code: declared("aws_kms_key", "rotation", "enable_key_rotation     = true\nrotation_period_in_days = {{ .With.days }}", "EnableKeyRotation: true\nRotationPeriodInDays: {{ .With.days }}"),
	})
}

// deletion is whether a key is to be deleted, and on which day (2026-11-29, of UTC): the hour changes with every undo, and matters to nobody.
type deletion struct {
	Pending bool   `json:"pending"`
	Day     string `json:"day,omitempty"`
	Enabled bool   `json:"enabled"`
}

func kmsCancelDeletion() Action {
	return action(row[*kms.Client, deletion]{
		Name: "kms-cancel-key-deletion", Controls: []string{"KMS.3"}, Target: keyKind(), API: (*cloud.Clients).KMS,
		Does:         "Cancels the deletion of a key that somebody has scheduled. KMS leaves such a key disabled.",
		Settings:     []schemas.Setting{{Name: "enable", Type: "bool", Default: "false", Help: "enable the key afterwards, so that what it encrypts can be read again"}},
		Irreversible: "an undo schedules the deletion anew, seven days ahead at least",
		Policy:       []string{"kms:DescribeKey", "kms:CancelKeyDeletion", "kms:EnableKey", "kms:ScheduleKeyDeletion"},
		Do:           "cancel the deletion of", Done: "is not to be deleted",
		Read: func(ctx context.Context, api *kms.Client, in input, _ *deletion) (deletion, error) {
			out, err := api.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: &in.ID})
			if err != nil || out.KeyMetadata == nil {
				return deletion{}, err
			}
			d := deletion{Enabled: out.KeyMetadata.Enabled}
			if d.Pending = out.KeyMetadata.KeyState == types.KeyStatePendingDeletion; d.Pending && out.KeyMetadata.DeletionDate != nil {
				d.Day = out.KeyMetadata.DeletionDate.UTC().Format(time.DateOnly)
			}
			return d, nil
		},
		Want: func(in input, now deletion) (deletion, error) {
			if !now.Pending {
				return now, nil
			}
			return deletion{Enabled: in.truth("enable")}, nil
		},
		Write: func(in input, from, to deletion) (calls []call[*kms.Client]) {
			key := &in.ID
			switch {
			case from.Pending && !to.Pending:
				calls = append(calls, calling((*kms.Client).CancelKeyDeletion, &kms.CancelKeyDeletionInput{KeyId: key}))
			case to.Pending && !from.Pending:
				return one((*kms.Client).ScheduleKeyDeletion, &kms.ScheduleKeyDeletionInput{KeyId: key, PendingWindowInDays: aws.Int32(daysUntil(to.Day, in.Now))})
			}
			if to.Enabled && !from.Enabled {
				calls = append(calls, calling((*kms.Client).EnableKey, &kms.EnableKeyInput{KeyId: key}))
			}
			return calls
		},
		// After an undo the day may be a later one.
		Same: func(a, b deletion) bool { return a.Pending == b.Pending && a.Enabled == b.Enabled },
	})
}

// daysUntil are the days that KMS is told to wait with a deletion: 7 to 30.
func daysUntil(day string, now time.Time) int32 {
	until, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return 30
	}
	days := math.Ceil(until.Sub(now.UTC().Truncate(24*time.Hour)).Hours() / 24)
	return int32(min(max(days, 7), 30))
}
