package consumers

import (
	"sync"

	"github.com/riposte-security/riposte/schemas"
)

// accountsAtOnce is how many accounts' worth of workers a lane has at most.
const accountsAtOnce = 8

// A crew knows how many commands of a lane are being worked on, and for which accounts: one whose API is slow holds no more workers than one may, and so
// keeps none of the others waiting. In the alert lane, where a receiver belongs to no account, there is one share for all.
type crew struct {
	each, all int // at most, of an account and of all of them

	mu    sync.Mutex
	held  map[string]int // by account
	total int
}

func newCrew(lane schemas.Lane, workers int) *crew {
	c := &crew{each: workers, all: workers * accountsAtOnce, held: map[string]int{}}
	if lane == schemas.LaneAlert {
		c.all = workers
	}
	return c
}

// room returns how many further commands may be claimed, whatever their accounts, if those of the accounts in except are not among them.
func (c *crew) room() (n int, except []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n = min(c.each, c.all-c.total)
	for account, held := range c.held {
		if held >= c.each {
			except = append(except, account)
		} else {
			n = min(n, c.each-held)
		}
	}
	return n, except
}

// join and leave tell of a worker that begins and ends work for an account.
func (c *crew) join(account string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held[account]++
	c.total++
}

func (c *crew) leave(account string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total--
	if c.held[account]--; c.held[account] == 0 {
		delete(c.held, account)
	}
}
