package consumers

import (
	"context"
	"fmt"
	"time"

	"github.com/riposte-security/riposte/consumers/guard"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// tales are those in which workers die. Between them they go through every step that a worker has.
func tales() []tale {
	return []tale{
		{"taken back", nil, takenBack},
		{"in order", func(cfg *Config) { cfg.Loop.Times = 0 }, inOrder},
		{"again and again", nil, againAndAgain},
		{"a budget is spent", func(cfg *Config) {
			cfg.Budgets = []guard.Limit{{Per: "rule", Max: 2, Within: 30 * 24 * time.Hour / 5}, {Per: "action", Max: 3, Within: 30 * 24 * time.Hour / 5}}
		}, budgetSpent},
		{"people decide", func(cfg *Config) { cfg.Approval.Within = 24 * time.Hour }, peopleDecide},
		{"put back", nil, putBack},
		{"left behind", nil, leftBehind},
		{"one effect of two", nil, oneEffectOfTwo},
		{"it cannot be done", nil, cannotBeDone},
		{"it cannot be taken back", nil, cannotBeTakenBack},
		{"a run is followed", nil, runFollowed},
	}
}

func to(value string) func(*schemas.Command) {
	return func(c *schemas.Command) { c.With = map[string]any{"value": value} }
}

func by(rule string) func(*schemas.Command) { return func(c *schemas.Command) { c.Rule = rule } }

// hour is longer than workers take to die.
const hour = time.Hour

// takenBack: one effect has its time, and a person undoes the other.
func takenBack(c *crowd) {
	c.wall.value["x"] = "bad"
	timed, lasting := c.command(1, block(10*hour)), c.command(2, to("better"), at("y"))
	c.enter(timed, lasting)
	c.round()
	c.state(timed, schemas.StateInForce, "")
	c.state(lasting, schemas.StateVerified, "")
	requestUndo(c.bench, lasting, false)
	c.round()
	c.state(lasting, schemas.StateUndone, "by design")
	c.clock.Add(11 * hour)
	c.round()
	c.state(timed, schemas.StateExpired, "")
	c.value("bad")
}

// inOrder: what is wanted of one target comes in its order, and each finds what the one before it left.
func inOrder(c *crowd) {
	c.wall.value["x"] = "0"
	for n := range 2 {
		c.enter(c.command(n, to(fmt.Sprint(n+1))), c.command(100+n, to(fmt.Sprint(n+1)), block(0)))
	}
	c.round()
	c.value("2")
	requestUndo(c.bench, c.cmds[len(c.cmds)-2], false)
	c.round()
	c.value("1")
}

// againAndAgain: the third time somebody is asked, and says no.
func againAndAgain(c *crowd) {
	for n := range 3 {
		c.wall.set("x", "bad")
		c.enter(c.command(n))
		c.round()
	}
	c.state(c.cmds[2], schemas.StateApproval, "")
	decide(c.bench, c.cmds[2], false)
	c.round()
	c.state(c.cmds[2], schemas.StateRejected, "")
	c.value("bad")
}

// budgetSpent: however often workers die, each effect counts once, and one alert is raised of each budget.
func budgetSpent(c *crowd) {
	for n := range 4 {
		c.enter(c.command(n, at(fmt.Sprint("t", n))))
	}
	c.round()
	c.state(c.cmds[1], schemas.StateVerified, "")
	c.state(c.cmds[2], schemas.StateApproval, "the budget of rule a-rule")
	c.enter(c.command(10, by("b-rule"), at("u0")), c.command(11, by("b-rule"), at("u1")))
	c.round()
	c.state(c.cmds[4], schemas.StateVerified, "")
	c.state(c.cmds[5], schemas.StateApproval, "the budget of action set")
	decide(c.bench, c.cmds[2], true)
	decide(c.bench, c.cmds[3], false)
	c.round()
	c.state(c.cmds[2], schemas.StateVerified, "")
}

// peopleDecide: an approval binds to the plan. Of three that wait one is approved, when it would do something else than what was shown; one is rejected, and
// nobody decides about the third.
func peopleDecide(c *crowd) {
	ask := func(cmd *schemas.Command) { cmd.Approval = "required" }
	yes, no, never := c.command(1, ask), c.command(2, ask, at("y")), c.command(3, ask, at("z"))
	c.enter(yes, no, never)
	c.round()
	c.wall.set("x", "changed since")
	c.clock.Add(hour)
	decide(c.bench, yes, true)
	decide(c.bench, no, false)
	c.round()
	c.state(yes, schemas.StateApproval, "")
	decide(c.bench, yes, true)
	c.round()
	c.state(yes, schemas.StateVerified, "")
	requestUndo(c.bench, yes, false)
	c.clock.Add(25 * hour)
	c.round()
	c.state(never, schemas.StateRefused, "nobody decided")
	c.value("changed since")
}

// putBack: what somebody took away, twice in one case, is there again, and is told of each time; with the pre-image of the beginning and what was left of its time.
func putBack(c *crowd) {
	c.wall.value["x"] = "bad"
	c.enter(c.command(1, block(10*hour)), c.command(2, block(20*hour), at("y")), c.command(3, block(0), at("z")))
	c.round()
	until := c.get(c.cmds[0]).Ends
	c.clock.Add(hour)
	c.wall.set("x", "by hand")
	c.wall.set("z", "")
	c.reconcile()
	c.value("good")
	if e := c.state(c.cmds[0], schemas.StateInForce, " again at "); !e.Ends.Equal(until) {
		c.t.Errorf("it ends %s; %s expected", e.Ends, until)
	}
	c.clock.Add(hour)
	c.wall.set("x", "")
	c.wall.set("y", "")
	c.reconcile()
	c.clock.Add(11 * hour)
	c.round()
	c.state(c.cmds[0], schemas.StateExpired, "")
	c.value("bad")
	if told := c.notices(); len(told) != 4 {
		c.t.Errorf("notices: %v; one for each of four times expected", told)
	}
}

// leftBehind: what outlived its time is taken away, and what is none of ours stays and is told of.
func leftBehind(c *crowd) {
	c.enter(c.command(1, block(hour)), c.command(2, block(100*hour), at("y")))
	c.round()
	c.clock.Add(2 * hour)
	c.round()
	c.state(c.cmds[0], schemas.StateExpired, "")
	c.wall.set("x", "good")
	c.wall.set("stranger", "good")
	c.clock.Add(hour)
	c.reconcile()
	c.reconcile()
	c.value("")
}

// oneEffectOfTwo: the effect goes with the last who wants it, whoever brought it about.
func oneEffectOfTwo(c *crowd) {
	c.wall.value["x"] = "bad"
	first, second := c.command(1, block(20*hour)), c.command(2, block(10*hour), by("b-rule"))
	c.enter(first, second)
	c.round()
	requestUndo(c.bench, first, false)
	c.round()
	c.state(first, schemas.StateUndone, "")
	c.value("good")
	c.clock.Add(11 * hour)
	c.round()
	c.state(second, schemas.StateExpired, "")
	c.value("bad")
}

// cannotBeDone: nobody knows what a call did that failed, and what it may have done is taken back in the end. One dead letter says so.
func cannotBeDone(c *crowd) {
	c.wall.fail["verify"] = fault.Permanent(errAway)
	c.enter(c.command(1, block(10*hour)))
	c.round()
	c.state(c.cmds[0], schemas.StateFailed, "away")
	delete(c.wall.fail, "verify")
	c.clock.Add(11 * hour)
	c.round()
	c.value("")
}

// cannotBeTakenBack: somebody has changed it since. A person hears no, and the end of its time is a failure.
func cannotBeTakenBack(c *crowd) {
	c.wall.value["x"] = "bad"
	c.enter(c.command(1, block(10*hour)))
	c.round()
	c.wall.set("x", "by hand")
	requestUndo(c.bench, c.cmds[0], false)
	c.round()
	if u := c.state(c.cmds[0], schemas.StateInForce, "").Undo; u == nil || u.Refused == "" {
		c.t.Errorf("the request is %+v", u)
	}
	c.clock.Add(11 * hour)
	c.round()
	c.state(c.cmds[0], schemas.StateFailed, "changed")
	requestUndo(c.bench, c.cmds[0], true)
	c.round()
	c.state(c.cmds[0], schemas.StateUndone, "")
	c.value("bad")
}

// An errand is an action that starts something which goes on by itself for half an hour.
type errand struct {
	alarm
	*wall
	now   func() time.Time
	begun map[string]time.Time // by command
}

// Plan is the alarm's: whatever the world is like, there is something to start.
func (r *errand) Plan(ctx context.Context, cmd schemas.Command) (schemas.Plan, error) {
	return r.alarm.Plan(ctx, cmd)
}

func (r *errand) Apply(context.Context, schemas.Command, schemas.Plan) error {
	return fault.Permanent(workError("a run is started, not applied"))
}

func (r *errand) Verify(context.Context, schemas.Command, schemas.Plan) (schemas.Outcome, error) {
	return schemas.Outcome{}, fault.Permanent(workError("a run is asked about, not verified"))
}

// Start finds what the command has started.
func (r *errand) Start(_ context.Context, cmd schemas.Command, _ schemas.Plan) (schemas.Run, error) {
	r.wall.mu.Lock()
	defer r.wall.mu.Unlock()
	r.writes = append(r.writes, cmd.ID)
	if _, ok := r.begun[cmd.ID]; !ok {
		r.begun[cmd.ID] = r.now()
		r.put(cmd.Target.ID, "started for "+cmd.EventUID)
	}
	return schemas.Run{Ref: cmd.ID, Since: r.begun[cmd.ID]}, nil
}

func (r *errand) Poll(_ context.Context, _ schemas.Command, p schemas.Plan) (schemas.Outcome, time.Duration, error) {
	r.wall.mu.Lock()
	defer r.wall.mu.Unlock()
	if r.now().Sub(r.begun[p.Run.Ref]) < hour/2 {
		return schemas.Outcome{Message: "it goes on"}, hour / 4, nil
	}
	return schemas.Outcome{Message: "it has come to its end"}, 0, nil
}

// A mortalErrand is one that the worker dies of.
type mortalErrand struct {
	*errand
	fate *fate
}

func (m mortalErrand) Start(ctx context.Context, cmd schemas.Command, p schemas.Plan) (schemas.Run, error) {
	return stepTo(m.fate, func() (schemas.Run, error) { return m.errand.Start(ctx, cmd, p) })
}

func (m mortalErrand) Poll(ctx context.Context, cmd schemas.Command, p schemas.Plan) (out schemas.Outcome, wait time.Duration, err error) {
	out, err = look(m.fate, func() (o schemas.Outcome, err error) { o, wait, err = m.errand.Poll(ctx, cmd, p); return o, err })
	return out, wait, err
}

// runFollowed: a run is started once for each of two commands, the second when the first has ended, and asked about until it ends, whoever dies meanwhile.
func runFollowed(c *crowd) {
	r, name := &errand{wall: c.wall, now: c.clock.Now, begun: map[string]time.Time{}}, Name{schemas.LaneRemediate, "run"}
	c.d.Actions[name] = r
	for i, s := range c.doomed {
		s.d.Actions[name] = mortalErrand{r, c.fates[i]}
	}
	run := func(cmd *schemas.Command) { cmd.Action, cmd.Approval = "run", schemas.ApprovalWaived }
	c.enter(c.command(1, run), c.command(2, run))
	c.round()
	c.state(c.cmds[0], schemas.StateVerifying, "it goes on")
	for range 2 {
		c.clock.Add(hour)
		c.round()
	}
	c.state(c.cmds[1], schemas.StateVerified, "has come to its end")
}
