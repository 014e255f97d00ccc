package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/catalog"
	"github.com/riposte-security/riposte/producers/normalize"
	"github.com/riposte-security/riposte/schemas"
)

// formatFlags choose a format and set it up.
type formatFlags struct {
	Format string            `required:"" help:"Format of the records; 'riposte list formats' names them."`
	Set    map[string]string `mapsep:"none" placeholder:"KEY=VALUE" help:"A setting of the format. May stand several times."`
}

func (f formatFlags) build() (producers.Format, error) {
	node, err := config.FromSettings(f.Set)
	if err != nil {
		return nil, misuse{err}
	}
	format, err := catalog.NewFormat(f.Format, node)
	if err != nil {
		return nil, misuse{err}
	}
	return format, nil
}

type normalizeCmd struct {
	formatFlags
	Files []string `arg:"" optional:"" name:"FILE" help:"Files to read; stdin for none or '-'."`
}

// A badRecord is what stderr says of a record that became no event.
type badRecord struct {
	File   string `json:"file"`
	Record int    `json:"record"` // 1-based; 0: the file as a whole
	Reason string `json:"reason"`
}

// Run writes events to stdout, one a line, and a line of JSON to stderr for each record that became none.
func (c *normalizeCmd) Run(ctx context.Context, a *App) error {
	format, err := c.build()
	if err != nil {
		return err
	}
	out := newLines(a.Out)
	bad := 0
	err = a.eachEvent(ctx, format, c.Files, func(_ string, _ int, ev schemas.Event) error {
		return out.write(ev.Data)
	}, func(b badRecord) error {
		bad++
		return newEncoder(a.Err).Encode(b)
	})
	if err := errors.Join(err, out.flush()); err != nil {
		return err
	}
	if bad > 0 {
		return errReported
	}
	return nil
}

// eachEvent normalises files (stdin for none, and for "-"): event is called for every event, with the 1-based number of its record, bad for
// every record or file that cannot be read. An error that either returns ends it.
func (a *App) eachEvent(ctx context.Context, format producers.Format, files []string, event func(file string, record int, ev schemas.Event) error, bad func(badRecord) error) error {
	if len(files) == 0 {
		files = []string{"-"}
	}
	for _, file := range files {
		err := a.withFile(file, func(r io.Reader, modified time.Time) error {
			return normalize.Run(ctx, r, file, modified, format, func(n int, ev schemas.Event, err error) error {
				if err != nil {
					return bad(badRecord{File: file, Record: n, Reason: err.Error()})
				}
				return event(file, n, ev)
			})
		})
		if _, unreadable := errors.AsType[*fs.PathError](err); unreadable {
			err = bad(badRecord{File: file, Reason: err.Error()})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// withFile opens a file, or stdin for "-", and passes its modification time on.
func (a *App) withFile(file string, fn func(r io.Reader, modified time.Time) error) error {
	if file == "-" {
		return fn(a.In, time.Now().UTC())
	}
	f, err := os.Open(file) //nolint:gosec // the user names the file
	if err != nil {
		return fmt.Errorf("file: %w", err)
	}
	defer f.Close() //nolint:errcheck // opened for reading
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("file: %w", err)
	}
	if info.IsDir() {
		return fmt.Errorf("file: %w", &fs.PathError{Op: "read", Path: file, Err: errors.New("is a directory")})
	}
	return fn(f, info.ModTime().UTC())
}
