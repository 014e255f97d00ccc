package own

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gaissmai/bart"

	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/internal/obs"
)

// A list is what one account has in one region: a copy that is never changed.
type list struct {
	place // with the number of our own account
	table *bart.Table[string]
	read  time.Time
}

// match finds what is in p, contains it or is the same: the narrowest entry around it, else the first one in it.
func (l *list) match(p netip.Prefix) (entry string, found bool) {
	at, what, ok := l.table.LookupPrefixLPM(p)
	if !ok {
		for at, what = range l.table.Subnets(p) {
			ok = true
			break
		}
	}
	if !ok {
		return "", false
	}
	where := at.String()
	if at.IsSingleIP() {
		where = at.Addr().String()
	}
	return fmt.Sprintf("%s, %s (%s %s)", what, where, l.account, l.region), true
}

// A scope is one account and region whose list is kept.
type scope struct {
	a *Addresses
	place
	turn  chan struct{} // held by who reads
	last  atomic.Pointer[list]
	state *obs.Condition

	mu    sync.Mutex
	tried time.Time // when it was read, or could not be
	err   error     // of the last try
}

func newScope(a *Addresses, p place) *scope {
	name := "list of the own addresses of " + cmp.Or(p.account, "our account") + " in " + p.region
	return &scope{a: a, place: p, turn: make(chan struct{}, 1), state: obs.NewCondition(a.d.Log, name)}
}

// believable returns a list that is young enough, and reads it where it is not.
func (s *scope) believable(ctx context.Context) (*list, error) {
	wanted := s.a.d.Refresh
	if s.a.running.Load() { // then Run sees to that
		wanted = s.a.d.MaxAge
	}
	if l := s.believed(wanted); l != nil {
		return l, nil
	}
	err := s.lately()
	if err == nil {
		within, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		err = s.refresh(within, wanted)
	}
	if l := s.believed(s.a.d.MaxAge); l != nil {
		return l, nil
	}
	what := fmt.Sprintf("addresses of account %s in %s", cmp.Or(s.account, "(our own)"), s.region)
	if l := s.last.Load(); l != nil {
		what += fmt.Sprintf(" (last read %s)", l.read.UTC().Format(time.RFC3339))
	}
	return nil, unread(what, err)
}

// believed returns the list if it is no older than that.
func (s *scope) believed(age time.Duration) *list {
	if l := s.last.Load(); l != nil && time.Since(l.read) <= age {
		return l
	}
	return nil
}

// refresh reads the list anew, unless somebody else does so meanwhile. The last good copy stays if that fails.
func (s *scope) refresh(ctx context.Context, age time.Duration) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return fmt.Errorf("somebody else is reading them: %w", ctx.Err())
	}
	if s.believed(age) != nil {
		return nil
	}
	begin := time.Now()
	l, err := s.read(ctx)
	s.mu.Lock()
	s.tried, s.err = time.Now(), err
	s.mu.Unlock()
	if err != nil {
		s.state.Failed(err)
		return err
	}
	l.read = begin
	s.last.Store(l)
	s.state.OK()
	return nil
}

// lately returns the error of a try that was made a moment ago: who asks then need not wait for another.
func (s *scope) lately() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.tried) < patience {
		return s.err
	}
	return nil
}

// due tells whether it is time to read it anew.
func (s *scope) due() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	pause := s.a.d.Refresh
	if s.err != nil {
		pause = min(pause, retryPause)
	}
	return s.tried.IsZero() || time.Since(s.tried) >= pause
}

// A Status says how one list stands.
type Status struct {
	Account string // "" as long as our own number is not known
	Region  string
	Entries int
	Read    time.Time // of the copy in use; zero: there is none
	Err     error     // why it could not be read anew; nil: it could
}

// Status says how all lists stand, by account and region.
func (a *Addresses) Status() []Status {
	var all []Status
	for _, s := range a.scopes() {
		st := Status{Account: s.account, Region: s.region}
		s.mu.Lock()
		st.Err = s.err
		s.mu.Unlock()
		if l := s.last.Load(); l != nil {
			st.Account, st.Entries, st.Read = l.account, l.table.Size(), l.read
		}
		all = append(all, st)
	}
	slices.SortStableFunc(all, func(x, y Status) int {
		return cmp.Or(cmp.Compare(x.Account, y.Account), cmp.Compare(x.Region, y.Region))
	})
	return slices.CompactFunc(all, func(x, y Status) bool { // our own may be named, too
		return x.Account == y.Account && x.Region == y.Region
	})
}

// unread says that a list could not be read. It does not unwrap, on purpose: what is permanent for a call (a missing permission) is for a block a
// reason to wait until somebody has put it right.
func unread(what string, err error) error {
	return fault.After(unreadError(fmt.Sprintf("%s could not be read, and none of them may be blocked: %v", what, err)), fault.Wait(err))
}

type unreadError string

func (e unreadError) Error() string { return string(e) }
