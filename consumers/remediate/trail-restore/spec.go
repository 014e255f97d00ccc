package trailrestore

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/riposte-security/riposte/consumers/remediate/confighistory"
	"github.com/riposte-security/riposte/schemas"
)

const targetType = "cloudtrail-trail"

// Spec describes the action.
func Spec() schemas.ActionSpec {
	return schemas.ActionSpec{
		Name: "trail-restore",
		Lane: schemas.LaneRemediate,
		Summary: "Brings back a CloudTrail trail that was stopped, deleted or weakened: it logs again, with the settings (bucket, KMS key, log file validation, regions, log group, topic) " +
			"that it had before the event as AWS Config recorded them, or, for switches that an UpdateTrail turned off, by the record of the event. A trail that was deleted is made " +
			"again with its tags. No record has selectors: where PutEventSelectors left fewer than all management events, those are taken again, after approval. " +
			"The target is the trail's name or ARN.",
		Controls:   []string{"CloudTrail.1", "CloudTrail.2", "CloudTrail.3", "CloudTrail.4"},
		TargetType: targetType,
		Settings: []schemas.Setting{
			{Name: "bucket", Type: "string", Help: "where a trail that was deleted, and of which AWS Config has no record, is to write its log; without one it is not made anew"},
		},
		Irreversible: "all of it: to stop a log again is for a person, with permissions that the responder does not have; events of the time without a log are lost",
		Policy: append([]string{
			"cloudtrail:GetTrail", "cloudtrail:GetTrailStatus", "cloudtrail:GetEventSelectors", "cloudtrail:CreateTrail", "cloudtrail:UpdateTrail", "cloudtrail:PutEventSelectors",
			"cloudtrail:StartLogging", "cloudtrail:AddTags", "iam:PassRole",
		}, confighistory.Policy()...),
		Canonical: canonical,
		Code:      &schemas.Code{Attribute: "what was changed, or enable_logging", Resources: []string{"aws_cloudtrail"}},
	}
}

// canonical takes a trail's name or ARN. An ARN's own account and region go before the event's.
func canonical(raw, account, region string) (schemas.Target, error) {
	name := raw
	if strings.HasPrefix(raw, "arn:") {
		a, err := arn.Parse(raw)
		if err != nil {
			return schemas.Target{}, fmt.Errorf("trail %q: %w", raw, err)
		}
		rest, ok := strings.CutPrefix(a.Resource, "trail/")
		if a.Service != "cloudtrail" || !ok {
			return schemas.Target{}, fmt.Errorf("trail %q: not the ARN of a trail", raw)
		}
		name, account, region = rest, a.AccountID, a.Region
	}
	if !regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{1,126}[A-Za-z0-9]$`).MatchString(name) || region == "" {
		return schemas.Target{}, fmt.Errorf("trail %q: a name of 3 to 128 letters, digits, dots, dashes and underscores, or an ARN, expected", raw)
	}
	return schemas.Target{Type: targetType, Account: account, Region: region, ID: name}, nil
}
