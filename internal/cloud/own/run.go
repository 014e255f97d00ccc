package own

import (
	"context"
	"sync"
	"time"
)

const (
	tick       = 5 * time.Second
	readTime   = 5 * time.Minute // for one list: 500 pages
	retryPause = time.Minute     // after a list could not be read
	atOnce     = 16              // accounts
)

// Run keeps the lists young until ctx ends, and returns when all that it has begun is over. An account is read one region after the other, and several
// accounts at once. What cannot be read is logged when that begins and when it is over, and shows in Status.
func (a *Addresses) Run(ctx context.Context) {
	if a.d.Off {
		<-ctx.Done()
		return
	}
	a.running.Store(true)
	defer a.running.Store(false)
	var wg sync.WaitGroup
	defer wg.Wait()
	var mu sync.Mutex
	busy := map[string]bool{} // accounts that are being read
	slots := make(chan struct{}, atOnce)
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		due := map[string][]*scope{}
		for _, s := range a.scopes() {
			if s.due() {
				due[s.account] = append(due[s.account], s)
			}
		}
		for account, scopes := range due {
			mu.Lock()
			skip := busy[account]
			busy[account] = true
			mu.Unlock()
			if skip {
				continue
			}
			wg.Go(func() {
				defer func() { mu.Lock(); delete(busy, account); mu.Unlock() }()
				select {
				case slots <- struct{}{}:
					defer func() { <-slots }()
				case <-ctx.Done():
					return
				}
				a.readAll(ctx, scopes)
			})
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

func (a *Addresses) readAll(ctx context.Context, scopes []*scope) {
	for _, s := range scopes {
		if ctx.Err() != nil {
			return
		}
		one, cancel := context.WithTimeout(ctx, readTime)
		_ = s.refresh(one, 0) // it has been logged, and shows in Status
		cancel()
	}
}
