//go:build integration

package catalog_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	cloudtrailtypes "github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/consumers/iampolicy"
	"github.com/riposte-security/riposte/consumers/remediate/table"
	"github.com/riposte-security/riposte/internal/cloud"
)

// A past is the history that AWS Config has, by id of the thing: its configuration two hours ago, an hour before the event. moto keeps none, and writes the times of
// what it has in no form that the protocol allows; so this is an exchange after the API reference.
type past map[string]string

func (p past) exchange() exchange {
	return exchange{"GetResourceConfigHistory": func(r *http.Request) string {
		var in struct {
			ResourceID   string  `json:"resourceId"`
			ResourceType string  `json:"resourceType"`
			LaterTime    float64 `json:"laterTime"`
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.ResourceType == "" || in.LaterTime == 0 {
			return "no request"
		}
		items := []map[string]any{}
		if conf, ok := p[in.ResourceID]; ok {
			items = append(items, map[string]any{"resourceId": in.ResourceID, "resourceType": in.ResourceType, "configurationItemStatus": "OK",
				"configurationItemCaptureTime": float64(time.Now().Add(-2*time.Hour).UnixMilli()) / 1000, "configuration": conf})
		}
		b, _ := json.Marshal(map[string]any{"configurationItems": items})
		return string(b)
	}}
}

// A revert is an action that puts things back, with what it calls.
type revert struct {
	*cloud.Clients
	rec  *recorder
	made map[string]bool
	name string
}

// reverting makes clients of which the calls are noted, and some of them answered by an exchange.
func reverting(t *testing.T, endpoint, name string, e exchange) *revert {
	t.Helper()
	clients(t, endpoint, cloud.Config{}) // sets the environment
	rec := &recorder{}
	rec.answer(t, e)
	c, err := cloud.New(t.Context(), cloud.Config{}, zerolog.Nop(), rec.register, rec.redirect)
	if err != nil {
		t.Fatal(err)
	}
	return &revert{c, rec, map[string]bool{}, name}
}

// noting notes what do calls as the action's.
func (v *revert) noting(do func()) {
	v.rec.take()
	do()
	for _, c := range v.rec.take() {
		for _, p := range cloud.Permissions(c.service, c.operation) {
			v.made[p] = true
		}
	}
}

// policy: the permissions of the spec are those of the calls that were made, and of calls that are not named after one.
func (v *revert) policy(t *testing.T, also ...string) {
	t.Helper()
	s := &suite{a: table.Action{Spec: specOf(v.name)}, f: fixture{also: also}, made: v.made}
	s.policy(t)
}

func policyHistory(t *testing.T, endpoint string) {
	before := past{}
	v := reverting(t, endpoint, "iam-revert-policy", before.exchange())
	api := must(v.IAM(t.Context(), "", ""))(t)
	name := unique("bob")
	recorded := func(kind string) string {
		return `{"` + kind + `PolicyList":[{"policyName":"p","policyDocument":"` + url.PathEscape(little) + `"}]}`
	}
	before[*must(api.CreateUser(t.Context(), &iam.CreateUserInput{UserName: &name}))(t).User.UserId] = recorded("user")
	before[*must(api.CreateGroup(t.Context(), &iam.CreateGroupInput{GroupName: &name}))(t).Group.GroupId] = recorded("group")
	before[*must(api.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[]}`)}))(t).Role.RoleId] = recorded("role")
	must(api.PutUserPolicy(t.Context(), &iam.PutUserPolicyInput{UserName: &name, PolicyName: aws.String("p"), PolicyDocument: aws.String(everything)}))(t)
	must(api.PutUserPolicy(t.Context(), &iam.PutUserPolicyInput{UserName: &name, PolicyName: aws.String("new"), PolicyDocument: aws.String(everything)}))(t)
	must(api.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: &name, PolicyName: aws.String("p"), PolicyDocument: aws.String(everything)}))(t)
	must(api.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: &name, PolicyName: aws.String("new"), PolicyDocument: aws.String(everything)}))(t)
	must(api.PutGroupPolicy(t.Context(), &iam.PutGroupPolicyInput{GroupName: &name, PolicyName: aws.String("p"), PolicyDocument: aws.String(everything)}))(t)
	must(api.PutGroupPolicy(t.Context(), &iam.PutGroupPolicyInput{GroupName: &name, PolicyName: aws.String("new"), PolicyDocument: aws.String(everything)}))(t)
	managed := must(api.CreatePolicy(t.Context(), &iam.CreatePolicyInput{PolicyName: aws.String(unique("reports")), PolicyDocument: aws.String(everything)}))(t).Policy
	before[*managed.PolicyId] = `{"policyVersionList":[{"versionId":"v1","isDefaultVersion":true,"document":"` + url.PathEscape(little) + `"}]}`
	second := must(api.CreatePolicy(t.Context(), &iam.CreatePolicyInput{PolicyName: aws.String(unique("audit")), PolicyDocument: aws.String(little)}))(t).Policy
	must(api.CreatePolicyVersion(t.Context(), &iam.CreatePolicyVersionInput{PolicyArn: second.Arn, PolicyDocument: aws.String(everything), SetAsDefault: true}))(t)

	const history = "as AWS Config recorded it at"
	for target, c := range map[string]struct{ call, says string }{
		"user/" + name + "/policy/p":    {"PutUserPolicy", history},
		"role/" + name + "/policy/p":    {"PutRolePolicy", history},
		"group/" + name + "/policy/p":   {"PutGroupPolicy", history},
		"user/" + name + "/policy/new":  {"DeleteUserPolicy", "did not exist before"},
		"role/" + name + "/policy/new":  {"DeleteRolePolicy", "did not exist before"},
		"group/" + name + "/policy/new": {"DeleteGroupPolicy", "did not exist before"},
		*managed.Arn:                    {"CreatePolicyVersion", history},
		*second.Arn:                     {"SetDefaultPolicyVersion", "to version v1"},
	} {
		t.Run(c.call, func(t *testing.T) {
			r := start(t, v.Clients, v.name, target, ownAccount, nil)
			v.noting(func() {
				p := r.carryOut()
				if p.Calls[0].Operation != c.call || !strings.Contains(p.Summary, c.says) || p.Approval != "" {
					t.Errorf("%+v", p)
				}
				if err := r.undo(p, false); err != nil {
					t.Fatal(err)
				}
				if again := r.plan(); !bytes.Equal(iampolicy.Compact(again.Before), iampolicy.Compact(p.Before)) {
					t.Errorf("after undo %s, before %s", again.Before, p.Before)
				}
			})
		})
	}
	if n := len(must(api.ListPolicyVersions(t.Context(), &iam.ListPolicyVersionsInput{PolicyArn: managed.Arn}))(t).Versions); n != 1 {
		t.Errorf("%d versions after undo", n)
	}
	v.policy(t)
}

func groupRevert(t *testing.T, endpoint string) {
	before := past{}
	v := reverting(t, endpoint, "security-group-revert", before.exchange())
	api := must(v.EC2(t.Context(), "", ""))(t)
	vpc := must(api.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.8.0.0/16")}))(t).Vpc.VpcId
	group := *must(api.CreateSecurityGroup(t.Context(), &ec2.CreateSecurityGroupInput{GroupName: aws.String("web"), Description: aws.String("test"), VpcId: vpc}))(t).GroupId
	permission := func(port int32, cidr string) []ec2types.IpPermission {
		return []ec2types.IpPermission{{IpProtocol: aws.String("tcp"), FromPort: &port, ToPort: &port, IpRanges: []ec2types.IpRange{{CidrIp: &cidr}}}}
	}
	tags := []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeSecurityGroupRule, Tags: []ec2types.Tag{{Key: aws.String("owner"), Value: aws.String("ada")}}}}
	must(api.AuthorizeSecurityGroupIngress(t.Context(), &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &group, IpPermissions: permission(443, "0.0.0.0/0")}))(t)
	must(api.AuthorizeSecurityGroupIngress(t.Context(), &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &group, IpPermissions: permission(22, "0.0.0.0/0"), TagSpecifications: tags}))(t)
	must(api.AuthorizeSecurityGroupEgress(t.Context(), &ec2.AuthorizeSecurityGroupEgressInput{GroupId: &group, IpPermissions: permission(25, "0.0.0.0/0")}))(t)

	revoked := strings.Replace(strings.Replace(sshOpened, "Authorize", "Revoke", 1), "22", "2222", 2)
	for name, c := range map[string]struct{ event, past, calls, says string }{
		"by the record: authorised": {sshOpened, "", "RevokeSecurityGroupIngress", "by the record of the event: revoke tcp 22 from 0.0.0.0/0"},
		"by the record: revoked":    {revoked, "", "AuthorizeSecurityGroupIngress", "restore tcp 2222 from 0.0.0.0/0"},
		"by history": {`{}`, `{"ipPermissions":[{"fromPort":443,"toPort":443,"ipProtocol":"tcp","ipv4Ranges":[{"cidrIp":"0.0.0.0/0"}]},
			{"fromPort":22,"toPort":22,"ipProtocol":"tcp","ipv4Ranges":[{"cidrIp":"198.51.100.0/24","description":"office"}]}],
			"ipPermissionsEgress":[{"ipProtocol":"-1","ipRanges":["0.0.0.0/0"]}]}`, "RevokeSecurityGroupIngress RevokeSecurityGroupEgress AuthorizeSecurityGroupIngress", "as AWS Config recorded it at"},
		"by history: nothing in": {`{}`, `{"ipPermissions":[],"ipPermissionsEgress":[{"ipProtocol":"tcp","fromPort":53,"toPort":53,"ipRanges":["0.0.0.0/0"]}]}`,
			"RevokeSecurityGroupIngress RevokeSecurityGroupEgress AuthorizeSecurityGroupEgress", "restore tcp 53 to 0.0.0.0/0"},
	} {
		t.Run(name, func(t *testing.T) {
			delete(before, group)
			if c.past != "" {
				before[group] = c.past
			}
			r := start(t, v.Clients, v.name, group, ownAccount, nil)
			r.cmd.Event = json.RawMessage(c.event)
			v.noting(func() {
				p := r.carryOut()
				var calls []string
				for _, x := range p.Calls {
					calls = append(calls, x.Operation)
				}
				if strings.Join(calls, " ") != c.calls || !strings.Contains(p.Summary, c.says) {
					t.Errorf("%v: %s", calls, p.Summary)
				}
				if err := r.undo(p, false); err != nil {
					t.Fatal(err)
				}
				if again := r.plan(); withoutIDs(again.Before) != withoutIDs(p.Before) {
					t.Errorf("after undo %s, before %s", again.Before, p.Before)
				}
			})
		})
	}
	v.policy(t, "ec2:CreateTags") // a rule that is restored with tags needs it
}

// withoutIDs is a state without the ids of rules, which do not come back.
func withoutIDs(state []byte) string {
	return regexp.MustCompile(`"id":"sgr-[0-9a-f]+",`).ReplaceAllString(string(state), "")
}

func trailRestore(t *testing.T, endpoint string) {
	before := past{}
	v := reverting(t, endpoint, "trail-restore", before.exchange())
	api, buckets := must(v.CloudTrail(t.Context(), "", ""))(t), must(v.S3(t.Context(), "", region))(t)
	bucket := unique("audit")
	must(buckets.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: region}}))(t)
	for name, c := range map[string]struct {
		harm  func(name string) error
		event string
		past  bool
		calls string
	}{
		"stopped": {func(name string) error {
			_, err := api.StopLogging(t.Context(), &cloudtrail.StopLoggingInput{Name: &name})
			return err
		}, "StopLogging", false, "StartLogging"},
		"deleted": {func(name string) error {
			_, err := api.DeleteTrail(t.Context(), &cloudtrail.DeleteTrailInput{Name: &name})
			return err
		}, "DeleteTrail", true, "CreateTrail PutEventSelectors StartLogging"},
		"weakened": {func(name string) error {
			_, err := api.UpdateTrail(t.Context(), &cloudtrail.UpdateTrailInput{Name: &name, IsMultiRegionTrail: aws.Bool(false), EnableLogFileValidation: aws.Bool(false)})
			return err
		}, "UpdateTrail", true, "UpdateTrail"},
		"blindfold": {func(name string) error {
			_, err := api.PutEventSelectors(t.Context(), &cloudtrail.PutEventSelectorsInput{TrailName: &name, EventSelectors: []cloudtrailtypes.EventSelector{
				{ReadWriteType: cloudtrailtypes.ReadWriteTypeWriteOnly, IncludeManagementEvents: aws.Bool(true), ExcludeManagementEventSources: []string{"kms.amazonaws.com"}}}})
			return err
		}, "PutEventSelectors", false, "PutEventSelectors"},
	} {
		t.Run(name, func(t *testing.T) {
			trail := unique("main")
			made := must(api.CreateTrail(t.Context(), &cloudtrail.CreateTrailInput{Name: &trail, S3BucketName: &bucket, IsMultiRegionTrail: aws.Bool(true), IncludeGlobalServiceEvents: aws.Bool(true),
				EnableLogFileValidation: aws.Bool(true)}))(t)
			must(api.StartLogging(t.Context(), &cloudtrail.StartLoggingInput{Name: &trail}))(t)
			if c.past {
				before[*made.TrailARN] = `{"s3BucketName":"` + bucket + `","includeGlobalServiceEvents":true,"isMultiRegionTrail":true,"logFileValidationEnabled":true}`
			}
			if err := c.harm(trail); err != nil {
				t.Fatal(err)
			}
			r := start(t, v.Clients, v.name, *made.TrailARN, ownAccount, nil)
			r.cmd.Event = json.RawMessage(`{"api":{"operation":"` + c.event + `","request":{"data":{}}}}`)
			v.noting(func() {
				p := r.carryOut()
				var calls []string
				for _, x := range p.Calls {
					calls = append(calls, x.Operation)
				}
				if strings.Join(calls, " ") != c.calls {
					t.Errorf("%v: %s", calls, p.Summary)
				}
			})
			got := must(api.GetTrail(t.Context(), &cloudtrail.GetTrailInput{Name: &trail}))(t).Trail
			status := must(api.GetTrailStatus(t.Context(), &cloudtrail.GetTrailStatusInput{Name: &trail}))(t)
			if !*got.IsMultiRegionTrail || !*got.LogFileValidationEnabled || !*status.IsLogging || *got.S3BucketName != bucket {
				t.Errorf("%+v, logging %t", got, *status.IsLogging)
			}
		})
	}
	v.policy(t, "cloudtrail:AddTags", "iam:PassRole") // a trail that is made with tags, and one with a log group
}
