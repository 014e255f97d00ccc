package router

import (
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/kafka"
)

// deadEvery is how often dead letters of one kind are logged at most.
const deadEvery = time.Second

// A deadLog says of dead letters that they are written: one line a second and kind, and how many there were between.
type deadLog struct {
	log zerolog.Logger
	now func() time.Time

	mu    sync.Mutex
	kinds map[string]*deadKind // there are few kinds
}

type deadKind struct {
	said time.Time
	kept int // not said since
}

func newDeadLog(log zerolog.Logger, now func() time.Time) *deadLog {
	return &deadLog{log: log, now: now, kinds: map[string]*deadKind{}}
}

// wrote notes a dead letter of a kind, made of from.
func (l *deadLog) wrote(kind string, from *kafka.Message, f kafka.Failure) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.kinds[kind]
	if k == nil {
		k = &deadKind{}
		l.kinds[kind] = k
	}
	now := l.now()
	if since := now.Sub(k.said); since >= 0 && since < deadEvery {
		k.kept++
		return
	}
	line := l.log.Warn().Str("kind", kind).Str("reason", clip(f.Reason, cutText)).
		Str("topic", from.Topic).Int("partition", from.Partition).Int64("offset", from.Offset)
	if f.Rule != "" {
		line = line.Str("rule", f.Rule).Str("step", f.Step)
	}
	if k.kept > 0 {
		line = line.Int("not_logged", k.kept)
	}
	line.Msg("dead letter written")
	k.said, k.kept = now, 0
}

// flush says how many were not logged of kinds that have been quiet since.
func (l *deadLog) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	for kind, k := range l.kinds {
		if since := now.Sub(k.said); k.kept > 0 && (since < 0 || since >= deadEvery) {
			l.log.Warn().Str("kind", kind).Int("not_logged", k.kept).Msg("dead letters written")
			k.said, k.kept = now, 0
		}
	}
}
