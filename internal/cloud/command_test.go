package cloud

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/rs/zerolog"
)

const command = "0123456789abcdef0123456789abcdef"

func TestCommandIn(t *testing.T) {
	sdk := "aws-sdk-go-v2/1.47.6 ua/2.1 os/linux lang/go#1.26.0 md/GOOS#linux md/GOARCH#amd64 api/s3#1.114.7 app/riposte m/E,g"
	tests := []struct{ agent, want string }{
		{sdk + " md/riposte-command#" + command, command},
		{"[" + sdk + " md/riposte-command#" + command + "]", command},
		{"md/riposte-command#" + command + " " + sdk, command},
		{sdk, ""},
		{"", ""},
		{"md/riposte-command#", ""},
		{"md/riposte-command#0123", ""},
		{"md/riposte-command#" + command + "0", ""},
		{"md/riposte-command#" + strings.ToUpper(command), ""},
		{"md/riposte-command#" + command + " md/riposte-command#" + strings.Repeat("0", 32), ""},
		{"s3.amazonaws.com", ""},
	}
	for _, tt := range tests {
		if got, ok := CommandIn(tt.agent); got != tt.want || ok != (tt.want != "") {
			t.Errorf("%q: %q, %v", tt.agent, got, ok)
		}
	}
}

// TestCommandInUserAgent: what goes over the wire under a command can be read back, and calls beside it stay unmarked. The SDK's tries of one call
// all carry it.
func TestCommandInUserAgent(t *testing.T) {
	var agents []string
	api(t, func(w http.ResponseWriter, r *http.Request) {
		agents = append(agents, r.UserAgent())
		if len(agents) == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		fmt.Fprint(w, `<ServerSideEncryptionConfiguration/>`)
	})
	c, err := New(t.Context(), Config{Region: "eu-central-1"}, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	client, err := c.S3(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	call := func(ctx context.Context) {
		if _, err := client.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: aws.String("logs")}); err != nil {
			t.Fatal(err)
		}
	}
	call(WithCommand(t.Context(), command))
	call(t.Context())
	call(WithCommand(t.Context(), "two words"))
	if len(agents) != 4 {
		t.Fatalf("%d requests: %q", len(agents), agents)
	}
	for i, want := range []string{command, command, "", ""} {
		if got, _ := CommandIn(agents[i]); got != want || !strings.HasPrefix(agents[i], "aws-sdk-go-v2/") || !strings.Contains(agents[i], " app/riposte") {
			t.Errorf("request %d: %q has command %q", i, agents[i], got)
		}
	}
}
