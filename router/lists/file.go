package lists

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/router/lists/parse"
)

// settle is how long a file must have been quiet: one that is just being written is not read by halves.
const settle = 500 * time.Millisecond

var errSettling = errors.New("the file has changed just now")

// A watched file is read when it has changed.
type watched struct {
	path string
	log  zerolog.Logger
	last fs.FileInfo // of what was read last, good or not
	most int64
}

func newWatched(path string, log zerolog.Logger) *watched {
	return &watched{path: path, log: log, most: parse.MaxBytes}
}

func (w *watched) where() string { return w.path }

// refused: what was read is remembered in any case.
func (w *watched) refused() {}

// fetch opens the file if it is not what it was. The time is that at which it was written.
func (w *watched) fetch(context.Context) (*copied, time.Time, error) {
	info, err := os.Stat(w.path)
	if err != nil {
		w.last = nil
		return nil, time.Time{}, withoutPath(err)
	}
	switch {
	case same(w.last, info):
		return nil, info.ModTime(), nil
	case !info.Mode().IsRegular():
		return nil, time.Time{}, errors.New("not a file")
	case info.Size() > w.most:
		return nil, time.Time{}, fmt.Errorf("%d bytes, at most %d expected", info.Size(), w.most)
	}
	const skew = 5 * time.Minute // what is written later than that, is by a clock that is wrong: it would never be quiet
	if quiet := time.Since(info.ModTime()); quiet > -skew && quiet < settle {
		return nil, time.Time{}, errSettling
	}
	f, err := os.Open(w.path)
	if err != nil {
		return nil, time.Time{}, withoutPath(err)
	}
	opened, err := f.Stat()
	if err != nil {
		return nil, time.Time{}, errors.Join(err, f.Close())
	}
	w.last = opened
	return &copied{ReadCloser: f, at: opened.ModTime(), keep: func() error {
		after, err := os.Stat(w.path)
		if err == nil && !same(opened, after) {
			w.last = nil
			err = errors.New("the file has changed while it was read")
		}
		return err
	}}, opened.ModTime(), nil
}

// withoutPath takes the path out of an error, before which it stands anyway.
func withoutPath(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	return err
}

func same(a, b fs.FileInfo) bool {
	return a != nil && b != nil && os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// changed tells of changes in the file's folder: files are replaced, and a mounted ConfigMap is a link that is turned round.
func (w *watched) changed(ctx context.Context) <-chan struct{} {
	n, err := fsnotify.NewWatcher()
	if err == nil {
		if err = n.Add(filepath.Dir(w.path)); err != nil {
			err = errors.Join(err, n.Close())
		}
	}
	if err != nil {
		w.log.Debug().Err(err).Str("file", w.path).Msg("cannot be watched; it is looked at now and then")
		return nil
	}
	out := make(chan struct{})
	go func() { // ends with ctx, as its only reader does
		defer close(out)
		defer func() {
			if err := n.Close(); err != nil {
				w.log.Debug().Err(err).Str("file", w.path).Msg("closing the watch")
			}
		}()
		for {
			select {
			case <-ctx.Done():
				return
			case <-n.Events:
			case err := <-n.Errors: // changes were lost: look
				w.log.Debug().Err(err).Str("file", w.path).Msg("watching")
			}
			select {
			case out <- struct{}{}:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}
