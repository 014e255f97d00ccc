package router

import (
	"bytes"
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/router/rule"
	"github.com/riposte-security/riposte/schemas"
)

// route decides one message and returns what is to be published for it. The message is lent (kafka.Taker): what stays longer is a copy. The error is ctx's.
func (r *Router) route(ctx context.Context, reader *schemas.Reader, m *kafka.Message, now time.Time) ([]letter, error) {
	ev, err := m.ReadEvent(reader)
	if err != nil {
		return r.refuse(m, err, "unreadable"), nil
	}
	d, err := r.decide(ev, m.Topic == r.topics.Outcomes, now, m.Offset%decideSample == 0)
	if err != nil {
		return r.refuse(m, err, "decide"), nil
	}
	if len(d.Fired)+len(d.Failed)+len(d.Contributions)+len(d.Commands)+len(d.Misses)+len(d.Publications) == 0 {
		return nil, nil
	}
	own, ev := m.Clone(), ev.WithKey()
	if len(d.Publications) > 0 {
		ev.Data = bytes.Clone(ev.Data)
	}
	return r.letters(ctx, &own, ev, &d, now)
}

// refuse makes a dead letter of a message that is lent.
func (r *Router) refuse(m *kafka.Message, why error, kind string) []letter {
	own := m.Clone()
	return []letter{r.dead(&own, kafka.Failure{Reason: why.Error()}, kind)}
}

// letters makes the messages of a decision on an event that m holds, or led to. The error is ctx's.
func (r *Router) letters(ctx context.Context, m *kafka.Message, ev schemas.Event, d *rule.Decision, now time.Time) ([]letter, error) {
	for _, id := range d.Fired {
		r.metrics.matched(id)
	}
	for _, id := range d.Failed {
		r.metrics.failed(id)
	}
	out := r.throttle(m, ev, d, now)
	for i := range d.Contributions {
		out = append(out, r.contribution(m, &d.Contributions[i]))
	}
	for i := range d.Commands {
		out = append(out, r.command(m, ev, &d.Commands[i]))
	}
	for _, miss := range d.Misses {
		out = append(out, r.dead(m, kafka.Failure{Reason: miss.Reason, Rule: miss.Rule, Step: miss.Step}, "miss"))
	}
	for _, p := range d.Publications {
		l, err := r.publication(ctx, m, ev, p)
		if err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, nil
}

// decideSample is of how many events one is timed: to look at the clock twice would be a good part of what there is to time.
const decideSample = 16

// decide asks the rules. A rule that makes the evaluation crash must not stop the router, and would do so again after every restart: the
// event becomes a dead letter.
func (r *Router) decide(ev schemas.Event, outcomes bool, now time.Time, timed bool) (d rule.Decision, err error) {
	defer func() {
		if p := recover(); p != nil {
			r.log.Error().Str("event", ev.UID).Interface("cause", p).Bytes("stack", debug.Stack()).Msg("evaluating the rules crashed")
			err = fmt.Errorf("evaluating the rules crashed: %v", p)
		}
	}()
	if !timed {
		return r.decider.Decide(ev, outcomes, now), nil
	}
	began := time.Now()
	d = r.decider.Decide(ev, outcomes, now)
	r.metrics.decide.Observe(time.Since(began).Seconds())
	return d, nil
}

// throttle takes out of d what the valve holds back, and returns the alerts that a burst has begun.
func (r *Router) throttle(m *kafka.Message, ev schemas.Event, d *rule.Decision, now time.Time) []letter {
	at := m.Time
	if at.IsZero() || at.After(now.Add(time.Minute)) {
		at = now
	}
	var (
		alerts []letter
		shed   []string
	)
	for _, id := range d.Fired {
		if of, ok := r.ruleOf(id); ok && of.Silent() {
			continue // what correlations are to count is not held back
		}
		pass, begins := r.valve.admit(id, at)
		if pass {
			continue
		}
		shed = append(shed, id)
		cmd := r.stand(m, id, ev, d, now)
		r.sheds.add(m, ev.UID, cmd, now)
		r.metrics.shed(id)
		if begins {
			r.log.Warn().Str("rule", id).Int("max_rate", r.rate(id)).Msg("rule fires too often; what is above its max_rate is shed")
			alerts = append(alerts, r.command(m, ev, burstAlert(cmd, d, at, r.rate(id))))
		}
	}
	hold(d, shed)
	return alerts
}

// hold takes out of a decision what rules say that are held back.
func hold(d *rule.Decision, shed []string) {
	if len(shed) == 0 {
		return
	}
	held := func(id string) bool { return slices.Contains(shed, id) }
	d.Commands = slices.DeleteFunc(slices.Clone(d.Commands), func(c schemas.Command) bool { return held(c.Rule) })
	d.Misses = slices.DeleteFunc(slices.Clone(d.Misses), func(x rule.Miss) bool { return held(x.Rule) })
	d.Publications = slices.DeleteFunc(slices.Clone(d.Publications), func(p rule.Publication) bool { return held(p.Rule) })
}

// command makes the message of a command, or a dead letter if no consumer would take it or it is too large.
func (r *Router) command(m *kafka.Message, ev schemas.Event, c *schemas.Command) letter {
	fail := func(reason, kind string) letter {
		return r.dead(m, kafka.Failure{Reason: reason, Rule: c.Rule, Step: c.Step}, kind)
	}
	topic := r.topics.Lane(c.Lane)
	if topic == "" {
		return fail(fmt.Sprintf("lane %q: no such lane", c.Lane), "invalid")
	}
	if err := c.Check(); err != nil { // a consumer would refuse it, where nobody knows the event any more
		return fail(err.Error(), "invalid")
	}
	out, err := r.fit(m, ev, c, topic)
	if err != nil {
		return fail("the command cannot be encoded: "+err.Error(), "invalid")
	}
	if size := out.Size(); size > kafka.MaxMessage {
		return fail(fmt.Sprintf("the command would have %d bytes, %d are allowed", size, kafka.MaxMessage), "too_large")
	}
	return letter{Message: out, from: m, rule: c.Rule, step: c.Step, count: r.metrics.command(c.Lane)}
}

// publication makes the copy of an event for a topic that a rule names, or a dead letter if there cannot be such a topic.
func (r *Router) publication(ctx context.Context, m *kafka.Message, ev schemas.Event, p rule.Publication) (letter, error) {
	fail := func(reason string) letter {
		return r.dead(m, kafka.Failure{Reason: reason, Rule: p.Rule, Step: "publish"}, "publication")
	}
	if r.topics.Own(p.Topic) {
		return fail(fmt.Sprintf("topic %s belongs to riposte", p.Topic)), nil
	}
	if err := r.foreign.ensure(ctx, p.Topic, r.now); err != nil {
		if ctx.Err() != nil {
			return letter{}, ctx.Err()
		}
		return fail(err.Error()), nil
	}
	headers := schemas.EventHeaders(ev)
	headers[schemas.HeaderID] = p.ID
	return letter{
		Message: kafka.Message{Topic: p.Topic, Key: []byte(ev.Key), Value: ev.Data, Headers: kafka.Headers(headers)},
		from:    m, rule: p.Rule, step: "publish", count: r.metrics.publications.Inc,
	}, nil
}
