package router

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/internal/sign"
	"github.com/riposte-security/riposte/schemas"
)

const (
	cutField = 2 << 10  // largest field that stays in an event that was cut
	cutEvent = 64 << 10 // of all that stay together
	cutNames = 20       // fields that are named as missing
	cutText  = 1 << 10  // of a text in the settings of an alert that was cut
)

// fit returns the message of a command, made smaller where it has to be: first of its event only a reference stays, then, in the alert lane,
// long texts of its settings are cut. What is left out is in the event itself, whose place the reference names.
func (r *Router) fit(m *kafka.Message, ev schemas.Event, c *schemas.Command, topic string) (kafka.Message, error) {
	out, err := r.commandMessage(c, topic, ev.Trace)
	if err != nil || out.Size() <= kafka.MaxMessage {
		return out, err
	}
	size := out.Size()
	cut := *c
	if cut.Event, err = reference(c.Event, c.EventUID, m); err != nil {
		return out, err
	}
	if out, err = r.commandMessage(&cut, topic, ev.Trace); err != nil {
		return out, err
	}
	if out.Size() > kafka.MaxMessage && c.Lane == schemas.LaneAlert {
		cut.With = shortTexts(c.With)
		if out, err = r.commandMessage(&cut, topic, ev.Trace); err != nil {
			return out, err
		}
	}
	if out.Size() <= kafka.MaxMessage {
		r.log.Debug().Str("command", c.ID).Str("rule", c.Rule).Int("bytes", size).Msg("the command is too large with its event; it has a part of it")
	}
	return out, nil
}

// commandMessage is the message of a command, signed where there is a key.
func (r *Router) commandMessage(c *schemas.Command, topic, trace string) (kafka.Message, error) {
	value, err := c.Encode()
	if err != nil {
		return kafka.Message{}, err
	}
	key, headers := []byte(c.Target.Key()), schemas.CommandHeaders(*c, source, trace)
	if r.key != nil {
		headers[schemas.HeaderSignature] = r.key.Sign(sign.Message(topic, key, c.ID, value))
	}
	return kafka.Message{Topic: topic, Key: key, Value: value, Headers: kafka.Headers(headers)}, nil
}

// reference makes of an event one that is small: its small fields stay, and unmapped.riposte says under truncated which do not, how large
// the event is and where it is in Kafka. It has class, time and uid whatever happens.
func reference(event []byte, uid string, m *kafka.Message) (json.RawMessage, error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(event, &all); err != nil {
		return nil, fmt.Errorf("cutting the event: %w", err)
	}
	kept, left := smallFields(all, cutEvent)
	if kept["metadata"] == nil {
		meta, err := plainJSON(map[string]string{"version": schemas.Version, "uid": uid})
		if err != nil {
			return nil, err
		}
		kept["metadata"] = meta
	}
	unmapped := map[string]json.RawMessage{}
	if raw := kept["unmapped"]; raw != nil {
		if err := json.Unmarshal(raw, &unmapped); err != nil || unmapped == nil {
			unmapped = map[string]json.RawMessage{} // no object: it gives way
			left = append(left, "unmapped")
		}
	}
	note, err := plainJSON(map[string]any{
		"truncated": left[:min(len(left), cutNames)], "event_bytes": len(event), "topic": m.Topic, "partition": m.Partition, "offset": m.Offset,
	})
	if err != nil {
		return nil, err
	}
	unmapped["riposte"] = note
	if kept["unmapped"], err = plainJSON(unmapped); err != nil {
		return nil, err
	}
	return plainJSON(kept)
}

// smallFields splits the fields of an event into those that stay, up to most bytes, and the names of the others. What every event has goes
// first.
func smallFields(all map[string]json.RawMessage, most int) (kept map[string]json.RawMessage, left []string) {
	first := []string{"class_uid", "time", "metadata", "category_uid", "type_uid", "activity_id", "severity_id", "cloud", "api"}
	names := make([]string, 0, len(all))
	for name := range all {
		if !slices.Contains(first, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	kept = map[string]json.RawMessage{}
	for _, name := range append(first, names...) {
		value, ok := all[name]
		switch n := len(name) + len(value); {
		case !ok:
		case n <= cutField && n <= most:
			kept[name] = value
			most -= n
		default:
			left = append(left, clip(name, 100))
		}
	}
	return kept, left
}

// shortTexts cuts long texts in settings, and leaves everything else as it is.
func shortTexts(with map[string]any) map[string]any {
	out := make(map[string]any, len(with))
	for k, v := range with {
		out[k] = shortText(v)
	}
	return out
}

func shortText(v any) any {
	switch x := v.(type) {
	case string:
		if len(x) > cutText {
			return clip(x, cutText) + fmt.Sprintf("... (%d bytes)", len(x))
		}
	case map[string]any:
		return shortTexts(x)
	case []any:
		out := make([]any, len(x))
		for i := range x {
			out[i] = shortText(x[i])
		}
		return out
	}
	return v
}

func clip(s string, n int) string { return strings.ToValidUTF8(s[:min(len(s), n)], "") }

// plainJSON encodes without escaping for HTML, which would make what stands in v longer.
func plainJSON(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("cutting the event: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
