package inventory

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
)

// trails looks at the trails that have their home in a region.
func (w *sweep) trails(ctx context.Context, account, region string) error {
	client, err := w.aws.trail(ctx, account, region)
	if err != nil {
		return err
	}
	out, err := ask(ctx, w, func() (*cloudtrail.DescribeTrailsOutput, error) {
		return client.DescribeTrails(ctx, &cloudtrail.DescribeTrailsInput{IncludeShadowTrails: aws.Bool(false)})
	})
	if err != nil {
		return err
	}
	for _, t := range out.TrailList {
		if home := aws.ToString(t.HomeRegion); home != "" && home != region {
			continue // an organization's, which its home will show
		}
		if err := w.trail(ctx, client, account, region, t); err != nil {
			return err
		}
	}
	return nil
}

func (w *sweep) trail(ctx context.Context, client trailAPI, account, region string, t types.Trail) error {
	it := &item{
		kind: "AWS::CloudTrail::Trail", id: aws.ToString(t.Name), name: aws.ToString(t.Name), arn: aws.ToString(t.TrailARN), account: account, region: region,
		supplemental: map[string]any{}, unread: map[string]string{},
	}
	status, err := ask(ctx, w, func() (*cloudtrail.GetTrailStatusOutput, error) {
		return client.GetTrailStatus(ctx, &cloudtrail.GetTrailStatusInput{Name: t.TrailARN})
	})
	var v any
	if err == nil {
		v = aws.ToBool(status.IsLogging)
	}
	if err := it.part("isLogging", v, err); err != nil {
		return err
	}
	selectors, err := ask(ctx, w, func() (*cloudtrail.GetEventSelectorsOutput, error) {
		return client.GetEventSelectors(ctx, &cloudtrail.GetEventSelectorsInput{TrailName: t.TrailARN})
	})
	if err == nil {
		v = map[string]any{"EventSelectors": selectors.EventSelectors, "AdvancedEventSelectors": selectors.AdvancedEventSelectors}
	}
	if err := it.part("eventSelectors", v, err); err != nil {
		return err
	}
	return w.described(ctx, it, t)
}
