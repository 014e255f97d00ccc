package rule

import (
	"container/heap"
	"time"

	"github.com/riposte-security/riposte/router/correlate"
	"github.com/riposte-security/riposte/schemas"
)

// maxLevel is how many findings may follow from each other: rules that find their own findings would do so for ever.
const maxLevel = 16

// maxAhead is how many contributions a Player keeps until it takes the first of them: inputs are in no order, and what comes too late does not count.
const maxAhead = 1 << 20

// A Player plays correlations over an input that ends, such as files, as the router would over Kafka: on the clock of the events, in the order in
// which they came in, whatever the order in which they are read. It is for one goroutine.
type Player struct {
	// Ahead bounds how many contributions are put in order; of an input that is in more disorder than that, some come too late.
	Ahead int

	rules  map[string]*Rule
	state  *correlate.State
	queue  arrivals
	next   int       // number of the next contribution
	clock  time.Time // when the last event came in
	ended  bool
	level  int // how many findings lie between what is being played and the input
	found  func(Found)
	counts [correlate.Unknown + 1]map[string]int
}

// Found is that a correlation held.
type Found struct {
	Rule   *Rule
	Firing correlate.Firing
	// Event is the finding: an event like any other, which the rules have not seen yet.
	Event schemas.Event
	// Decision is what the steps of the correlation give; its contributions have been taken.
	Decision Decision
	// At is when it was decided. Record is the number of the event that led to it, 0 if it was that time passed.
	At     time.Time
	Record int
}

// NewPlayer makes a player of the correlations among rules. memory bounds their state, in bytes as it is estimated. found is called for each time
// that one holds, from within Add and End; it may call Add.
func NewPlayer(rules []*Rule, memory int64, found func(Found)) *Player {
	p := &Player{Ahead: maxAhead, rules: map[string]*Rule{}, found: found}
	specs := map[string]*correlate.Spec{}
	for _, r := range rules {
		if r.Correlation != nil {
			p.rules[r.ID], specs[r.ID] = r, &r.Correlation.Spec
		}
	}
	p.state = correlate.NewState(specs, &correlate.Budget{Limit: memory})
	for i := range p.counts {
		p.counts[i] = map[string]int{}
	}
	return p
}

// Add takes what correlations need of an event that came in at a time. record is its number, for Found.
func (p *Player) Add(contributions []correlate.Contribution, at time.Time, record int) {
	if at.After(p.clock) {
		p.clock = at
	}
	for _, c := range contributions {
		if p.rules[c.Rule] == nil {
			continue
		}
		if p.level > maxLevel {
			p.counts[correlate.Shed][c.Rule]++
			continue
		}
		heap.Push(&p.queue, arrival{c, at, p.next, record, p.level})
		p.next++
	}
	for p.level == 0 && len(p.queue) > p.Ahead {
		p.take()
	}
}

// End plays what is left, and closes all windows. Only absences wait for the clock of the events: what nobody heard of when the input ended, though
// it was due by then, is absent.
func (p *Player) End() { p.EndAt(p.clock) }

// EndAt is End for an input that goes on, without an event, until a time.
func (p *Player) EndAt(clock time.Time) {
	p.ended = true
	for {
		for len(p.queue) > 0 {
			p.take()
		}
		fired, at, more := p.state.End(clock)
		if !more {
			return
		}
		p.fire(fired, at, 0)
	}
}

// Count tells what became of how many contributions to a correlation.
func (p *Player) Count(rule string, v correlate.Verdict) int { return p.counts[v][rule] }

// take plays the contribution that came in first, after what was due before it.
func (p *Player) take() {
	a := heap.Pop(&p.queue).(arrival)
	for !p.ended {
		due, waits := p.state.Waiting()
		if !waits || !due.Before(a.at) {
			break
		}
		p.fire(p.state.Seal(due), due, 0)
	}
	level := p.level
	p.level = a.level
	p.apply(&a.c, a.at, a.record)
	p.level = level
}

func (p *Player) apply(c *correlate.Contribution, at time.Time, record int) {
	c.Seen = at.UnixMilli()
	fired, verdict := p.state.Apply(c, at)
	p.counts[verdict][c.Rule]++
	p.fire(fired, at, record)
}

func (p *Player) fire(fired []correlate.Firing, at time.Time, record int) {
	for _, f := range fired {
		x := Found{Rule: p.rules[f.Spec.Rule], Firing: f, At: at, Record: record}
		var err error
		if x.Event, err = x.Rule.Fire(f, at, &x.Decision); err != nil {
			x.Decision = Decision{Misses: []Miss{{Rule: x.Rule.ID, Step: "correlate", Reason: err.Error()}}}
		}
		p.level++
		p.Add(x.Decision.Contributions, at, record)
		p.found(x)
		p.level--
	}
}

// An arrival is a contribution and when its event came in.
type arrival struct {
	c      correlate.Contribution
	at     time.Time
	number int
	record int
	level  int
}

// arrivals is a heap of them, the first on top.
type arrivals []arrival

// Len, Less, Swap, Push and Pop are those of heap.Interface.
func (q arrivals) Len() int { return len(q) }
func (q arrivals) Less(i, j int) bool {
	if c := q[i].at.Compare(q[j].at); c != 0 {
		return c < 0
	}
	return q[i].number < q[j].number
}
func (q arrivals) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

// Push appends.
func (q *arrivals) Push(x any) { *q = append(*q, x.(arrival)) }

// Pop removes the last.
func (q *arrivals) Pop() any {
	old := *q
	x := old[len(old)-1]
	old[len(old)-1] = arrival{}
	*q = old[:len(old)-1]
	return x
}
