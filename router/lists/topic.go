package lists

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/router/lists/parse"
	"github.com/riposte-security/riposte/router/lists/set"
)

// KafkaConfig is how a list is read from a topic of the cluster that riposte works with. The topic is read from its beginning at every start.
type KafkaConfig struct {
	Topic string `yaml:"topic"`
	// Mode is keys or lines. With keys, for compacted topics, the key of a message is an entry, and a message without a value removes it; the
	// field of the value that the list's `expires` names, if the value is a JSON object, is when it ends. With lines, the value of a message
	// holds entries in the list's format, which are added to those of all other messages.
	Mode string `yaml:"mode"`
}

const (
	modeKeys  = "keys"
	modeLines = "lines"
)

// Validate checks the settings.
func (c *KafkaConfig) Validate() error {
	switch {
	case c.Topic == "":
		return errors.New("kafka.topic: the name of a topic expected")
	case c.Mode != modeKeys && c.Mode != modeLines:
		return fmt.Errorf("kafka.mode %q: keys or lines expected", c.Mode)
	}
	return nil
}

// checkKafka refuses settings that mean nothing for a topic.
func (l *ListConfig) checkKafka() error {
	if l.kafka == nil {
		return nil
	}
	if l.kafka.Mode == modeKeys && (l.Format != parse.Plain || l.Column != "" || l.Path != "" || l.Delimiter != "") {
		return errors.New("format, column, path and delimiter say nothing of mode: keys")
	}
	if l.Format == parse.STIX {
		return errors.New("stix is not read from a topic")
	}
	return nil
}

// A topicList keeps a list as the messages of a topic say it is.
type topicList struct {
	*List
	rest time.Duration // between two editions of the set, at least

	mu      sync.Mutex
	entries map[string]time.Time // and when each ends
	dirty   bool
	caught  bool // what was there at the start has been read
	bad     int  // messages since the last edition that could not be read

	wake chan struct{}
}

// followTopic reads the topic until ctx ends.
func (l *List) followTopic(ctx context.Context, k *kafka.Client) {
	const rest = 500 * time.Millisecond
	t := &topicList{List: l, rest: rest, entries: map[string]time.Time{}, wake: make(chan struct{}, 1)}
	var publishing sync.WaitGroup
	defer publishing.Wait()
	publishing.Go(func() { t.publish(ctx) })
	err := k.Follow(ctx, l.conf.kafka.Topic, t.caughtUp, func(_ context.Context, m kafka.Message) error {
		t.message(m)
		return nil
	})
	if err != nil && ctx.Err() == nil {
		l.failed(fmt.Errorf("topic %s: %w", l.conf.kafka.Topic, err))
	}
}

func (t *topicList) caughtUp() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.caught, t.dirty = true, true
	t.signal()
}

func (t *topicList) signal() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// message takes up one message. One that cannot be read is counted; it changes nothing.
func (t *topicList) message(m kafka.Message) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var err error
	if t.conf.kafka.Mode == modeKeys {
		err = t.key(m)
	} else {
		err = t.lines(m)
	}
	if err != nil {
		t.bad++
		t.failed(fmt.Errorf("topic %s, partition %d, offset %d: %w", m.Topic, m.Partition, m.Offset, err))
	}
	t.dirty = true
	if t.caught {
		t.signal()
	}
}

func (t *topicList) key(m kafka.Message) error {
	name := string(bytes.TrimSpace(m.Key))
	if name == "" {
		return errors.New("a message without a key")
	}
	if len(m.Value) == 0 {
		delete(t.entries, name)
		return nil
	}
	until, err := t.until(m)
	if err != nil {
		return err
	}
	return t.put(name, until)
}

// until is when the entry of a message ends: the earlier of its own end and the list's ttl.
func (t *topicList) until(m kafka.Message) (time.Time, error) {
	end := t.ttl(m)
	if t.conf.Expires == "" {
		return end, nil
	}
	var fields map[string]any
	d := json.NewDecoder(bytes.NewReader(m.Value))
	d.UseNumber()
	if err := d.Decode(&fields); err != nil {
		return end, fmt.Errorf("the value is no JSON object: %w", err)
	}
	own, err := parse.Time(fmt.Sprint(fields[t.conf.Expires]))
	return earlier(end, own), err
}

func (t *topicList) ttl(m kafka.Message) time.Time {
	if t.conf.TTL == 0 {
		return time.Time{}
	}
	return m.Time.Add(t.conf.TTL)
}

// earlier is the earlier of two ends; a zero time is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func (t *topicList) lines(m kafka.Message) error {
	end := t.ttl(m)
	_, err := parse.Read(bytes.NewReader(m.Value), t.conf.parseOptions(), func(e set.Entry) error {
		return t.put(e.Value, earlier(end, e.Until))
	})
	return err
}

// put adds an entry, or says anew when it ends.
func (t *topicList) put(name string, until time.Time) error {
	most := t.conf.MaxEntries
	if most <= 0 {
		most = set.DefaultMost
	}
	if _, known := t.entries[name]; !known && len(t.entries) >= most {
		return fmt.Errorf("more than %d entries", most)
	}
	t.entries[name] = until
	return nil
}

// publish makes a new set of what has changed, now and then.
func (t *topicList) publish(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	<-timer.C
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.wake:
		}
		began := time.Now()
		t.edition()
		t.attempted()
		// Building a large set takes a second: it is done a small part of the time.
		const share = 10
		timer.Reset(max(t.rest, share*time.Since(began)))
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
	}
}

// edition puts the entries as they are now in force.
func (t *topicList) edition() {
	now := t.now()
	t.mu.Lock()
	if !t.dirty {
		t.mu.Unlock()
		return
	}
	t.dirty = false
	o := t.conf.setOptions(now)
	if o.Kind == set.Auto {
		o.Kind = t.kind
	}
	b := set.NewBuilder(o)
	var err error
	for name, until := range t.entries {
		if !until.IsZero() && !until.After(now) {
			delete(t.entries, name)
			continue
		}
		if err = b.Add(set.Entry{Value: name, Until: until}); err != nil {
			break
		}
	}
	bad := t.bad
	t.bad = 0
	t.mu.Unlock()
	var s *set.Set
	if err == nil {
		s, err = b.Build()
	}
	if err != nil {
		t.failed(fmt.Errorf("topic %s: %w", t.conf.kafka.Topic, err))
		return
	}
	first := t.copy.Load() == nil
	if s.Stats().Entries > 0 {
		t.kind = s.Stats().Kind
	}
	t.swap(s, now)
	t.metrics.refreshes.WithLabelValues(t.name, "changed").Inc()
	if bad == 0 {
		t.health.OK()
	}
	if first {
		t.tell(s, nil)
	}
}
