package inventory

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	trailtypes "github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
	"github.com/tidwall/gjson"

	"github.com/riposte-security/riposte/internal/checkpoint"
	"github.com/riposte-security/riposte/internal/cloud/cloudtest"
	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/producers"
	awsconfig "github.com/riposte-security/riposte/producers/format/config"
	"github.com/riposte-security/riposte/schemas/ocsf"
)

const account = "111122223333"

// fake is an account with little in it.
type fake struct {
	mu       sync.Mutex
	kms      bool
	tags     []types.Tag
	denied   map[string]bool // calls
	away     int             // calls that fail before one succeeds
	reversed bool            // lists come the other way round
	used     time.Time
}

func (f *fake) s3(context.Context, string, string) (s3API, error)       { return f, nil }
func (f *fake) ec2(context.Context, string, string) (ec2API, error)     { return f, nil }
func (f *fake) iam(context.Context, string) (iamAPI, error)             { return f, nil }
func (f *fake) trail(context.Context, string, string) (trailAPI, error) { return f, nil }
func (f *fake) account(context.Context) (string, error)                 { return account, nil }
func (f *fake) region() string                                          { return "eu-west-1" }

// may says whether a call is answered.
func (f *fake) may(call string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.away > 0 {
		f.away--
		return errors.New("connection reset")
	}
	if f.denied[call] {
		return cloudtest.Error("S", call, "AccessDenied", 403)
	}
	return nil
}

func (f *fake) ListBuckets(context.Context, *s3.ListBucketsInput, ...func(*s3.Options)) (*s3.ListBucketsOutput, error) {
	return &s3.ListBucketsOutput{Buckets: []types.Bucket{{Name: aws.String("b"), CreationDate: aws.Time(time.Unix(1700000000, 0))}}}, f.may("ListBuckets")
}

func (f *fake) GetBucketLocation(context.Context, *s3.GetBucketLocationInput, ...func(*s3.Options)) (*s3.GetBucketLocationOutput, error) {
	return &s3.GetBucketLocationOutput{LocationConstraint: "EU"}, f.may("GetBucketLocation")
}

func (f *fake) GetBucketEncryption(context.Context, *s3.GetBucketEncryptionInput, ...func(*s3.Options)) (*s3.GetBucketEncryptionOutput, error) {
	if err := f.may("GetBucketEncryption"); err != nil {
		return nil, err
	}
	if !f.kms {
		return nil, cloudtest.Error("S3", "GetBucketEncryption", "ServerSideEncryptionConfigurationNotFoundError", 404)
	}
	return &s3.GetBucketEncryptionOutput{ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{{
		ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAwsKms, KMSMasterKeyID: aws.String("k")},
	}}}}, nil
}

func (f *fake) GetPublicAccessBlock(context.Context, *s3.GetPublicAccessBlockInput, ...func(*s3.Options)) (*s3.GetPublicAccessBlockOutput, error) {
	return &s3.GetPublicAccessBlockOutput{PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{BlockPublicAcls: aws.Bool(true)}}, f.may("GetPublicAccessBlock")
}

func (f *fake) GetBucketPolicy(context.Context, *s3.GetBucketPolicyInput, ...func(*s3.Options)) (*s3.GetBucketPolicyOutput, error) {
	return nil, cloudtest.Error("S3", "GetBucketPolicy", "NoSuchBucketPolicy", 404)
}

func (f *fake) GetBucketPolicyStatus(context.Context, *s3.GetBucketPolicyStatusInput, ...func(*s3.Options)) (*s3.GetBucketPolicyStatusOutput, error) {
	return nil, cloudtest.Error("S3", "GetBucketPolicyStatus", "NoSuchBucketPolicy", 404)
}

func (f *fake) GetBucketVersioning(context.Context, *s3.GetBucketVersioningInput, ...func(*s3.Options)) (*s3.GetBucketVersioningOutput, error) {
	return &s3.GetBucketVersioningOutput{}, f.may("GetBucketVersioning")
}

func (f *fake) GetBucketLogging(context.Context, *s3.GetBucketLoggingInput, ...func(*s3.Options)) (*s3.GetBucketLoggingOutput, error) {
	return &s3.GetBucketLoggingOutput{}, f.may("GetBucketLogging")
}

func (f *fake) GetBucketAcl(context.Context, *s3.GetBucketAclInput, ...func(*s3.Options)) (*s3.GetBucketAclOutput, error) {
	return &s3.GetBucketAclOutput{Owner: &types.Owner{ID: aws.String("o")}}, f.may("GetBucketAcl")
}

func (f *fake) GetBucketTagging(context.Context, *s3.GetBucketTaggingInput, ...func(*s3.Options)) (*s3.GetBucketTaggingOutput, error) {
	if f.tags == nil {
		return nil, cloudtest.Error("S3", "GetBucketTagging", "NoSuchTagSet", 404)
	}
	return &s3.GetBucketTaggingOutput{TagSet: f.tags}, nil
}

func (f *fake) DescribeRegions(context.Context, *ec2.DescribeRegionsInput, ...func(*ec2.Options)) (*ec2.DescribeRegionsOutput, error) {
	return &ec2.DescribeRegionsOutput{Regions: []ec2types.Region{{RegionName: aws.String("eu-west-1")}, {RegionName: aws.String("eu-central-1")}}}, nil
}

func (f *fake) DescribeInstances(_ context.Context, in *ec2.DescribeInstancesInput, _ ...func(*ec2.Options)) (*ec2.DescribeInstancesOutput, error) {
	out := &ec2.DescribeInstancesOutput{NextToken: aws.String("2"), Reservations: []ec2types.Reservation{{Instances: []ec2types.Instance{
		{InstanceId: aws.String("i-1"), Placement: &ec2types.Placement{AvailabilityZone: aws.String("eu-west-1a")}, Tags: []ec2types.Tag{{Key: aws.String("team"), Value: aws.String("a")}}},
		{InstanceId: aws.String("i-0"), State: &ec2types.InstanceState{Name: ec2types.InstanceStateNameTerminated}},
	}}}}
	if in.NextToken != nil {
		out = &ec2.DescribeInstancesOutput{Reservations: []ec2types.Reservation{{Instances: []ec2types.Instance{{InstanceId: aws.String("i-2")}}}}}
	}
	return out, f.may("DescribeInstances")
}

func (f *fake) DescribeSecurityGroups(context.Context, *ec2.DescribeSecurityGroupsInput, ...func(*ec2.Options)) (*ec2.DescribeSecurityGroupsOutput, error) {
	ranges := []ec2types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}, {CidrIp: aws.String("10.0.0.0/8")}}
	if f.reversed {
		slices.Reverse(ranges)
	}
	return &ec2.DescribeSecurityGroupsOutput{SecurityGroups: []ec2types.SecurityGroup{{
		GroupId: aws.String("sg-1"), GroupName: aws.String("web"), IpPermissions: []ec2types.IpPermission{{FromPort: aws.Int32(22), ToPort: aws.Int32(22), IpRanges: ranges}},
	}}}, f.may("DescribeSecurityGroups")
}

func (f *fake) GetAccountSummary(context.Context, *iam.GetAccountSummaryInput, ...func(*iam.Options)) (*iam.GetAccountSummaryOutput, error) {
	return &iam.GetAccountSummaryOutput{SummaryMap: map[string]int32{"AccountMFAEnabled": 0, "Users": 7}}, f.may("GetAccountSummary")
}

func (f *fake) GetAccountAuthorizationDetails(context.Context, *iam.GetAccountAuthorizationDetailsInput, ...func(*iam.Options)) (*iam.GetAccountAuthorizationDetailsOutput, error) {
	document := aws.String(`%7B%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22%2A%22%2C%22Resource%22%3A%22%2A%22%7D%5D%7D`)
	return &iam.GetAccountAuthorizationDetailsOutput{
		UserDetailList: []iamtypes.UserDetail{{UserId: aws.String("AIDA1"), UserName: aws.String("bob"), Arn: aws.String("arn:aws:iam::111122223333:user/bob"),
			UserPolicyList: []iamtypes.PolicyDetail{{PolicyName: aws.String("p"), PolicyDocument: document}}}},
		RoleDetailList: []iamtypes.RoleDetail{{RoleId: aws.String("AROA1"), RoleName: aws.String("r"), Arn: aws.String("arn:aws:iam::111122223333:role/r"),
			AssumeRolePolicyDocument: document, RoleLastUsed: &iamtypes.RoleLastUsed{LastUsedDate: aws.Time(f.used)}}},
		Policies: []iamtypes.ManagedPolicyDetail{{PolicyId: aws.String("ANPA1"), PolicyName: aws.String("all"), Arn: aws.String("arn:aws:iam::111122223333:policy/all"),
			PolicyVersionList: []iamtypes.PolicyVersion{{Document: document, VersionId: aws.String("v1"), IsDefaultVersion: true}}}},
	}, f.may("GetAccountAuthorizationDetails")
}

func (f *fake) ListMFADevices(context.Context, *iam.ListMFADevicesInput, ...func(*iam.Options)) (*iam.ListMFADevicesOutput, error) {
	return &iam.ListMFADevicesOutput{}, f.may("ListMFADevices")
}

func (f *fake) ListAccessKeys(context.Context, *iam.ListAccessKeysInput, ...func(*iam.Options)) (*iam.ListAccessKeysOutput, error) {
	return &iam.ListAccessKeysOutput{AccessKeyMetadata: []iamtypes.AccessKeyMetadata{{AccessKeyId: aws.String("AKIA1"), Status: iamtypes.StatusTypeActive}}}, nil
}

func (f *fake) GetLoginProfile(context.Context, *iam.GetLoginProfileInput, ...func(*iam.Options)) (*iam.GetLoginProfileOutput, error) {
	return nil, cloudtest.Error("IAM", "GetLoginProfile", "NoSuchEntity", 404)
}

func (f *fake) DescribeTrails(context.Context, *cloudtrail.DescribeTrailsInput, ...func(*cloudtrail.Options)) (*cloudtrail.DescribeTrailsOutput, error) {
	return &cloudtrail.DescribeTrailsOutput{TrailList: []trailtypes.Trail{
		{Name: aws.String("t"), TrailARN: aws.String("arn:aws:cloudtrail:eu-west-1:111122223333:trail/t"), HomeRegion: aws.String("eu-west-1")},
		{Name: aws.String("org"), HomeRegion: aws.String("us-east-1")},
	}}, f.may("DescribeTrails")
}

func (f *fake) GetTrailStatus(context.Context, *cloudtrail.GetTrailStatusInput, ...func(*cloudtrail.Options)) (*cloudtrail.GetTrailStatusOutput, error) {
	return &cloudtrail.GetTrailStatusOutput{IsLogging: aws.Bool(false), LatestDeliveryTime: aws.Time(f.used)}, f.may("GetTrailStatus")
}

func (f *fake) GetEventSelectors(context.Context, *cloudtrail.GetEventSelectorsInput, ...func(*cloudtrail.Options)) (*cloudtrail.GetEventSelectorsOutput, error) {
	return &cloudtrail.GetEventSelectorsOutput{EventSelectors: []trailtypes.EventSelector{{ReadWriteType: trailtypes.ReadWriteTypeAll}}}, nil
}

func build(t *testing.T, f *fake, dir, conf string) *source {
	t.Helper()
	n, err := config.Parse("t.yaml", []byte(conf))
	if err != nil {
		t.Fatal(err)
	}
	s, err := newSource(n, producers.SourceDeps{Name: "p", DataDir: dir, Log: zerolog.Nop()}, f)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// once sweeps, and returns the records by ARN.
func once(t *testing.T, f *fake, dir, conf string) (map[string]producers.Record, error) {
	t.Helper()
	got := map[string]producers.Record{}
	var mu sync.Mutex
	err := build(t, f, dir, "every: 0s\n"+conf).Run(t.Context(), func(_ context.Context, batch []producers.Record) error {
		mu.Lock()
		defer mu.Unlock()
		for _, r := range batch {
			got[gjson.GetBytes(r.Data, "ARN").String()] = r
		}
		return nil
	})
	return got, err
}

const (
	bucketARN = "arn:aws:s3:::b"
	groupARN  = "arn:aws:ec2:eu-west-1:111122223333:security-group/sg-1"
	userARN   = "arn:aws:iam::111122223333:user/bob"
	roleARN   = "arn:aws:iam::111122223333:role/r"
	policyARN = "arn:aws:iam::111122223333:policy/all"
	trailARN  = "arn:aws:cloudtrail:eu-west-1:111122223333:trail/t"
)

func TestItems(t *testing.T) {
	f := &fake{away: 3, used: time.Now()}
	got, err := once(t, f, t.TempDir(), "regions: [all]")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ arn, path, want string }{
		{bucketARN, "resourceType", "AWS::S3::Bucket"},
		{bucketARN, "awsRegion", "eu-west-1"},
		{bucketARN, "supplementaryConfiguration.ServerSideEncryptionConfiguration", ""},
		{bucketARN, "supplementaryConfiguration.PublicAccessBlockConfiguration.blockPublicAcls", "true"},
		{bucketARN, "supplementaryConfiguration.BucketVersioningConfiguration.status", "Off"},
		{bucketARN, "unread", ""},
		{groupARN, "configuration.ipPermissions.0.ipRanges.0", "0.0.0.0/0"},
		{groupARN, "configuration.ipPermissions.0.ipv4Ranges.1.cidrIp", "10.0.0.0/8"},
		{groupARN, "configuration.ipPermissions.0.fromPort", "22"},
		{groupARN, "resourceName", "web"},
		{"arn:aws:ec2:eu-west-1:111122223333:instance/i-1", "availabilityZone", "eu-west-1a"},
		{"arn:aws:ec2:eu-west-1:111122223333:instance/i-1", "tags.team", "a"},
		{"arn:aws:ec2:eu-west-1:111122223333:instance/i-2", "configuration.instanceId", "i-2"},
		{"arn:aws:ec2:eu-central-1:111122223333:instance/i-2", "awsRegion", "eu-central-1"},
		{"arn:aws:ec2:eu-west-1:111122223333:instance/i-0", "ARN", ""},
		{userARN, "configuration.userPolicyList.0.policyDocument.Statement.0.Action", "*"},
		{userARN, "supplementaryConfiguration.mfaDevices", "[]"},
		{userARN, "supplementaryConfiguration.accessKeys.0.status", "Active"},
		{userARN, "supplementaryConfiguration.loginProfile", ""},
		{roleARN, "configuration.assumeRolePolicyDocument.Statement.0.Effect", "Allow"},
		{policyARN, "configuration.policyVersionList.0.document.Statement.0.Resource", "*"},
		{policyARN, "configuration.policyVersionList.0.isDefaultVersion", "true"},
		{policyARN, "awsRegion", "global"},
		{"arn:aws:iam::111122223333:root", "configuration.accountMFAEnabled", "0"},
		{"arn:aws:iam::111122223333:root", "configuration.users", ""},
		{trailARN, "supplementaryConfiguration.isLogging", "false"},
		{trailARN, "supplementaryConfiguration.eventSelectors.eventSelectors.0.readWriteType", "All"},
	} {
		if v := gjson.GetBytes(got[c.arn].Data, c.path).String(); v != c.want {
			t.Errorf("%s %s: %q, expected %q\n%s", c.arn, c.path, v, c.want, got[c.arn].Data)
		}
	}
	if len(got) != 12 {
		t.Error(len(got))
	}
	valid(t, got)
}

// valid turns every item into an event, and holds it against OCSF.
func valid(t *testing.T, got map[string]producers.Record) {
	t.Helper()
	format, err := awsconfig.New(config.Node{})
	if err != nil {
		t.Fatal(err)
	}
	schema, err := ocsf.Load()
	if err != nil {
		t.Fatal(err)
	}
	uids := map[string]bool{}
	for arn, r := range got {
		events, err := format.Parse(r)
		if err != nil || len(events) != 1 {
			t.Errorf("%s: %v", arn, err)
			continue
		}
		if err := ocsf.NewValidator(schema).Validate(events[0].Data); err != nil {
			t.Errorf("%s: %v", arn, err)
		}
		if gjson.GetBytes(events[0].Data, "resources.0.uid").String() != arn || gjson.GetBytes(events[0].Data, "class_uid").Int() != 5023 || events[0].UID == "" {
			t.Errorf("%s", events[0].Data)
		}
		uids[events[0].UID] = true
	}
	if len(uids) != len(got) {
		t.Error("uids are not unique")
	}
}

// TestSameStateSameID sweeps again and again: ids change with the state, and with nothing else.
func TestSameStateSameID(t *testing.T) {
	dir := t.TempDir()
	f := &fake{used: time.Unix(1700000000, 0)}
	sweep := func() map[string]string {
		t.Helper()
		got, err := once(t, f, dir, "")
		if err != nil {
			t.Fatal(err)
		}
		ids := map[string]string{}
		for arn, r := range got {
			ids[arn] = r.Attrs[producers.AttrID]
		}
		return ids
	}
	first := sweep()
	f.used, f.reversed = time.Now(), true // a role was used, and AWS lists in another order
	if diff := cmp.Diff(first, sweep()); diff != "" {
		t.Error(diff)
	}
	f.kms = true
	second := sweep()
	if second[bucketARN] == first[bucketARN] {
		t.Error("another state, and the same id")
	}
	delete(second, bucketARN)
	for arn, id := range second {
		if id != first[arn] {
			t.Errorf("%s: another id", arn)
		}
	}
	f.kms = false
	third := sweep()
	if third[bucketARN] == first[bucketARN] || !strings.HasPrefix(third[bucketARN], first[bucketARN]+"#") {
		t.Error("a state that came back is not the one before", first[bucketARN], third[bucketARN])
	}
	if fresh, err := once(t, f, t.TempDir(), ""); err != nil || fresh[bucketARN].Attrs[producers.AttrID] != first[bucketARN] {
		t.Error("the id depends on more than the state", err)
	}
}

func TestUnread(t *testing.T) {
	f := &fake{denied: map[string]bool{"GetBucketEncryption": true, "DescribeInstances": true, "ListMFADevices": true}}
	got, err := once(t, f, t.TempDir(), "")
	if !fault.IsPermanent(err) || !strings.Contains(err.Error(), "instances in 111122223333 eu-west-1") {
		t.Error(err)
	}
	if why := gjson.GetBytes(got[bucketARN].Data, "unread.ServerSideEncryptionConfiguration").String(); !strings.Contains(why, "AccessDenied") {
		t.Errorf("%s", got[bucketARN].Data)
	}
	if !gjson.GetBytes(got[userARN].Data, "unread.mfaDevices").Exists() || gjson.GetBytes(got[userARN].Data, "supplementaryConfiguration.mfaDevices").Exists() {
		t.Errorf("%s", got[userARN].Data)
	}
	if len(got) < 6 {
		t.Error("the rest was not read", len(got))
	}
	valid(t, got)
}

func TestSchedule(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f := &fake{denied: map[string]bool{"DescribeInstances": true}} // it goes on without
		var sweeps []time.Duration
		start := time.Now()
		run := func(d time.Duration) {
			ctx, cancel := context.WithTimeout(t.Context(), d)
			defer cancel()
			err := build(t, f, dir, "every: 6h").Run(ctx, func(_ context.Context, batch []producers.Record) error {
				if slices.ContainsFunc(batch, func(r producers.Record) bool { return json.Valid(r.Data) }) {
					sweeps = append(sweeps, time.Since(start).Round(time.Hour))
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		}
		run(13 * time.Hour) // at 0, 6, 12
		run(6 * time.Hour)  // a restart at 13 h: the next one is due at 18
		if diff := cmp.Diff([]time.Duration{0, 6 * time.Hour, 12 * time.Hour, 18 * time.Hour}, sweeps); diff != "" {
			t.Error(diff)
		}
		file, err := checkpoint.Open(filepath.Join(dir, "checkpoints", "p.json"), "aws-inventory", state{})
		if err != nil {
			t.Fatal(err)
		}
		file.Update(func(s *state) { s.Last = time.Now().AddDate(1, 0, 0) }) // the clock was a year ahead
		if err := file.Save(); err != nil {
			t.Fatal(err)
		}
		sweeps = nil
		run(time.Hour)
		if diff := cmp.Diff([]time.Duration{19 * time.Hour}, sweeps); diff != "" {
			t.Error(diff)
		}
	})
}

// TestKafkaAway fails to hand over: the sweep is to be made again, even if emit says for good.
func TestKafkaAway(t *testing.T) {
	for _, away := range []error{errors.New("away"), fault.Permanent(errors.New("refused"))} {
		err := build(t, &fake{}, t.TempDir(), "").Run(t.Context(), func(context.Context, []producers.Record) error { return away })
		if !errors.Is(err, away) || fault.IsPermanent(err) != fault.IsPermanent(away) {
			t.Error(err)
		}
	}
}

func TestLowerFirst(t *testing.T) {
	for in, want := range map[string]string{
		"VpcId": "vpcId", "SSEAlgorithm": "sseAlgorithm", "KMSMasterKeyID": "kmsMasterKeyID", "ARN": "arn", "S3BucketName": "s3BucketName", "Ipv6": "ipv6", "": "", "name": "name",
	} {
		if got := lowerFirst(in); got != want {
			t.Errorf("%s: %s, expected %s", in, got, want)
		}
	}
}

func TestSettings(t *testing.T) {
	for conf, want := range map[string]string{
		"every: 1s": "every", "what: [x]": "what", "what: []": "what", "accounts: [x]": "account", "regions: [all, eu-west-1]": "all", "x: 1": "x", "{}": "checkpoint",
	} {
		n, err := config.Parse("t.yaml", []byte(conf))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := New(n, producers.SourceDeps{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", conf, err)
		}
	}
	for _, conf := range []string{"every: 0s", "every: 0s\naccounts: ['111122223333']"} {
		n, err := config.Parse("t.yaml", []byte(conf))
		if err != nil {
			t.Fatal(err)
		}
		s, err := New(n, producers.SourceDeps{Name: "p", Log: zerolog.Nop()})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Run(t.Context(), nil); !fault.IsPermanent(err) {
			t.Error("without AWS:", err)
		}
	}
}
