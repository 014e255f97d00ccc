package router

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/router/rule"
	"github.com/riposte-security/riposte/schemas"
)

const (
	shedEvery   = time.Second // how long firings are collected before a shed command says so
	shedSample  = 10          // uids in a shed command
	standEvent  = 256 << 10   // largest event that a command of the valve carries whole
	stepShed    = "shed"
	stepValve   = "valve"
	receiverLog = "log" // the one that always exists
)

// stand makes the command that stands for what the valve holds back of a rule. It goes to the alert lane, whose consumer carries no command
// out that has Shed set, but keeps it in the ledger, where it is listed and replayed from.
func (r *Router) stand(m *kafka.Message, id string, ev schemas.Event, d *rule.Decision, now time.Time) schemas.Command {
	c := schemas.Command{
		Rule: id, Step: stepShed, Lane: schemas.LaneAlert, Action: receiverLog, Target: schemas.Target{Type: "rule", ID: id},
		Severity: "high", Event: ev.Data, EventUID: ev.UID, EventTime: ev.Time, Source: ev.Source, Cause: ev.Cause, Created: now,
	}
	if of, ok := r.ruleOf(id); ok { // which may give no command: it publishes, or has no target
		c.RuleTitle, c.RuleHash, c.Severity, c.Accept = of.Title, of.Hash, of.Severity, of.Accept
	}
	for _, of := range d.Commands {
		if of.Rule == id {
			c.RuleTitle, c.RuleHash, c.Severity, c.Accept, c.Created = of.RuleTitle, of.RuleHash, of.Severity, of.Accept, of.Created
			break
		}
	}
	if len(c.Event) > standEvent {
		if small, err := reference(c.Event, c.EventUID, m); err == nil { // an event that was read can be
			c.Event = small
		}
	}
	return c
}

// burstAlert tells that a burst has begun, to whom the rule alerts.
func burstAlert(c schemas.Command, d *rule.Decision, at time.Time, rate int) *schemas.Command {
	for _, of := range d.Commands {
		if of.Rule == c.Rule && of.Lane == schemas.LaneAlert {
			c.Action, c.With = of.Action, of.With
			break
		}
	}
	c.Step = stepValve
	c.ID = schemas.CommandID(c.Rule, c.Step, fmt.Sprint(at.Unix()), c.Target)
	c.RuleTitle = strings.TrimSpace(c.RuleTitle + fmt.Sprintf(" (fires more often than %d times a second; what is above that is held back)", rate))
	return &c
}

// sheds collects what was held back, by partition and rule, for a second. Until the command that says so is in Kafka, the offset of the
// partition is not committed past the first event concerned.
type sheds struct {
	mu    sync.Mutex
	open  map[shedKey]*collected
	going map[*collected]struct{} // being published
}

type shedKey struct {
	topic     string
	partition int
	rule      string
}

type collected struct {
	cmd   schemas.Command
	since time.Time
}

func newSheds() *sheds {
	return &sheds{open: map[shedKey]*collected{}, going: map[*collected]struct{}{}}
}

// add counts one firing that was held back; cmd is the command that will stand for it if it is the first. A message that comes again, because
// its batch could not be published, counts once.
func (s *sheds) add(m *kafka.Message, uid string, cmd schemas.Command, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := shedKey{m.Topic, m.Partition, cmd.Rule}
	c := s.open[k]
	if c == nil {
		cmd.Shed = &schemas.Shed{Topic: m.Topic, Partition: m.Partition, First: m.Offset, Last: m.Offset}
		cmd.Event = bytes.Clone(cmd.Event) // the message is lent
		c = &collected{cmd: cmd, since: now}
		s.open[k] = c
	}
	sh := c.cmd.Shed
	if sh.Count > 0 && m.Offset >= sh.First && m.Offset <= sh.Last {
		return
	}
	sh.Count++
	sh.First, sh.Last = min(sh.First, m.Offset), max(sh.Last, m.Offset)
	if len(sh.EventUIDs) < shedSample {
		sh.EventUIDs = append(sh.EventUIDs, uid)
	}
}

// drop is kafka.Group.Released: what is open of a partition was not committed, and is counted by whoever gets it next.
func (s *sheds) drop(topic string, partition int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k := range s.open {
		if k.topic == topic && k.partition == partition {
			delete(s.open, k)
		}
	}
}

// held is kafka.Group.Hold.
func (s *sheds) held(topic string, partition int) (int64, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, is := int64(0), false
	consider := func(c *collected) {
		if sh := c.cmd.Shed; sh.Topic == topic && sh.Partition == partition && (!is || sh.First < at) {
			at, is = sh.First, true
		}
	}
	for _, c := range s.open {
		consider(c)
	}
	for c := range s.going {
		consider(c)
	}
	return at, is
}

// due takes out what has been collected for a second; it stays held until settled.
func (s *sheds) due(now time.Time) []*collected {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []*collected
	for k, c := range s.open {
		if now.Sub(c.since) >= shedEvery {
			c.cmd.EventUID = fmt.Sprintf("%s/%d/%d", k.topic, k.partition, c.cmd.Shed.First)
			c.cmd.ID = schemas.CommandID(c.cmd.Rule, c.cmd.Step, c.cmd.EventUID, c.cmd.Target)
			out = append(out, c)
			delete(s.open, k)
			s.going[c] = struct{}{}
		}
	}
	return out
}

func (s *sheds) settled(cs []*collected) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range cs {
		delete(s.going, c)
	}
}

// flushSheds publishes shed commands as they become due, and says which dead letters were not logged, until ctx ends. What is open then has not been committed, and comes again.
func (r *Router) flushSheds(ctx context.Context, w *kafka.Writer) {
	tick := time.NewTicker(shedEvery / 5)
	defer tick.Stop()
	defer r.deadLog.flush()
	var due []*collected
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		r.deadLog.flush()
		due = append(due, r.sheds.due(r.now())...)
		out := make([]letter, 0, len(due))
		for _, c := range due {
			sh := c.cmd.Shed
			from := &kafka.Message{Topic: sh.Topic, Partition: sh.Partition, Offset: sh.First, Value: c.cmd.Event}
			out = append(out, r.command(from, schemas.Event{}, &c.cmd))
		}
		if err := r.publish(ctx, w, out); err != nil {
			if ctx.Err() == nil {
				r.log.Error().Err(err).Msg("shed commands not published; trying again")
			}
			continue
		}
		for _, l := range out {
			l.count()
		}
		r.sheds.settled(due)
		due = nil
	}
}
