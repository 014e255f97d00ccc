package lists

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/router/lists/parse"
	"github.com/riposte-security/riposte/router/lists/set"
)

// A List is a named list: the last good copy of what its source has. It implements predicate.List.
type List struct {
	*follower
	conf ListConfig
	log  zerolog.Logger
	now  func() time.Time

	copy atomic.Pointer[held] // the last good one; nil before the first

	kind  set.Kind // found out from the first good copy: it does not change with the next
	stale bool     // told, that the copy is older than its ttl
}

// held is a copy in force.
type held struct {
	set   *set.Set
	at    time.Time // when the source last confirmed it
	until time.Time // zero: until there is another one
}

// Contains tells whether the list has the value now. Before the first good copy, and when the last one is older than the list's ttl, it has
// nothing.
func (l *List) Contains(value string) bool {
	h := l.copy.Load()
	if h == nil {
		return false
	}
	if h.until.IsZero() && !h.set.Stats().Timed {
		return h.set.Contains(value, time.Time{})
	}
	now := l.now()
	return (h.until.IsZero() || now.Before(h.until)) && h.set.Contains(value, now)
}

// confirm implements taker.
func (l *List) confirm(at time.Time) {
	if h := l.copy.Load(); h != nil && at.After(h.at) {
		l.swap(h.set, at)
	}
}

func (l *List) swap(s *set.Set, at time.Time) {
	h := &held{set: s, at: at}
	if l.conf.TTL > 0 && l.conf.kafka == nil { // there, every entry has its own
		h.until = at.Add(l.conf.TTL)
	}
	l.copy.Store(h)
}

// take implements taker.
func (l *List) take(c *copied) error {
	s, skipped, err := l.build(c)
	if err == nil && c.keep != nil {
		err = c.keep()
	}
	if err != nil {
		return err
	}
	l.kind = s.Stats().Kind
	l.swap(s, c.at)
	l.tell(s, skipped)
	return nil
}

func (l *List) build(r io.Reader) (*set.Set, parse.Skipped, error) {
	o := l.conf.setOptions(l.now())
	if o.Kind == set.Auto {
		o.Kind = l.kind
	}
	po := l.conf.parseOptions()
	po.Kind = o.Kind
	b := set.NewBuilder(o)
	skipped, err := parse.Read(r, po, b.Add)
	if err != nil {
		return nil, nil, err
	}
	s, err := b.Build()
	if err != nil {
		return nil, nil, err
	}
	if st := s.Stats(); st.Entries == 0 && !l.conf.AllowEmpty {
		return nil, nil, fmt.Errorf("no entries (%d expired, %d passed over); allow_empty takes such a copy", st.Expired, sum(skipped))
	}
	return s, skipped, nil
}

func sum(skipped parse.Skipped) int {
	n := 0
	for _, k := range skipped {
		n += k
	}
	return n
}

// tell says what a new copy holds.
func (l *List) tell(s *set.Set, skipped parse.Skipped) {
	st := s.Stats()
	level := zerolog.InfoLevel
	facts := map[string]any{"list": l.conf.Name, "entries": st.Entries}
	if st.Kind != set.Auto {
		facts["kind"] = st.Kind
	}
	for name, n := range map[string]int{"expired": st.Expired, "duplicates": st.Duplicates} {
		if n > 0 {
			facts[name] = n
		}
	}
	if len(skipped) > 0 {
		facts["passed_over"] = skipped
	}
	if st.Bad > 0 {
		level = zerolog.WarnLevel
		facts["bad"], facts["first_bad"] = st.Bad, st.Sample
	}
	l.log.WithLevel(level).Fields(facts).Msg("list in force")
}

// look implements taker: it says once that a copy has outlived its ttl, and once that it is fresh again.
func (l *List) look() {
	h := l.copy.Load()
	if h == nil || h.until.IsZero() {
		return
	}
	stale := !l.now().Before(h.until)
	if stale == l.stale {
		return
	}
	if l.stale = stale; stale {
		l.log.Warn().Str("list", l.conf.Name).Time("since", h.until).Msg("the list's last good copy is older than its ttl: it holds nothing now")
		return
	}
	l.log.Info().Str("list", l.conf.Name).Msg("the list is fresh again")
}
