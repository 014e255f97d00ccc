// Package inventory is the source aws-inventory: it looks at what exists in accounts and regions now, so that rules also find what was wrong
// before riposte came, and what happened while nobody looked.
//
// Every thing becomes a configuration item as AWS Config writes it, for the format config; nothing of AWS Config is needed. What there is:
//
//	buckets          AWS::S3::Bucket; in supplementaryConfiguration, under the names of AWS Config: ServerSideEncryptionConfiguration,
//	                 PublicAccessBlockConfiguration, BucketPolicy, BucketPolicyStatus, BucketVersioningConfiguration, BucketLoggingConfiguration,
//	                 AccessControlList
//	instances        AWS::EC2::Instance
//	security-groups  AWS::EC2::SecurityGroup
//	iam              AWS::IAM::User with mfaDevices, accessKeys and loginProfile; AWS::IAM::Group; AWS::IAM::Role; AWS::IAM::Policy of the
//	                 customer, with its versions; AWS::::Account with the summary (root's MFA and access keys). Policy documents are opened
//	trails           AWS::CloudTrail::Trail with isLogging and eventSelectors
//
// What is not set is not there. What may not be read is not there either, and "unread" has its name with the reason: a rule can tell
// the two apart. Members begin with small letters, as in AWS Config.
//
// The id of an item is a hash of its state: as long as a thing stays as it is, every sweep gives the same event uid, and a command that was
// recorded for it is not recorded again. The checkpoint counts the changes: a state that comes back is another one.
package inventory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/checkpoint"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/obs"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/schemas"
)

// Summary says in one line what the source does.
const Summary = "AWS inventory: what exists now (buckets, instances, security groups, IAM, trails), as configuration items, on a schedule"

// Policy lists the least IAM actions that the source needs.
func Policy() []string {
	return []string{
		"s3:ListAllMyBuckets", "s3:GetBucketLocation", "s3:GetEncryptionConfiguration", "s3:GetBucketPublicAccessBlock", "s3:GetBucketPolicy",
		"s3:GetBucketPolicyStatus", "s3:GetBucketVersioning", "s3:GetBucketLogging", "s3:GetBucketAcl", "s3:GetBucketTagging",
		"ec2:DescribeRegions", "ec2:DescribeInstances", "ec2:DescribeSecurityGroups",
		"iam:GetAccountAuthorizationDetails", "iam:GetAccountSummary", "iam:ListMFADevices", "iam:ListAccessKeys", "iam:GetLoginProfile",
		"cloudtrail:DescribeTrails", "cloudtrail:GetTrailStatus", "cloudtrail:GetEventSelectors",
	}
}

// Kinds lists what can be swept.
func Kinds() []string { return []string{"buckets", "instances", "security-groups", "iam", "trails"} }

// Settings describes the settings.
func Settings() []schemas.Setting {
	return []schemas.Setting{
		{Name: "every", Type: "duration", Default: "6h", Help: "time between two sweeps; 0s: one sweep, and the source is exhausted"},
		{Name: "what", Type: "list", Default: strings.Join(Kinds(), ", "), Help: "what to look at"},
		{Name: "accounts", Type: "list", Help: "accounts to look into, by the role that the aws section names; by default our own"},
		{Name: "regions", Type: "list", Help: "regions to look into, or all: those that the account has switched on; by default AWS_REGION. Buckets and IAM have none"},
		{Name: "checkpoint", Type: "string", Help: "file that remembers when the last sweep was, and which states were seen; by default NAME.json under checkpoints in the data directory"},
	}
}

type settings struct {
	Every      time.Duration `yaml:"every"`
	What       []string      `yaml:"what"`
	Accounts   []string      `yaml:"accounts"`
	Regions    []string      `yaml:"regions"`
	Checkpoint string        `yaml:"checkpoint"`
}

// Validate implements config.Validator.
func (s *settings) Validate() error {
	if s.Every != 0 && s.Every < time.Minute || s.Every > 31*24*time.Hour {
		return fmt.Errorf("every %s: 0s, or between 1m and 744h expected", s.Every)
	}
	if len(s.What) == 0 {
		return errors.New("what: at least one is required")
	}
	for _, w := range s.What {
		if !slices.Contains(Kinds(), w) {
			return fmt.Errorf("what %q: some of %s expected", w, strings.Join(Kinds(), ", "))
		}
	}
	for _, a := range s.Accounts {
		if !cloud.IsAccount(a) {
			return fmt.Errorf("account %q: twelve digits expected", a)
		}
	}
	if slices.Contains(s.Regions, allRegions) && len(s.Regions) > 1 {
		return errors.New("regions: all stands alone")
	}
	return nil
}

const allRegions = "all"

type source struct {
	settings
	log    zerolog.Logger
	aws    clients
	health *obs.Condition
}

// New makes the source. It asks AWS for nothing before Run.
func New(cfg config.Node, deps producers.SourceDeps) (producers.Source, error) {
	return newSource(cfg, deps, fromAWS{deps.AWS})
}

func newSource(cfg config.Node, deps producers.SourceDeps, c clients) (*source, error) {
	s := &source{settings: settings{Every: 6 * time.Hour, What: Kinds()}, log: deps.Log, aws: c}
	if err := cfg.Decode(&s.settings); err != nil {
		return nil, fmt.Errorf("source aws-inventory: %w", err)
	}
	var err error
	if s.Checkpoint, err = checkpoint.Path(s.Checkpoint, deps.DataDir, deps.Name); err != nil && s.Every > 0 {
		return nil, fmt.Errorf("source aws-inventory: %s: %w", cfg.Pos(), err)
	}
	s.health = obs.NewCondition(deps.Log, "AWS for the inventory "+deps.Name)
	return s, nil
}

// Run implements producers.Source. Parts that may not be read are left out, with a line in the log; a single sweep also ends with them as its
// error.
func (s *source) Run(ctx context.Context, emit func(context.Context, []producers.Record) error) error {
	file, err := checkpoint.Open(s.Checkpoint, "aws-inventory", state{})
	if err != nil {
		return err
	}
	for {
		if err := s.wait(ctx, file); err != nil {
			return nil //nolint:nilerr // ctx has ended
		}
		err := s.sweep(ctx, file, emit)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // ctx has ended: the next sweep is due at once
		}
		if err != nil || s.Every == 0 {
			return err
		}
	}
}

// wait waits until the next sweep is due.
func (s *source) wait(ctx context.Context, file *checkpoint.File[state]) error {
	var due time.Duration
	file.Read(func(st *state) {
		if ago := time.Since(st.Last); ago >= 0 { // else the clock was ahead then
			due = s.Every - ago
		}
	})
	if s.Every == 0 || due <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(due)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return ctx.Err()
}
