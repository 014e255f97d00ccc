package invoke

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/aws-sdk-go-v2/service/inspector2"
	insptypes "github.com/aws/aws-sdk-go-v2/service/inspector2/types"

	"github.com/riposte-security/riposte/consumers/remediate/attribute"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/schemas"
)

type imageSettings struct {
	limited
	Repository string `json:"repository"`
	Tag        string `json:"tag"`
	Digest     string `json:"digest"`
}

func toECR() Target {
	return row[imageSettings, ecr.StartImageScanInput, *ecr.Client]{
		service: "ecr", operation: "StartImageScan",
		client: func(ctx context.Context, c *cloud.Clients, account, region string) (*ecr.Client, error) {
			return cloud.For(ctx, c, account, region, func(conf aws.Config) *ecr.Client { return ecr.NewFromConfig(conf) })
		},
		at: func(s imageSettings) string { return s.Repository },
		build: func(_ schemas.Command, s imageSettings) (ecr.StartImageScanInput, []byte, string, error) {
			name := s.Repository
			if _, after, ok := strings.Cut(name, ":repository/"); ok {
				name = after
			}
			in := ecr.StartImageScanInput{RepositoryName: aws.String(name), ImageId: &ecrtypes.ImageIdentifier{}}
			if name == "" || (s.Tag == "") == (s.Digest == "") {
				return in, nil, "", errors.New("with: repository, and tag or digest, are needed")
			}
			if s.Tag != "" {
				in.ImageId.ImageTag = aws.String(s.Tag)
				return in, nil, "scan image " + name + ":" + s.Tag, nil
			}
			in.ImageId.ImageDigest = aws.String(s.Digest)
			return in, nil, "scan image " + name + "@" + s.Digest, nil
		},
		send: func(ctx context.Context, api *ecr.Client, in ecr.StartImageScanInput) (schemas.Run, error) {
			ref := aws.ToString(in.RepositoryName) + "@" + aws.ToString(in.ImageId.ImageDigest) + aws.ToString(in.ImageId.ImageTag)
			_, err := api.StartImageScan(ctx, &in)
			if cloud.Code(err) == "LimitExceededException" { // one scan of an image a day: its result stands
				err = nil
			}
			return schemas.Run{Ref: ref}, err
		},
		poll: func(ctx context.Context, api *ecr.Client, in ecr.StartImageScanInput, run schemas.Run) (progress, error) {
			out, err := api.DescribeImageScanFindings(ctx, &ecr.DescribeImageScanFindingsInput{RepositoryName: in.RepositoryName, ImageId: in.ImageId, MaxResults: aws.Int32(1)})
			if cloud.Code(err) == "ScanNotFoundException" { // it shows late
				return progress{status: "not there yet"}, nil
			}
			if err != nil || out.ImageScanStatus == nil {
				return progress{status: "unknown"}, err
			}
			is := progress{status: string(out.ImageScanStatus.Status)}
			switch out.ImageScanStatus.Status {
			case ecrtypes.ScanStatusComplete, ecrtypes.ScanStatusActive: // active: Inspector scans it over and over
				counts := map[string]int32{}
				if out.ImageScanFindings != nil {
					counts = out.ImageScanFindings.FindingSeverityCounts
				}
				is.ended, is.output = true, map[string]any{"findings": counts}
			case ecrtypes.ScanStatusInProgress, ecrtypes.ScanStatusPending:
			default:
				return is, badly(run.Ref, is.status, out.ImageScanStatus.Description)
			}
			return is, nil
		},
	}.target(spec("ecr-scan", "Has Amazon ECR scan an image for vulnerabilities, and follows the scan to its end; the outcome counts the findings by severity. ECR scans an image once "+
		"a day: where it has, its result is taken.",
		[]string{"ecr:DescribeImageScanFindings", "ecr:StartImageScan"},
		followed(
			schemas.Setting{Name: "repository", Type: "string", Required: true, Help: "name or ARN"},
			schemas.Setting{Name: "tag", Type: "string", Help: "tag of the image; or digest"},
			schemas.Setting{Name: "digest", Type: "string", Help: "digest of the image, sha256:…; or tag"},
		)...))
}

type cisSettings struct {
	limited
	Tags     map[string]attribute.Strings `json:"tags"`
	Level    int                          `json:"level"`
	Accounts attribute.Strings            `json:"accounts"`
}

func toInspector() Target {
	return row[cisSettings, inspector2.CreateCisScanConfigurationInput, *inspector2.Client]{
		service: "inspector2", operation: "CreateCisScanConfiguration",
		client: func(ctx context.Context, c *cloud.Clients, account, region string) (*inspector2.Client, error) {
			return cloud.For(ctx, c, account, region, func(conf aws.Config) *inspector2.Client { return inspector2.NewFromConfig(conf) })
		},
		at: func(cisSettings) string { return "" },
		build: func(cmd schemas.Command, s cisSettings) (inspector2.CreateCisScanConfigurationInput, []byte, string, error) {
			in := inspector2.CreateCisScanConfigurationInput{
				ScanName: aws.String("riposte-" + cmd.ID), SecurityLevel: insptypes.CisSecurityLevelLevel1,
				Targets: &insptypes.CreateCisTargets{AccountIds: s.Accounts, TargetResourceTags: map[string][]string{}},
			}
			switch s.Level {
			case 0, 1:
			case 2:
				in.SecurityLevel = insptypes.CisSecurityLevelLevel2
			default:
				return in, nil, "", fmt.Errorf("with.level is %d; 1 or 2 expected", s.Level)
			}
			if len(in.Targets.AccountIds) == 0 {
				in.Targets.AccountIds = []string{orElse(cmd.Target.Account, "SELF")}
			}
			for k, v := range s.Tags {
				in.Targets.TargetResourceTags[k] = v
			}
			if len(s.Tags) == 0 || len(s.Tags) > 5 {
				return in, nil, "", errors.New("with.tags: 1 to 5 of them expected, which tell what is to be scanned")
			}
			return in, nil, fmt.Sprintf("scan the instances with tags %v once against the CIS benchmark", s.Tags), nil
		},
		send: func(ctx context.Context, api *inspector2.Client, in inspector2.CreateCisScanConfigurationInput) (schemas.Run, error) {
			in.Schedule = &insptypes.ScheduleMemberOneTime{} // an empty one: JSON has no name for it
			out, err := api.CreateCisScanConfiguration(ctx, &in, func(o *inspector2.Options) { o.RetryMaxAttempts = 1 })
			if err != nil {
				return schemas.Run{}, err
			}
			return schemas.Run{Ref: aws.ToString(out.ScanConfigurationArn)}, nil
		},
		find: func(ctx context.Context, api *inspector2.Client, _ schemas.Command, in inspector2.CreateCisScanConfigurationInput) (schemas.Run, error) {
			out, err := api.ListCisScanConfigurations(ctx, &inspector2.ListCisScanConfigurationsInput{FilterCriteria: &insptypes.ListCisScanConfigurationsFilterCriteria{
				ScanNameFilters: []insptypes.CisStringFilter{{Comparison: insptypes.CisStringComparisonEquals, Value: in.ScanName}},
			}})
			if err != nil || len(out.ScanConfigurations) == 0 {
				return schemas.Run{}, err
			}
			return schemas.Run{Ref: aws.ToString(out.ScanConfigurations[0].ScanConfigurationArn)}, nil
		},
		poll: func(ctx context.Context, api *inspector2.Client, _ inspector2.CreateCisScanConfigurationInput, run schemas.Run) (progress, error) {
			out, err := api.ListCisScans(ctx, &inspector2.ListCisScansInput{FilterCriteria: &insptypes.ListCisScansFilterCriteria{
				ScanConfigurationArnFilters: []insptypes.CisStringFilter{{Comparison: insptypes.CisStringComparisonEquals, Value: &run.Ref}},
			}})
			if err != nil || len(out.Scans) == 0 {
				return progress{status: "not begun yet"}, err
			}
			s := out.Scans[0]
			is := progress{status: string(s.Status)}
			switch s.Status {
			case insptypes.CisScanStatusCompleted:
				is.ended = true
				is.output = map[string]any{"scan": aws.ToString(s.ScanArn), "failed_checks": aws.ToInt32(s.FailedChecks), "total_checks": aws.ToInt32(s.TotalChecks)}
			case insptypes.CisScanStatusFailed, insptypes.CisScanStatusCancelled:
				return is, badly(run.Ref, is.status)
			case insptypes.CisScanStatusInProgress:
			}
			return is, nil
		},
	}.target(spec("inspector-scan", "Has Amazon Inspector scan instances, which their tags tell, once against the CIS benchmark of their system, and follows the scan to its end; the outcome "+
		"counts the failed checks. (Vulnerabilities Inspector looks for by itself, all the time.) A scan that was asked for is found again by its name, riposte- and the command's id.",
		[]string{"inspector2:CreateCisScanConfiguration", "inspector2:ListCisScanConfigurations", "inspector2:ListCisScans"},
		followed(
			schemas.Setting{Name: "tags", Type: "map", Required: true, Help: "tags of the instances, each with a value or a list of values"},
			schemas.Setting{Name: "level", Type: "int", Default: "1", Help: "1 or 2, as the benchmark has it"},
			schemas.Setting{Name: "accounts", Type: "list", Help: "account ids; by default the target's"},
		)...))
}
