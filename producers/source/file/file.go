// Package file is the source that reads files: it follows their growth and rotation, reads compressed ones whole, and goes on after a kill
// where its checkpoint says, so that nothing is lost and what comes twice has the same uid.
//
// # Identity
//
// Origin is the fingerprint of the file's first 1 KiB, after decompression, so that a file keeps it when it is renamed, copied or
// compressed; Position is the byte offset. A file that is followed and has less than 1 KiB when its first record is read could not be told
// from others that begin alike, and its fingerprint would change as it grows: its origin is the fingerprint of what there is together with
// the moment. That origin is in the checkpoint, durably, before the first record leaves, and stays when the file grows. Without its
// checkpoint such a file would be read again under another origin. The same moment sets apart a file that begins with the same 1 KiB as
// one in the checkpoint, but goes on otherwise.
//
// # Rotation
//
// A file that was renamed is read to its end before it is let go. Of a file that was truncated in place (copytruncate) what was not read
// yet is found in the copy, if the paths match it; of a file under 1 KiB the copy is read as a file of its own. A last line without an end
// waits for it, until the file is rotated away or deleted; where more files have something new than are read at the same time, they take
// turns, and a file that does not grow is closed meanwhile.
package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/internal/obs"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/schemas"
)

// Summary says in one line what the source does.
const Summary = "files by glob: follows growth and rotation, reads gzip and zstd whole, resumes after a kill; - is standard input"

// Settings describes the settings.
func Settings() []schemas.Setting {
	return []schemas.Setting{
		{Name: "paths", Type: "list", Required: true, Help: "globs of the files to read (* ? [a-z], no **); or only \"-\" for standard input"},
		{Name: "exclude", Type: "list", Help: "globs of files to leave out"},
		{Name: "follow", Type: "bool", Default: "true", Help: "wait for more; false reads what there is and ends"},
		{Name: "checkpoint", Type: "string", Help: "file that remembers what was read; by default NAME.json under checkpoints in the data directory. " +
			"Without follow, nothing is remembered unless this is set"},
		{Name: "poll", Type: "duration", Default: "1s", Help: "how often to look for changes that the file system did not announce"},
		{Name: "max_record", Type: "int", Default: "1048576", Help: "largest record in bytes; a larger one becomes a dead letter"},
	}
}

type settings struct {
	Paths      []string      `yaml:"paths"`
	Exclude    []string      `yaml:"exclude"`
	Follow     bool          `yaml:"follow"`
	Checkpoint string        `yaml:"checkpoint"`
	Poll       time.Duration `yaml:"poll"`
	MaxRecord  int           `yaml:"max_record"`
}

// Validate implements config.Validator.
func (s *settings) Validate() error {
	if len(s.Paths) == 0 {
		return errors.New("paths: at least one is required")
	}
	for _, p := range append(append([]string{}, s.Paths...), s.Exclude...) {
		if _, err := filepath.Match(p, ""); err != nil {
			return fmt.Errorf("path %q: %w", p, err)
		}
		if p == "-" && len(s.Paths) > 1 {
			return errors.New("paths: \"-\", standard input, stands alone")
		}
	}
	if s.Poll < 10*time.Millisecond || s.Poll > time.Hour {
		return fmt.Errorf("poll %s: between 10ms and 1h expected", s.Poll)
	}
	if s.MaxRecord < 1<<10 || s.MaxRecord > 10<<20 {
		return fmt.Errorf("max_record %d: between 1024 and 10485760 expected", s.MaxRecord)
	}
	return nil
}

const (
	batchRecords = 16000
	batchBytes   = 4 << 20
	maxOpen      = 128              // files read at the same time
	park         = 30 * time.Second // a file without change for so long is closed until it changes
	turn         = 5 * time.Second  // for which a file is read before it makes room, where more than maxOpen have something new
	crowdPoll    = time.Second      // how often such files look for room, at least; and a file without change for so long makes it
	saveEvery    = 250 * time.Millisecond
	settle       = 2 * time.Millisecond // between two announced changes, for them to count as one
)

type source struct {
	settings
	log   zerolog.Logger
	stdin io.Reader

	health  *obs.Condition
	wake    bell
	present atomic.Pointer[map[fileID]string] // the files that the paths match
	crowded atomic.Bool                       // files wait until others make room
	notes   notes
	read    map[fileID]bool // without follow: what was read to its end, should the source be started anew
	maxOpen int
	turn    time.Duration
}

// New makes the source. It touches no file.
func New(cfg config.Node, deps producers.SourceDeps) (producers.Source, error) {
	s := &source{
		settings: settings{Follow: true, Poll: time.Second, MaxRecord: 1 << 20}, log: deps.Log, stdin: deps.Stdin,
		maxOpen: maxOpen, turn: turn, read: map[fileID]bool{},
	}
	if err := cfg.Decode(&s.settings); err != nil {
		return nil, fmt.Errorf("source file: %w", err)
	}
	s.health = obs.NewCondition(deps.Log, "files of "+deps.Name)
	if s.Paths[0] == "-" {
		if deps.Stdin == nil {
			return nil, errors.New("source file: there is no standard input here")
		}
		return s, nil
	}
	if s.Checkpoint == "" && s.Follow {
		if deps.DataDir == "" || deps.Name == "" {
			return nil, fmt.Errorf("source file: %s: checkpoint is required, since there is no data directory", cfg.Pos())
		}
		s.Checkpoint = filepath.Join(deps.DataDir, "checkpoints", filepath.Base(deps.Name)+".json")
	}
	return s, nil
}

// Run implements producers.Source.
func (s *source) Run(ctx context.Context, emit func(context.Context, []producers.Record) error) error {
	if s.Paths[0] == "-" {
		return s.readStdin(ctx, emit)
	}
	cp, err := loadCheckpoint(s.Checkpoint)
	if err != nil {
		return err
	}
	if s.Follow {
		return s.follow(ctx, cp, emit)
	}
	return s.once(ctx, cp, emit)
}

// once reads every file that is there, in the order of their names.
func (s *source) once(ctx context.Context, cp *checkpoint, emit emitFunc) error {
	files, err := s.list()
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fault.Permanent(fmt.Errorf("no file matches %q", s.Paths))
	}
	var unread []error
	for _, f := range files {
		if s.read[f.id] {
			continue
		}
		r := &reader{source: s, cp: cp, emit: emit, file: f}
		err := r.whole(ctx)
		saved := cp.save() // also of one that was not read to its end: what came through is not read again
		var pathErr *fs.PathError
		switch {
		case r.failed == nil && errors.As(err, &pathErr) && ctx.Err() == nil:
			unread = append(unread, err)
		case err != nil:
			return errors.Join(fmt.Errorf("%s: %w", f.path, err), saved)
		default:
			s.read[f.id] = true
		}
		if saved != nil {
			return saved
		}
	}
	if len(unread) > 0 {
		return fault.Permanent(fmt.Errorf("all others were read: %w", errors.Join(unread...)))
	}
	return nil
}

type emitFunc = func(context.Context, []producers.Record) error
