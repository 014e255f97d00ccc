// Package obs is what every stage uses to be observed: the logger, and conditions that log a change of state once.
package obs

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// NewLogger returns a logger that writes to w: JSON lines, or with format "console" lines for people. Format "auto" is console on a terminal
// and JSON elsewhere.
func NewLogger(w io.Writer, level, format string) (zerolog.Logger, error) {
	l, err := zerolog.ParseLevel(level)
	if err != nil || level == "" {
		return zerolog.Nop(), fmt.Errorf("log level %q: trace, debug, info, warn or error expected", level)
	}
	switch {
	case format == "json", format == "auto" && !terminal(w):
	case format == "console", format == "auto":
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: time.TimeOnly, NoColor: !terminal(w)}
	default:
		return zerolog.Nop(), fmt.Errorf("log format %q: auto, json or console expected", format)
	}
	return zerolog.New(w).Level(l).With().Timestamp().Logger(), nil
}

// terminal tells whether w is a terminal, where colours help.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// A Condition is something that can be away (Kafka, the ledger, AWS): it logs one line when that begins and one when it is over. It is
// safe for concurrent use.
type Condition struct {
	log  zerolog.Logger
	name string

	mu    sync.Mutex
	since time.Time // of the failure in course; zero while all is well
}

// NewCondition returns the condition of what is called name, which is presumed well.
func NewCondition(log zerolog.Logger, name string) *Condition {
	return &Condition{log: log, name: name}
}

// Failed notes a failure that will be retried; the first one in a row is logged.
func (c *Condition) Failed(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.since.IsZero() {
		c.since = time.Now()
		c.log.Warn().Err(err).Str("dependency", c.name).Msg(c.name + " is away; retrying")
	}
}

// OK notes a success; the first one after a failure is logged.
func (c *Condition) OK() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.since.IsZero() {
		c.log.Info().Str("dependency", c.name).Dur("away_ms", time.Since(c.since)).Msg(c.name + " is back")
		c.since = time.Time{}
	}
}

// Well tells whether the last thing heard was good.
func (c *Condition) Well() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.since.IsZero()
}
