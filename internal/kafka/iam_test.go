package kafka

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/segmentio/kafka-go/sasl"
)

// TestMSKIAM holds what is sent to a broker of Amazon MSK to the documented payload of AWS_MSK_IAM (github.com/aws/aws-msk-iam-auth): its names, and
// a signature of version 4 for kafka-cluster:Connect on that host, worked out here once more.
func TestMSKIAM(t *testing.T) {
	const key, secret, token = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "a session/token="
	t.Setenv("AWS_ACCESS_KEY_ID", key)
	t.Setenv("AWS_SECRET_ACCESS_KEY", secret)
	t.Setenv("AWS_SESSION_TOKEN", token)
	t.Setenv("AWS_REGION", "us-east-1")
	const host = "b-1.acme.kafka.eu-central-1.amazonaws.com"
	m, err := SASL{Mechanism: mskIAM, Region: "eu-central-1"}.mechanism()
	if err != nil {
		t.Fatal(err)
	}
	_, payload, err := m.Start(sasl.WithMetadata(t.Context(), &sasl.Metadata{Host: host, Port: 9098}))
	if err != nil {
		t.Fatal(err)
	}
	if m.Name() != "AWS_MSK_IAM" {
		t.Errorf("mechanism %s", m.Name())
	}
	var got map[string]string
	if err := json.Unmarshal(payload, &got); err != nil {
		t.Fatal(err)
	}
	date := got["x-amz-date"]
	if len(date) != len("20060102T150405Z") {
		t.Fatalf("date %q", date)
	}
	scope := date[:8] + "/eu-central-1/kafka-cluster/aws4_request"
	for name, want := range map[string]string{
		"version": "2020_10_22", "host": host, "action": "kafka-cluster:Connect", "x-amz-algorithm": "AWS4-HMAC-SHA256", "x-amz-credential": key + "/" + scope,
		"x-amz-security-token": token, "x-amz-signedheaders": "host", "x-amz-expires": "300",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, not %q", name, got[name], want)
		}
	}
	if got["user-agent"] == "" {
		t.Error("no user-agent")
	}

	query := url.Values{
		"Action": {got["action"]}, "X-Amz-Algorithm": {got["x-amz-algorithm"]}, "X-Amz-Credential": {got["x-amz-credential"]}, "X-Amz-Date": {date},
		"X-Amz-Expires": {got["x-amz-expires"]}, "X-Amz-Security-Token": {token}, "X-Amz-SignedHeaders": {"host"},
	}
	empty := sha256.Sum256(nil)
	request := strings.Join([]string{"GET", "/", strings.ReplaceAll(query.Encode(), "+", "%20"), "host:" + host, "", "host", hex.EncodeToString(empty[:])}, "\n")
	sum := sha256.Sum256([]byte(request))
	signing := []byte("AWS4" + secret)
	for _, part := range append(strings.Split(scope, "/"), strings.Join([]string{"AWS4-HMAC-SHA256", date, scope, hex.EncodeToString(sum[:])}, "\n")) {
		h := hmac.New(sha256.New, signing)
		h.Write([]byte(part))
		signing = h.Sum(nil)
	}
	if want := hex.EncodeToString(signing); got["x-amz-signature"] != want {
		t.Errorf("signature %s, not %s, of\n%s", got["x-amz-signature"], want, request)
	}
}
