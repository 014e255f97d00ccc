package cloud

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/fault"
)

const (
	ours   = "123456789012"
	theirs = "210987654321"
	third  = "333344445555"
)

// A fakeAWS is STS and a few calls of S3. Which session a call comes from shows in its access key, which STS makes: ASIA-account-number.
type fakeAWS struct {
	mu      sync.Mutex
	assumed []url.Values                                              // the calls of AssumeRole
	keys    []string                                                  // access keys of the other calls
	lasts   time.Duration                                             // of credentials; 1 h if zero
	refuse  func(key string) string                                   // the error code for a call with that access key
	hold    func(ctx context.Context, call string, v url.Values) bool // tells whether to hang up
}

func (f *fakeAWS) handle(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	_, key, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	key, _, _ = strings.Cut(key, "/")
	if f.hold != nil && f.hold(r.Context(), r.Form.Get("Action"), url.Values{"key": {key}, "RoleArn": {r.Form.Get("RoleArn")}}) {
		if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
			_ = conn.Close()
		}
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch r.Form.Get("Action") {
	case "GetCallerIdentity":
		fmt.Fprintf(w, `<GetCallerIdentityResponse><GetCallerIdentityResult><Account>%s</Account><Arn>arn:aws:iam::%[1]s:user/riposte</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>`, ours)
	case "AssumeRole":
		account := strings.Split(r.Form.Get("RoleArn"), ":")[4]
		if account == third {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `<ErrorResponse><Error><Code>AccessDenied</Code><Message>you are not to assume it</Message></Error></ErrorResponse>`)
			return
		}
		f.assumed = append(f.assumed, r.Form)
		lasts := f.lasts
		if lasts == 0 {
			lasts = time.Hour
		}
		fmt.Fprintf(w, `<AssumeRoleResponse><AssumeRoleResult><AssumedRoleUser><Arn>arn:aws:sts::%s:assumed-role/riposte/x</Arn><AssumedRoleId>A:x</AssumedRoleId></AssumedRoleUser>
<Credentials><AccessKeyId>ASIA-%[1]s-%d</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
			account, len(f.assumed), time.Now().Add(lasts).UTC().Format(time.RFC3339))
	default:
		f.keys = append(f.keys, key)
		if f.refuse != nil {
			if code := f.refuse(key); code != "" {
				w.WriteHeader(http.StatusBadRequest)
				fmt.Fprintf(w, `<Error><Code>%s</Code><Message>no</Message></Error>`, code)
				return
			}
		}
		fmt.Fprint(w, `<ServerSideEncryptionConfiguration/>`)
	}
}

func (f *fakeAWS) clients(t *testing.T, conf Config) *Clients {
	t.Helper()
	api(t, f.handle)
	conf.Region = "eu-central-1"
	if err := conf.Validate(); err != nil {
		t.Fatal(err)
	}
	c, err := New(t.Context(), conf, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// read makes one call in an account, with a client asked for anew, as actions do.
func read(ctx context.Context, c *Clients, account string) error {
	client, err := c.S3(ctx, account, "eu-west-1")
	if err != nil {
		return err
	}
	_, err = client.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: aws.String("logs")})
	return Classify(err)
}

func conf() Config {
	return Config{AssumeRole: "arn:aws:iam::{account}:role/riposte", ExternalID: "ex-1", AllowAccounts: []string{theirs, third}}
}

func TestAssumeRole(t *testing.T) {
	f := &fakeAWS{}
	with := conf()
	with.Session = Session{Name: "riposte-prod", SourceIdentity: "prod", Tags: map[string]string{"b": "2", "a": "1"}, Duration: 30 * time.Minute}
	c := f.clients(t, with)
	for range 3 {
		if err := read(WithCommand(t.Context(), command), c, theirs); err != nil {
			t.Fatal(err)
		}
	}
	if err := read(t.Context(), c, ours); err != nil {
		t.Fatal(err)
	}
	if len(f.assumed) != 1 {
		t.Fatalf("the role was assumed %d times", len(f.assumed))
	}
	want := map[string]string{"RoleArn": "arn:aws:iam::" + theirs + ":role/riposte", "ExternalId": "ex-1", "RoleSessionName": "riposte-prod", "SourceIdentity": "prod",
		"DurationSeconds": "1800", "Tags.member.1.Key": "a", "Tags.member.1.Value": "1", "Tags.member.2.Key": "b"}
	for k, v := range want {
		if got := f.assumed[0].Get(k); got != v {
			t.Errorf("%s is %q; %q expected", k, got, v)
		}
	}
	if got := strings.Join(f.keys, " "); got != strings.Repeat("ASIA-"+theirs+"-1 ", 3)+"id" {
		t.Errorf("calls with %s", got)
	}
}

func TestRefusedAccounts(t *testing.T) {
	f := &fakeAWS{}
	c := f.clients(t, conf())
	if err := read(t.Context(), c, "999988887777"); !fault.IsPermanent(err) || !strings.Contains(err.Error(), "AWS account 999988887777 is not allowed") {
		t.Errorf("not on the list: %v", err)
	}
	err := read(t.Context(), c, third)
	if !fault.IsPermanent(err) || err.Error() != "S3 GetBucketEncryption: role arn:aws:iam::"+third+":role/riposte: STS AssumeRole: AccessDenied: you are not to assume it (permission needed: sts:AssumeRole)" {
		t.Errorf("the role does not let us in: %v", err)
	}
	if len(f.assumed)+len(f.keys) != 0 {
		t.Errorf("%d roles assumed, %d calls made", len(f.assumed), len(f.keys))
	}
	if _, err := c.S3(t.Context(), theirs, "eu-west-1.example.org/"); !fault.IsPermanent(err) {
		t.Errorf("a region that is a host: %v", err)
	}
}

// TestClientsAreKept: one client for a place, however our own account is spelt, and no more of them than there is room for.
func TestClientsAreKept(t *testing.T) {
	f := &fakeAWS{}
	c := f.clients(t, conf())
	get := func(account, region string) any {
		t.Helper()
		client, err := c.S3(t.Context(), account, region)
		if err != nil {
			t.Fatal(err)
		}
		return client
	}
	if get("", "") != get(ours, "eu-central-1") || get(theirs, "") != get(theirs, "eu-central-1") {
		t.Error("the same place has two clients")
	}
	if get("", "") == get(theirs, "") || get("", "") == get("", "eu-west-1") {
		t.Error("two places share a client")
	}
	for i := range maxClients {
		get(theirs, fmt.Sprintf("eu-%c%c%c-1", 'a'+i%26, 'a'+i/26%26, 'a'+i/26/26))
	}
	if n := c.made.Len(); n != maxClients {
		t.Errorf("%d clients are kept", n)
	}
}

// TestRenewal: credentials are fetched anew before they expire, and when AWS calls them expired before that.
func TestRenewal(t *testing.T) {
	f := &fakeAWS{lasts: time.Second}
	c := f.clients(t, conf())
	for range 2 {
		if err := read(t.Context(), c, theirs); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(f.keys, " "); got != "ASIA-"+theirs+"-1 ASIA-"+theirs+"-2" {
		t.Errorf("short-lived: calls with %s", got)
	}

	f = &fakeAWS{refuse: func(key string) string {
		if strings.HasSuffix(key, "-1") {
			return "ExpiredToken"
		}
		return ""
	}}
	c = f.clients(t, conf())
	if err := read(t.Context(), c, theirs); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(f.keys, " "); got != "ASIA-"+theirs+"-1 ASIA-"+theirs+"-2" {
		t.Errorf("called expired: calls with %s", got)
	}
	f.refuse = func(string) string { return "ExpiredToken" }
	if err := read(t.Context(), c, theirs); err == nil || fault.IsPermanent(err) || len(f.keys) != 4 {
		t.Errorf("expired whatever we do: %v after %d calls", err, len(f.keys))
	}
}

func TestSessionPerCommand(t *testing.T) {
	f := &fakeAWS{}
	with := conf()
	with.Session.PerCommand = true
	c := f.clients(t, with)
	other := strings.Repeat("f", 32)
	for _, ctx := range []context.Context{t.Context(), WithCommand(t.Context(), command), WithCommand(t.Context(), other), WithCommand(t.Context(), command), t.Context()} {
		if err := read(ctx, c, theirs); err != nil {
			t.Fatal(err)
		}
	}
	var names []string
	for _, v := range f.assumed {
		names = append(names, v.Get("RoleSessionName"))
	}
	if got := strings.Join(names, " "); got != "riposte riposte-"+command+" riposte-"+other {
		t.Errorf("sessions: %s", got)
	}
	if got := strings.ReplaceAll(strings.Join(f.keys, " "), "ASIA-"+theirs+"-", ""); got != "1 2 3 2 1" {
		t.Errorf("calls from sessions %s", got)
	}
}
