package app

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"

	"github.com/riposte-security/riposte/internal/archive"
)

type auditCmd struct {
	Verify auditVerifyCmd `cmd:"" help:"Find what was changed, removed, moved or added in an archive since it was written, and name it."`
	Show   auditShowCmd   `cmd:"" help:"Tell how a command came about and what became of it, from the archive: event, rule, command, approvals, calls, outcomes."`
}

// archiveFlags name an archive and whose it is.
type archiveFlags struct {
	Key []string `placeholder:"FILE" required:"" help:"Public key that segments must be signed with, PEM or its base64 in one line; several for an archive whose key was changed."`
}

func (f archiveFlags) keys() (archive.Keys, error) {
	var keys []ed25519.PublicKey
	for _, path := range f.Key {
		more, err := archive.PublicKeys(path)
		if err != nil {
			return nil, err
		}
		keys = append(keys, more...)
	}
	return archive.NewKeys(keys...), nil
}

// withArchive opens an archive: the one at where, or the configured one.
func (a *App) withArchive(ctx context.Context, where string, fn func(*stack, archive.Store, archive.Config) error) error {
	s, err := a.newStack(ctx, "", orEmbedded)
	if err != nil {
		return err
	}
	defer s.close()
	var conf archive.Config
	if !s.cfg.Archive.IsZero() {
		if conf, err = s.archiveConfig(); err != nil {
			return err
		}
	}
	if where = cmp.Or(where, conf.To); where == "" {
		return misuse{errors.New("no archive is configured: name a folder or s3://bucket/prefix")}
	}
	if !archive.InS3(where) { // a folder that is not there would be an archive without anything in it
		if _, err := os.Stat(where); err != nil {
			return fmt.Errorf("archive: %w", err)
		}
	}
	store, err := openArchive(s.clients, where, conf.Region, archive.LockConfig{})
	if err != nil {
		return misuse{err}
	}
	return fn(s, store, conf)
}

// maxProblems is how many problems are printed; all are counted.
const maxProblems = 1000

type auditVerifyCmd struct {
	archiveFlags
	Path      string `arg:"" optional:"" help:"Folder or s3://bucket/prefix; the configured archive for none."`
	Head      string `placeholder:"FILE" help:"Heads that an earlier run wrote with --write-head: what they name must still be there."`
	WriteHead string `name:"write-head" placeholder:"FILE" help:"Write where the chains end, to be kept where nobody who can write to the archive can."`
	Kafka     bool   `help:"What the archive's group has committed to Kafka must be there."`
	JSON      bool   `name:"json" help:"Print JSON, a problem a line, and the report at last."`
}

// Run verifies an archive. Problems, or nothing to verify, end it with exit code 1.
func (c *auditVerifyCmd) Run(ctx context.Context, a *App) error {
	keys, err := c.keys()
	if err != nil {
		return err
	}
	return a.withArchive(ctx, c.Path, func(s *stack, store archive.Store, conf archive.Config) error {
		v := archive.Verification{Keys: keys, Found: c.printer(a)}
		if c.Head != "" {
			if v.Heads, err = archive.ReadHeads(c.Head); err != nil {
				return err
			}
		}
		if c.Kafka {
			if v.Committed, err = archive.Committed(ctx, s.kafka, conf); err != nil {
				return err
			}
		}
		r, err := archive.Verify(ctx, store, v)
		if err != nil {
			return err
		}
		if c.WriteHead != "" && r.Problems == 0 {
			if err := archive.WriteHeads(c.WriteHead, r.Heads); err != nil {
				return err
			}
		}
		return c.report(a, store, r)
	})
}

// printer prints problems as they are found.
func (c *auditVerifyCmd) printer(a *App) func(archive.Problem) {
	n := 0
	out := newEncoder(a.Out)
	return func(p archive.Problem) {
		switch n++; {
		case n == maxProblems+1:
			fmt.Fprintf(a.Err, "note: there are more problems; they are counted\n")
		case n > maxProblems:
		case c.JSON:
			_ = out.Encode(p) // output for people, or for their tools: where it is gone there is nobody to tell
		default:
			fmt.Fprintln(a.Out, clean(p.String()))
		}
	}
}

func (c *auditVerifyCmd) report(a *App, store archive.Store, r archive.Report) error {
	if c.JSON {
		if err := newEncoder(a.Out).Encode(r); err != nil {
			return fmt.Errorf("output: %w", err)
		}
	} else {
		fmt.Fprintf(a.Out, "%s: %d partitions, %d segments, %d records, %d problems\n", store, r.Partitions, r.Segments, r.Records, r.Problems)
		if r.Absent > 0 {
			fmt.Fprintf(a.Out, "%d offsets have no record: Kafka had none there when they were read\n", r.Absent)
		}
		for _, p := range r.Unfinished {
			fmt.Fprintf(a.Out, "%s is not finished; the next writer does that\n", p)
		}
	}
	if r.Segments == 0 && r.Problems == 0 {
		fmt.Fprintln(a.Err, "riposte: there is nothing in this archive")
	}
	if r.Segments == 0 || r.Problems > 0 {
		return errReported
	}
	return nil
}
