//go:build integration

package integration

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/schemas"
)

// oneOrder: what is wanted of one target takes effect in the order of its topic, whichever replica does it, and though that one is killed in the middle.
func oneOrder(t *testing.T, d *replicas) {
	const commands = 18
	bucket := unique("order")
	d.api.bucket(t, bucket)
	key := func(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }
	var records []map[string]any
	for n := range commands {
		records = append(records, map[string]any{"kind": "key", "bucket": bucket, "key": key(n)})
	}
	topic := d.follow(t, d.kafka.Topics().Remediate)
	d.post(t, "custom", records...)
	var busiest string
	await.Until(t, "some are done", func() bool {
		by := d.by(schemas.StateVerified, d.list(t, ledger.Filter{Rule: "it-key", States: []schemas.State{schemas.StateVerified}}))
		busiest = slices.MaxFunc(d.names, func(x, y string) int { return by[x] - by[y] })
		return by[busiest] >= 3
	})
	d.procs[busiest].Kill()
	by := d.settled(t, "it-key", schemas.LaneRemediate, commands)
	entries := by[schemas.StateVerified]
	if len(entries) != commands {
		t.Fatalf("not all are done:\n%s", d.counts(by))
	}
	slices.SortFunc(entries, func(x, y ledger.Entry) int { return int(x.Seq - y.Seq) })
	var ids []string
	for _, e := range entries {
		ids = append(ids, e.Command.ID)
	}
	if order := topic(ids); !slices.Equal(order, ids) {
		t.Errorf("the ledger has them in another order than the topic:\n%v\n%v", ids, order)
	}
	for i, e := range entries {
		before := string(e.Plan.Before)
		if i == 0 {
			if strings.Contains(before, "00000000-0000-4000-8000-") {
				t.Errorf("the first found %s", before)
			}
			continue
		}
		if want := fmt.Sprint(entries[i-1].Command.With["kms_key"]); !strings.Contains(before, want) {
			t.Errorf("command %d found %s, and not what the one before it left: %s", i, before, want)
		}
	}
	if _, got := d.api.encryption(t, bucket); got != fmt.Sprint(entries[commands-1].Command.With["kms_key"]) {
		t.Errorf("in the end the key is %s", got)
	}
	others := d.by(schemas.StateVerified, entries)
	t.Logf("%s was killed; verified by %v", busiest, others)
	if delete(others, busiest); len(others) == 0 {
		t.Error("nobody took over")
	}
	d.start(busiest)
}

// follow reads a topic from now on, and returns a function that gives those of some commands in the order in which they came, the first time each.
func (d *replicas) follow(t *testing.T, topic string) func(ids []string) []string {
	t.Helper()
	var mu sync.Mutex
	var all []string
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- d.kafka.Tail(ctx, topic, false, func(_ context.Context, m message) error {
			cmd, err := schemas.ReadCommand(m.Value)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			if !slices.Contains(all, cmd.ID) {
				all = append(all, cmd.ID)
			}
			return nil
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	return func(ids []string) (order []string) {
		await.Until(t, "the topic was read", func() bool {
			mu.Lock()
			defer mu.Unlock()
			order = slices.DeleteFunc(slices.Clone(all), func(id string) bool { return !slices.Contains(ids, id) })
			return len(order) == len(ids)
		})
		return order
	}
}
