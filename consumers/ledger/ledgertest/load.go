package ledgertest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/schemas"
)

// A trace is what workers saw, in the order in which they saw it.
type trace struct {
	mu      sync.Mutex
	running map[string]bool
	order   map[string][]string // event uids by target
	done    int
	bad     []string
}

func newTrace() *trace { return &trace{running: map[string]bool{}, order: map[string][]string{}} }

func (tr *trace) begin(e ledger.Entry) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	key := e.Command.Target.Key()
	if tr.running[key] {
		tr.bad = append(tr.bad, "two at once on "+key)
	}
	tr.running[key] = true
	tr.order[key] = append(tr.order[key], e.Command.EventUID)
}

func (tr *trace) end(e ledger.Entry) int {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.running[e.Command.Target.Key()] = false
	tr.done++
	return tr.done
}

func (tr *trace) finished() int {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.done
}

// drain lets workers claim and finish entries on ledgers until total are done.
func drain(t *testing.T, tr *trace, workers, total int, on func(worker int) ledger.Ledger) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	var g errgroup.Group
	for w := range workers {
		l := on(w)
		g.Go(func() error {
			for tr.finished() < total {
				if time.Now().After(deadline) {
					return fmt.Errorf("%d of %d done in time", tr.finished(), total)
				}
				es, err := l.Claim(t.Context(), noon(), ledger.Claim{Owner: fmt.Sprint("worker-", w), Lanes: schemas.Lanes(), N: 2, Lease: lease})
				if err != nil {
					return err
				}
				for _, e := range es {
					tr.begin(e)
					e.State, e.Due, e.Outcome = schemas.StateVerified, time.Time{}, schemas.Outcome{State: schemas.StateVerified, Time: noon()}
					tr.end(e) // before Save, which releases the target
					if err := l.Save(t.Context(), noon(), e); err != nil {
						return err
					}
				}
			}
			return nil
		})
	}
	must(t, g.Wait())
	for _, b := range tr.bad {
		t.Error(b)
	}
}

func orderUnderWorkers(t *testing.T, db Database) {
	l := db.Open(t)
	const targets, each = 5, 20
	var cmds []schemas.Command
	for i := range each {
		for j := range targets {
			c := command(i, fmt.Sprint("t", j))
			c.Severity = []string{"low", "critical", "medium"}[i%3]
			cmds = append(cmds, c)
		}
	}
	enter(t, l, noon(), cmds...)
	tr := newTrace()
	drain(t, tr, 8, len(cmds), func(int) ledger.Ledger { return l })
	for key, uids := range tr.order {
		for i, uid := range uids {
			want(t, "order on "+key, uid, fmt.Sprintf("event-%d", i))
		}
	}
	want(t, "targets", len(tr.order), targets)
}

// noDoubleClaim: several processes, of which each enters what the others enter too.
func noDoubleClaim(t *testing.T, db Database) {
	const processes, n = 4, 60
	var ledgers []ledger.Ledger
	for range processes {
		ledgers = append(ledgers, db.Open(t))
	}
	var cmds []schemas.Command
	for i := range n {
		cmds = append(cmds, command(i, fmt.Sprint("t", i%7)))
	}
	var g errgroup.Group
	var mu sync.Mutex
	entered := 0
	for p, l := range ledgers {
		g.Go(func() error {
			mine := append(append([]schemas.Command(nil), cmds[p*10:]...), cmds[:p*10]...)
			got, err := l.Enter(t.Context(), noon(), mine)
			mu.Lock()
			defer mu.Unlock()
			entered += got
			return err
		})
	}
	must(t, g.Wait())
	want(t, "entered once over all processes", entered, n)
	tr := newTrace()
	drain(t, tr, 2*processes, n, func(w int) ledger.Ledger { return ledgers[w%processes] })
	seen := map[string]int{}
	for key, uids := range tr.order {
		for _, uid := range uids {
			seen[key+uid]++
			want(t, "claims of "+uid+" on "+key, seen[key+uid], 1)
		}
	}
	want(t, "claimed", len(seen), n)
}

// hotTarget: the cost of a claim must not grow with what waits on its target.
func hotTarget(t *testing.T, db Database) {
	staysCheap(t, db, 10, func(int) string { return "hot" })
}

// manyTargets: nor with how many targets wait for a worker.
func manyTargets(t *testing.T, db Database) {
	staysCheap(t, db, 1, func(n int) string { return fmt.Sprint("t", n) })
}

// staysCheap compares what a claim costs when little waits, and when much does. However many are asked for, one is handed out at a time.
func staysCheap(t *testing.T, db Database, ask int, target func(n int) string) {
	t.Helper()
	l := db.Open(t)
	few, size := 300, 3_000
	if testing.Short() {
		size = 1_500
	}
	add := func(from, to int) {
		for i := from; i < to; i += 1000 {
			var batch []schemas.Command
			for j := i; j < min(to, i+1000); j++ {
				batch = append(batch, command(j, target(j)))
			}
			enter(t, l, noon(), batch...)
		}
	}
	round := func() time.Duration {
		const steps = 100
		start := time.Now()
		for range steps {
			es := claim(t, l, noon(), ask)
			want(t, "claimed", len(es), 1)
			finish(t, l, noon(), es[0], schemas.StateVerified, time.Time{})
		}
		return time.Since(start) / steps
	}
	add(0, few)
	small := round()
	add(few, size)
	for range 5 {
		round()
	}
	large := round()
	t.Logf("claim and save: %s with %d waiting, %s with %d", small, few, large, size)
	if large > 5*small+5*time.Millisecond {
		t.Errorf("claim and save took %s with %d commands waiting, and %s with %d", small, few, large, size)
	}
}
