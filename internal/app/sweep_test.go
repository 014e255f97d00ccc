package app

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
	"github.com/tidwall/gjson"

	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/internal/broker"
	"github.com/riposte-security/riposte/internal/kafka"
)

// awsWithAGroup is an AWS API with one security group; anything else is refused.
func awsWithAGroup(w http.ResponseWriter, r *http.Request) {
	switch r.FormValue("Action") {
	case "GetCallerIdentity":
		_, _ = w.Write([]byte(`<GetCallerIdentityResponse><GetCallerIdentityResult><Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`))
	case "DescribeSecurityGroups":
		_, _ = w.Write([]byte(`<DescribeSecurityGroupsResponse><securityGroupInfo><item><groupId>sg-1</groupId><groupName>web</groupName></item></securityGroupInfo></DescribeSecurityGroupsResponse>`))
	default:
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error></Errors></Response>`))
	}
}

// sweep runs the command in a folder of its own.
func sweep(t *testing.T, conf string, args ...string) (code int, out, errs string) {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	if conf != "" {
		args = append([]string{"-c", write(t, dir, "riposte.yaml", conf)}, args...)
	}
	var stdout, stderr bytes.Buffer
	code = Main(t.Context(), args, Streams{In: strings.NewReader(""), Out: &stdout, Err: &stderr})
	return code, stdout.String(), stderr.String()
}

func TestSweep(t *testing.T) {
	api := httptest.NewServer(http.HandlerFunc(awsWithAGroup))
	defer api.Close()
	for k, v := range map[string]string{
		"AWS_ENDPOINT_URL": api.URL, "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(k, v)
	}
	const inventory = "  - { name: mine, format: config, source: { aws-inventory: { what: [security-groups], every: 1h } } }\n"
	const configured = "producers:\n" + inventory

	code, out, errs := sweep(t, configured, "sweep")
	if code != 0 || strings.Count(out, "\n") != 1 || gjson.Get(out, "class_uid").Int() != 5023 ||
		gjson.Get(out, "resources.0.uid").String() != "arn:aws:ec2:eu-west-1:111122223333:security-group/sg-1" {
		t.Errorf("%d %s %s", code, out, errs)
	}
	code, again, _ := sweep(t, "", "sweep", "--what", "security-groups")
	if code != 0 || gjson.Get(again, "metadata.uid").String() != gjson.Get(out, "metadata.uid").String() {
		t.Errorf("the same state, and another uid: %d %s", code, again)
	}

	// What may not be read is told, and does not keep the rest back.
	code, out, errs = sweep(t, "", "sweep", "--what", "security-groups", "--what", "instances")
	if code != 1 || strings.Count(out, "\n") != 1 || !strings.Contains(errs, "instances in 111122223333 eu-west-1") {
		t.Errorf("%d %s %s", code, out, errs)
	}

	for name, c := range map[string]struct {
		conf, want string
		args       []string
	}{
		"unknown kind":     {"", "what", []string{"sweep", "--what", "x"}},
		"unknown producer": {configured, `no producer "x"`, []string{"sweep", "x"}},
		"several":          {configured + strings.Replace(inventory, "mine", "yours", 1), "mine or yours", []string{"sweep"}},
	} {
		if code, _, errs := sweep(t, c.conf, c.args...); code != 2 || !strings.Contains(errs, c.want) {
			t.Errorf("%s: %d %s", name, code, errs)
		}
	}
}

// TestSweepPublishes sweeps twice onto an embedded broker: the event bears the producer's name, and the same uid both times.
func TestSweepPublishes(t *testing.T) {
	api := httptest.NewServer(http.HandlerFunc(awsWithAGroup))
	defer api.Close()
	for k, v := range map[string]string{
		"AWS_ENDPOINT_URL": api.URL, "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(k, v)
	}
	b, err := broker.Start(t.Context(), broker.Options{Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close() //nolint:errcheck // it kept everything in memory
	data := t.TempDir()
	for range 2 {
		code, out, errs := sweep(t, "kafka:\n  brokers: ["+b.Addr()+"]\n", "sweep", "--publish", "--what", "security-groups", "--data", data)
		if code != 0 || out != "" {
			t.Fatalf("%d %s %s", code, out, errs)
		}
	}
	c, err := kafka.New(kafka.Config{Brokers: []string{b.Addr()}}, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), await.Long)
	defer cancel()
	var got [][2]string
	err = c.Consume(ctx, kafka.Group{ID: "test", Topics: []string{c.Topics().Events}}, func(_ context.Context, msgs []kafka.Message) error {
		for _, m := range msgs {
			got = append(got, [2]string{m.Header("ce_source"), m.Header("ce_id")})
		}
		if len(got) >= 2 {
			cancel()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0][0] != "riposte/sweep" || cmp.Diff(got[0], got[1]) != "" {
		t.Error(got)
	}
}
