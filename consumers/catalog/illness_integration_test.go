//go:build integration

package catalog_test

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/wafv2"
	waftypes "github.com/aws/aws-sdk-go-v2/service/wafv2/types"

	"github.com/riposte-security/riposte/consumers/actiontest"
	"github.com/riposte-security/riposte/consumers/catalog"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/servers"
	"github.com/riposte-security/riposte/schemas"
)

// A sickbed is an AWS API that keeps state, behind a server that can make it ill.
type sickbed struct {
	*cloud.Clients
	ill atomic.Pointer[ill]
}

func newSickbed(t *testing.T, endpoint string) *sickbed {
	t.Helper()
	behind, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	b := &sickbed{}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(behind); r.Out.Host = r.In.Host }}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if says := b.ill.Load(); says != nil {
			_, _ = io.Copy(io.Discard, r.Body)
			complain(w, r, says)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	b.Clients = clients(t, server.URL, cloud.Config{})
	if _, err := b.Account(t.Context()); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *sickbed) fall(i actiontest.Illness) {
	b.ill.Store(map[actiontest.Illness]*ill{
		actiontest.Denied:    {map[string]string{"iam": "AccessDenied", "s3": "AccessDenied", "ec2": "UnauthorizedOperation", "": "AccessDeniedException"}, 403, "", "not authorized"},
		actiontest.Throttled: {map[string]string{"iam": "Throttling", "s3": "SlowDown", "ec2": "RequestLimitExceeded", "lambda": "TooManyRequestsException", "": "ThrottlingException"}, 429, "9", "too fast"},
		actiontest.Expired:   {map[string]string{"ec2": "RequestExpired", "": "ExpiredTokenException"}, 400, "", "the token is old"},
		actiontest.Broken:    {map[string]string{"": "InternalFailure"}, 500, "", "sorry"},
	}[i])
}

// A bedside makes a target: what names it, what the command says besides, and what deletes it.
type bedside func(t *testing.T, b *sickbed) (target string, with map[string]any, remove func())

// sshOpened is the record of a call that opened SSH to everybody, for actions that reverse what a record says.
const sshOpened = `{"api":{"operation":"AuthorizeSecurityGroupIngress","request":{"data":{"ipProtocol":"tcp","fromPort":22,"toPort":22,"cidrIp":"0.0.0.0/0"}}}}`

// records are what the events of further actions that go by them say.
func records() map[string]string {
	return map[string]string{
		"trail-restore":       `{"api":{"operation":"StopLogging","request":{"data":{}}}}`,
		"deployment-rollback": `{"api":{"request":{"data":{"functionVersion":"2"}}}}`,
	}
}

// TestIllness holds the actions of the catalogue to what may go wrong at every step, on an AWS API that keeps state. Of Network Firewall that API knows no rule
// groups: the action has an exchange of its own, in its folder.
func TestIllness(t *testing.T) {
	endpoint := servers.AWS(t)
	beds := bedsides()
	for _, a := range catalog.Actions() {
		if len(a.Spec.Policy) == 0 || a.Spec.Name == "network-firewall-rule-group" {
			continue
		}
		bed, ok := beds[a.Spec.Name]
		if !ok && a.Spec.Lane == schemas.LaneBlock {
			t.Errorf("%s: nothing to try it on", a.Spec.Name)
		}
		if !ok { // what sets one attribute shares its steps with those that are here
			continue
		}
		b := newSickbed(t, endpoint) // of its own: others are well
		t.Run(a.Spec.Name, func(t *testing.T) {
			t.Parallel()
			actiontest.Suffer(t, func(t *testing.T) actiontest.Patient {
				b.fall(actiontest.Healthy)
				target, with, remove := bed(t, b)
				r := start(t, b.Clients, a.Spec.Name, target, ownAccount, with)
				r.cmd.ID = unique("c")
				r.cmd.Event = json.RawMessage(cmp.Or(records()[a.Spec.Name], sshOpened))
				return actiontest.Patient{Action: r.action, Command: r.cmd, Fall: b.fall, Remove: remove}
			})
		})
	}
}

func gone[I, O, F any](t *testing.T, call func(ctx context.Context, in *I, opts ...F) (*O, error), in *I) {
	t.Helper()
	if _, err := call(t.Context(), in); err != nil {
		t.Fatal(err)
	}
}

func bedsides() map[string]bedside {
	const trust = `{"Version":"2012-10-17","Statement":[]}`
	user := func(t *testing.T, b *sickbed) (string, map[string]any, func()) {
		api, name := must(b.IAM(t.Context(), "", ""))(t), unique("eve")
		must(api.CreateUser(t.Context(), &iam.CreateUserInput{UserName: &name}))(t)
		return name, nil, func() {
			for _, p := range must(api.ListUserPolicies(t.Context(), &iam.ListUserPoliciesInput{UserName: &name}))(t).PolicyNames {
				gone(t, api.DeleteUserPolicy, &iam.DeleteUserPolicyInput{UserName: &name, PolicyName: &p})
			}
			gone(t, api.DeleteUser, &iam.DeleteUserInput{UserName: &name})
		}
	}
	bucket := func(with map[string]any) bedside {
		return func(t *testing.T, b *sickbed) (string, map[string]any, func()) {
			api, name := must(b.S3(t.Context(), "", region))(t), unique("logs")
			must(api.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: region}}))(t)
			return name, with, func() { gone(t, api.DeleteBucket, &s3.DeleteBucketInput{Bucket: &name}) }
		}
	}
	instance := func(with map[string]any) bedside {
		return func(t *testing.T, b *sickbed) (string, map[string]any, func()) {
			api := must(b.EC2(t.Context(), "", ""))(t)
			vpc := *must(api.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.7.0.0/16")}))(t).Vpc.VpcId
			must(api.CreateSecurityGroup(t.Context(), &ec2.CreateSecurityGroupInput{GroupName: aws.String("administrator"), Description: aws.String("test"), VpcId: &vpc}))(t)
			id := launch(t, api, vpc)
			return id, with, func() { gone(t, api.TerminateInstances, &ec2.TerminateInstancesInput{InstanceIds: []string{id}}) }
		}
	}
	return map[string]bedside{
		"iam-deny-user": user, "iam-disable-console": user,
		"s3-encrypt-bucket": bucket(nil), "s3-deny-principal": bucket(map[string]any{"principal": otherAccount}),
		"ec2-isolate": instance(nil), "ec2-require-security-group": instance(nil),
		"ec2-require-tags": instance(map[string]any{"tags": map[string]any{"cost-centre": "none"}}),
		"iam-deny-role": func(t *testing.T, b *sickbed) (string, map[string]any, func()) {
			api, name := must(b.IAM(t.Context(), "", ""))(t), unique("deploy")
			must(api.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(trust)}))(t)
			return name, nil, func() {
				for _, p := range must(api.ListRolePolicies(t.Context(), &iam.ListRolePoliciesInput{RoleName: &name}))(t).PolicyNames {
					gone(t, api.DeleteRolePolicy, &iam.DeleteRolePolicyInput{RoleName: &name, PolicyName: &p})
				}
				gone(t, api.DeleteRole, &iam.DeleteRoleInput{RoleName: &name})
			}
		},
		"iam-disable-access-key": func(t *testing.T, b *sickbed) (string, map[string]any, func()) {
			api, name := must(b.IAM(t.Context(), "", ""))(t), unique("alice")
			must(api.CreateUser(t.Context(), &iam.CreateUserInput{UserName: &name}))(t)
			key := must(api.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: &name}))(t).AccessKey.AccessKeyId
			return *key, nil, func() { gone(t, api.DeleteAccessKey, &iam.DeleteAccessKeyInput{UserName: &name, AccessKeyId: key}) }
		},
		"iam-revert-policy": func(t *testing.T, b *sickbed) (string, map[string]any, func()) {
			api := must(b.IAM(t.Context(), "", ""))(t)
			arn := must(api.CreatePolicy(t.Context(), &iam.CreatePolicyInput{PolicyName: aws.String(unique("reports")), PolicyDocument: aws.String(little)}))(t).Policy.Arn
			must(api.CreatePolicyVersion(t.Context(), &iam.CreatePolicyVersionInput{PolicyArn: arn, PolicyDocument: aws.String(everything), SetAsDefault: true}))(t)
			return *arn, nil, func() {
				for _, v := range must(api.ListPolicyVersions(t.Context(), &iam.ListPolicyVersionsInput{PolicyArn: arn}))(t).Versions {
					if !v.IsDefaultVersion {
						gone(t, api.DeletePolicyVersion, &iam.DeletePolicyVersionInput{PolicyArn: arn, VersionId: v.VersionId})
					}
				}
				gone(t, api.DeletePolicy, &iam.DeletePolicyInput{PolicyArn: arn})
			}
		},
		"trail-restore": func(t *testing.T, b *sickbed) (string, map[string]any, func()) {
			api, buckets, name := must(b.CloudTrail(t.Context(), "", ""))(t), must(b.S3(t.Context(), "", region))(t), unique("audit")
			must(buckets.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: region}}))(t)
			arn := must(api.CreateTrail(t.Context(), &cloudtrail.CreateTrailInput{Name: &name, S3BucketName: &name}))(t).TrailARN
			return *arn, nil, func() { gone(t, api.DeleteTrail, &cloudtrail.DeleteTrailInput{Name: &name}) }
		},
		"deployment-rollback": func(t *testing.T, b *sickbed) (string, map[string]any, func()) {
			api, name := must(b.Lambda(t.Context(), "", ""))(t), twoVersions(t, b.Clients)
			arn := must(api.CreateAlias(t.Context(), &lambda.CreateAliasInput{FunctionName: &name, Name: aws.String("live"), FunctionVersion: aws.String("2")}))(t).AliasArn
			return *arn, nil, func() {
				gone(t, api.DeleteAlias, &lambda.DeleteAliasInput{FunctionName: &name, Name: aws.String("live")})
			}
		},
		"lambda-throttle": func(t *testing.T, b *sickbed) (string, map[string]any, func()) {
			api, roles, name := must(b.Lambda(t.Context(), "", ""))(t), must(b.IAM(t.Context(), "", ""))(t), unique("resize")
			role := must(roles.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(trust)}))(t).Role.Arn
			var code bytes.Buffer
			z := zip.NewWriter(&code)
			must(z.Create("f.py"))(t)
			if err := z.Close(); err != nil {
				t.Fatal(err)
			}
			must(api.CreateFunction(t.Context(), &lambda.CreateFunctionInput{FunctionName: &name, Role: role, Handler: aws.String("f.f"), Runtime: lambdatypes.RuntimePython313,
				Code: &lambdatypes.FunctionCode{ZipFile: code.Bytes()}}))(t)
			return name, nil, func() { gone(t, api.DeleteFunction, &lambda.DeleteFunctionInput{FunctionName: &name}) }
		},
		"nacl-deny": func(t *testing.T, b *sickbed) (string, map[string]any, func()) {
			api := must(b.EC2(t.Context(), "", ""))(t)
			vpc := must(api.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.9.0.0/16")}))(t).Vpc.VpcId
			acl := must(api.CreateNetworkAcl(t.Context(), &ec2.CreateNetworkAclInput{VpcId: vpc}))(t).NetworkAcl.NetworkAclId
			return "203.0.113.7", map[string]any{"network_acl": *acl}, func() { gone(t, api.DeleteNetworkAcl, &ec2.DeleteNetworkAclInput{NetworkAclId: acl}) }
		},
		"security-group-revoke": func(t *testing.T, b *sickbed) (string, map[string]any, func()) {
			api := must(b.EC2(t.Context(), "", ""))(t)
			vpc := must(api.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.8.0.0/16")}))(t).Vpc.VpcId
			group := must(api.CreateSecurityGroup(t.Context(), &ec2.CreateSecurityGroupInput{GroupName: aws.String("web"), Description: aws.String("test"), VpcId: vpc}))(t).GroupId
			must(api.AuthorizeSecurityGroupIngress(t.Context(), &ec2.AuthorizeSecurityGroupIngressInput{GroupId: group, IpPermissions: []ec2types.IpPermission{
				{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22), IpRanges: []ec2types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}}}}}))(t)
			return *group, map[string]any{"cidr": "0.0.0.0/0"}, func() { gone(t, api.DeleteSecurityGroup, &ec2.DeleteSecurityGroupInput{GroupId: group}) }
		},
		"security-group-revert": func(t *testing.T, b *sickbed) (string, map[string]any, func()) {
			api := must(b.EC2(t.Context(), "", ""))(t)
			vpc := must(api.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.8.0.0/16")}))(t).Vpc.VpcId
			group := must(api.CreateSecurityGroup(t.Context(), &ec2.CreateSecurityGroupInput{GroupName: aws.String("web"), Description: aws.String("test"), VpcId: vpc}))(t).GroupId
			must(api.AuthorizeSecurityGroupIngress(t.Context(), &ec2.AuthorizeSecurityGroupIngressInput{GroupId: group, IpPermissions: []ec2types.IpPermission{
				{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22), IpRanges: []ec2types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}}}}}))(t)
			return *group, map[string]any{"by": "event"}, func() { gone(t, api.DeleteSecurityGroup, &ec2.DeleteSecurityGroupInput{GroupId: group}) }
		},
		"wafv2-ipset": func(t *testing.T, b *sickbed) (string, map[string]any, func()) {
			api, name := must(b.WAFV2(t.Context(), "", region))(t), unique("blocked")
			set := must(api.CreateIPSet(t.Context(), &wafv2.CreateIPSetInput{Name: &name, Scope: waftypes.ScopeRegional, IPAddressVersion: waftypes.IPAddressVersionIpv4, Addresses: []string{}}))(t).Summary
			return "203.0.113.7", map[string]any{"ip_set": name}, func() {
				token := must(api.GetIPSet(t.Context(), &wafv2.GetIPSetInput{Name: &name, Id: set.Id, Scope: waftypes.ScopeRegional}))(t).LockToken
				gone(t, api.DeleteIPSet, &wafv2.DeleteIPSetInput{Name: &name, Id: set.Id, Scope: waftypes.ScopeRegional, LockToken: token})
			}
		},
	}
}
