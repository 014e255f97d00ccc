package consumers

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/schemas"
)

const (
	outboxBatch = 500
	// outboxLease is how long messages are kept from other processes while this one publishes them.
	outboxLease = time.Minute
)

// publish sends what is in the outbox until ctx ends, and then once more what the workers left there.
func (s *Service) publish(ctx context.Context) {
	for ctx.Err() == nil {
		n, err := s.flush(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			s.db.Failed(err)
			pause(ctx, nil, pollEvery)
		case n < outboxBatch:
			pause(ctx, s.outbox, pollEvery)
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.lastWords())
	defer cancel()
	if _, err := s.flush(last); err != nil {
		s.d.Log.Info().Err(err).Msg("outcomes stay in the ledger until the next start")
	}
}

// flush publishes one batch and returns how many messages it had.
func (s *Service) flush(ctx context.Context) (int, error) {
	msgs, err := s.d.Ledger.Outbox(ctx, s.d.Now(), outboxBatch, outboxLease)
	if err != nil || len(msgs) == 0 {
		return 0, err
	}
	ids := make([]int64, len(msgs))
	out := make([]kafka.Message, len(msgs))
	for i, m := range msgs {
		ids[i], out[i] = m.ID, s.toKafka(m)
	}
	if err := s.send(ctx, out); err != nil {
		return 0, err
	}
	noting, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.lastWords()) // it is out: an end now must not send it again
	defer cancel()
	if err := s.d.Ledger.Sent(noting, ids); err != nil {
		return 0, err
	}
	return len(msgs), nil
}

// send publishes messages. What Kafka will never take (too large) goes as a dead letter that is cut to size.
func (s *Service) send(ctx context.Context, msgs []kafka.Message) error {
	err := s.d.Writer.Publish(ctx, msgs...)
	var rejected *kafka.RejectedError
	if !errors.As(err, &rejected) {
		return err
	}
	var dead []kafka.Message
	for _, r := range rejected.Rejected {
		m := msgs[r.Index]
		d := s.d.Broker.DeadLetter(m, kafka.Failure{Stage: stage, Reason: fmt.Sprintf("topic %s: %v", m.Topic, r.Err)})
		dead = append(dead, d)
	}
	return s.d.Writer.Publish(ctx, dead...)
}

func (s *Service) toKafka(m ledger.Message) kafka.Message {
	topics := s.d.Broker.Topics()
	out := kafka.Message{Topic: topics.Outcomes, Key: m.Key, Value: m.Value}
	if m.Topic == outboxDeadLetter {
		out.Topic = topics.DeadLetter
	}
	for _, k := range slices.Sorted(maps.Keys(m.Headers)) {
		out.Headers = append(out.Headers, kafka.Header{Key: k, Value: []byte(m.Headers[k])})
	}
	return out
}

// deadLetter carries a command that failed, with the reason. Its place in Kafka is not known any more: the command is there whole.
func (s *Service) deadLetter(cmd schemas.Command, reason string, attempts int) (ledger.Message, error) {
	value, err := cmd.Encode()
	if err != nil {
		return ledger.Message{}, err
	}
	headers := schemas.CommandHeaders(cmd, schemas.OutcomeSource(cmd.Lane), "")
	maps.Copy(headers, map[string]string{
		kafka.HeaderReason: clip(reason), kafka.HeaderStage: stage, kafka.HeaderTopic: s.d.Broker.Topics().Lane(cmd.Lane),
		kafka.HeaderAttempts: strconv.Itoa(max(1, attempts)), kafka.HeaderRule: cmd.Rule, kafka.HeaderStep: cmd.Step,
	})
	return ledger.Message{Topic: outboxDeadLetter, Key: []byte(cmd.Target.Key()), Value: value, Headers: headers}, nil
}

// clip bounds a text for people.
func clip(s string) string {
	const most = 4 << 10
	if len(s) <= most {
		return s
	}
	return s[:most] + "..."
}

// brief is the beginning of an error, on one line, for a message; the outcome's error has more of it.
func brief(err error) string {
	const most = 300
	line, _, more := strings.Cut(strings.TrimSpace(strings.ToValidUTF8(err.Error(), "\ufffd")), "\n")
	if len(line) > most {
		line, more = strings.ToValidUTF8(line[:most], ""), true
	}
	if more {
		line += "..."
	}
	return line
}

// tries counts them for people.
func tries(n int) string {
	if n == 1 {
		return "1 try"
	}
	return strconv.Itoa(n) + " tries"
}

// fenced makes the loss of a lease an error that is not tried again.
func fenced(err error) error {
	if errors.Is(err, ledger.ErrFenced) {
		return fault.Permanent(err)
	}
	return err
}
