package main

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// The rules that the load is made for: see rules.yaml.
const (
	ruleDecided = "torture-decided"
	ruleAlert   = "torture-alert"
	ruleGrouped = "torture-grouped"
	ruleBlock   = "torture-block"
	ruleInvoke  = "torture-invoke"
	ruleBurst   = "torture-burst"
	ruleSpread  = "torture-spread"
)

const (
	burstAt   = 5 // events of one user that make a finding
	spreadAt  = 4 // addresses of one user that do
	openGroup = 40
	targets   = 24 // of each lane that keeps an order, half of them by either way in
	window    = 10 * time.Minute
)

// A key names a command that must be: a rule, and what it is about, which is the uid of an event, or of a correlation the group.
type key struct{ rule, about string }

// want is what follows from the events that were sent, worked out without any of riposte's code.
type want struct {
	sent     map[string]bool // uids
	commands map[key]string  // the id of the target
	poison   map[string]bool // messages that nobody can read
}

// An event is one line of the load.
type event struct {
	uid  string
	http bool   // goes in by HTTP, not by a file
	file string // the file that it goes to where not to that of its time: there is no order between files
	line []byte
}

// A load makes events, and notes what must follow from them. The same seed gives the same events, but for their times.
type load struct {
	rng    *rand.Rand
	n      int
	seq    map[string]int // last number of a target
	bursts []*group
	spread []*group
	groups int
	want   want
}

// A group is what a correlation counts together: some events of one user, spread over a while of the load.
type group struct {
	user  string
	began time.Time
	size  int // events that it will have
	sent  int
	kinds int // of a spread: addresses that it will have
}

func newLoad(seed uint64) *load {
	return &load{
		rng: rand.New(rand.NewPCG(seed, 1)), seq: map[string]int{}, //nolint:gosec // must be the same again
		want: want{sent: map[string]bool{}, commands: map[key]string{}, poison: map[string]bool{}},
	}
}

// next makes the next event, at a time.
func (l *load) next(now time.Time) event {
	l.n++
	e := event{uid: fmt.Sprintf("t-%07d", l.n), http: l.rng.IntN(2) == 0}
	way := 0
	if e.http {
		way = 1
	}
	kind, user, seq := "none", fmt.Sprintf("u-%d", l.rng.IntN(5000)), 0
	ip := fmt.Sprintf("198.18.%d.%d", l.rng.IntN(200), 1+l.rng.IntN(250))
	switch p := l.rng.IntN(100); {
	case p < 8:
		kind = "alert"
		l.want.commands[key{ruleAlert, e.uid}] = ""
	case p < 11:
		kind, user = "grouped", fmt.Sprintf("g-%d", l.rng.IntN(100))
		l.want.commands[key{ruleGrouped, e.uid}] = "user.uid=" + user
	case p < 14:
		kind, user, ip, seq = l.ordered("block", way)
		l.want.commands[key{ruleBlock, e.uid}] = ip
	case p < 17:
		kind, user, ip, seq = l.ordered("invoke", way)
		l.want.commands[key{ruleInvoke, e.uid}] = user
	case p < 20:
		kind = "burst"
		g := l.open(&l.bursts, now, burstAt)
		user, now = g.user, g.next()
		if g.size >= burstAt {
			l.want.commands[key{ruleBurst, g.user}] = ""
		}
	case p < 22:
		kind = "spread"
		g := l.open(&l.spread, now, spreadAt)
		ip = fmt.Sprintf("198.19.0.%d", 1+g.sent%g.kinds)
		user, now = g.user, g.next()
		if g.kinds >= spreadAt {
			l.want.commands[key{ruleSpread, g.user}] = ""
		}
	}
	l.want.sent[e.uid] = true
	if seq > 0 {
		e.file = "ordered"
	}
	e.line = line(now, e.uid, user, ip, kind, l.n, seq)
	return e
}

// poisoned makes a message that nobody can read.
func (l *load) poisoned() string {
	text := fmt.Sprintf("poison %d", len(l.want.poison)+1)
	l.want.poison[text] = true
	return text
}

// line is an OCSF event of a sign-in, which says beside what it must what it is for.
func line(at time.Time, uid, user, ip, kind string, n, seq int) []byte {
	return fmt.Appendf(nil, `{"class_uid":3002,"category_uid":3,"activity_id":1,"type_uid":300201,"severity_id":1,"status_id":1,"time":%d,`+
		`"metadata":{"version":"1.8.0","uid":%q,"product":{"name":"torture","vendor_name":"riposte"}},"user":{"name":%q,"uid":%q},`+
		`"dst_endpoint":{"ip":"192.0.2.1"},"src_endpoint":{"ip":%q},"unmapped":{"torture":{"n":%d,"kind":%q,"seq":%d}}}`+"\n",
		at.UnixMilli(), uid, user, user, ip, n, kind, seq)
}

// ordered picks a target whose commands must take effect in their order, and the next number of it. A target gets all its events by one way in: there
// is no order between two.
func (l *load) ordered(kind string, way int) (k, user, ip string, seq int) {
	at := 2*l.rng.IntN(targets/2) + way
	third := map[string]int{"block": 1, "invoke": 2}[kind]
	user, ip = fmt.Sprintf("%s-%d", kind, at), fmt.Sprintf("198.19.%d.%d", third, at+1)
	l.seq[user]++
	return kind, user, ip, l.seq[user]
}

// open picks one of the groups that are not complete, of which there are always some, so that the events of each are spread out.
func (l *load) open(of *[]*group, now time.Time, at int) *group {
	for len(*of) < openGroup {
		l.groups++
		size := at - 2 + l.rng.IntN(6)
		g := &group{user: fmt.Sprintf("c-%d", l.groups), began: now.Truncate(window), size: size, kinds: size}
		if of == &l.spread {
			g.size += l.rng.IntN(3) // an address more than once is one address
		}
		*of = append(*of, g)
	}
	i := l.rng.IntN(len(*of))
	g := (*of)[i]
	if g.sent+1 == g.size {
		(*of)[i] = (*of)[len(*of)-1]
		*of = (*of)[:len(*of)-1]
	}
	return g
}

// next is the time of the group's next event: all of them are in one window, whatever the clock says.
func (g *group) next() time.Time {
	g.sent++
	return g.began.Add(time.Duration(g.sent) * time.Second)
}

// finish takes back what was expected of groups that did not become complete.
func (l *load) finish() want {
	for _, g := range l.bursts {
		if g.sent < burstAt {
			delete(l.want.commands, key{ruleBurst, g.user})
		}
	}
	for _, g := range l.spread {
		if min(g.sent, g.kinds) < spreadAt {
			delete(l.want.commands, key{ruleSpread, g.user})
		}
	}
	return l.want
}
