package main

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// A fault is something bad that is to happen: what, when, and by how much. All of it is drawn from the seed before the run begins.
type fault struct {
	at   time.Duration // since the beginning
	kind string
	pick int           // which of the things that it can happen to
	span time.Duration // how long it lasts
}

// A happening is a fault as it was.
type happening struct {
	Kind  string  `json:"kind"`
	On    string  `json:"on"`
	Began float64 `json:"began_s"` // seconds since the beginning
	Ended float64 `json:"ended_s"`
	Error string  `json:"error,omitempty"`
}

// A kind is a kind of fault.
type kind struct {
	name     string
	weight   int
	from, to time.Duration // between which its span is drawn
	// do does it, and undoes it, and says to what. It returns early when ctx ends, with everything undone.
	do func(ctx context.Context, w *world, f fault) (on string, err error)
}

// schedule is what happens in a run: faults of all kinds, and beside them jumps of a clock. Those are drawn apart: what a seed drew before there were any, it
// draws still.
func schedule(seed uint64, n int, within time.Duration) (kinds []kind, faults []fault) {
	kinds, clocks := slices.Concat(processKinds(), serverKinds(), linkKinds()), clockKinds()
	faults = append(draw(seed, 2, kinds, n, within), draw(seed, 3, clocks, (n+faultsPerJump-1)/faultsPerJump, within)...)
	slices.SortStableFunc(faults, func(a, b fault) int { return cmp.Compare(a.at, b.at) })
	return append(kinds, clocks...), faults
}

// draw draws so many faults, spread over a time, each kind at least once where there are enough.
func draw(seed, stream uint64, kinds []kind, n int, within time.Duration) []fault {
	rng := rand.New(rand.NewPCG(seed, stream)) //nolint:gosec // must be the same again
	var bag []int
	for i, k := range kinds {
		for range k.weight {
			bag = append(bag, i)
		}
	}
	var which []int
	for len(which) < n && len(bag) > 0 { // whole bags, each in an order of its own: no kind waits long
		rng.Shuffle(len(bag), func(i, j int) { bag[i], bag[j] = bag[j], bag[i] })
		which = append(which, bag...)
	}
	which = which[:min(n, len(which))]
	faults := make([]fault, len(which))
	for i, of := range which {
		k := kinds[of]
		share := within / time.Duration(n)
		faults[i] = fault{
			at: time.Duration(i)*share + time.Duration(rng.Int64N(int64(share))), kind: k.name, pick: rng.IntN(1 << 20),
			span: k.from + time.Duration(rng.Int64N(int64(k.to-k.from)+1)),
		}
	}
	return faults
}

// A tormentor carries out a schedule and keeps a record of it.
type tormentor struct {
	w     *world
	kinds []kind
	began time.Time

	mu   sync.Mutex
	done []happening
}

// run carries the faults out at their times, beside each other, and returns when all are over.
func (t *tormentor) run(ctx context.Context, faults []fault) {
	var all sync.WaitGroup
	defer all.Wait()
	for _, f := range faults {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(t.began.Add(f.at))):
		}
		all.Go(func() { t.inflict(ctx, f) })
	}
}

func (t *tormentor) inflict(ctx context.Context, f fault) {
	i := slices.IndexFunc(t.kinds, func(k kind) bool { return k.name == f.kind })
	h := happening{Kind: f.kind, Began: time.Since(t.began).Seconds()}
	on, err := t.kinds[i].do(ctx, t.w, f)
	h.On, h.Ended = on, time.Since(t.began).Seconds()
	if err != nil {
		h.Error = err.Error()
	}
	t.w.said("%6.1fs  %s: %s (%.1fs) %s", h.Began, h.Kind, h.On, h.Ended-h.Began, h.Error)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.done = append(t.done, h)
}

// count counts what happened, by kind.
func count(done []happening) map[string]int {
	n := map[string]int{}
	for _, h := range done {
		n[h.Kind]++
	}
	return n
}

// pause lets time pass.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
