package deadletter

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/riposte-security/riposte/internal/kafka"
)

// A Filter selects letters; zero fields select all about which nothing was done yet.
type Filter struct {
	IDs    []string
	Reason string // a part of it, in any case
	Stage  string
	Topic  string
	Since  time.Time
	Done   bool // also those about which something was done
}

func (f Filter) wants(l Letter) bool {
	switch {
	case len(f.IDs) > 0 && !slices.Contains(f.IDs, l.ID),
		f.Reason != "" && !strings.Contains(strings.ToLower(l.Reason), strings.ToLower(f.Reason)),
		f.Stage != "" && l.Stage != f.Stage,
		f.Topic != "" && l.Topic != f.Topic,
		l.Time.Before(f.Since),
		l.Done != "" && !f.Done:
		return false
	}
	return true
}

// Broker is what is needed of Kafka to read; *kafka.Client is one.
type Broker interface {
	ReadSince(ctx context.Context, topic string, since time.Time, fn func(context.Context, kafka.Message) error) error
	Topics() kafka.Topics
}

// Publisher is what is needed of Kafka to write; *kafka.Writer is one.
type Publisher interface {
	Publish(ctx context.Context, msgs ...kafka.Message) error
}

// most is how many letters are held in memory at once.
const most = 10_000

// List reads the letters that a filter selects, the oldest first. limited says that there are more than it returns, which are the newest.
func List(ctx context.Context, b Broker, f Filter) (letters []Letter, limited bool, err error) {
	topic := b.Topics().DeadLetter
	marks := map[string]kafka.Message{}
	err = b.ReadSince(ctx, topic, f.Since, func(_ context.Context, m kafka.Message) error {
		if id := m.Header(headerOf); id != "" && m.Header(headerDone) != "" && m.Header(kafka.HeaderStage) == "" {
			if _, twice := marks[id]; !twice { // who was first did it
				marks[id] = m
			}
			return nil
		}
		marked := f
		marked.Done = true // marks come later
		if l := read(m); marked.wants(l) {
			letters = append(letters, l)
		}
		if len(letters) > 2*most {
			letters, limited = newest(letters), true
		}
		return nil
	})
	if err != nil {
		return nil, false, fmt.Errorf("dead letters on %s: %w", topic, err)
	}
	for i := range letters {
		if m, done := marks[letters[i].ID]; done {
			letters[i].Done, letters[i].By, letters[i].Why, letters[i].At = m.Header(headerDone), m.Header(headerBy), m.Header(headerWhy), m.Time.UTC()
		}
	}
	letters = slices.DeleteFunc(letters, func(l Letter) bool { return !f.wants(l) })
	if len(letters) > most {
		limited = true
	}
	return newest(letters), limited, nil
}

// newest sorts letters by their time, and keeps the newest of too many.
func newest(letters []Letter) []Letter {
	slices.SortStableFunc(letters, func(a, b Letter) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.ID, b.ID))
	})
	return letters[max(0, len(letters)-most):]
}

// Mark notes that something was done about a letter, so that nobody does it again.
func Mark(ctx context.Context, b Broker, w Publisher, l Letter, done, by, why string) error {
	if err := w.Publish(ctx, mark(b.Topics().DeadLetter, l, done, by, why)); err != nil {
		return fmt.Errorf("dead letter %s: note that it was %s: %w", l.ID, done, err)
	}
	return nil
}
