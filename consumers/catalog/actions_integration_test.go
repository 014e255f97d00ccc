//go:build integration

package catalog_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/catalog"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/internal/servers"
	"github.com/riposte-security/riposte/schemas"
)

const (
	ownAccount   = "123456789012" // moto's
	otherAccount = "210987654321"
	region       = "eu-central-1"
	everything   = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`
	little       = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::reports/*"}]}`
)

// TestOnAnAPI runs the actions on an AWS API that keeps state: one server for all of them.
func TestOnAnAPI(t *testing.T) {
	endpoint := servers.AWS(t)
	for name, test := range map[string]func(*testing.T, string){
		"encrypt bucket": encryptBucket,
		"instance":       instance,
		"managed policy": managedPolicy,
		"inline policy":  inlinePolicy,
		"policy history": policyHistory,
		"group revert":   groupRevert,
		"trail restore":  trailRestore,
		"rollback":       rollback,
		"other accounts": inOtherAccounts,
		"access key":     accessKey,
		"network ACL":    networkACL,
		"deny bucket":    denyBucket,
		"throttle":       throttle,
		"revoke rules":   groupRevoke,
		"isolate":        isolate,
		"IAM denials":    iamDenials,
		"IP set":         ipSet,
		"IP set writers": ipSetWriters,
		"invocations":    invocationsOnAnAPI,
		"table":          rows,
	} {
		t.Run(name, func(t *testing.T) { test(t, endpoint) })
	}
}

// clients reaches the AWS API.
func clients(t *testing.T, endpoint string, conf cloud.Config) *cloud.Clients {
	t.Helper()
	t.Setenv("AWS_ENDPOINT_URL", endpoint)
	t.Setenv("AWS_REGION", region)
	t.Setenv("AWS_ACCESS_KEY_ID", "testing")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "testing")
	c, err := cloud.New(t.Context(), conf, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A run is one action on one target.
type run struct {
	t      *testing.T
	spec   schemas.ActionSpec
	action consumers.Action
	cmd    schemas.Command
}

func start(t *testing.T, c *cloud.Clients, name, target, account string, with map[string]any) *run {
	t.Helper()
	for _, a := range catalog.Actions() {
		if a.Spec.Name != name {
			continue
		}
		action, err := a.New(catalog.Deps{Clients: c, Log: zerolog.Nop()})
		if err != nil {
			t.Fatal(err)
		}
		canonical, err := a.Spec.Canonical(target, account, region)
		if err != nil {
			t.Fatal(err)
		}
		cmd := schemas.Command{ID: "test", Lane: a.Spec.Lane, Action: name, Target: canonical, With: with, EventTime: time.Now().Add(-time.Hour), Created: time.Now()}
		return &run{t, a.Spec, action, cmd}
	}
	t.Fatalf("no action %s", name)
	return nil
}

func (r *run) plan() schemas.Plan {
	r.t.Helper()
	p, err := r.action.Plan(r.t.Context(), r.cmd)
	if err != nil {
		r.t.Fatalf("plan: %v", err)
	}
	return p
}

// carryOut plans, applies twice, verifies, and expects a second plan to be empty.
func (r *run) carryOut() schemas.Plan {
	r.t.Helper()
	p := r.plan()
	if p.Empty() {
		r.t.Fatalf("nothing to do: %s", p.Summary)
	}
	for range 2 {
		if err := r.action.Apply(r.t.Context(), r.cmd, p); err != nil {
			r.t.Fatalf("apply: %v", err)
		}
	}
	out, err := r.action.Verify(r.t.Context(), r.cmd, p)
	if err != nil {
		r.t.Fatalf("verify: %v", err)
	}
	r.t.Logf("%s: %s", p.Summary, out.After)
	if again := r.plan(); !again.Empty() {
		r.t.Errorf("the second plan is not empty: %+v", again)
	}
	return p
}

func (r *run) undo(p schemas.Plan, force bool) error {
	r.t.Helper()
	return r.action.(consumers.Undoer).Undo(r.t.Context(), r.cmd, p, force)
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// unique makes names that no other run uses.
func unique(prefix string) string { return fmt.Sprintf("%s-%d", prefix, time.Now().UnixNano()) }

func encryptBucket(t *testing.T, endpoint string) {
	c := clients(t, endpoint, cloud.Config{})
	for _, where := range []string{region, "us-west-2"} {
		t.Run(where, func(t *testing.T) {
			api := must(c.S3(t.Context(), "", where))(t)
			name := unique("logs")
			must(api.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{
				LocationConstraint: s3types.BucketLocationConstraint(where)}}))(t)
			algorithm := func() string {
				out, err := api.GetBucketEncryption(t.Context(), &s3.GetBucketEncryptionInput{Bucket: &name})
				if cloud.Code(err) == "ServerSideEncryptionConfigurationNotFoundError" {
					return "none"
				}
				if err != nil {
					t.Fatal(err)
				}
				return string(out.ServerSideEncryptionConfiguration.Rules[0].ApplyServerSideEncryptionByDefault.SSEAlgorithm)
			}
			t.Logf("a new bucket has %s", algorithm())
			was := algorithm()
			r := start(t, c, "s3-encrypt-bucket", "arn:aws:s3:::"+name, ownAccount, map[string]any{"kms_key": "arn:aws:kms:eu-central-1:123456789012:key/0b7d9a4e-1111-4222-8333-444455556666"})
			p := r.carryOut()
			if got := algorithm(); got != "aws:kms" {
				t.Errorf("the bucket has %s", got)
			}
			if err := r.undo(p, false); err != nil {
				t.Fatal(err)
			}
			if got := algorithm(); got != was {
				t.Errorf("after undo the bucket has %s", got)
			}
		})
	}
	r := start(t, c, "s3-encrypt-bucket", unique("nobody"), ownAccount, nil)
	if _, err := r.action.Plan(t.Context(), r.cmd); !fault.IsPermanent(err) || !cloud.Missing(err) {
		t.Errorf("a bucket that does not exist: %v", err)
	}
}

func launch(t *testing.T, api *ec2.Client, vpc string) string {
	t.Helper()
	subnet := must(api.CreateSubnet(t.Context(), &ec2.CreateSubnetInput{VpcId: &vpc, CidrBlock: aws.String("10.7.1.0/24")}))(t)
	images := must(api.DescribeImages(t.Context(), &ec2.DescribeImagesInput{}))(t)
	out := must(api.RunInstances(t.Context(), &ec2.RunInstancesInput{ImageId: images.Images[0].ImageId, MinCount: aws.Int32(1), MaxCount: aws.Int32(1), SubnetId: subnet.Subnet.SubnetId,
		TagSpecifications: []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeInstance, Tags: []ec2types.Tag{{Key: aws.String("owner"), Value: aws.String("ada")}}}}}))(t)
	return *out.Instances[0].InstanceId
}

func describe(t *testing.T, api *ec2.Client, id string) ec2types.Instance {
	t.Helper()
	return must(api.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{InstanceIds: []string{id}}))(t).Reservations[0].Instances[0]
}

func instance(t *testing.T, endpoint string) {
	c := clients(t, endpoint, cloud.Config{})
	api := must(c.EC2(t.Context(), "", ""))(t)
	vpc := *must(api.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.7.0.0/16")}))(t).Vpc.VpcId
	id := launch(t, api, vpc)
	tags := func() string {
		var s []string
		for _, tag := range describe(t, api, id).Tags {
			s = append(s, *tag.Key+"="+*tag.Value)
		}
		slices.Sort(s)
		return strings.Join(s, " ")
	}
	groups := func() []string {
		var s []string
		for _, g := range describe(t, api, id).SecurityGroups {
			s = append(s, *g.GroupName)
		}
		slices.Sort(s)
		return s
	}

	r := start(t, c, "ec2-require-tags", id, ownAccount, map[string]any{"tags": map[string]any{"owner": "unknown", "cost-centre": "none"}})
	p := r.carryOut()
	if got := tags(); got != "cost-centre=none owner=ada" {
		t.Errorf("tags: %s", got)
	}
	if err := r.undo(p, false); err != nil {
		t.Fatal(err)
	}
	if got := tags(); got != "owner=ada" {
		t.Errorf("tags after undo: %s", got)
	}

	r = start(t, c, "ec2-require-security-group", id, ownAccount, nil)
	if _, err := r.action.Plan(t.Context(), r.cmd); !fault.IsPermanent(err) || !strings.Contains(err.Error(), vpc) {
		t.Errorf("without the group: %v", err)
	}
	must(api.CreateSecurityGroup(t.Context(), &ec2.CreateSecurityGroupInput{GroupName: aws.String("administrator"), Description: aws.String("test"), VpcId: &vpc}))(t)
	p = r.carryOut()
	if got := groups(); !slices.Equal(got, []string{"administrator", "default"}) {
		t.Errorf("groups: %v", got)
	}
	if err := r.undo(p, false); err != nil {
		t.Fatal(err)
	}
	if got := groups(); !slices.Equal(got, []string{"default"}) {
		t.Errorf("groups after undo: %v", got)
	}

	must(api.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{id}}))(t)
	if p := r.plan(); !p.Empty() {
		t.Errorf("a terminated instance: %+v", p)
	}
	r = start(t, c, "ec2-require-security-group", "i-00000000000000000", ownAccount, nil)
	if _, err := r.action.Plan(t.Context(), r.cmd); !fault.IsPermanent(err) || !cloud.Missing(err) {
		t.Errorf("an instance that does not exist: %v", err)
	}
}

func managedPolicy(t *testing.T, endpoint string) {
	c := reverting(t, endpoint, "iam-revert-policy", past{}.exchange()).Clients
	api := must(c.IAM(t.Context(), "", ""))(t)
	arn := *must(api.CreatePolicy(t.Context(), &iam.CreatePolicyInput{PolicyName: aws.String(unique("reports")), PolicyDocument: aws.String(little)}))(t).Policy.Arn
	standard := func() string {
		return *must(api.GetPolicy(t.Context(), &iam.GetPolicyInput{PolicyArn: &arn}))(t).Policy.DefaultVersionId
	}
	must(api.CreatePolicyVersion(t.Context(), &iam.CreatePolicyVersionInput{PolicyArn: &arn, PolicyDocument: aws.String(everything), SetAsDefault: true}))(t)
	r := start(t, c, "iam-revert-policy", arn, ownAccount, nil)
	p := r.carryOut()
	if got := standard(); got != "v1" || p.Approval != "" {
		t.Errorf("default %s, approval %q", got, p.Approval)
	}
	if err := r.undo(p, false); err != nil || standard() != "v2" {
		t.Errorf("undo: %v, default %s", err, standard())
	}

	arn = *must(api.CreatePolicy(t.Context(), &iam.CreatePolicyInput{PolicyName: aws.String(unique("god")), PolicyDocument: aws.String(everything)}))(t).Policy.Arn
	r = start(t, c, "iam-revert-policy", arn, ownAccount, nil)
	p = r.carryOut()
	if got := standard(); got != "v2" || p.Approval == "" {
		t.Errorf("default %s, approval %q", got, p.Approval)
	}
	if err := r.undo(p, false); err != nil || standard() != "v1" {
		t.Errorf("undo: %v, default %s", err, standard())
	}
	if n := len(must(api.ListPolicyVersions(t.Context(), &iam.ListPolicyVersionsInput{PolicyArn: &arn}))(t).Versions); n != 1 {
		t.Errorf("%d versions after undo", n)
	}
}

func inlinePolicy(t *testing.T, endpoint string) {
	c := reverting(t, endpoint, "iam-revert-policy", past{}.exchange()).Clients
	api := must(c.IAM(t.Context(), "", ""))(t)
	name, policy := unique("bob"), "p"
	must(api.CreateUser(t.Context(), &iam.CreateUserInput{UserName: &name}))(t)
	must(api.CreateGroup(t.Context(), &iam.CreateGroupInput{GroupName: &name}))(t)
	must(api.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[]}`)}))(t)
	doc := aws.String(everything)
	put := map[string]func() error{
		"user": func() error {
			_, err := api.PutUserPolicy(t.Context(), &iam.PutUserPolicyInput{UserName: &name, PolicyName: &policy, PolicyDocument: doc})
			return err
		},
		"role": func() error {
			_, err := api.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: &name, PolicyName: &policy, PolicyDocument: doc})
			return err
		},
		"group": func() error {
			_, err := api.PutGroupPolicy(t.Context(), &iam.PutGroupPolicyInput{GroupName: &name, PolicyName: &policy, PolicyDocument: doc})
			return err
		},
	}
	for kind, put := range put {
		t.Run(kind, func(t *testing.T) {
			if err := put(); err != nil {
				t.Fatal(err)
			}
			r := start(t, c, "iam-revert-policy", kind+"/"+name+"/policy/"+policy, ownAccount, nil)
			p := r.carryOut()
			if err := r.undo(p, false); err != nil {
				t.Fatal(err)
			}
			if again := r.plan(); again.Empty() {
				t.Error("undo did not bring the policy back")
			}
		})
	}
	out := must(api.GetUserPolicy(t.Context(), &iam.GetUserPolicyInput{UserName: &name, PolicyName: &policy}))(t)
	if text, err := url.PathUnescape(*out.PolicyDocument); err != nil || !strings.Contains(text, `"Action":"*"`) {
		t.Errorf("after undo the policy says %s (%v)", text, err)
	}
}
