package consumers

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/schemas"
)

// TestAnotherWorkerTakesOver kills a worker after every step that it takes in every tale, once and three times in a row, and lets another one find what it
// left. Whatever the step: what the world went through, what the ledger says, what was spent and what was told is as if nobody had died.
func TestAnotherWorkerTakesOver(t *testing.T) {
	t.Parallel()
	next := 1
	if testing.Short() {
		next = 13 // for the race detector, which sees the same code every time; all steps are taken without it
	}
	for _, tale := range tales() {
		t.Run(tale.name, func(t *testing.T) {
			t.Parallel()
			want, whole := tale.told(t)
			for after := 0; ; after += next {
				if after > 500 {
					t.Fatal("the worker takes more steps than it should")
				}
				survived := tale.survived(t, want, whole, &fate{after: after})
				if after%8 == 3 && !testing.Short() {
					tale.survived(t, want, whole, &fate{after: after}, &fate{after: after}, &fate{after: after})
				}
				if t.Failed() {
					return
				}
				if survived {
					t.Logf("killed after each of %d steps", after)
					return
				}
			}
		})
	}
}

// survived tells the tale with workers that die, holds the end against that of the whole one, and tells whether the first of them did not die.
func (x tale) survived(t *testing.T, want ending, whole *crowd, fates ...*fate) bool {
	t.Helper()
	got, c := x.told(t, fates...)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%d workers were killed after %d steps (-nobody killed +killed):\n%s", len(fates), fates[0].after, d)
	}
	c.fewRepeats(whole)
	return !fates[0].dead
}

// A tale is what befalls some commands. How it ends must not depend on who dies in it.
type tale struct {
	name string
	edit func(*Config)
	tell func(c *crowd)
}

// told tells the tale with workers that die, one after the other, and returns how it ended.
func (x tale) told(t *testing.T, fates ...*fate) (ending, *crowd) {
	b, w := newWall(t, x.edit)
	c := &crowd{bench: b, wall: w, fates: fates, spent: map[string]bool{}}
	c.d.Ledger = purse{c.ledger, c}
	c.before, c.after = c.guards()
	for i, f := range fates {
		s := b.service(b.cfg, mortalLedger{purse{c.ledger, c}, f}, mortalAction{w, f})
		s.d.Owner, s.d.Writer = fmt.Sprint("doomed ", i), mortalWriter{b.broker, f}
		c.doomed = append(c.doomed, s)
	}
	x.tell(c)
	return c.ending(), c
}

// A crowd is a bench with workers that die before the one that does not takes over.
type crowd struct {
	*bench
	wall   *wall
	fates  []*fate
	doomed []*Service
	cmds   []schemas.Command
	spent  map[string]bool // the budgets that were asked
}

// A purse notes which budgets there are.
type purse struct {
	ledger.Ledger
	c *crowd
}

func (p purse) Spend(ctx context.Context, now time.Time, id string, budgets []ledger.Budget) (*ledger.Budget, error) {
	for _, b := range budgets {
		p.c.spent[b.Key] = true
	}
	return p.Ledger.Spend(ctx, now, id, budgets)
}

// enter brings commands in.
func (c *crowd) enter(cmds ...schemas.Command) {
	c.cmds = append(c.cmds, cmds...)
	c.enters(cmds...)
}

// work lets everybody do something until it is done: each goes on until it dies, and the next finds what it left when its leases and duties are over.
func (c *crowd) work(do func(s *Service) error) {
	c.t.Helper()
	for i, s := range c.doomed {
		if c.fates[i].dead {
			continue
		}
		err := do(s)
		if !c.fates[i].dead {
			if err != nil {
				c.t.Fatal(err)
			}
			return
		}
		c.clock.Add(max(c.cfg.Lease, outboxLease, 3*c.cfg.Reconcile))
	}
	if err := do(c.Service); err != nil {
		c.t.Fatal(err)
	}
}

// round works on all that is due now, and publishes what that led to.
func (c *crowd) round() { c.t.Helper(); c.work(c.carry) }

// reconcile compares what is in force with what is there, and mends it.
func (c *crowd) reconcile() {
	c.t.Helper()
	c.work(func(s *Service) error {
		if err := s.reconcileOnce(c.t.Context()); err != nil {
			return err
		}
		return c.carry(s)
	})
}

func (c *crowd) carry(s *Service) error {
	for range 100 {
		es, err := s.d.Ledger.Claim(c.t.Context(), c.clock.Now(), ledger.Claim{Owner: s.d.Owner, Lanes: s.lanes, N: 10, Lease: s.cfg.Lease})
		if err != nil {
			return err
		}
		for _, e := range es {
			s.work(c.t.Context(), e, func() {})
		}
		if len(es) > 0 {
			continue
		}
		if n, err := s.flush(c.t.Context()); n == 0 || err != nil {
			return err
		}
	}
	return workError("it never ends")
}

// An ending is all that somebody can see of a tale when it is over.
type ending struct {
	World    map[string]string   // values by target
	History  map[string][]string // and those that they had, in order
	Commands map[string]story    // by event
	Spent    map[string]int      // of budgets
	Notices  []string            // kinds
	Letters  []string            // dead letters, by event
}

// A story is what became of a command.
type story struct {
	State    schemas.State
	PreImage string
	Told     []string // the states that outcomes told of, in order
	Approved string
}

// ending looks at everything. What Kafka got twice under one id is one event.
func (c *crowd) ending() ending {
	c.t.Helper()
	end := ending{World: c.wall.value, History: c.wall.history, Commands: map[string]story{}, Spent: map[string]int{}}
	told, seen := map[string][]string{}, map[string]bool{}
	for _, m := range c.broker.on(c.broker.Topics().Outcomes) {
		var doc struct {
			StatusCode string `json:"status_code"`
			CommandUID string `json:"command_uid"`
			Metadata   struct{ UID string }
		}
		if err := json.Unmarshal(m.Value, &doc); err != nil {
			c.t.Fatal(err)
		}
		if !seen[doc.Metadata.UID] {
			seen[doc.Metadata.UID] = true
			told[doc.CommandUID] = append(told[doc.CommandUID], doc.StatusCode)
		}
	}
	for _, cmd := range c.cmds {
		e := c.get(cmd)
		s := story{State: e.State, Told: told[cmd.ID], Approved: e.ApprovedBy}
		if e.Plan != nil {
			s.PreImage = string(e.Plan.Before)
		}
		end.Commands[cmd.EventUID] = s
	}
	for _, m := range c.broker.on(c.broker.Topics().DeadLetter) {
		cmd, err := schemas.ReadCommand(m.Value)
		if err != nil {
			c.t.Fatal(err)
		}
		if !slices.Contains(end.Letters, cmd.EventUID) {
			end.Letters = append(end.Letters, cmd.EventUID)
		}
	}
	for key := range c.spent {
		end.Spent[key] = c.used(key)
	}
	end.Notices = c.notices()
	slices.Sort(end.Notices)
	slices.Sort(end.Letters)
	return end
}

// used is how much was spent of a budget: as much as a smaller one must allow for another effect to pass.
func (c *crowd) used(key string) int {
	for n := 0; ; n++ {
		budget := ledger.Budget{Key: key, Max: n + 1, Within: hour}
		over, err := c.ledger.Spend(c.t.Context(), c.clock.Now(), "probe", []ledger.Budget{budget})
		if err != nil {
			c.t.Fatal(err)
		}
		if over == nil {
			return n
		}
	}
}

// fewRepeats: a call to the outside may be made again only by who found it without an answer, once a death.
func (c *crowd) fewRepeats(whole *crowd) {
	c.t.Helper()
	dead := 0
	for _, f := range c.fates {
		if f.dead {
			dead++
		}
	}
	if n, once := len(c.wall.writes), len(whole.wall.writes); n > once+dead {
		c.t.Errorf("%d calls, where %d do and %d workers died", n, once, dead)
	}
}
