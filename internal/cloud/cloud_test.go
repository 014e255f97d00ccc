package cloud

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/fault"
)

// apiError is an error as the SDK returns it.
func apiError(code string, status int) error {
	return &smithy.OperationError{ServiceID: "S3", OperationName: "GetBucketEncryption", Err: &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}},
		Err:      &smithy.GenericAPIError{Code: code, Message: "what AWS says"},
	}}
}

func TestClassify(t *testing.T) {
	tests := []struct {
		err       error
		permanent bool
	}{
		{apiError("AccessDenied", 403), true},
		{apiError("UnauthorizedOperation", 403), true},
		{apiError("NoSuchBucket", 404), true},
		{apiError("NoSuchEntity", 404), true},
		{apiError("InvalidInstanceID.NotFound", 400), true},
		{apiError("InvalidInstanceID.Malformed", 400), true},
		{apiError("InvalidParameterValue", 400), true},
		{apiError("InvalidParameterCombination", 400), true},
		{apiError("InvalidGroup.NotFound", 400), true},
		{apiError("ValidationError", 400), true},
		{apiError("MalformedPolicyDocument", 400), true},
		{apiError("LimitExceeded", 409), true},
		{apiError("DeleteConflict", 409), true},
		{apiError("WAFNonexistentItemException", 400), true},
		{apiError("WAFInvalidParameterException", 400), true},
		{apiError("WAFLimitsExceededException", 400), true},
		{apiError("TagLimitExceeded", 400), true},
		{apiError("SomethingNewAboutRights", 403), true},
		{apiError("NotFound", 404), true},
		{fmt.Errorf("bucket x: %w", apiError("AccessDenied", 403)), true},
		{smithy.InvalidParamsError{}, true},
		{fault.Permanent(errors.New("refused")), true},

		{apiError("Throttling", 400), false},
		{apiError("ThrottlingException", 400), false},
		{apiError("RequestLimitExceeded", 503), false},
		{apiError("SlowDown", 503), false},
		{apiError("TooManyRequestsException", 429), false},
		{apiError("LimitExceededException", 400), false}, // a rate, in AWS's words
		{apiError("InternalError", 500), false},
		{apiError("ServiceUnavailable", 503), false},
		{apiError("WAFOptimisticLockException", 400), false},
		{apiError("WAFUnavailableEntityException", 400), false},
		{apiError("ConcurrentModification", 409), false},
		{apiError("OperationAborted", 409), false},
		{apiError("IncorrectInstanceState", 400), false},
		{apiError("ExpiredToken", 400), false},
		{apiError("ExpiredTokenException", 403), false},
		{apiError("RequestTimeTooSkewed", 403), false},
		{apiError("NeverHeardOf", 400), false},
		{apiError("NeverHeardOf", 502), false},
		{context.DeadlineExceeded, false},
		{fmt.Errorf("call: %w", context.Canceled), false},
		{io.ErrUnexpectedEOF, false},
		{errors.New("connection refused"), false},
	}
	for _, tt := range tests {
		got := Classify(tt.err)
		if fault.IsPermanent(got) != tt.permanent {
			t.Errorf("%v: permanent %v", tt.err, !tt.permanent)
		}
		if !errors.Is(got, tt.err) && Code(got) != Code(tt.err) {
			t.Errorf("%v: Classify hides the error: %v", tt.err, got)
		}
		if code := Code(tt.err); !strings.Contains(got.Error(), code) {
			t.Errorf("%v: the text has lost code %s", got, code)
		}
		if again := Classify(got); again.Error() != got.Error() || fault.IsPermanent(again) != tt.permanent {
			t.Errorf("%v: judged twice: %v", got, again)
		}
	}
	if Classify(nil) != nil {
		t.Error("nil is an error")
	}
	if got, want := Classify(apiError("NoSuchBucket", 404)).Error(), "S3 GetBucketEncryption: NoSuchBucket: what AWS says"; got != want {
		t.Errorf("%q, not %q", got, want)
	}
}

func TestSettle(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	missing := fmt.Errorf("instance: %w", Classify(apiError("InvalidInstanceID.NotFound", 400)))
	if err := Settle(missing, now.Add(-time.Second), now); fault.IsPermanent(err) {
		t.Errorf("what an event of a second ago names may yet appear: %v", err)
	}
	if err := Settle(missing, now.Add(-time.Hour), now); !fault.IsPermanent(err) {
		t.Errorf("what an event of an hour ago names is gone: %v", err)
	}
	if err := Settle(Classify(apiError("AccessDenied", 403)), now, now); !fault.IsPermanent(err) {
		t.Errorf("rights do not come by waiting: %v", err)
	}
	if Settle(nil, now, now) != nil {
		t.Error("nil is an error")
	}
}

func TestAwait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin, reads := time.Now(), 0
		err := Await(t.Context(), time.Minute, "it", func(context.Context) (bool, error) { reads++; return reads == 4, nil })
		if err != nil || reads != 4 {
			t.Errorf("%v after %d reads", err, reads)
		}
		err = Await(t.Context(), time.Minute, "it", func(context.Context) (bool, error) { return false, nil })
		if err == nil || fault.IsPermanent(err) || !strings.Contains(err.Error(), "it is not yet as planned") {
			t.Errorf("a read that never says yes: %v", err)
		}
		if d := time.Since(begin); d > 3*time.Minute {
			t.Errorf("waited %s", d)
		}
		denied := fault.Permanent(errors.New("denied"))
		if err := Await(t.Context(), time.Minute, "it", func(context.Context) (bool, error) { return false, denied }); !errors.Is(err, denied) {
			t.Errorf("a read that fails for good: %v", err)
		}
	})
}

// api stands where AWS would and counts what it is asked.
func api(t *testing.T, answer http.HandlerFunc) (calls *atomic.Int64) {
	t.Helper()
	calls = new(atomic.Int64)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	for k, v := range map[string]string{"AWS_ENDPOINT_URL": server.URL, "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "", "AWS_DEFAULT_REGION": "",
		"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_PROFILE": ""} {
		t.Setenv(k, v)
	}
	return calls
}

func TestClients(t *testing.T) {
	calls := api(t, func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		fmt.Fprint(w, `<GetCallerIdentityResponse><GetCallerIdentityResult><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`)
	})
	c, err := New(t.Context(), Config{}, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	if calls.Load() != 0 {
		t.Error("New asks AWS")
	}
	if _, err := c.S3(t.Context(), "", ""); !fault.IsPermanent(err) {
		t.Errorf("without a region: %v", err)
	}
	if _, err := c.IAM(t.Context(), "", ""); err != nil {
		t.Errorf("IAM needs no region: %v", err)
	}
	for range 3 {
		client, err := c.S3(t.Context(), "123456789012", "eu-central-1")
		if err != nil {
			t.Fatal(err)
		}
		if o := client.Options(); o.Region != "eu-central-1" || !o.UsePathStyle || o.Retryer.MaxAttempts() != sdkTries {
			t.Errorf("region %s, path style %v, %d tries", o.Region, o.UsePathStyle, o.Retryer.MaxAttempts())
		}
	}
	if calls.Load() != 1 {
		t.Errorf("the account was asked for %d times", calls.Load())
	}
	for _, account := range []string{"210987654321", "12345678901", "12345678901x"} {
		if _, err := c.EC2(t.Context(), account, "eu-central-1"); !fault.IsPermanent(err) {
			t.Errorf("account %s: %v", account, err)
		}
	}
}

func TestTimeoutAndRetries(t *testing.T) {
	release := make(chan struct{})
	calls := api(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	defer close(release)
	c, err := New(t.Context(), Config{Region: "eu-central-1", Timeout: 50 * time.Millisecond}, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if _, err := c.Account(t.Context()); err == nil || fault.IsPermanent(err) {
		t.Errorf("a server that does not answer: %v", err)
	}
	if d := time.Since(begin); d > 10*time.Second || calls.Load() != sdkTries {
		t.Errorf("%d tries in %s", calls.Load(), d)
	}
}

func TestRefusal(t *testing.T) {
	api(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `<Error><Code>AccessDenied</Code><Message>no</Message></Error>`)
	})
	c, err := New(t.Context(), Config{Region: "eu-central-1"}, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	client, err := c.S3(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.GetBucketEncryption(t.Context(), &s3.GetBucketEncryptionInput{Bucket: aws.String("logs")})
	if got := Classify(err); !fault.IsPermanent(got) || got.Error() != "S3 GetBucketEncryption: AccessDenied: no (permission needed: s3:GetEncryptionConfiguration)" {
		t.Errorf("%v", got)
	}
}
