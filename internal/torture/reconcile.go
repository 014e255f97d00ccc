package main

import (
	"fmt"
	"slices"
	"strings"
)

// evidence is what was found after a run, each part by a way of its own.
type evidence struct {
	want      want
	events    map[string]int // messages on the events topic, by uid
	decided   map[string]int // messages that the router passed on, by uid
	rows      []row
	effects   []effect
	told      map[string]map[string]string // outcomes on their topic: of a command, by uid, the state that it reached
	dead      map[string]int               // dead letters, by what they hold
	refused   map[string]int               // calls that the recorder refused, by key
	mayRefuse int                          // how many with one key
	broken    []string
	notReady  string // what had not come to an end in time
}

// A result counts what was held against each other. Everything under Wrong must be zero.
type result struct {
	Sent     int `json:"events_sent"`
	Decided  int `json:"events_decided"`
	Expected int `json:"commands_expected"`
	Findings int `json:"of_which_findings_of_correlations"`
	Grouped  int `json:"of_which_grouped_alerts"`
	Recorded int `json:"commands_recorded"`
	Keys     int `json:"idempotency_keys_seen"`
	Told     int `json:"outcomes_told"`
	Calls    int `json:"calls"`
	Repeats  int `json:"repeated_calls"`
	Taken    int `json:"commands_taken_up_again"` // after a kill, a lease that expired, or a call that failed: so many calls may be repeated
	Poison   int `json:"unreadable_messages"`     // each of which became a dead letter
	Refused  int `json:"calls_refused"`
	Most     int `json:"most_refused_with_one_key"`
	Again    int `json:"events_published_again"` // the same uid once more: a producer or the network was interrupted

	Wrong map[string]int `json:"wrong"`
	Notes []string       `json:"notes,omitempty"` // some of what is wrong, in full
}

const notes = 8 // of a kind

func (r *result) wrong(kind, format string, args ...any) {
	if r.Wrong[kind]++; r.Wrong[kind] <= notes {
		r.Notes = append(r.Notes, kind+": "+fmt.Sprintf(format, args...))
	}
}

// The ways in which a run can fail.
const (
	lostEvents    = "events lost"
	lostCommands  = "commands lost"
	lostEffects   = "effects lost"
	lostOutcomes  = "outcomes lost"
	manyOutcomes  = "outcomes doubled"
	doubled       = "commands doubled"
	doubledKeys   = "effects doubled"
	unexpected    = "unexpected"
	unjustified   = "calls without a claim"
	disorder      = "out of order"
	unfinished    = "not finished"
	deadLetter    = "dead letters that should not be, or are missing"
	storm         = "retry storms"
	wrongTarget   = "wrong targets"
	brokenCalls   = "broken calls"
	died          = "processes that died by themselves"
	wentBack      = "offsets that went back"
	leaks         = "leaks"
	fullDisk      = "on the full disk"
	faultFailures = "faults that could not be done"
)

// reconcile holds what must be against what is, by id.
func reconcile(e evidence) *result {
	r := &result{Sent: len(e.want.sent), Expected: len(e.want.commands), Recorded: len(e.rows), Calls: len(e.effects), Wrong: map[string]int{}}
	for _, kind := range []string{lostEvents, lostCommands, lostEffects, lostOutcomes, doubled, doubledKeys, manyOutcomes, disorder, wentBack, leaks, died} {
		r.Wrong[kind] = 0 // said even if there are none
	}
	r.events(e)
	claims := r.commands(e)
	r.calls(e, claims)
	r.order(e)
	r.outcomes(e)
	r.letters(e)
	for id, n := range e.refused {
		r.Refused += n
		if r.Most = max(r.Most, n); n > e.mayRefuse {
			r.wrong(storm, "command %s was refused %d times, at most %d expected", id, n, e.mayRefuse)
		}
	}
	for _, b := range e.broken {
		r.wrong(brokenCalls, "%s", b)
	}
	if e.notReady != "" {
		r.wrong(unfinished, "%s", e.notReady)
	}
	return r
}

// letters looks at the dead letters: of each message that nobody can read there is one, and of nothing else.
func (r *result) letters(e evidence) {
	r.Poison = len(e.want.poison)
	for text := range e.want.poison {
		if e.dead[text] == 0 {
			r.wrong(deadLetter, "none of %q", text)
		}
	}
	for text := range e.dead {
		if !e.want.poison[text] {
			r.wrong(deadLetter, "one of %q", text)
		}
	}
}

func (r *result) events(e evidence) {
	for uid := range e.want.sent {
		switch {
		case e.events[uid] == 0:
			r.wrong(lostEvents, "%s was never published", uid)
		case e.decided[uid] == 0:
			r.wrong(lostEvents, "%s was never decided", uid)
		default:
			r.Decided++
		}
		r.Again += max(0, e.events[uid]-1)
	}
	for uid := range e.decided {
		if !e.want.sent[uid] {
			r.wrong(unexpected, "event %q was never sent", uid)
		}
	}
}

// keyOf is what a command is about: of a correlation the group, else the event.
func keyOf(rule, about, target string) key {
	if rule == ruleBurst || rule == ruleSpread {
		return key{rule, target[strings.LastIndex(target, "=")+1:]}
	}
	return key{rule, about}
}

func (r *result) commands(e evidence) (claims map[string]int64) {
	claims = map[string]int64{}
	ids := map[key][]string{}
	for _, row := range e.rows {
		k := keyOf(row.rule, row.about, row.target)
		ids[k] = append(ids[k], row.id)
		claims[row.id] = row.claims
		r.Taken += int(max(0, row.claims-1))
		if row.state != "verified" {
			r.wrong(unfinished, "command %s of %s is %s", row.id, row.rule, row.state)
		}
		target, ok := e.want.commands[k]
		switch {
		case !ok:
			r.wrong(unexpected, "command %s of rule %s for %s, target %s", row.id, row.rule, row.about, row.target)
		case target != "" && target != row.target:
			r.wrong(wrongTarget, "command %s of rule %s is for %s, not %s", row.id, row.rule, row.target, target)
		}
	}
	for k := range e.want.commands {
		switch n := len(ids[k]); {
		case n == 0:
			r.wrong(lostCommands, "rule %s about %s", k.rule, k.about)
		case n > 1:
			r.wrong(doubled, "rule %s about %s: %s", k.rule, k.about, strings.Join(ids[k], " "))
		}
		switch k.rule {
		case ruleBurst, ruleSpread:
			r.Findings++
		case ruleGrouped:
			r.Grouped++
		}
	}
	return claims
}

// outcomes looks at what was told: of each command, once, that it reached the state that the ledger has. The same uid again is the same outcome again.
func (r *result) outcomes(e evidence) {
	for _, row := range e.rows {
		n := 0
		for _, state := range e.told[row.id] {
			if state == row.state {
				n++
			}
		}
		switch {
		case n == 0:
			r.wrong(lostOutcomes, "that command %s of %s is %s", row.id, row.rule, row.state)
		case n > 1:
			r.wrong(manyOutcomes, "that command %s of %s is %s: %v", row.id, row.rule, row.state, e.told[row.id])
		default:
			r.Told++
		}
	}
}

// calls looks at the effects: each command has one, under one key, and was called, refused calls included, no more often than a worker took it up.
func (r *result) calls(e evidence, claims map[string]int64) {
	times := map[string]int64{}
	keys := map[key][]string{}
	for _, c := range e.effects {
		if times[c.id]++; times[c.id] == 1 {
			k := keyOf(c.rule, c.about, c.target)
			keys[k] = append(keys[k], c.id)
		}
	}
	r.Keys, r.Repeats = len(times), len(e.effects)-len(times)
	for id, n := range times {
		switch taken, ok := claims[id]; {
		case !ok:
			r.wrong(unexpected, "a call with key %s, which the ledger does not know", id)
		case n+int64(e.refused[id]) > taken:
			r.wrong(unjustified, "command %s was called %d times, refused %d times, and taken up %d times", id, n, e.refused[id], taken)
		}
	}
	for k := range e.want.commands {
		switch n := len(keys[k]); {
		case n == 0:
			r.wrong(lostEffects, "rule %s about %s", k.rule, k.about)
		case n > 1:
			r.wrong(doubledKeys, "rule %s about %s: keys %s", k.rule, k.about, strings.Join(keys[k], " "))
		}
	}
}

// order looks at the effects on each target of the lanes that keep an order: the first call of each command comes after that of the one before.
func (r *result) order(e evidence) {
	seen, last := map[string]bool{}, map[key]int{}
	for _, c := range e.effects {
		if seen[c.id] || !slices.Contains([]string{ruleBlock, ruleInvoke}, c.rule) {
			continue
		}
		seen[c.id] = true
		at := key{c.rule, c.target}
		if c.seq < last[at] {
			r.wrong(disorder, "rule %s, target %s: number %d after %d", c.rule, c.target, c.seq, last[at])
		}
		last[at] = max(last[at], c.seq)
	}
}

// ok tells whether nothing is wrong.
func (r *result) ok() bool {
	for _, n := range r.Wrong {
		if n > 0 {
			return false
		}
	}
	return true
}
