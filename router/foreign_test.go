package router

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/riposte-security/riposte/internal/fault"
)

// answers makes topics as it is told, one answer a try, the last for ever; nil where there is none makes them.
type answers struct {
	list  []error
	tries int
}

func (a *answers) EnsureTopics(ctx context.Context, _ ...string) error {
	a.tries++
	if len(a.list) == 0 {
		return nil
	}
	err := a.list[0]
	if len(a.list) > 1 {
		a.list = a.list[1:]
	}
	if err != nil && !fault.IsPermanent(err) { // tried until its time is over
		<-ctx.Done()
		return errors.Join(err, ctx.Err())
	}
	return err
}

func TestAnOutageRefusesNoTopic(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	clock := func() time.Time { return now }
	away, refused := errors.New("connection refused"), fault.Permanent(errors.New("not a name"))

	a := &answers{list: []error{away, away, away, nil}}
	f := newForeign(a)
	f.timeout = 10 * time.Millisecond
	must(t, f.ensure(t.Context(), "t", clock))
	must(t, f.ensure(t.Context(), "t", clock))
	if a.tries != 4 {
		t.Errorf("%d tries, 4 expected: three in vain, and then it is known", a.tries)
	}

	a = &answers{list: []error{refused}}
	f = newForeign(a)
	for range 3 {
		if err := f.ensure(t.Context(), "t", clock); !fault.IsPermanent(err) {
			t.Errorf("refused: %v", err)
		}
	}
	if a.tries != 1 {
		t.Errorf("%d tries within a minute", a.tries)
	}
	now = now.Add(foreignAgain)
	a.list = nil
	must(t, f.ensure(t.Context(), "t", clock))

	a = &answers{list: []error{away}}
	f = newForeign(a)
	f.timeout = 10 * time.Millisecond
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := f.ensure(ctx, "t", clock); !errors.Is(err, context.DeadlineExceeded) || fault.IsPermanent(err) {
		t.Errorf("asked to end: %v", err)
	}
	a.list = nil
	must(t, f.ensure(t.Context(), "t", clock)) // nothing was remembered
}
