package consumers

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/schemas"
)

// Logical topics of the ledger's outbox.
const (
	outboxOutcomes   = "outcomes"
	outboxDeadLetter = "deadletter"
)

// stage is how dead letters name this service.
const stage = "consumer"

// ingest enters the commands of a lane in the ledger until ctx ends. Every lane is a consumer group of its own, however the lanes are spread over
// processes.
func (s *Service) ingest(ctx context.Context, lane schemas.Lane) error {
	topic := s.d.Broker.Topics().Lane(lane)
	g := kafka.Group{ID: kafka.ConsumerGroup(topic), Topics: []string{topic}, Grace: grace}
	err := s.d.Broker.Consume(ctx, g, func(ctx context.Context, batch []kafka.Message) error {
		return s.enter(ctx, lane, batch)
	})
	if err != nil {
		return fmt.Errorf("lane %s: %w", lane, err)
	}
	return nil
}

// enter records a batch. When it returns nil everything in it is durable: commands in the ledger, dead letters in its outbox.
func (s *Service) enter(ctx context.Context, lane schemas.Lane, batch []kafka.Message) error {
	now := s.d.Now()
	var cmds []schemas.Command
	var publish []ledger.Message
	for _, m := range batch {
		cmd, err := s.read(lane, m)
		if err != nil {
			s.d.Log.Warn().Err(err).Str("topic", m.Topic).Int("partition", m.Partition).Int64("offset", m.Offset).Msg("not a command; dead letter")
			s.m.unreadable.WithLabelValues(string(lane)).Inc()
			publish = append(publish, fromKafka(outboxDeadLetter, s.d.Broker.DeadLetter(m, kafka.Failure{Stage: stage, Reason: err.Error()})))
			continue
		}
		if cmd.Shed != nil {
			refused := schemas.Outcome{State: schemas.StateRefused, Message: ledger.ShedReason, Time: now.UTC()}
			msg, err := outcomeMessage(cmd, nil, refused)
			if err != nil {
				return err
			}
			publish = append(publish, msg)
		}
		cmds = append(cmds, cmd)
	}
	var entered int
	err := fault.Retry(ctx, s.db.Failed, func() (err error) {
		entered, err = s.d.Ledger.Enter(ctx, now, cmds, publish...)
		return err
	})
	if err != nil {
		return err
	}
	s.db.OK()
	s.m.entered.WithLabelValues(string(lane)).Add(float64(entered))
	s.rouse(lane)
	if len(publish) > 0 {
		nudge(s.outbox)
	}
	return nil
}

// read reads one message as a command that this service can carry out.
func (s *Service) read(lane schemas.Lane, m kafka.Message) (schemas.Command, error) {
	if err := s.signed(s.routers, forgedCommand, m); err != nil {
		return schemas.Command{}, err
	}
	cmd, err := schemas.ReadCommand(m.Value)
	if err != nil {
		return cmd, err
	}
	if id := m.Header(schemas.HeaderID); id != cmd.ID && !s.routers.Empty() {
		return cmd, fmt.Errorf("command %s under the id %.64q", cmd.ID, id)
	}
	if cmd.Lane != lane {
		return cmd, fmt.Errorf("a command of lane %s on the topic of lane %s", cmd.Lane, lane)
	}
	if _, ok := s.d.Actions[Name{cmd.Lane, cmd.Action}]; !ok && cmd.Shed == nil {
		return cmd, fmt.Errorf("unknown action %.200q in lane %s", cmd.Action, cmd.Lane)
	}
	return cmd, nil
}

// fromKafka makes a message for the outbox. Of headers that repeat a name the first is kept, which in a dead letter is ours.
func fromKafka(topic string, m kafka.Message) ledger.Message {
	out := ledger.Message{Topic: topic, Key: m.Key, Value: m.Value, Headers: map[string]string{}}
	for _, h := range m.Headers {
		if _, ok := out.Headers[h.Key]; !ok {
			out.Headers[h.Key] = strings.ToValidUTF8(string(h.Value), "\ufffd")
		}
	}
	return out
}

// outcomeMessage is the form in which an outcome goes through the outbox.
func outcomeMessage(cmd schemas.Command, plan *schemas.Plan, o schemas.Outcome) (ledger.Message, error) {
	ev, err := schemas.OutcomeEvent(cmd, plan, o)
	if err != nil {
		return ledger.Message{}, err
	}
	return eventMessage(ev), nil
}

// eventMessage is the form in which an event of our own goes through the outbox.
func eventMessage(ev schemas.Event) ledger.Message {
	return ledger.Message{Topic: outboxOutcomes, Key: []byte(ev.Key), Value: ev.Data, Headers: schemas.EventHeaders(ev)}
}

// noticeMessage is the form in which a notice goes through the outbox.
func noticeMessage(n schemas.Notice, now time.Time) (ledger.Message, error) {
	ev, err := n.Event(now)
	if err != nil {
		return ledger.Message{}, err
	}
	return eventMessage(ev), nil
}

// housekeep shows how much waits, and forgets what is old.
func (s *Service) housekeep(ctx context.Context) {
	const showEvery, pruneEvery, pruneAtOnce = 15 * time.Second, time.Hour, 1000
	var pruned time.Time
	told := map[string]bool{} // of exemptions
	for ctx.Err() == nil {
		if depth, err := s.d.Ledger.Depth(ctx); err == nil {
			s.m.show(s.lanes, depth)
		} else if ctx.Err() == nil {
			s.db.Failed(err)
		}
		s.remind(ctx, told)
		if now := s.d.Now(); now.Sub(pruned) >= pruneEvery {
			pruned = now
			for ctx.Err() == nil {
				n, err := s.d.Ledger.Prune(ctx, now.Add(-s.cfg.Retention), pruneAtOnce)
				if err != nil && ctx.Err() == nil {
					s.d.Log.Warn().Err(err).Msg("what is old could not be forgotten; tried again in an hour")
				}
				if err != nil || n < pruneAtOnce {
					break
				}
			}
		}
		pause(ctx, nil, showEvery)
	}
}
