package cloud

import (
	"context"
	"io"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/riposte-security/riposte/internal/cloud/cloudtest"
	"github.com/riposte-security/riposte/internal/fault"
)

// TestSlowAccount: while STS lets whoever wants into one account wait, another account is served.
func TestSlowAccount(t *testing.T) {
	var once sync.Once
	hangs, served := make(chan struct{}), make(chan struct{})
	f := &fakeAWS{hold: func(ctx context.Context, call string, v url.Values) bool {
		if call == "AssumeRole" && strings.Contains(v.Get("RoleArn"), third) {
			once.Do(func() { close(hangs) })
			select {
			case <-served:
			case <-ctx.Done():
			}
		}
		return false
	}}
	c := f.clients(t, conf())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := read(t.Context(), c, third); err == nil {
				t.Error("the slow account lets us in")
			}
		})
	}
	<-hangs
	for range 3 {
		if err := read(t.Context(), c, theirs); err != nil {
			t.Error(err)
		}
	}
	close(served)
	wg.Wait()
}

// TestRest: an account that does not answer is left alone after a few calls; others go on, and one call finds out when it is over.
func TestRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, calls, away := newRests(), 0, true
		call := func(account string) error {
			stack := middleware.NewStack("test", smithyhttp.NewStackRequest)
			if err := r.register(account)(stack); err != nil {
				t.Fatal(err)
			}
			handler := middleware.DecorateHandler(middleware.HandlerFunc(func(context.Context, any) (any, middleware.Metadata, error) {
				calls++
				if away && account == theirs {
					return nil, middleware.Metadata{}, &smithyhttp.RequestSendError{Err: io.ErrUnexpectedEOF}
				}
				return nil, middleware.Metadata{}, cloudtest.Error("EC2", "DescribeVpcs", "AccessDenied", 403)
			}), stack)
			_, _, err := handler.Handle(awsmiddleware.SetServiceID(t.Context(), "EC2"), nil)
			return err
		}
		for range 2 * restAfter {
			_ = call(theirs)
			_ = call(ours)
		}
		if calls != 3*restAfter {
			t.Errorf("%d calls", calls)
		}
		if err := call(theirs); fault.Wait(err) != restTime || fault.IsPermanent(err) {
			t.Errorf("at rest: %v, wait %s", err, fault.Wait(err))
		}
		for _, is := range []bool{true, false} {
			away, calls = is, 0
			time.Sleep(restTime + time.Second) //nolint:forbidigo // in a bubble, where time costs none
			for range 3 {
				_ = call(theirs)
			}
			if want := map[bool]int{true: 1, false: 3}[is]; calls != want {
				t.Errorf("after the rest, away %v: %d calls", is, calls)
			}
		}
	})
}

// TestRestAndContexts: a caller that breaks a call off says nothing of AWS; one that has waited until its deadline does.
func TestRestAndContexts(t *testing.T) {
	f := &fakeAWS{hold: func(ctx context.Context, call string, _ url.Values) bool {
		if call == "" {
			<-ctx.Done()
		}
		return false
	}}
	c := f.clients(t, conf())
	b := func() string { return c.rests.breaker(restKey{"", "S3", "eu-west-1"}).State().String() }
	for range restAfter + 1 {
		ctx, cancel := context.WithCancel(t.Context())
		go cancel()
		_ = read(ctx, c, "")
	}
	if b() != "closed" {
		t.Error("broken off calls count")
	}
	for range restAfter {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		_ = read(ctx, c, "")
		cancel()
	}
	if b() != "open" {
		t.Error("deadlines do not count")
	}
	if err := read(t.Context(), c, ""); err == nil || fault.IsPermanent(err) || fault.Wait(err) != restTime ||
		err.Error() != "S3 GetBucketEncryption: AWS S3 in eu-west-1 has not answered 5 times in a row; asked again in 10s" {
		t.Errorf("at rest: %v, wait %s", err, fault.Wait(err))
	}
}
