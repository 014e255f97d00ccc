//go:build integration && linux

package nftables

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/actiontest"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

const inside = "RIPOSTE_TEST_IN_NAMESPACE"

// TestKernel runs itself again in a network namespace of its own, and there the action on the real nft and kernel.
func TestKernel(t *testing.T) {
	if os.Getenv(inside) == "" {
		if _, err := exec.LookPath("nft"); err != nil {
			t.Skip("NOT SHOWN: this machine has no nft, so nothing was tried on a kernel")
		}
		again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKernel$", "-test.v")
		again.Env = append(os.Environ(), inside+"=1")
		again.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
			UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}, GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
		}
		out, err := again.CombinedOutput()
		t.Logf("%s", out)
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, args := range [][]string{
		{"link", "set", "lo", "up"}, {"addr", "add", "203.0.113.7/32", "dev", "lo"}, {"addr", "add", "203.0.113.200/32", "dev", "lo"},
		{"addr", "add", "2001:db8::7/128", "dev", "lo"}, {"addr", "add", "198.51.100.1/32", "dev", "lo"}, {"addr", "add", "2001:db8:1::1/128", "dev", "lo"},
	} {
		if out, err := exec.CommandContext(t.Context(), "ip", args...).CombinedOutput(); err != nil {
			t.Fatalf("ip %v: %v: %s", args, err, out)
		}
	}
	t.Run("contract", kernelContract)
	t.Run("packets", kernelPackets)
	t.Run("time", kernelTime)
	t.Run("inspect", kernelInspect)
	t.Run("many writers", kernelWriters)
}

// view is the elements of all sets of the table, without their time.
func view(t *testing.T) []string {
	t.Helper()
	table, err := read(t.Context(), Run, defaultTable)
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for set, elements := range table.sets {
		for _, h := range elements {
			out = append(out, set+" "+h.text)
		}
	}
	slices.Sort(out)
	return out
}

// fresh begins with nothing.
func fresh(t *testing.T) {
	t.Helper()
	if _, err := do(t.Context(), Run, command{"add": {"table": map[string]any{"family": family, "name": defaultTable}}},
		command{"delete": {"table": map[string]any{"family": family, "name": defaultTable}}}); err != nil {
		t.Fatal(err)
	}
}

func kernelContract(t *testing.T) {
	for _, cmd := range []schemas.Command{block("203.0.113.7", time.Hour), block("203.0.113.0/24", 0), block("2001:db8::7", time.Hour), block("2001:db8::/61", 0)} {
		t.Run(cmd.Target.ID, func(t *testing.T) {
			actiontest.Run(t, func(t *testing.T) actiontest.Subject {
				fresh(t)
				return actiontest.Subject{Action: OnHost(time.Now), Command: cmd, State: func() any { return view(t) }}
			})
		})
	}
}

// reaches tells whether a packet from one of our addresses arrives at another.
func reaches(t *testing.T, from, to string) bool {
	t.Helper()
	server, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(to), 0)))
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close() //nolint:errcheck // a socket of a test
	client, err := net.DialUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(from), 0)), server.LocalAddr().(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close() //nolint:errcheck // a socket of a test
	if _, err := client.Write([]byte("x")); err != nil {
		return false
	}
	if err := server.SetReadDeadline(time.Now().Add(300 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	_, _, err = server.ReadFromUDPAddrPort(make([]byte, 1))
	return err == nil
}

func kernelPackets(t *testing.T) {
	fresh(t)
	a := OnHost(time.Now)
	one, wide, six := block("203.0.113.7", time.Hour), block("203.0.113.0/24", time.Hour), block("2001:db8::/64", 0)
	expect := func(when string, first, second, v6 bool) {
		t.Helper()
		if got := [3]bool{reaches(t, "203.0.113.7", "198.51.100.1"), reaches(t, "203.0.113.200", "198.51.100.1"), reaches(t, "2001:db8::7", "2001:db8:1::1")}; got != [3]bool{first, second, v6} {
			t.Errorf("%s: %v arrive", when, got)
		}
	}
	expect("before", true, true, true)
	p1 := actiontest.CarryOut(t, a, one)
	expect("one blocked", false, true, true)
	p2, p3 := actiontest.CarryOut(t, a, wide), actiontest.CarryOut(t, a, six)
	expect("all blocked", false, false, false)
	u := a.(consumers.Undoer)
	if err := u.Undo(t.Context(), wide, p2, false); err != nil {
		t.Fatal(err)
	}
	expect("the range is over", false, true, false)
	if err := errors.Join(u.Undo(t.Context(), one, p1, false), u.Undo(t.Context(), six, p3, false)); err != nil {
		t.Fatal(err)
	}
	expect("after", true, true, true)
}

// kernelTime: the kernel ends what has a time, without us; a second command with more time makes it last.
func kernelTime(t *testing.T) {
	fresh(t)
	a := OnHost(time.Now)
	short, long := block("203.0.113.7", time.Second), block("203.0.113.200", time.Second)
	p := actiontest.CarryOut(t, a, short)
	actiontest.CarryOut(t, a, long)
	long.For = schemas.Duration(time.Hour)
	actiontest.CarryOut(t, a, long)
	if err := fault.Retry(deadline(t, 10*time.Second), nil, func() error {
		if got := view(t); !slices.Equal(got, []string{"ip4_32 203.0.113.200"}) {
			return fmt.Errorf("there are %v", got)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := a.(consumers.Undoer).Undo(t.Context(), short, p, false); err != nil {
		t.Errorf("undo of what has ended: %v", err)
	}
	if !reaches(t, "203.0.113.7", "198.51.100.1") || reaches(t, "203.0.113.200", "198.51.100.1") {
		t.Error("the wrong one is blocked")
	}
}

func kernelInspect(t *testing.T) {
	fresh(t)
	a := OnHost(time.Now)
	actiontest.CarryOut(t, a, block("203.0.113.7", time.Hour))
	actiontest.CarryOut(t, a, block("203.0.113.8", time.Hour))
	for _, line := range []string{"add element inet riposte ip4_32 { 192.0.2.1 timeout 1h comment \"by hand\" }", "delete element inet riposte ip4_32 { 203.0.113.8 }"} {
		if out, err := exec.CommandContext(t.Context(), "nft", line).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	cmds := []schemas.Command{block("203.0.113.7", time.Hour), block("203.0.113.8", time.Hour)}
	missing, others, err := a.(consumers.Inspector).Inspect(t.Context(), cmds)
	if err != nil || !slices.Equal(missing, []string{"203.0.113.8"}) || !slices.Equal(others, []string{"192.0.2.1"}) {
		t.Errorf("%v, %v, %v", missing, others, err)
	}
}

// kernelWriters: two actions, as in two processes, lose nothing of each other's.
func kernelWriters(t *testing.T) {
	fresh(t)
	actions := []consumers.Action{OnHost(time.Now), OnHost(time.Now)}
	const n = 40
	errs := make(chan error)
	for i := range n {
		go func() {
			a, cmd := actions[i%2], block(fmt.Sprintf("203.0.113.%d", i), time.Hour)
			p, err := a.Plan(t.Context(), cmd)
			if err == nil {
				err = fault.Retry(deadline(t, 20*time.Second), nil, func() error { return a.Apply(t.Context(), cmd, p) })
			}
			errs <- err
		}()
	}
	for range n {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if got := view(t); len(got) != n {
		t.Errorf("%d elements", len(got))
	}
}

func deadline(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}
