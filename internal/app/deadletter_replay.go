package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/consumers/ledger/open"
	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/deadletter"
	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/catalog"
	"github.com/riposte-security/riposte/schemas"
)

// lettersOf is what replay and drop share.
type lettersOf struct {
	person
	letterFlags
	IDs  []string `arg:"" optional:"" name:"ID" help:"Ids of dead letters; without any, all that the flags select."`
	Data string   `default:"data" env:"RIPOSTE_DATA" help:"Folder of 'riposte up', whose ledger is used where the configuration names none."`
	Yes  bool     `short:"y" help:"Do not ask."`
}

type (
	deadletterReplayCmd struct{ lettersOf }
	deadletterDropCmd   struct{ lettersOf }
)

// Run puts dead letters back.
func (c *deadletterReplayCmd) Run(ctx context.Context, a *App) error {
	return c.each(ctx, a, "replay", deadletter.Replayed, func(ctx context.Context, s *stack, w *kafka.Writer, l deadletter.Letter) (string, error) {
		return c.replay(ctx, s, w, l)
	})
}

// Run notes that nothing is to be done about dead letters.
func (c *deadletterDropCmd) Run(ctx context.Context, a *App) error {
	return c.each(ctx, a, "drop", deadletter.Dropped, func(context.Context, *stack, *kafka.Writer, deadletter.Letter) (string, error) {
		return "dropped", nil
	})
}

// each does something about every letter, and notes it. What goes wrong with one keeps nobody from the others.
func (c *lettersOf) each(ctx context.Context, a *App, verb, done string, do func(context.Context, *stack, *kafka.Writer, deadletter.Letter) (string, error)) error {
	f := c.filter()
	if len(c.IDs) > 0 {
		f = deadletter.Filter{IDs: c.IDs, Done: true}
	}
	return a.withLetters(ctx, f, func(s *stack, letters []deadletter.Letter) error {
		if err := unhandled(c.IDs, letters); err != nil {
			return err
		}
		if len(letters) == 0 {
			fmt.Fprintf(a.Out, "no dead letters within %s\n", c.Since)
			return nil
		}
		if goes, err := c.confirm(a, verb, letters); err != nil || !goes {
			return err
		}
		w := s.kafka.NewWriter()
		defer w.Close()
		failed := false
		for _, l := range letters {
			said, err := do(ctx, s, w, l)
			if err != nil {
				said = "not " + done + ": " + clean(err.Error())
			} else if err = deadletter.Mark(ctx, s.kafka, w, l, done, c.name(), c.Reason); err != nil {
				said += ", but that could not be noted: " + clean(err.Error())
			}
			failed = failed || err != nil
			fmt.Fprintf(a.Out, "%s  %s\n", l.ID, said)
		}
		if failed {
			return errReported
		}
		return nil
	})
}

// confirm asks, unless single letters were named.
func (c *lettersOf) confirm(a *App, verb string, letters []deadletter.Letter) (bool, error) {
	if c.Yes || len(c.IDs) > 0 {
		return true, nil
	}
	return a.confirm("deadletter", fmt.Sprintf("%s these %d dead letters, from %s to %s?", verb, len(letters),
		letters[0].Time.Format(time.RFC3339), letters[len(letters)-1].Time.Format(time.RFC3339)))
}

// replay puts one letter back to where it came from, and says where that is.
func (c *lettersOf) replay(ctx context.Context, s *stack, w *kafka.Writer, l deadletter.Letter) (string, error) {
	switch {
	case !l.Whole():
		return "", fmt.Errorf("only the first %d of %d bytes were kept", len(l.Value), l.Length)
	case l.Producer != "":
		return c.record(ctx, s, w, l)
	case l.Topic == "":
		return "", errors.New("nothing says where it came from")
	case !slices.Contains(s.kafka.Topics().All(), l.Topic):
		return "", fmt.Errorf("topic %s is none of this configuration's", l.Topic)
	case !byHand(s.kafka.Topics(), l.Topic): // who may write dead letters could have lanes stopped by whoever replays them
		return "", fmt.Errorf("nothing is put onto %s by hand", l.Topic)
	case l.Stage == "consumer" && l.Offset < 0:
		return c.command(ctx, s, w, l)
	}
	if err := w.Publish(ctx, l.Message(s.kafka.Topics())); err != nil {
		return "", err
	}
	return "back on " + l.Topic, nil
}

// command has a command that failed tried again. One that the ledger has forgotten goes back onto its topic.
func (c *lettersOf) command(ctx context.Context, s *stack, w *kafka.Writer, l deadletter.Letter) (string, error) {
	cmd, err := schemas.ReadCommand(l.Value)
	if err != nil {
		return "", err
	}
	url, err := s.ledgerURL(s.cfg, c.Data)
	if err != nil {
		return "", err
	}
	desk, err := open.Existing(ctx, url)
	if err != nil {
		return "", err
	}
	defer desk.Close() //nolint:errcheck // what was done is durable already
	_, err = desk.Retry(ctx, time.Now().UTC(), cmd.ID, c.name(), c.Reason)
	if errors.Is(err, ledger.ErrNotFound) {
		if err := w.Publish(ctx, l.Message(s.kafka.Topics())); err != nil {
			return "", err
		}
		return "back on " + l.Topic + "; the ledger does not know it", nil
	}
	if err != nil {
		return "", err
	}
	return "command " + cmd.ID + " is tried again", nil
}

// record reads a record again, by the format that its producer has now.
func (c *lettersOf) record(ctx context.Context, s *stack, w *kafka.Writer, l deadletter.Letter) (string, error) {
	i := slices.IndexFunc(s.cfg.Producers, func(p config.Producer) bool { return p.Name == l.Producer })
	if i < 0 {
		return "", fmt.Errorf("no producer %q in the configuration", l.Producer)
	}
	p := s.cfg.Producers[i]
	format, err := catalog.NewFormat(p.Format, p.Set)
	if err != nil {
		return "", fmt.Errorf("%s: %w", p.Pos("format"), err)
	}
	attrs := maps.Clone(l.Attrs)
	if attrs == nil {
		attrs = map[string]string{}
	}
	attrs[producers.AttrAttempts] = strconv.Itoa(l.Attempts)
	topics := s.kafka.Topics()
	counted := &counting{Publisher: w, dead: topics.DeadLetter}
	err = producers.Run(ctx, producers.Producer{
		Name: p.Name, Format: format, Publisher: counted, Events: topics.Events, DeadLetter: topics.DeadLetter, Log: s.log,
		Source: once{{Data: l.Value, Origin: l.Origin, Position: l.Position, Received: l.Received, Attrs: attrs}},
	})
	switch {
	case err != nil:
		return "", err
	case counted.letters > 0:
		return fmt.Sprintf("read again by %s, and it became a dead letter again", p.Format), nil
	}
	return fmt.Sprintf("read again by %s: %d events", p.Format, counted.events), nil
}

// once is a source of records that are there.
type once []producers.Record

// Run implements producers.Source.
func (o once) Run(ctx context.Context, emit func(context.Context, []producers.Record) error) error {
	return emit(ctx, o)
}

// counting counts what is published.
type counting struct {
	producers.Publisher
	dead            string
	events, letters int
}

// Start implements producers.Publisher.
func (c *counting) Start(ctx context.Context, msgs ...kafka.Message) (wait func() error) {
	written := c.Publisher.Start(ctx, msgs...)
	return func() error {
		err := written()
		if err == nil {
			for _, m := range msgs {
				if m.Topic == c.dead {
					c.letters++
				} else {
					c.events++
				}
			}
		}
		return err
	}
}
