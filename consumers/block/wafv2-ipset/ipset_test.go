package wafv2ipset

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/wafv2"
	"github.com/aws/aws-sdk-go-v2/service/wafv2/types"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/actiontest"
	"github.com/riposte-security/riposte/consumers/block/batch"
	"github.com/riposte-security/riposte/internal/cloud/cloudtest"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// fake is two IP sets, named four and six, under one lock token each, as WAF keeps them.
type fake struct {
	mu      sync.Mutex
	sets    map[string][]string // by id
	token   int
	lists   int
	gets    int
	updates int
	region  string
	foreign int           // this many updates are overtaken by another writer
	delay   time.Duration // an update takes
	err     error         // that updates end in
}

func newFake(four ...string) *fake {
	return &fake{sets: map[string][]string{"four-1": four, "six-1": nil}}
}

func (f *fake) in(_ context.Context, _, region string) (API, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.region = region
	return f, nil
}

func (f *fake) ListIPSets(_ context.Context, in *wafv2.ListIPSetsInput, _ ...func(*wafv2.Options)) (*wafv2.ListIPSetsOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lists++
	if in.NextMarker == nil { // a page without them
		return &wafv2.ListIPSetsOutput{NextMarker: aws.String("more")}, nil
	}
	out := &wafv2.ListIPSetsOutput{}
	for id := range f.sets {
		name, _, _ := strings.Cut(id, "-")
		out.IPSets = append(out.IPSets, types.IPSetSummary{Name: &name, Id: &id})
	}
	return out, nil
}

func (f *fake) GetIPSet(_ context.Context, in *wafv2.GetIPSetInput, _ ...func(*wafv2.Options)) (*wafv2.GetIPSetOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gets++
	addresses, ok := f.sets[*in.Id]
	if !ok {
		return nil, cloudtest.Error("WAFV2", "GetIPSet", "WAFNonexistentItemException", 400)
	}
	family := types.IPAddressVersionIpv4
	if strings.HasPrefix(*in.Id, "six") {
		family = types.IPAddressVersionIpv6
	}
	return &wafv2.GetIPSetOutput{LockToken: aws.String(fmt.Sprint(f.token)),
		IPSet: &types.IPSet{Name: in.Name, Id: in.Id, IPAddressVersion: family, Addresses: slices.Clone(addresses), Description: aws.String("kept")}}, nil
}

func (f *fake) UpdateIPSet(ctx context.Context, in *wafv2.UpdateIPSetInput, _ ...func(*wafv2.Options)) (*wafv2.UpdateIPSetOutput, error) {
	if f.delay > 0 {
		select {
		case <-time.After(f.delay):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.updates++
	if f.err != nil {
		return nil, f.err
	}
	if f.foreign > 0 {
		f.foreign--
		f.token++
		f.sets[*in.Id] = append(f.sets[*in.Id], fmt.Sprintf("192.0.2.%d/32", f.token))
	}
	if *in.LockToken != fmt.Sprint(f.token) {
		return nil, cloudtest.Error("WAFV2", "UpdateIPSet", "WAFOptimisticLockException", 400)
	}
	if aws.ToString(in.Description) != "kept" || in.Addresses == nil {
		return nil, cloudtest.Error("WAFV2", "UpdateIPSet", "WAFInvalidParameterException", 400)
	}
	f.token++
	f.sets[*in.Id] = in.Addresses
	return &wafv2.UpdateIPSetOutput{}, nil
}

func (f *fake) addresses(id string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := slices.Clone(f.sets[id])
	slices.Sort(a)
	return a
}

func block(address string) schemas.Command {
	return schemas.Command{Target: schemas.Target{Type: "ip", ID: address}, With: map[string]any{"ip_set": "four", "ip_set_v6": "six"}, For: schemas.Duration(time.Hour)}
}

func plan(t *testing.T, a consumers.Action, cmd schemas.Command) schemas.Plan {
	t.Helper()
	p, err := a.Plan(t.Context(), cmd)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestContract(t *testing.T) {
	for _, address := range []string{"203.0.113.7", "203.0.113.0/24", "2001:db8::7"} {
		t.Run(address, func(t *testing.T) {
			actiontest.Run(t, func(*testing.T) actiontest.Subject {
				f := newFake("198.51.100.0/24", "203.0.113.9/32")
				return actiontest.Subject{Action: New(Deps{WAF: f.in, Now: time.Now}), Command: block(address), State: func() any {
					return map[string][]string{"four": f.addresses("four-1"), "six": append([]string{}, f.addresses("six-1")...)}
				}}
			})
		})
	}
}

// An address that was there before stays afterwards, however it is spelt.
func TestThereBefore(t *testing.T) {
	f := newFake()
	f.sets["six-1"] = []string{"2001:0db8:0000:0000:0000:0000:0000:0007/128"}
	a := New(Deps{WAF: f.in, Now: time.Now})
	p := plan(t, a, block("2001:db8::7"))
	if !p.Empty() || !strings.Contains(string(p.Before), `"present":true`) {
		t.Errorf("%+v: %s", p, p.Before)
	}
	if err := errors.Join(a.Apply(t.Context(), block("2001:db8::7"), p), a.(consumers.Undoer).Undo(t.Context(), block("2001:db8::7"), p, false)); err != nil {
		t.Error(err)
	}
	if f.updates != 0 || len(f.sets["six-1"]) != 1 {
		t.Errorf("%d updates, %v", f.updates, f.sets["six-1"])
	}
}

func TestPlanErrors(t *testing.T) {
	tests := []struct {
		name, address string
		with          map[string]any
		want          string
	}{
		{"private", "10.0.0.1", map[string]any{"ip_set": "four"}, "refused"},
		{"never", "203.0.113.7", map[string]any{"ip_set": "four", "never": []string{"203.0.113.0/24"}}, "refused"},
		{"IPv6 without a set", "2001:db8::7", map[string]any{"ip_set": "four"}, "with.ip_set_v6: not set"},
		{"IPv4 without a set", "203.0.113.7", map[string]any{"ip_set_v6": "six"}, "with.ip_set: not set"},
		{"the wrong family", "203.0.113.7", map[string]any{"ip_set": "six"}, "holds IPV6 addresses"},
		{"no such set", "203.0.113.7", map[string]any{"ip_set": "five"}, "IP set five (REGIONAL): no such IP set"},
		{"no such id", "203.0.113.7", map[string]any{"ip_set": "four", "ip_set_id": "four-2"}, "WAFNonexistentItemException"},
		{"an unknown scope", "203.0.113.7", map[string]any{"ip_set": "four", "scope": "regional"}, "REGIONAL or CLOUDFRONT"},
		{"CLOUDFRONT elsewhere", "203.0.113.7", map[string]any{"ip_set": "four", "scope": "CLOUDFRONT", "region": "eu-west-1"}, "us-east-1"},
		{"an unknown setting", "203.0.113.7", map[string]any{"set": "four"}, "unknown field"},
		{"no address", "evil.example", map[string]any{"ip_set": "four"}, "not an IP address"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cmd := block(tt.address)
			cmd.With = tt.with
			if _, err := New(Deps{WAF: newFake().in, Now: time.Now}).Plan(t.Context(), cmd); !fault.IsPermanent(err) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestScopeAndRegion(t *testing.T) {
	f := newFake()
	a := New(Deps{WAF: f.in, Now: time.Now, Region: "eu-central-1"})
	plan(t, a, block("203.0.113.7"))
	if f.region != "eu-central-1" {
		t.Errorf("REGIONAL in %s", f.region)
	}
	cmd := block("203.0.113.7")
	cmd.With["scope"] = "CLOUDFRONT"
	if plan(t, a, cmd); f.region != "us-east-1" {
		t.Errorf("CLOUDFRONT in %s", f.region)
	}
}

// Commands share an effect by set and address, and by nothing else.
func TestEnforcer(t *testing.T) {
	a := New(Deps{WAF: newFake().in, Now: time.Now, Region: "eu-central-1"}).(consumers.Sharer)
	base := block("203.0.113.7")
	same, v6, other := block("203.0.113.7"), block("2001:db8::7"), block("203.0.113.7")
	same.With = map[string]any{"ip_set": "four", "never": []string{"192.0.2.1"}, "region": "eu-central-1", "ip_set_id": "four-1"}
	other.With = map[string]any{"ip_set": "four", "scope": "CLOUDFRONT"}
	if a.Enforcer(base) == "" || a.Enforcer(base) != a.Enforcer(same) {
		t.Errorf("%q, %q", a.Enforcer(base), a.Enforcer(same))
	}
	if a.Enforcer(base) == a.Enforcer(v6) || a.Enforcer(base) == a.Enforcer(other) {
		t.Errorf("%q, %q, %q", a.Enforcer(base), a.Enforcer(v6), a.Enforcer(other))
	}
}

// A set that was deleted and made again has another id; one that is gone blocks nothing.
func TestSetGone(t *testing.T) {
	f := newFake()
	a, cmd := New(Deps{WAF: f.in, Now: time.Now}), block("203.0.113.7")
	p := plan(t, a, cmd)
	if err := a.Apply(t.Context(), cmd, p); err != nil {
		t.Fatal(err)
	}
	delete(f.sets, "four-1")
	if err := a.(consumers.Undoer).Undo(t.Context(), cmd, p, false); err != nil {
		t.Errorf("undo: %v", err)
	}
	f.sets["four-2"] = nil
	if p := plan(t, a, block("203.0.113.8")); !strings.Contains(string(p.Before), "four-2") {
		t.Errorf("%s", p.Before)
	}
}

// One read tells what is in the set and what is not, however it is spelt, and whoever else writes there.
func TestInspect(t *testing.T) {
	f := newFake("203.0.113.7/32", "198.51.100.0/24", "192.0.2.9/32", "::ffff:203.0.113.9/128")
	a := New(Deps{WAF: f.in, Now: time.Now}).(consumers.Inspector)
	var cmds []schemas.Command
	for _, address := range []string{"203.0.113.7", "203.0.113.8", "203.0.113.9", "203.0.113.0/24", "203.0.113.8"} {
		cmd := block(address)
		cmd.ID = fmt.Sprint("c", len(cmds))
		cmds = append(cmds, cmd)
	}
	missing, others, err := a.Inspect(t.Context(), cmds)
	if err != nil || !slices.Equal(missing, []string{"c1", "c3", "c4"}) || !slices.Equal(others, []string{"192.0.2.9", "198.51.100.0/24"}) {
		t.Errorf("%v, %v, %v", missing, others, err)
	}
	if f.gets != 1 || f.updates != 0 {
		t.Errorf("%d reads, %d updates", f.gets, f.updates)
	}
	f.sets["four-9"] = []string{"203.0.113.8/32"} // made anew
	delete(f.sets, "four-1")
	if missing, others, err = a.Inspect(t.Context(), cmds[:2]); err != nil || !slices.Equal(missing, []string{"c0"}) || len(others) != 0 {
		t.Errorf("made anew: %v, %v, %v", missing, others, err)
	}
	delete(f.sets, "four-9")
	if _, _, err = a.Inspect(t.Context(), cmds); !fault.IsPermanent(err) || !strings.Contains(err.Error(), "IP set four (REGIONAL): no such IP set") {
		t.Errorf("gone: %v", err)
	}
	if _, _, err = a.Inspect(t.Context(), nil); !fault.IsPermanent(err) {
		t.Errorf("of nothing: %v", err)
	}
}

func TestFull(t *testing.T) {
	f := newFake()
	for i := range capacity - 1 {
		f.sets["four-1"] = append(f.sets["four-1"], fmt.Sprintf("198.18.%d.%d/32", i/256, i%256))
	}
	a := New(Deps{WAF: f.in, Now: time.Now})
	for i, full := range []bool{false, true} {
		cmd := block(fmt.Sprintf("203.0.113.%d", i))
		err := a.Apply(t.Context(), cmd, plan(t, a, cmd))
		if full && (!fault.IsPermanent(err) || !strings.Contains(err.Error(), "10000")) || !full && err != nil {
			t.Errorf("address %d: %v", i, err)
		}
	}
}

// Against writers elsewhere: the token is fetched anew, and their addresses stay. It does not go on for ever.
func TestLockToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("198.51.100.0/24")
		a, cmd := New(Deps{WAF: f.in, Now: time.Now}), block("203.0.113.7")
		p := plan(t, a, cmd)
		f.foreign = batch.Tries - 1
		if err := a.Apply(t.Context(), cmd, p); err != nil {
			t.Fatal(err)
		}
		if got := f.addresses("four-1"); len(got) != batch.Tries+1 {
			t.Errorf("%v", got)
		}
		cmd = block("203.0.113.8")
		p = plan(t, a, cmd)
		f.foreign = 100
		if err := a.Apply(t.Context(), cmd, p); err == nil || fault.IsPermanent(err) {
			t.Errorf("%v", err)
		}
	})
}

// A storm of blocks on one set: each address ends up in there, with far fewer writes than addresses, also when some give up waiting.
func TestStorm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("198.51.100.0/24")
		f.delay = time.Second
		a := New(Deps{WAF: f.in, Now: time.Now})
		const n = 200
		var wg sync.WaitGroup
		for i := range n {
			cmd := block(fmt.Sprintf("203.0.113.%d", i))
			p := plan(t, a, cmd)
			wg.Go(func() {
				if err := a.Apply(t.Context(), cmd, p); err != nil {
					t.Error(err)
				}
			})
		}
		hasty := block("192.0.2.200")
		p := plan(t, a, hasty)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		synctest.Wait()
		if err := a.Apply(ctx, hasty, p); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the hasty one: %v", err)
		}
		wg.Wait()
		if got := f.addresses("four-1"); len(got) != n+1 || slices.Contains(got, "192.0.2.200/32") {
			t.Errorf("%d addresses", len(got))
		}
		if f.updates > 3 {
			t.Errorf("%d updates", f.updates)
		}
	})
}

// One that fails does not take the others down with it.
func TestFailureIsOnesOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.delay = time.Second
		a := New(Deps{WAF: f.in, Now: time.Now})
		first, second := block("203.0.113.1"), block("203.0.113.2")
		p1, p2 := plan(t, a, first), plan(t, a, second)
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := a.Apply(ctx, first, p1); err == nil {
				t.Error("the first did not run out of time")
			}
		})
		synctest.Wait()
		wg.Go(func() {
			if err := a.Apply(t.Context(), second, p2); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		if got := f.addresses("four-1"); !slices.Equal(got, []string{"203.0.113.2/32"}) {
			t.Errorf("%v", got)
		}
		f.err = cloudtest.Error("WAFV2", "UpdateIPSet", "AccessDeniedException", 400)
		if err := a.Apply(t.Context(), first, p1); !fault.IsPermanent(err) || !strings.Contains(err.Error(), "IP set four (REGIONAL)") {
			t.Errorf("%v", err)
		}
	})
}

// A change whose owner gave up while somebody else was writing it, in vain, is not made later on.
func TestLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.delay, f.err = time.Second, cloudtest.Error("WAFV2", "UpdateIPSet", "WAFInternalErrorException", 500)
		a := New(Deps{WAF: f.in, Now: time.Now})
		hasty, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		var wg sync.WaitGroup
		for i, ctx := range []context.Context{t.Context(), t.Context(), hasty} { // the second takes the third along
			cmd := block(fmt.Sprintf("203.0.113.%d", i))
			p := plan(t, a, cmd)
			wg.Go(func() {
				if err := a.Apply(ctx, cmd, p); err == nil {
					t.Errorf("%s: no error", cmd.Target.ID)
				}
			})
			synctest.Wait()
		}
		wg.Wait()
		f.err = nil
		last := block("203.0.113.9")
		if err := a.Apply(t.Context(), last, plan(t, a, last)); err != nil {
			t.Fatal(err)
		}
		if got := f.addresses("four-1"); !slices.Equal(got, []string{"203.0.113.9/32"}) {
			t.Errorf("%v", got)
		}
	})
}
