package consumers

import (
	"context"
	"sync"
	"time"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/schemas"
)

// errKilled is what a worker sees that is dead: nothing that it does has an effect.
const errKilled = workError("killed")

// A fate kills a worker when it has taken so many steps: the answer to the last is lost, and from then on nothing that it does has an effect. A step is
// whatever changes something outside the worker, be it in the ledger, in the world or in Kafka; that it dies before a step is that it dies after the one
// before it, and whatever it read in between is gone.
type fate struct {
	mu    sync.Mutex
	steps int
	after int
	dead  bool
}

// step takes a step.
func (f *fate) step(do func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dead = f.dead || f.steps == f.after // zero: before the first
	if f.dead {
		return fault.Permanent(errKilled)
	}
	err := do()
	if f.steps++; f.steps == f.after {
		f.dead = true
		return fault.Permanent(errKilled)
	}
	return err
}

// stepTo takes a step that gives something.
func stepTo[T any](f *fate, do func() (T, error)) (got T, err error) {
	err = f.step(func() (err error) { got, err = do(); return err })
	return got, err
}

// look reads, which is no step.
func look[T any](f *fate, do func() (T, error)) (T, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead {
		var none T
		return none, fault.Permanent(errKilled)
	}
	return do()
}

// A mortalLedger is what a worker uses of the ledger, which does not use the desk: that is for people.
type mortalLedger struct {
	ledger.Ledger
	fate *fate
}

func (m mortalLedger) Claim(ctx context.Context, now time.Time, c ledger.Claim) ([]ledger.Entry, error) {
	return stepTo(m.fate, func() ([]ledger.Entry, error) { return m.Ledger.Claim(ctx, now, c) })
}

func (m mortalLedger) Save(ctx context.Context, now time.Time, e ledger.Entry, publish ...ledger.Message) error {
	return m.fate.step(func() error { return m.Ledger.Save(ctx, now, e, publish...) })
}

func (m mortalLedger) Enter(ctx context.Context, now time.Time, cmds []schemas.Command, publish ...ledger.Message) (int, error) {
	return stepTo(m.fate, func() (int, error) { return m.Ledger.Enter(ctx, now, cmds, publish...) })
}

func (m mortalLedger) Holders(ctx context.Context, effect, except string) ([]ledger.Entry, error) {
	return look(m.fate, func() ([]ledger.Entry, error) { return m.Ledger.Holders(ctx, effect, except) })
}

func (m mortalLedger) List(ctx context.Context, f ledger.Filter) ([]ledger.Entry, error) {
	return look(m.fate, func() ([]ledger.Entry, error) { return m.Ledger.List(ctx, f) })
}

func (m mortalLedger) Past(ctx context.Context, now time.Time, rule, target string) (ledger.Past, error) {
	return look(m.fate, func() (ledger.Past, error) { return m.Ledger.Past(ctx, now, rule, target) })
}

func (m mortalLedger) Spend(ctx context.Context, now time.Time, id string, budgets []ledger.Budget) (*ledger.Budget, error) {
	return stepTo(m.fate, func() (*ledger.Budget, error) { return m.Ledger.Spend(ctx, now, id, budgets) })
}

func (m mortalLedger) Duty(ctx context.Context, now time.Time, duty, owner string, until time.Time) (bool, error) {
	return stepTo(m.fate, func() (bool, error) { return m.Ledger.Duty(ctx, now, duty, owner, until) })
}

func (m mortalLedger) Wake(ctx context.Context, now time.Time, ids []string) error {
	return m.fate.step(func() error { return m.Ledger.Wake(ctx, now, ids) })
}

func (m mortalLedger) Outbox(ctx context.Context, now time.Time, limit int, lease time.Duration) ([]ledger.Message, error) {
	return stepTo(m.fate, func() ([]ledger.Message, error) { return m.Ledger.Outbox(ctx, now, limit, lease) })
}

func (m mortalLedger) Sent(ctx context.Context, ids []int64) error {
	return m.fate.step(func() error { return m.Ledger.Sent(ctx, ids) })
}

// A mortalAction is an action that the worker dies of.
type mortalAction struct {
	*wall
	fate *fate
}

func (m mortalAction) Plan(ctx context.Context, cmd schemas.Command) (schemas.Plan, error) {
	return look(m.fate, func() (schemas.Plan, error) { return m.wall.Plan(ctx, cmd) })
}

func (m mortalAction) Apply(ctx context.Context, cmd schemas.Command, p schemas.Plan) error {
	return m.fate.step(func() error { return m.wall.Apply(ctx, cmd, p) })
}

func (m mortalAction) Verify(ctx context.Context, cmd schemas.Command, p schemas.Plan) (schemas.Outcome, error) {
	return look(m.fate, func() (schemas.Outcome, error) { return m.wall.Verify(ctx, cmd, p) })
}

func (m mortalAction) Undo(ctx context.Context, cmd schemas.Command, p schemas.Plan, force bool) error {
	return m.fate.step(func() error { return m.wall.Undo(ctx, cmd, p, force) })
}

func (m mortalAction) Inspect(ctx context.Context, cmds []schemas.Command) (missing, others []string, err error) {
	_, err = look(m.fate, func() (_ struct{}, err error) {
		missing, others, err = m.wall.Inspect(ctx, cmds)
		return struct{}{}, err
	})
	return missing, others, err
}

// A mortalWriter is a worker's way to Kafka.
type mortalWriter struct {
	*broker
	fate *fate
}

func (m mortalWriter) Publish(ctx context.Context, msgs ...kafka.Message) error {
	return m.fate.step(func() error { return m.broker.Publish(ctx, msgs...) })
}
