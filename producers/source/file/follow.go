package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
	"golang.org/x/sync/errgroup"
)

// follow reads all files that are there or come to be, until ctx ends.
func (s *source) follow(ctx context.Context, cp *checkpoint, emit emitFunc) error {
	g, working := errgroup.WithContext(ctx)
	g.Go(func() error { return s.watch(working) })
	g.Go(func() error { return s.keepSaving(working, cp) })
	g.Go(func() error { return s.look(working, g, cp, emit) })
	err := g.Wait()
	if ctx.Err() != nil {
		err = nil // how it ended no longer matters
	}
	return errors.Join(err, cp.save())
}

// look lists the files again and again, and starts a reader for each that has something new.
func (s *source) look(ctx context.Context, g *errgroup.Group, cp *checkpoint, emit emitFunc) error {
	var active sync.Map // of fileID
	slots := make(chan struct{}, maxOpen)
	for {
		wake := s.wake.wait()
		files, err := s.list()
		if err != nil {
			s.health.Failed(err)
		}
		present := make(map[fileID]string, len(files))
		for _, f := range files {
			present[f.id] = f.path
		}
		s.present.Store(&present)
		cp.seen(present, time.Now())
		for _, f := range files {
			if e := cp.byID(f.id); e != nil && e.Size == f.info.Size() && e.Changed == f.info.ModTime().UnixNano() {
				continue
			}
			if _, running := active.LoadOrStore(f.id, true); running {
				continue
			}
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				return ctx.Err()
			}
			g.Go(func() error {
				defer func() { active.Delete(f.id); <-slots }()
				return s.readOne(ctx, cp, emit, f)
			})
		}
		timer := time.NewTimer(s.Poll)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// readOne reads a file. A file that cannot be read does not stop the others, and is tried again with the next look; that nothing can be
// published, or that the checkpoint cannot be written, ends the source.
func (s *source) readOne(ctx context.Context, cp *checkpoint, emit emitFunc, f found) error {
	failed := error(nil)
	r := &reader{source: s, cp: cp, file: f, emit: nil}
	r.emit = func(ctx context.Context, batch []record) error {
		failed = emit(ctx, batch)
		return failed
	}
	err := r.grow(ctx)
	var pathErr *fs.PathError
	switch {
	case failed != nil:
		return failed
	case errors.Is(err, fs.ErrNotExist), ctx.Err() != nil:
		return nil //nolint:nilerr // the file went away, or the source ends
	case errors.As(err, &pathErr):
		s.health.Failed(err)
		return nil
	case err == nil:
		s.health.OK()
	}
	return err
}

// list returns the files that the paths match, in the order of their names.
func (s *source) list() ([]found, error) {
	var all []found
	var errs []error
	have := map[fileID]bool{}
	for _, p := range s.Paths {
		names, err := filepath.Glob(p)
		if err != nil {
			return nil, fmt.Errorf("path %q: %w", p, err)
		}
		sort.Strings(names)
		for _, name := range names {
			if s.excluded(name) {
				continue
			}
			info, err := os.Stat(name)
			if err != nil {
				if !errors.Is(err, fs.ErrNotExist) {
					errs = append(errs, err)
				}
				continue
			}
			if id := idOf(name, info); info.Mode().IsRegular() && !have[id] {
				have[id] = true
				all = append(all, found{path: name, id: id, info: info})
			}
		}
	}
	return all, errors.Join(errs...)
}

func (s *source) excluded(name string) bool {
	for _, p := range s.Exclude {
		if ok, err := filepath.Match(p, name); err == nil && ok {
			return true
		}
	}
	return false
}

// keepSaving makes the checkpoint durable every now and then.
func (s *source) keepSaving(ctx context.Context, cp *checkpoint) error {
	tick := time.NewTicker(saveEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := cp.save(); err != nil {
				return err
			}
		}
	}
}

// watch rings when the file system announces a change in a folder of the paths. Where it cannot, polling has to do.
func (s *source) watch(ctx context.Context) error {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		s.log.Warn().Err(err).Dur("poll_ms", s.Poll).Msg("changes of files are not announced; polling")
		return nil
	}
	defer func() { _ = w.Close() }()
	tick := time.NewTicker(max(s.Poll, time.Second))
	defer tick.Stop()
	calm := time.NewTimer(0) // one ring for a burst of events
	defer calm.Stop()
	armed := true
	arm := func() {
		if !armed {
			armed = true
			calm.Reset(settle)
		}
	}
	s.watchFolders(w)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-w.Events:
			arm()
		case err := <-w.Errors: // events were lost: look
			s.log.Debug().Err(err).Msg("changes of files were not announced")
			arm()
		case <-calm.C:
			armed = false
			s.wake.ring()
		case <-tick.C:
			s.watchFolders(w)
		}
	}
}

// watchFolders adds the folders that the paths match by now.
func (s *source) watchFolders(w *fsnotify.Watcher) {
	known := map[string]bool{}
	for _, d := range w.WatchList() {
		known[d] = true
	}
	for _, p := range s.Paths {
		dirs, err := filepath.Glob(filepath.Dir(p))
		if err != nil {
			continue // refused by New
		}
		for _, d := range dirs {
			if !known[d] && len(known) < 1024 {
				known[d] = true
				if err := w.Add(d); err != nil {
					s.log.Debug().Err(err).Str("folder", d).Msg("its changes are not announced; polling")
				}
			}
		}
	}
}

// A bell wakes everybody who waits for it.
type bell struct {
	mu sync.Mutex
	ch chan struct{}
}

func (b *bell) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	return b.ch
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
}
