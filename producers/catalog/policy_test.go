package catalog_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/producers/catalog"
)

const policies = "deployments/iam"

// A document is a policy as IAM takes it; what else may stand in one is not known, and refused.
type document struct {
	Version   string
	Statement []struct {
		Sid, Effect      string
		Action, Resource []string
		Condition        map[string]map[string]any
	}
}

// A beside is an action that a call needs by what it is given, or by what it finds: no call is named after it.
type beside struct {
	of, action string // a source, or the archive
	by         call
	why        string
}

func besides() []beside {
	object, put, receive, records := call{"s3", "GetObject"}, call{"s3", "PutObject"}, call{"sqs", "ReceiveMessage"}, call{"kinesis", "GetRecords"}
	publish, parameter := call{"sns", "Publish"}, call{"ssm", "GetParameter"}
	return []beside{
		{"s3", "kms:Decrypt", object, "an object may be encrypted with a key of KMS"},
		{"sqs", "kms:Decrypt", object, "so may those that are announced"},
		{"sqs", "kms:Decrypt", receive, "and the queue"},
		{"kinesis", "kms:Decrypt", records, "and a stream"},
		{"sqs", "s3:GetObjectVersion", object, "an announcement names the version where a bucket has them"},
		{"archive", "s3:PutObjectRetention", put, "an object is locked as it is written, where that is asked for"},
		{"archive", "kms:GenerateDataKey", put, "a bucket may encrypt with a key of KMS"},
		{"archive", "kms:Decrypt", object, "and what is read of it"},
		{"alert", "kms:GenerateDataKey", publish, "a topic may be encrypted with a key of KMS"},
		{"alert", "kms:Decrypt", publish, "and SNS has the data key decrypted"},
		{"secrets", "kms:Decrypt", parameter, "a parameter may be encrypted with a key of one's own"},
		{"sqs", "s3:ListBucket", object, "without it, S3 says of an object that is not there that it is forbidden, and its message would come again and again"},
	}
}

// TestSourcePolicies: the policy of a source in deployments/iam, and the one that the catalogue prints, allow the calls that stand in the source's code, and nothing else.
// internal/cloud says what a call needs.
func TestSourcePolicies(t *testing.T) {
	const root = "../.."
	files := map[string]bool{}
	for _, s := range catalog.Sources() {
		calls, err := callsOf(root, "producers/source/"+s.Name)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(root, policies, "source-"+s.Name+".json")
		if len(calls) == 0 {
			if len(s.Policy) > 0 {
				t.Errorf("%s calls nothing of AWS, and has the policy %v", s.Name, s.Policy)
			}
			continue
		}
		files[file] = true
		t.Run(s.Name, func(t *testing.T) {
			needed := needs(t, s.Name, calls)
			compare(t, "Policy()", s.Policy, needed)
			compare(t, file, granted(t, file), needed)
		})
	}
	for of, at := range map[string]string{ // no sources, but held to the same
		"archive": "internal/archive/", "alert": "consumers/alert/sns/", "own-addresses": "internal/cloud/own/", "secrets": "internal/cloud/stores.go",
	} {
		file := filepath.Join(root, policies, of+".json")
		files[file] = true
		t.Run(of, func(t *testing.T) {
			calls, err := callsOf(root, filepath.Dir(at))
			if err != nil {
				t.Fatal(err)
			}
			maps.DeleteFunc(calls, func(_ call, place string) bool { return !strings.Contains(place, at) })
			compare(t, file, granted(t, file), needs(t, of, calls))
		})
	}
	there, err := filepath.Glob(filepath.Join(root, policies, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range there {
		if !files[file] {
			t.Errorf("%s is the policy of no source that calls AWS", file)
		}
	}
}

// needs are the actions that calls need, each with the place of one.
func needs(t *testing.T, of string, calls map[call]string) map[string]string {
	t.Helper()
	needed := map[string]string{}
	for c, place := range calls {
		for _, p := range cloud.Permissions(c.service, c.operation) {
			needed[p] = place
		}
	}
	for _, b := range besides() {
		if b.of != of {
			continue
		}
		place, made := calls[b.by]
		if !made {
			t.Errorf("%s was for %v, which is not called any more", b.action, b.by)
		} else if _, ok := needed[b.action]; !ok {
			needed[b.action] = place + ": " + b.why
		}
	}
	return needed
}

// compare compares what a policy grants with what is needed, both ways.
func compare(t *testing.T, policy string, has []string, needed map[string]string) {
	t.Helper()
	for i, action := range has {
		if _, ok := needed[action]; !ok {
			t.Errorf("%s grants %s, which no call needs", policy, action)
		}
		if slices.Contains(has[:i], action) {
			t.Errorf("%s grants %s twice", policy, action)
		}
	}
	for _, action := range slices.Sorted(maps.Keys(needed)) {
		if !slices.Contains(has, action) {
			t.Errorf("%s lacks %s, needed at %s", policy, action, needed[action])
		}
	}
}

// granted reads the actions of a policy, and holds against it what makes it less than the least one.
func granted(t *testing.T, file string) (actions []string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var d document
	strict := json.NewDecoder(bytes.NewReader(text))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&d); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if d.Version != "2012-10-17" {
		t.Errorf("%s: version %q", file, d.Version)
	}
	if n := len(strings.Join(strings.Fields(string(text)), "")); n > 6144 {
		t.Errorf("%s: %d characters; IAM takes 6,144 of a managed policy", file, n)
	}
	sids := map[string]bool{}
	for _, s := range d.Statement {
		if !regexp.MustCompile(`^[A-Za-z0-9]+$`).MatchString(s.Sid) || sids[s.Sid] {
			t.Errorf("%s: Sid %q: one of its own for each statement expected, of letters and digits", file, s.Sid)
		}
		sids[s.Sid] = true
		if s.Effect != "Allow" || len(s.Action) == 0 || len(s.Resource) == 0 {
			t.Errorf("%s: %s: %+v", file, s.Sid, s)
		}
		for _, action := range s.Action {
			if all := slices.Contains(s.Resource, "*"); all != slices.Contains(nowhere(), action) {
				t.Errorf("%s: %s on %v: * is for what IAM cannot narrow to resources, and for that alone", file, action, s.Resource)
			}
			if action == "kms:Decrypt" && s.Condition["StringEquals"]["kms:ViaService"] == nil {
				t.Errorf("%s: %s decrypts for everything; the service that reads for us is enough", file, s.Sid)
			}
		}
		actions = append(actions, s.Action...)
	}
	return actions
}

// nowhere are the actions that have no resources, by AWS's service authorization reference: IAM takes nothing but * for them.
func nowhere() []string {
	return []string{
		"s3:ListAllMyBuckets", "ec2:DescribeRegions", "ec2:DescribeInstances", "ec2:DescribeSecurityGroups",
		"ec2:DescribeAddresses", "ec2:DescribeCustomerGateways", "ec2:DescribeNatGateways", "ec2:DescribeNetworkInterfaces", "ec2:DescribeVpcs",
		"iam:GetAccountAuthorizationDetails", "iam:GetAccountSummary", "cloudtrail:DescribeTrails",
	}
}
