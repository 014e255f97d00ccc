package s3

import (
	"context"
	"sync"

	"github.com/riposte-security/riposte/internal/checkpoint"
)

// progress is what the checkpoint holds.
type progress struct {
	Scope    string   `json:"scope"`
	After    string   `json:"after"`          // every object up to this key is in Kafka
	Done     []string `json:"done,omitempty"` // and these behind it
	Finished bool     `json:"finished,omitempty"`
}

// maxAhead is how many objects may be done, or in course, behind one that is not: it bounds the checkpoint.
const maxAhead = 5000

// A tracker puts objects that are done in any order into the order of the listing.
type tracker struct {
	file *checkpoint.File[progress]
	done map[string]bool // of the checkpoint, as it was found
	room chan struct{}   // has an element when something was settled

	mu      sync.Mutex
	pending []*listed // in the order of the listing; the first one is not done
	after   string    // all before pending
}

type listed struct {
	key     string
	done    bool
	skipped bool // it need not be remembered as done, since it will be skipped again
}

// begin takes up the checkpoint, if it is of the same scope, and tells whether there is nothing left to do.
func begin(file *checkpoint.File[progress], scope string) (t *tracker, finished bool) {
	t = &tracker{file: file, done: map[string]bool{}, room: make(chan struct{}, 1)}
	file.Update(func(p *progress) {
		if p.Scope != scope {
			*p = progress{Scope: scope}
		}
		for _, k := range p.Done {
			t.done[k] = true
		}
		t.after, finished = p.After, p.Finished
	})
	return t, finished
}

// list notes the next key of the listing, once there is room for it; the function that it returns is called when the object is done.
func (t *tracker) list(ctx context.Context, key string) (done func(), err error) {
	for {
		t.mu.Lock()
		if len(t.pending) < maxAhead {
			l := &listed{key: key}
			t.pending = append(t.pending, l)
			t.mu.Unlock()
			return func() { t.settle(l) }, nil
		}
		t.mu.Unlock()
		select {
		case <-t.room:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// skip notes the next key of the listing as one with which nothing is done.
func (t *tracker) skip(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch n := len(t.pending); {
	case n == 0:
		t.after = key
	case t.pending[n-1].skipped:
		t.pending[n-1].key = key
	default:
		t.pending = append(t.pending, &listed{key: key, done: true, skipped: true})
	}
}

// settle notes that an object is done, and moves on behind all that are.
func (t *tracker) settle(l *listed) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l.done = true
	n := 0
	for n < len(t.pending) && t.pending[n].done {
		t.after = t.pending[n].key
		n++
	}
	t.pending = t.pending[n:]
	select {
	case t.room <- struct{}{}:
	default:
	}
}

// note brings the checkpoint up to date.
func (t *tracker) note(finished bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.file.Update(func(p *progress) {
		p.After, p.Finished, p.Done = t.after, finished, nil
		for _, l := range t.pending {
			if l.done && !l.skipped {
				p.Done = append(p.Done, l.key)
			}
		}
	})
}
