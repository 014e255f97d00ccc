package consumers

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/riposte-security/riposte/schemas"
)

// A Lingerer is a Poller of which Start may last for minutes, because what it starts ends with it: a local process, a call that is answered when all is done.
type Lingerer interface {
	// Lingers tells whether Start may last for that command.
	Lingers(cmd schemas.Command) bool
}

const (
	// lingering is how long a Start may last before it counts as a long run.
	lingering = 5 * time.Second
	// longWait is about how long a command waits when there are as many long runs as there may be.
	longWait = 10 * time.Second
)

// longRuns are the Starts of a lane that last. They give their places among the workers to others, and are bounded by themselves: while there are as many of them
// as the lane has workers, nothing begins that may become another.
type longRuns struct {
	after time.Duration // how long one lasts before it is counted
	most  int

	mu sync.Mutex
	n  int
}

// begin tells whether a Start that may last can begin. When it has lasted, leave is called, once; over tells that it has ended.
func (l *longRuns) begin(leave func()) (over func(), ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.n >= l.most {
		return nil, false
	}
	counted, ended := false, false
	timer := time.AfterFunc(l.after, func() {
		l.mu.Lock()
		if counted = !ended; counted {
			l.n++
		}
		l.mu.Unlock()
		leave()
	})
	return func() {
		timer.Stop()
		l.mu.Lock()
		defer l.mu.Unlock()
		if ended = true; counted {
			l.n--
		}
	}, true
}

// postpone leaves a command that may last to a later time. This try does not count.
func (j *job) postpone(ctx context.Context, most int) error {
	now := j.s.d.Now()
	j.e.State, j.e.Attempts = schemas.StateRetrying, max(0, j.e.Attempts-1)
	j.e.Due = now.Add(longWait/2 + time.Duration(rand.Int64N(int64(longWait)))) //nolint:gosec // spreads them, hides nothing
	j.e.Outcome = schemas.Outcome{State: j.e.State, Message: fmt.Sprintf("waits for one of %d long runs to end", most), Time: now.UTC()}
	return j.save(ctx)
}
