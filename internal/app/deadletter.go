package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/riposte-security/riposte/internal/deadletter"
	"github.com/riposte-security/riposte/internal/kafka"
)

type deadletterCmd struct {
	List   deadletterListCmd   `cmd:"" help:"List dead letters about which nothing was done yet."`
	Show   deadletterShowCmd   `cmd:"" help:"Show one dead letter in full, with its original."`
	Replay deadletterReplayCmd `cmd:"" help:"Put dead letters back to where they came from, each once: messages onto their topic, records through their producer's format, commands that failed to be tried again."`
	Drop   deadletterDropCmd   `cmd:"" help:"Note that nothing is to be done about dead letters; they are listed no more."`
}

// letterFlags select dead letters.
type letterFlags struct {
	Match string        `name:"reason-has" placeholder:"TEXT" help:"Only those whose reason has this text in it."`
	Stage string        `enum:",produce,router,consumer" default:"" help:"Only those of this stage: produce, router or consumer."`
	Topic string        `help:"Only those that came from this topic."`
	Since time.Duration `placeholder:"DURATION" default:"168h" help:"How far back: 2h."`
	Until time.Duration `placeholder:"DURATION" help:"Only those that are older than that: 1h."`
}

func (f letterFlags) filter() deadletter.Filter {
	all := deadletter.Filter{Reason: f.Match, Stage: f.Stage, Topic: f.Topic, Since: time.Now().Add(-f.Since)}
	if f.Until > 0 {
		all.Before = time.Now().Add(-f.Until)
	}
	return all
}

type deadletterListCmd struct {
	letterFlags
	All  bool `help:"Those about which something was done as well."`
	JSON bool `name:"json" help:"Print JSON, one letter a line."`
}

// Run lists dead letters, the oldest first.
func (c *deadletterListCmd) Run(ctx context.Context, a *App) error {
	f := c.filter()
	f.Done = c.All
	return a.withLetters(ctx, f, func(_ *stack, letters []deadletter.Letter) error {
		if c.JSON {
			out := newLines(a.Out)
			for _, l := range letters {
				b, err := json.Marshal(l)
				if err != nil {
					return fmt.Errorf("dead letter %s: %w", l.ID, err)
				}
				if err := out.write(b); err != nil {
					return err
				}
			}
			return out.flush()
		}
		w := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
		for _, l := range letters {
			reason := clean(l.Reason)
			if l.Done != "" {
				reason = fmt.Sprintf("%s by %s; %s", l.Done, clean(l.By), reason)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", l.ID, l.Time.Format(time.RFC3339), clean(l.Stage), clean(from(l)), reason)
		}
		if len(letters) == 0 {
			fmt.Fprintf(a.Out, "no dead letters within %s\n", c.Since)
		}
		return w.Flush()
	})
}

// from says where a letter came from.
func from(l deadletter.Letter) string {
	switch {
	case l.Producer != "":
		return strings.TrimSpace(l.Producer + " " + l.Origin + " " + l.Position)
	case l.Offset >= 0:
		return fmt.Sprintf("%s/%d@%d", l.Topic, l.Partition, l.Offset)
	}
	return l.Topic
}

type deadletterShowCmd struct {
	ID   string `arg:"" help:"Id of the dead letter, as list prints it: 3-1042."`
	JSON bool   `name:"json" help:"Print JSON."`
}

// Run shows one dead letter.
func (c *deadletterShowCmd) Run(ctx context.Context, a *App) error {
	return a.withLetters(ctx, deadletter.Filter{IDs: []string{c.ID}, Done: true}, func(_ *stack, letters []deadletter.Letter) error {
		if len(letters) == 0 {
			return fmt.Errorf("no dead letter %s", clean(c.ID))
		}
		l := letters[0]
		if c.JSON {
			return a.printJSON(struct {
				deadletter.Letter
				Key     []byte            `json:"key"`
				Value   []byte            `json:"value"` // base64
				Headers map[string]string `json:"headers"`
			}{l, l.Key, l.Value, headerMap(l.Headers)})
		}
		w := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
		for _, row := range [][2]string{
			{"id", l.ID}, {"time", l.Time.Format(time.RFC3339)}, {"stage", l.Stage}, {"from", from(l)}, {"reason", l.Reason},
			{"attempts", fmt.Sprint(l.Attempts)}, {"rule", l.Rule}, {"step", l.Step}, {"done", strings.TrimSpace(l.Done + " " + l.By + " " + l.Why)},
		} {
			if row[1] != "" {
				fmt.Fprintf(w, "%s\t%s\n", row[0], clean(row[1]))
			}
		}
		for _, h := range l.Headers {
			fmt.Fprintf(w, "header %s\t%s\n", clean(h.Key), clean(string(h.Value)))
		}
		if err := w.Flush(); err != nil {
			return err
		}
		if !l.Whole() {
			fmt.Fprintf(a.Out, "\nthe first %d of %d bytes (SHA-256 of all: %s)\n", len(l.Value), l.Length, clean(l.SHA256))
		}
		fmt.Fprintf(a.Out, "\n%s\n", clean(string(l.Value)))
		return nil
	})
}

func headerMap(headers []kafka.Header) map[string]string {
	out := map[string]string{}
	for _, h := range headers {
		out[h.Key] = string(h.Value)
	}
	return out
}

// withLetters reads the dead letters that a filter selects.
func (a *App) withLetters(ctx context.Context, f deadletter.Filter, fn func(*stack, []deadletter.Letter) error) error {
	s, err := a.newStack(ctx, "", orEmbedded)
	if err != nil {
		return err
	}
	defer s.close()
	letters, limited, err := deadletter.List(ctx, s.kafka, f)
	if err != nil {
		return ended(ctx, err)
	}
	if limited {
		fmt.Fprintf(a.Err, "note: there are more; these are the newest %d\n", len(letters))
	}
	return fn(s, letters)
}

// unhandled tells whether all letters that are named are there, and nothing was done about any of them yet.
func unhandled(ids []string, letters []deadletter.Letter) error {
	known := map[string]deadletter.Letter{}
	for _, l := range letters {
		known[l.ID] = l
	}
	var errs []error
	for _, id := range ids {
		switch l, ok := known[id]; {
		case !ok:
			errs = append(errs, fmt.Errorf("no dead letter %s", clean(id)))
		case l.Done != "":
			errs = append(errs, fmt.Errorf("dead letter %s was %s by %s at %s", id, l.Done, clean(l.By), l.At.Format(time.RFC3339)))
		}
	}
	return errors.Join(errs...)
}
