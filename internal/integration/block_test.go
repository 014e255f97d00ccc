//go:build integration

package integration

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	waftypes "github.com/aws/aws-sdk-go-v2/service/wafv2/types"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/schemas"
)

// blockSets makes the IP sets that the rules name, and the folders that producers look into.
func (d *deployment) blockSets(t *testing.T) {
	t.Helper()
	for _, dir := range []string{"flows", "json"} {
		if err := os.MkdirAll(filepath.Join(d.dir, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	d.four = d.api.ipSet(t, "riposte-blocked", waftypes.IPAddressVersionIpv4, "198.51.100.0/24")
	d.six = d.api.ipSet(t, "riposte-blocked-v6", waftypes.IPAddressVersionIpv6)
}

// appendTo lets a file grow.
func (d *deployment) appendTo(t *testing.T, name string, text string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(d.dir, name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString(text)
	if cerr := f.Close(); err != nil || cerr != nil {
		t.Fatal(err, cerr)
	}
}

// rejectedFlows: addresses in a growing flow log are blocked for their time, and two blocks of one address last as long as the longer one.
func rejectedFlows(t *testing.T, d *deployment) {
	const shipped, short, both = "203.0.113.9", "203.0.113.21", "203.0.113.22"
	const shippedV6 = "2001:db8:7::9"
	holds := func(address string) bool { return slices.Contains(d.four(t), address+"/32") }
	d.appendTo(t, "flows/a.log", rejected("192.0.2.77", 443)+rejected(shipped, 22))
	await.Until(t, "the address is in the set", func() bool { return holds(shipped) })
	d.appendTo(t, "flows/a.log", rejected(shippedV6, 3389)+rejected(short, 2221)+rejected(both, 2222))
	await.Until(t, "the IPv6 address is in its set", func() bool { return slices.Contains(d.six(t), shippedV6+"/128") })

	entry := func(rule, address string, state schemas.State) (e ledger.Entry) {
		await.Until(t, rule+" has "+address+" "+string(state), func() bool {
			for _, e = range d.list(t, ledger.Filter{Rule: rule, States: []schemas.State{state}}) {
				if e.Command.Target.ID == address {
					return true
				}
			}
			return false
		})
		return e
	}
	long := entry("it-block-long", both, schemas.StateInForce)
	if !holds(both) {
		t.Error("the address with two blocks is not in the set")
	}
	for _, address := range []string{short, both} {
		e := entry("it-block-short", address, schemas.StateExpired)
		if took := e.Outcome.Time.Sub(e.Ends); took < 0 {
			t.Errorf("%s was let in %s before its time", address, -took)
		} else {
			t.Logf("%s was let in %s after its time was over", address, took.Round(time.Millisecond))
		}
	}
	if holds(short) {
		t.Error("the address is in the set after its time")
	}
	if now := time.Now(); now.Before(long.Ends.Add(-time.Second)) {
		if !holds(both) {
			t.Error("the end of one block lifted the other's")
		}
	} else {
		t.Errorf("too slow to see the longer block alone: it ended at %s", long.Ends)
	}
	entry("it-block-long", both, schemas.StateExpired)
	if want := []string{"198.51.100.0/24", shipped + "/32"}; !slices.Equal(d.four(t), want) {
		t.Errorf("in the end the set holds %v, want %v", d.four(t), want)
	}
	if out := d.must(t, "blocks"); !contains(out, shipped, shippedV6) || contains(out, both) {
		t.Errorf("riposte blocks says\n%s", out)
	}
}
