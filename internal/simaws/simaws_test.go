package simaws

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/wafv2"
	waftypes "github.com/aws/aws-sdk-go-v2/service/wafv2/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

func now() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

// start serves the account of the attack and returns it, with the settings of a client.
func start(t *testing.T) (*AWS, aws.Config) {
	t.Helper()
	a := Attack(now)
	s := httptest.NewServer(a)
	t.Cleanup(s.Close)
	return a, aws.Config{
		BaseEndpoint: &s.URL, Region: AttackRegion, Credentials: credentials.NewStaticCredentialsProvider("AKIDSIMULATED", "none", ""),
		HTTPClient: s.Client(), RetryMaxAttempts: 1,
	}
}

// wantCode fails the test unless err is an AWS error with that code.
func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code {
		t.Errorf("error %v, want code %s", err, code)
	}
}

func must[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func pathStyle(o *s3.Options) { o.UsePathStyle = true }

func TestS3(t *testing.T) {
	a, conf := start(t)
	c, ctx := s3.NewFromConfig(conf, pathStyle), t.Context()
	bucket, owner := aws.String("acme-customer-exports"), aws.String(AttackAccount)
	head := must[*s3.HeadBucketOutput](t)(c.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: bucket, ExpectedBucketOwner: owner}))
	if aws.ToString(head.BucketRegion) != AttackRegion {
		t.Errorf("region %q", aws.ToString(head.BucketRegion))
	}
	if loc := must[*s3.GetBucketLocationOutput](t)(c.GetBucketLocation(ctx, &s3.GetBucketLocationInput{Bucket: bucket})); string(loc.LocationConstraint) != AttackRegion {
		t.Errorf("location %q", loc.LocationConstraint)
	}
	in := &s3.PutBucketEncryptionInput{Bucket: bucket, ExpectedBucketOwner: owner, ServerSideEncryptionConfiguration: &s3types.ServerSideEncryptionConfiguration{
		Rules: []s3types.ServerSideEncryptionRule{{
			ApplyServerSideEncryptionByDefault: &s3types.ServerSideEncryptionByDefault{SSEAlgorithm: "aws:kms", KMSMasterKeyID: aws.String("alias/exports")}, BucketKeyEnabled: aws.Bool(true),
		}},
	}}
	must[*s3.PutBucketEncryptionOutput](t)(c.PutBucketEncryption(ctx, in))
	get := must[*s3.GetBucketEncryptionOutput](t)(c.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: bucket}))
	rule := get.ServerSideEncryptionConfiguration.Rules[0]
	if d := rule.ApplyServerSideEncryptionByDefault; d.SSEAlgorithm != "aws:kms" || aws.ToString(d.KMSMasterKeyID) != "alias/exports" || !aws.ToBool(rule.BucketKeyEnabled) {
		t.Errorf("read back %+v", d)
	}
	if b, ok := a.Bucket(*bucket); !ok || b.Encryption != (Encryption{Algorithm: "aws:kms", Key: "alias/exports", BucketKey: true}) {
		t.Errorf("bucket %+v, %t", b, ok)
	}
	must[*s3.DeleteBucketEncryptionOutput](t)(c.DeleteBucketEncryption(ctx, &s3.DeleteBucketEncryptionInput{Bucket: bucket}))
	if b, _ := a.Bucket(*bucket); b.Encryption.Algorithm != "AES256" {
		t.Errorf("after removal: %+v", b)
	}

	in.ServerSideEncryptionConfiguration.Rules[0].ApplyServerSideEncryptionByDefault.SSEAlgorithm = "ROT13"
	_, err := c.PutBucketEncryption(ctx, in)
	wantCode(t, err, "InvalidArgument")
	_, err = c.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: aws.String("nobodys")})
	wantCode(t, err, "NoSuchBucket")
	_, err = c.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: aws.String("nobodys")})
	wantCode(t, err, "NotFound")
	_, err = c.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: bucket, ExpectedBucketOwner: aws.String("999999999999")})
	wantCode(t, err, "AccessDenied")
	a.AddBucket("bare", Bucket{})
	_, err = c.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: aws.String("bare")})
	wantCode(t, err, "ServerSideEncryptionConfigurationNotFoundError")
	_, err = c.ListBuckets(ctx, &s3.ListBucketsInput{})
	wantCode(t, err, "NotImplemented")
	_, err = c.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: bucket}, func(o *s3.Options) { o.Region = "eu-west-1" })
	wantCode(t, err, "PermanentRedirect")
	_, err = c.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: bucket}, func(o *s3.Options) { o.Region = "eu-west-1" })
	var resp *smithyhttp.ResponseError
	if !errors.As(err, &resp) || resp.Response.Header.Get("X-Amz-Bucket-Region") != AttackRegion {
		t.Errorf("a bucket elsewhere does not say where: %v", err)
	}
}

func TestEC2(t *testing.T) {
	a, conf := start(t)
	c, ctx := ec2.NewFromConfig(conf), t.Context()
	const id, admn = "i-0bad0000000000002", "sg-0ac0de00000000002"
	read := func() ec2types.Instance {
		t.Helper()
		return must[*ec2.DescribeInstancesOutput](t)(c.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{id}})).Reservations[0].Instances[0]
	}
	i := read()
	if aws.ToString(i.InstanceId) != id || i.State.Name != ec2types.InstanceStateNameRunning || len(i.Tags) != 0 || len(i.NetworkInterfaces) != 1 {
		t.Fatalf("instance %+v", i)
	}
	nic := i.NetworkInterfaces[0]
	if aws.ToInt32(nic.Attachment.DeviceIndex) != 0 || len(nic.Groups) != 1 || aws.ToString(nic.Groups[0].GroupName) != "web" {
		t.Errorf("interface %+v", nic)
	}
	tags := []ec2types.Tag{{Key: aws.String("owner"), Value: aws.String("unknown")}, {Key: aws.String("cost-centre"), Value: aws.String("")}}
	must[*ec2.CreateTagsOutput](t)(c.CreateTags(ctx, &ec2.CreateTagsInput{Resources: []string{id}, Tags: tags}))
	if i = read(); len(i.Tags) != 2 || aws.ToString(i.Tags[1].Value) != "unknown" {
		t.Errorf("tags %+v", i.Tags)
	}
	must[*ec2.DeleteTagsOutput](t)(c.DeleteTags(ctx, &ec2.DeleteTagsInput{Resources: []string{id}, Tags: []ec2types.Tag{{Key: aws.String("owner"), Value: aws.String("bob")}, {Key: aws.String("cost-centre")}}}))
	if i = read(); len(i.Tags) != 1 || aws.ToString(i.Tags[0].Key) != "owner" {
		t.Errorf("tags after removal %+v", i.Tags)
	}

	found := must[*ec2.DescribeSecurityGroupsOutput](t)(c.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{Filters: []ec2types.Filter{
		{Name: aws.String("group-name"), Values: []string{"administrator"}}, {Name: aws.String("vpc-id"), Values: []string{aws.ToString(i.VpcId)}},
	}}))
	if len(found.SecurityGroups) != 1 || aws.ToString(found.SecurityGroups[0].GroupId) != admn {
		t.Fatalf("groups %+v", found.SecurityGroups)
	}
	groups := []string{aws.ToString(nic.Groups[0].GroupId), admn}
	must[*ec2.ModifyNetworkInterfaceAttributeOutput](t)(c.ModifyNetworkInterfaceAttribute(ctx, &ec2.ModifyNetworkInterfaceAttributeInput{NetworkInterfaceId: nic.NetworkInterfaceId, Groups: groups}))
	if got, _ := a.Instance(id); !slices.Equal(got.Groups, groups) {
		t.Errorf("groups %v", got.Groups)
	}
	must[*ec2.ModifyInstanceAttributeOutput](t)(c.ModifyInstanceAttribute(ctx, &ec2.ModifyInstanceAttributeInput{InstanceId: aws.String(id), Groups: groups[:1]}))
	if i = read(); len(i.SecurityGroups) != 1 {
		t.Errorf("groups %+v", i.SecurityGroups)
	}

	_, err := c.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{"i-00000000"}})
	wantCode(t, err, "InvalidInstanceID.NotFound")
	_, err = c.ModifyInstanceAttribute(ctx, &ec2.ModifyInstanceAttributeInput{InstanceId: aws.String(id), Groups: []string{"sg-00000000"}})
	wantCode(t, err, "InvalidGroup.NotFound")
	_, err = c.ModifyNetworkInterfaceAttribute(ctx, &ec2.ModifyNetworkInterfaceAttributeInput{NetworkInterfaceId: aws.String("eni-0"), Groups: groups})
	wantCode(t, err, "InvalidNetworkInterfaceID.NotFound")
	_, err = c.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{id}})
	wantCode(t, err, "InvalidAction")
}

func TestIAMManaged(t *testing.T) {
	a, conf := start(t)
	c, ctx := iam.NewFromConfig(conf), t.Context()
	arn := aws.String("arn:aws:iam::" + AttackAccount + ":policy/acme-ci-deploy")
	if p := must[*iam.GetPolicyOutput](t)(c.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: arn})); aws.ToString(p.Policy.DefaultVersionId) != "v2" || aws.ToString(p.Policy.Arn) != *arn {
		t.Fatalf("policy %+v", p.Policy)
	}
	v := must[*iam.GetPolicyVersionOutput](t)(c.GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{PolicyArn: arn, VersionId: aws.String("v1")}))
	doc, err := url.PathUnescape(aws.ToString(v.PolicyVersion.Document))
	if err != nil || !strings.Contains(doc, `"arn:aws:s3:::acme-website/*"`) || v.PolicyVersion.IsDefaultVersion {
		t.Errorf("version %+v, %s", v.PolicyVersion, doc)
	}
	list := must[*iam.ListPolicyVersionsOutput](t)(c.ListPolicyVersions(ctx, &iam.ListPolicyVersionsInput{PolicyArn: arn}))
	if len(list.Versions) != 2 || aws.ToString(list.Versions[0].VersionId) != "v2" || !list.Versions[0].IsDefaultVersion || list.Versions[1].CreateDate == nil {
		t.Errorf("versions %+v", list.Versions)
	}
	must[*iam.SetDefaultPolicyVersionOutput](t)(c.SetDefaultPolicyVersion(ctx, &iam.SetDefaultPolicyVersionInput{PolicyArn: arn, VersionId: aws.String("v1")}))
	if p, _ := a.Policy(*arn); p.Default != "v1" {
		t.Errorf("default version %s", p.Default)
	}
	made := must[*iam.CreatePolicyVersionOutput](t)(c.CreatePolicyVersion(ctx, &iam.CreatePolicyVersionInput{PolicyArn: arn, PolicyDocument: aws.String(`{"a":"b c+d"}`), SetAsDefault: true}))
	if aws.ToString(made.PolicyVersion.VersionId) != "v3" || !made.PolicyVersion.IsDefaultVersion {
		t.Errorf("made %+v", made.PolicyVersion)
	}
	_, err = c.DeletePolicyVersion(ctx, &iam.DeletePolicyVersionInput{PolicyArn: arn, VersionId: aws.String("v3")})
	wantCode(t, err, "DeleteConflict")
	must[*iam.DeletePolicyVersionOutput](t)(c.DeletePolicyVersion(ctx, &iam.DeletePolicyVersionInput{PolicyArn: arn, VersionId: aws.String("v2")}))
	_, err = c.GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{PolicyArn: arn, VersionId: aws.String("v2")})
	wantCode(t, err, "NoSuchEntity")
	_, err = c.CreatePolicyVersion(ctx, &iam.CreatePolicyVersionInput{PolicyArn: arn, PolicyDocument: aws.String("{")})
	wantCode(t, err, "MalformedPolicyDocument")
	for err = nil; err == nil; {
		_, err = c.CreatePolicyVersion(ctx, &iam.CreatePolicyVersionInput{PolicyArn: arn, PolicyDocument: aws.String("{}")})
	}
	wantCode(t, err, "LimitExceeded")
	_, err = c.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: aws.String("arn:aws:iam::1:policy/none")})
	wantCode(t, err, "NoSuchEntity")
	_, err = c.ListUsers(ctx, &iam.ListUsersInput{})
	wantCode(t, err, "InvalidAction")
}

func TestIAMInline(t *testing.T) {
	a, conf := start(t)
	c, ctx := iam.NewFromConfig(conf), t.Context()
	user, policy := aws.String("mallory"), aws.String("maintenance")
	out := must[*iam.GetUserPolicyOutput](t)(c.GetUserPolicy(ctx, &iam.GetUserPolicyInput{UserName: user, PolicyName: policy}))
	if doc, err := url.PathUnescape(aws.ToString(out.PolicyDocument)); err != nil || !strings.Contains(doc, `"Action":"*"`) || aws.ToString(out.UserName) != "mallory" {
		t.Errorf("document %s (%v)", doc, err)
	}
	must[*iam.DeleteUserPolicyOutput](t)(c.DeleteUserPolicy(ctx, &iam.DeleteUserPolicyInput{UserName: user, PolicyName: policy}))
	_, err := c.GetUserPolicy(ctx, &iam.GetUserPolicyInput{UserName: user, PolicyName: policy})
	wantCode(t, err, "NoSuchEntity")
	_, err = c.DeleteUserPolicy(ctx, &iam.DeleteUserPolicyInput{UserName: user, PolicyName: policy})
	wantCode(t, err, "NoSuchEntity")
	must[*iam.PutUserPolicyOutput](t)(c.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: user, PolicyName: policy, PolicyDocument: aws.String(`{"x":"a b+c"}`)}))
	if d, ok := a.InlinePolicy("user", "mallory", "maintenance"); !ok || d != `{"x":"a b+c"}` {
		t.Errorf("document %q, %t", d, ok)
	}
	_, err = c.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: aws.String("nobody"), PolicyName: policy, PolicyDocument: aws.String("{}")})
	wantCode(t, err, "NoSuchEntity")
	a.AddInlinePolicy("group", "g", "p", "{}")
	must[*iam.GetGroupPolicyOutput](t)(c.GetGroupPolicy(ctx, &iam.GetGroupPolicyInput{GroupName: aws.String("g"), PolicyName: aws.String("p")}))
}

func TestWAF(t *testing.T) {
	a, conf := start(t)
	c, ctx := wafv2.NewFromConfig(conf), t.Context()
	list := must[*wafv2.ListIPSetsOutput](t)(c.ListIPSets(ctx, &wafv2.ListIPSetsInput{Scope: waftypes.ScopeRegional, Limit: aws.Int32(100)}))
	if len(list.IPSets) != 2 || aws.ToString(list.IPSets[0].Name) != AttackIPSet || list.NextMarker != nil {
		t.Fatalf("sets %+v", list.IPSets)
	}
	id, name := list.IPSets[0].Id, list.IPSets[0].Name
	get := must[*wafv2.GetIPSetOutput](t)(c.GetIPSet(ctx, &wafv2.GetIPSetInput{Id: id, Name: name, Scope: waftypes.ScopeRegional}))
	update := func(token *string, addresses ...string) error {
		_, err := c.UpdateIPSet(ctx, &wafv2.UpdateIPSetInput{Id: id, Name: name, Scope: waftypes.ScopeRegional, LockToken: token, Addresses: append([]string{}, addresses...)})
		return err
	}
	if err := update(get.LockToken, "203.0.113.9/32", "198.51.100.0/24"); err != nil {
		t.Fatal(err)
	}
	wantCode(t, update(get.LockToken), "WAFOptimisticLockException")
	if got := a.IPSetAddresses(*id); !slices.Equal(got, []string{"198.51.100.0/24", "203.0.113.9/32"}) {
		t.Errorf("addresses %v", got)
	}
	get = must[*wafv2.GetIPSetOutput](t)(c.GetIPSet(ctx, &wafv2.GetIPSetInput{Id: id, Name: name, Scope: waftypes.ScopeRegional}))
	if len(get.IPSet.Addresses) != 2 || get.IPSet.IPAddressVersion != waftypes.IPAddressVersionIpv4 {
		t.Errorf("set %+v", get.IPSet)
	}
	for _, bad := range []string{"203.0.113.9", "2001:db8::/32", "0.0.0.0/0"} {
		wantCode(t, update(get.LockToken, bad), "WAFInvalidParameterException")
	}
	if err := update(get.LockToken); err != nil || len(a.IPSetAddresses(*id)) != 0 {
		t.Errorf("emptied: %v, %v", a.IPSetAddresses(*id), err)
	}
	_, err := c.GetIPSet(ctx, &wafv2.GetIPSetInput{Id: id, Name: aws.String("another"), Scope: waftypes.ScopeRegional})
	wantCode(t, err, "WAFNonexistentItemException")
	_, err = c.ListIPSets(ctx, &wafv2.ListIPSetsInput{Scope: waftypes.ScopeCloudfront})
	wantCode(t, err, "WAFInvalidParameterException")
	_, err = c.DeleteIPSet(ctx, &wafv2.DeleteIPSetInput{Id: id, Name: name, Scope: waftypes.ScopeRegional, LockToken: aws.String("t")})
	wantCode(t, err, "UnknownOperationException")
}

func TestSNSAndSTS(t *testing.T) {
	a, conf := start(t)
	ctx, topic := t.Context(), "arn:aws:sns:"+AttackRegion+":"+AttackAccount+":security-alerts"
	c := sns.NewFromConfig(conf)
	out := must[*sns.PublishOutput](t)(c.Publish(ctx, &sns.PublishInput{TopicArn: &topic, Subject: aws.String("s"), Message: aws.String("m")}))
	if got := a.Messages(topic); out.MessageId == nil || len(got) != 1 || got[0] != (Message{"s", "m"}) {
		t.Errorf("messages %+v", got)
	}
	_, err := c.Publish(ctx, &sns.PublishInput{TopicArn: aws.String(topic + "x"), Message: aws.String("m")})
	wantCode(t, err, "NotFound")
	_, err = c.Publish(ctx, &sns.PublishInput{TopicArn: &topic, Message: aws.String("m"), Subject: aws.String(strings.Repeat("s", 101))})
	wantCode(t, err, "InvalidParameter")
	id := must[*sts.GetCallerIdentityOutput](t)(sts.NewFromConfig(conf).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{}))
	if aws.ToString(id.Account) != AttackAccount || !strings.Contains(aws.ToString(id.Arn), AttackAccount) {
		t.Errorf("identity %+v", id)
	}
	_, err = sqs.NewFromConfig(conf).ListQueues(ctx, &sqs.ListQueuesInput{})
	if err == nil {
		t.Error("an unknown service was answered")
	}
}

func TestCallsAreRecorded(t *testing.T) {
	a, conf := start(t)
	c := s3.NewFromConfig(conf, pathStyle)
	_, _ = c.DeleteBucketEncryption(t.Context(), &s3.DeleteBucketEncryptionInput{Bucket: aws.String("acme-website")})
	_, _ = c.GetBucketEncryption(t.Context(), &s3.GetBucketEncryptionInput{Bucket: aws.String("nobodys")})
	want := []Call{{Time: now(), Service: "s3", Operation: "DeleteBucketEncryption", Changed: true}, {Time: now(), Service: "s3", Operation: "GetBucketEncryption", Error: "NoSuchBucket"}}
	if got := a.Calls(); !slices.Equal(got, want) {
		t.Errorf("calls %+v, want %+v", got, want)
	}
}

// TestBadRequests: what no SDK would send is refused as well.
func TestBadRequests(t *testing.T) {
	a := Attack(now)
	signed := "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-central-1/ec2/aws4_request, SignedHeaders=host, Signature=0"
	for _, c := range []struct {
		name, method, path, contentType, target, auth, body string
		status                                              int
	}{
		{"unsigned query", "POST", "/", "application/x-www-form-urlencoded", "", "", "Action=DescribeInstances", 403},
		{"unsigned bucket", "GET", "/acme-website?encryption", "", "", "", "", 403},
		{"unsigned WAF", "POST", "/", "application/x-amz-json-1.1", wafTarget + "ListIPSets", "", "{}", 400},
		{"no form", "POST", "/", "application/x-www-form-urlencoded", "", signed, "Action=%zz", 400},
		{"no JSON", "POST", "/", "application/x-amz-json-1.1", wafTarget + "ListIPSets", signed, "{", 400},
		{"too large", "POST", "/", "application/x-www-form-urlencoded", "", signed, strings.Repeat("a", maxBody+1), 413},
		{"an object", "GET", "/acme-website/key", "", "", signed, "", 501},
		{"no XML", "PUT", "/acme-website?encryption", "", "", signed, "<a", 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), c.method, c.path, strings.NewReader(c.body))
			for k, v := range map[string]string{"Content-Type": c.contentType, "X-Amz-Target": c.target, "Authorization": c.auth} {
				if v != "" {
					r.Header.Set(k, v)
				}
			}
			w := httptest.NewRecorder()
			a.ServeHTTP(w, r)
			if w.Code != c.status {
				t.Errorf("status %d %s, want %d %s", w.Code, w.Body, c.status, http.StatusText(c.status))
			}
		})
	}
}
