package invoke

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/remediate/attribute"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/schemas"
)

type topicSettings struct {
	input
	Topic string `json:"topic"`
	Key   string `json:"key"`
}

func toKafka() Target {
	s := spec("publish", "Publishes a message to a Kafka topic of yours, on riposte's own brokers, with the guards of this lane; its ce_id is the command's id. (A step `publish` copies the "+
		"event as it is, without them.)", nil,
		append([]schemas.Setting{
			{Name: "topic", Type: "string", Required: true, Help: "name of the topic, which has to exist; none of riposte's own"},
			{Name: "key", Type: "string", Help: "key of the message; by default the target"},
		}, inputSettings(true)...)...)
	return Target{s, func(d Deps) (consumers.Action, error) {
		return &action{&publisher{d.Writer, d.Prefix}, d.Now}, nil
	}}
}

// publisher publishes messages.
type publisher struct {
	writer consumers.Publisher
	prefix string
}

func (p *publisher) plan(cmd schemas.Command) (planned, error) {
	var s topicSettings
	if err := attribute.Settings(cmd, &s); err != nil {
		return planned{}, err
	}
	if !regexp.MustCompile(`^[A-Za-z0-9._-]{1,249}$`).MatchString(s.Topic) || s.Topic == "." || s.Topic == ".." {
		return planned{}, fmt.Errorf("with.topic %q: the name of a Kafka topic expected", clip(s.Topic, 100))
	}
	for _, own := range []string{"riposte", p.prefix} {
		if own != "" && strings.HasPrefix(s.Topic, own+".") {
			return planned{}, fmt.Errorf("with.topic: %s is one of riposte's own topics", s.Topic)
		}
	}
	body, err := s.body(cmd, kafka.MaxMessage-8*kib)
	if err != nil {
		return planned{}, err
	}
	return planned{summary: "publish to " + s.Topic, call: schemas.Call{Service: "kafka", Operation: "Produce", Params: map[string]any{
		"topic": s.Topic, "key": clip(orElse(s.Key, cmd.Target.Key()), 2*kib), "value": string(body),
	}}}, nil
}

func (p *publisher) start(ctx context.Context, cmd schemas.Command, call schemas.Call) (schemas.Run, error) {
	if p.writer == nil {
		return schemas.Run{}, fault.Permanent(errors.New("no Kafka here"))
	}
	text := func(name string) string { s, _ := call.Params[name].(string); return s }
	headers := schemas.CommandHeaders(cmd, schemas.OutcomeSource(cmd.Lane), "")
	headers[schemas.HeaderType], headers[schemas.HeaderCause] = "riposte.invocation", cmd.ID
	if !json.Valid([]byte(text("value"))) {
		headers[schemas.HeaderContentType] = "text/plain; charset=utf-8"
	}
	err := p.writer.Publish(ctx, kafka.Message{Topic: text("topic"), Key: []byte(text("key")), Value: []byte(text("value")), Headers: kafka.Headers(headers)})
	return schemas.Run{Ref: text("topic")}, err
}

// poll: what Publish has returned from is in Kafka.
func (p *publisher) poll(context.Context, schemas.Command, schemas.Call, schemas.Run) (progress, error) {
	return progress{status: "published", ended: true}, nil
}
