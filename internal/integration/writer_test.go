//go:build integration

package integration

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/schemas"
)

// oneWriter: three replicas put addresses into one set at once, and none gets lost. One of them looks after the set; when it is killed, another one does, and
// puts back what somebody has taken out meanwhile. It keeps the duty when the first is back.
func oneWriter(t *testing.T, d *replicas) {
	const addresses = budget
	var records []map[string]any
	var all []string
	for n := range addresses {
		ip := fmt.Sprintf("198.18.30.%d", n+1)
		records, all = append(records, map[string]any{"kind": "wall", "ip": ip}), append(all, ip+"/32")
	}
	slices.Sort(all)
	d.post(t, "custom", records...)
	by := d.settled(t, "it-wall", schemas.LaneBlock, addresses)
	if len(by[schemas.StateInForce]) != addresses {
		t.Fatalf("not all are in force:\n%s", d.counts(by))
	}
	if got := d.wall(t); !slices.Equal(got, all) {
		t.Fatalf("the set holds %v", got)
	}
	var writes, stale int
	for _, w := range d.witness {
		writes += len(w.of(func(s sighting) bool { return s.operation == "UpdateIPSet" }))
		stale += len(w.of(func(s sighting) bool { return s.code == "WAFOptimisticLockException" }))
	}
	if writes-stale > addresses {
		t.Errorf("%d calls for %d addresses", writes-stale, addresses)
	}
	t.Logf("%d addresses by %v: %d calls, %d of which met a token that had died", addresses, d.by(schemas.StateInForce, by[schemas.StateInForce]), writes, stale)

	first := d.holder(t, "")
	d.lookedAtBy(t, first)
	d.procs[first].Kill()
	gone := all[:5]
	d.api.editSet(t, "replicas-blocked", func(set []string) []string {
		return slices.DeleteFunc(set, func(a string) bool { return slices.Contains(gone, a) })
	})
	await.Until(t, "what was taken out is put back", func() bool { return slices.Equal(d.wall(t), all) })
	second := d.holder(t, first)
	d.start(first)
	d.lookedAtBy(t, second)
	if now := d.holder(t, ""); now != second {
		t.Errorf("the duty went from %s to %s, though nobody had died", second, now)
	}
	await.Until(t, "the ledger says so", func() bool { return d.putBack(t) == len(gone) })
	d.quiet(t)
	if n := d.alerts(t, "somebody took away"); n != len(gone) {
		t.Errorf("%d alerts about %d addresses", n, len(gone))
	}
}

// putBack counts the blocks of which the ledger says that they were put back.
func (d *replicas) putBack(t *testing.T) (n int) {
	for _, e := range d.list(t, ledger.Filter{Rule: "it-wall", Lanes: []schemas.Lane{schemas.LaneBlock}}) {
		if strings.Contains(e.Outcome.Message, " again at ") {
			n++
		}
	}
	return n
}

// holder waits until a living replica other than that one looks after the set, and returns its name.
func (d *replicas) holder(t *testing.T, other string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), d.database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context()) //nolint:errcheck // only read
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	var name, owner string
	await.Until(t, "somebody looks after the set", func() bool {
		err := conn.QueryRow(t.Context(), `select owner from duties where duty like 'reconcile wafv2-ipset %replicas-blocked%' and until > $1`,
			time.Now().UnixMicro()).Scan(&owner)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			t.Fatal(err)
		}
		for _, n := range d.names {
			if err == nil && n != other && owner == fmt.Sprintf("%s-%d", host, d.procs[n].Process.Pid) {
				name = n
			}
		}
		return name != ""
	}, func() string { return "the owner is " + owner })
	return name
}

// lookedAtBy waits until the set was compared with the ledger twice more, and checks that one replica did that. Its calls are for no command.
func (d *replicas) lookedAtBy(t *testing.T, name string) {
	t.Helper()
	looks := func(name string) int {
		return len(d.witness[name].of(func(s sighting) bool { return s.operation == "GetIPSet" && !s.command }))
	}
	before := map[string]int{}
	for _, n := range d.names {
		before[n] = looks(n)
	}
	await.Until(t, name+" has looked at the set", func() bool { return looks(name) >= before[name]+2 })
	for _, n := range d.names {
		if n != name && looks(n) != before[n] {
			t.Errorf("%s looked at the set too, which is the duty of %s", n, name)
		}
	}
}
