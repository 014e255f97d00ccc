package own

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/riposte-security/riposte/internal/cloud/cloudtest"
	"github.com/riposte-security/riposte/internal/fault"
)

func prefix(s string) netip.Prefix {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(a, a.BitLen())
	}
	return netip.MustParsePrefix(s)
}

func TestLookup(t *testing.T) {
	const here = " (" + ours + " " + region + ")"
	a := made(t, map[string]*fake{"": settled()})
	for what, want := range map[string]string{
		"203.0.113.10":            "instance i-1, 203.0.113.10",
		"203.0.113.11":            "instance i-1, 203.0.113.11",
		"::ffff:203.0.113.11":     "instance i-1, 203.0.113.11",
		"2001:db8:1::5":           "instance i-1, 2001:db8:1::5",
		"2001:db8:1:0::/64":       "vpc vpc-1, 2001:db8:1::/56",
		"2001:db8::/32":           "vpc vpc-1, 2001:db8:1::/56",
		"2001:db8:2::9":           "network interface eni-5, 2001:db8:2::/80",
		"203.0.113.20":            "load balancer app/web/50dc6c495c0c9188, 203.0.113.20",
		"203.0.113.21":            "load balancer net/tcp/1, 203.0.113.21",
		"203.0.113.31":            "nat gateway nat-2, 203.0.113.31",
		"203.0.113.40":            "network interface eni-5, 203.0.113.40",
		"198.51.100.1":            "elastic ip eipalloc-1, 198.51.100.1",
		"198.51.100.2":            "nat gateway nat-1, 198.51.100.2",
		"198.51.100.0/24":         "elastic ip eipalloc-1, 198.51.100.1",
		"198.51.100.77/24":        "elastic ip eipalloc-1, 198.51.100.1",
		"::ffff:198.51.100.0/120": "elastic ip eipalloc-1, 198.51.100.1",
		"0.0.0.0/0":               "vpc vpc-1, 10.0.0.0/16",
		"192.0.2.77":              "customer gateway cgw-1, 192.0.2.77",
		"10.0.0.7":                "vpc vpc-1, 10.0.0.0/16",
		"10.0.0.0/8":              "vpc vpc-1, 10.0.0.0/16",
		"100.64.1.1":              "vpc vpc-1, 100.64.0.0/20",
		"198.51.100.9":            "", // of a NAT gateway that is gone
		"192.0.2.99":              "",
		"203.0.113.12":            "",
		"203.0.113.12/31":         "",
		"10.1.0.0/16":             "",
		"2001:db8:3::/48":         "",
	} {
		for _, account := range []string{"", ours} {
			entry, found, err := a.Lookup(t.Context(), account, "", prefix(what))
			if want != "" && !strings.HasSuffix(want, here) {
				want += here
			}
			if err != nil || entry != want || found != (want != "") {
				t.Errorf("%s: %q, %v, %v; %q expected", what, entry, found, err, want)
			}
		}
	}
	if _, _, err := a.Lookup(t.Context(), "", "", netip.Prefix{}); !fault.IsPermanent(err) {
		t.Errorf("no network: %v", err)
	}
}

// TestLookupElsewhere: an address of any account that is known is ours, and what has to be known is what was asked for.
func TestLookupElsewhere(t *testing.T) {
	denied := cloudtest.Error("EC2", "DescribeVpcs", "UnauthorizedOperation", 403)
	accounts := map[string]*fake{"": settled(), theirs: {addresses: []types.Address{{PublicIp: aws.String("192.0.2.1"), AllocationId: aws.String("eipalloc-9")}}}, "333344445555": {err: denied}}
	a := made(t, accounts, theirs)
	if entry, found, err := a.Lookup(t.Context(), theirs, region, prefix("192.0.2.1")); err != nil || !found || entry != "elastic ip eipalloc-9, 192.0.2.1 ("+theirs+" "+region+")" {
		t.Errorf("there: %q, %v", entry, err)
	}
	if _, found, err := a.Lookup(t.Context(), "", "", prefix("192.0.2.1")); err != nil || !found {
		t.Errorf("here, of another account of ours: %v", err)
	}
	if _, found, err := a.Lookup(t.Context(), theirs, region, prefix("203.0.113.10")); err != nil || !found {
		t.Errorf("there, of our own: %v", err)
	}
	_, _, err := a.Lookup(t.Context(), "333344445555", region, prefix("192.0.2.200"))
	if err == nil || fault.IsPermanent(err) || !strings.Contains(err.Error(), "addresses of account 333344445555 in eu-west-1 could not be read") || !strings.Contains(err.Error(), "UnauthorizedOperation") {
		t.Errorf("an account that cannot be read: %v", err)
	}
	if _, found, err := a.Lookup(t.Context(), ours, region, prefix("192.0.2.200")); err != nil || found {
		t.Errorf("another one's trouble is not ours: %v", err)
	}
	if n := testutil.CollectAndCount(a.Collector()); n != 9 {
		t.Errorf("%d metrics", n)
	}
	if _, found, err := NewWith(Deps{Off: true}).Lookup(t.Context(), "", "", prefix("10.0.0.1")); err != nil || found {
		t.Errorf("off: %v", err)
	}
	if _, found, err := NewWith(Deps{}).Lookup(t.Context(), "", "", prefix("10.0.0.1")); err != nil || found {
		t.Errorf("where there is no AWS: %v", err)
	}
}

// TestAge: a list is read anew when it is no longer young, believed while it is not too old, and then not any more.
func TestAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := settled()
		a := made(t, map[string]*fake{"": f})
		look := func() error {
			_, found, err := a.Lookup(t.Context(), "", "", prefix("203.0.113.10"))
			if err == nil && !found {
				t.Error("not found")
			}
			return err
		}
		begin := time.Now()
		steps := []struct {
			after time.Duration
			err   error // of EC2
			reads int   // so far
			ok    bool
		}{
			{0, nil, 1, true},
			{9 * time.Minute, nil, 1, true},
			{2 * time.Minute, nil, 2, true},
			{11 * time.Minute, errors.New("away"), 3, true},   // the copy of minute 11
			{time.Second, errors.New("away"), 3, true},        // nobody waits for another try at once
			{118 * time.Minute, errors.New("away"), 4, false}, // that copy is 2 h old
			{time.Minute, nil, 5, true},
		}
		for i, s := range steps {
			time.Sleep(s.after) //nolint:forbidigo // in a bubble, where time costs none
			denied := s.err
			if denied != nil {
				denied = cloudtest.Error("EC2", "DescribeVpcs", "UnauthorizedOperation", 403)
			}
			f.set(func() { f.err = denied })
			err := look()
			if (err == nil) != s.ok || f.reads != s.reads {
				t.Errorf("step %d: %v after %d reads", i, err, f.reads)
			}
			if err != nil && (fault.IsPermanent(err) || !strings.Contains(err.Error(), "last read "+begin.Add(11*time.Minute).UTC().Format(time.RFC3339))) {
				t.Errorf("step %d: %v", i, err)
			}
		}
	})
}

// TestSlow: who cannot be read is waited for ten seconds, and then not again at once; others do not wait at all.
func TestSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := made(t, map[string]*fake{"": settled(), theirs: {hang: true}}, theirs)
		begin := time.Now()
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if _, _, err := a.Lookup(t.Context(), theirs, region, prefix("192.0.2.1")); err == nil || fault.IsPermanent(err) {
					t.Errorf("%v", err)
				}
			})
		}
		synctest.Wait()
		if _, found, err := a.Lookup(t.Context(), ours, region, prefix("203.0.113.10")); err != nil || !found || time.Since(begin) != 0 {
			t.Errorf("our own after %s: %v", time.Since(begin), err)
		}
		wg.Wait()
		if d := time.Since(begin); d != patience {
			t.Errorf("waited %s", d)
		}
		if _, _, err := a.Lookup(t.Context(), theirs, region, prefix("192.0.2.1")); err == nil || time.Since(begin) != patience {
			t.Errorf("again after %s: %v", time.Since(begin), err)
		}
	})
}

// TestRun: lists are young without anybody asking, also those that somebody has asked about; an account that hangs stops no other; the end is the end.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		accounts := map[string]*fake{"": settled(), theirs: {hang: true, lingers: time.Second}, "333344445555": {}}
		a := made(t, accounts, theirs)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { a.Run(ctx); close(ended) }()
		synctest.Wait()
		if f := accounts[""]; f.reads != 1 {
			t.Errorf("at first %d reads", f.reads)
		}
		if _, _, err := a.Lookup(ctx, "333344445555", region, prefix("192.0.2.1")); err != nil {
			t.Error(err)
		}
		time.Sleep(31 * time.Minute) //nolint:forbidigo // in a bubble, where time costs none
		synctest.Wait()
		for account, want := range map[string]int{"": 4, "333344445555": 4} {
			if f := accounts[account]; f.reads != want {
				t.Errorf("account %q: %d reads in half an hour", account, f.reads)
			}
		}
		for _, s := range a.Status() {
			if hangs := s.Account == theirs; hangs != (s.Err != nil) || hangs != s.Read.IsZero() || !hangs && time.Since(s.Read) > 11*time.Minute {
				t.Errorf("%+v", s)
			}
		}
		cancel()
		<-ended
		if n := accounts[theirs].inside; n != 0 {
			t.Errorf("Run has returned while %d calls are going on", n)
		}
	})
}

// TestMany: a hundred thousand interfaces are read whole; without an end there is no list.
func TestMany(t *testing.T) {
	f := &fake{}
	for i := range 100_000 {
		ip := fmt.Sprintf("198.18.%d.%d", i/256%256, i%256)
		if i >= 65536 {
			ip = fmt.Sprintf("198.19.%d.%d", i/256%256, i%256)
		}
		f.interfaces = append(f.interfaces, types.NetworkInterface{NetworkInterfaceId: aws.String(fmt.Sprintf("eni-%d", i)), Association: &types.NetworkInterfaceAssociation{PublicIp: &ip}})
	}
	a := made(t, map[string]*fake{"": f})
	if entry, found, err := a.Lookup(t.Context(), "", "", prefix("198.19.134.159")); err != nil || !found || !strings.HasPrefix(entry, "network interface eni-99999,") {
		t.Errorf("%q, %v", entry, err)
	}
	if s := a.Status(); s[0].Entries != 100_000 {
		t.Errorf("%+v", s)
	}
	f = &fake{endless: true}
	if _, _, err := made(t, map[string]*fake{"": f}).Lookup(t.Context(), "", "", prefix("10.0.0.1")); err == nil || !strings.Contains(err.Error(), "more than 500 pages") {
		t.Errorf("without an end: %v", err)
	}
	f = &fake{addresses: []types.Address{{PublicIp: aws.String("not an address")}}}
	if _, _, err := made(t, map[string]*fake{"": f}).Lookup(t.Context(), "", "", prefix("10.0.0.1")); err == nil {
		t.Error("a list with what cannot be read is not whole")
	}
}

// TestThrottled: a refusal that goes away by itself is asked through.
func TestThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := settled()
		f.err = cloudtest.Error("EC2", "DescribeVpcs", "RequestLimitExceeded", 503)
		go func() {
			time.Sleep(2 * time.Second) //nolint:forbidigo // in a bubble, where time costs none
			f.set(func() { f.err = nil })
		}()
		if _, found, err := made(t, map[string]*fake{"": f}).Lookup(t.Context(), "", "", prefix("203.0.113.10")); err != nil || !found {
			t.Errorf("%v", err)
		}
	})
}
