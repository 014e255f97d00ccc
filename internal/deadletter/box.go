package deadletter

import (
	"cmp"
	"context"
	"crypto/sha256"
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
	Before time.Time
	Done   bool // also those about which something was done
}

func (f Filter) wants(l Letter) bool {
	switch {
	case len(f.IDs) > 0 && !slices.Contains(f.IDs, l.ID),
		f.Reason != "" && !strings.Contains(strings.ToLower(l.Reason), strings.ToLower(f.Reason)),
		f.Stage != "" && l.Stage != f.Stage,
		f.Topic != "" && l.Topic != f.Topic,
		l.Time.Before(f.Since),
		!f.Before.IsZero() && !l.Time.Before(f.Before),
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
			letters, limited = newest(letters, most), true
		}
		return nil
	})
	if err != nil {
		return nil, false, fmt.Errorf("dead letters on %s: %w", topic, err)
	}
	letters = newest(letters, 2*most)
	for i := range letters {
		if m, done := marks[letters[i].ID]; done {
			letters[i].Done, letters[i].By, letters[i].Why, letters[i].At = m.Header(headerDone), m.Header(headerBy), m.Header(headerWhy), m.Time.UTC()
		}
	}
	letters = slices.DeleteFunc(once(letters), func(l Letter) bool { return !f.wants(l) })
	if len(letters) > most {
		limited = true
	}
	return newest(letters, most), limited, nil
}

// once leaves out letters that say what an earlier one says about the same: whoever is interrupted before it can note how far it has come makes some again. What came
// after something was done about the earlier one is new.
func once(letters []Letter) []Letter {
	type about struct {
		stage, topic, producer, origin, position, rule, step, reason string
		partition, attempts                                          int
		offset                                                       int64
		value                                                        [sha256.Size]byte
	}
	earlier := map[about]Letter{}
	return slices.DeleteFunc(letters, func(l Letter) bool {
		if l.Offset < 0 && l.Origin == "" { // nothing says where it came from
			return false
		}
		of := about{l.Stage, l.Topic, l.Producer, l.Origin, l.Position, l.Rule, l.Step, l.Reason, l.Partition, l.Attempts, l.Offset, sha256.Sum256(l.Value)}
		first, again := earlier[of]
		if again && (first.Done == "" || l.Time.Before(first.At)) {
			return true
		}
		earlier[of] = l
		return false
	})
}

// newest sorts letters by their time, and keeps the newest of too many.
func newest(letters []Letter, most int) []Letter {
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
