package file

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
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

// look lists the files again and again, and starts a reader for each that has something new. It waits for none of them.
func (s *source) look(ctx context.Context, g *errgroup.Group, cp *checkpoint, emit emitFunc) error {
	q := &queue{active: map[fileID]bool{}, last: map[fileID]uint64{}}
	for {
		wake := s.wake.wait()
		files, err := s.list()
		if err != nil {
			s.health.Failed(err)
		} else {
			s.health.OK()
		}
		present := make(map[fileID]string, len(files))
		for _, f := range files {
			present[f.id] = f.path
		}
		s.present.Store(&present)
		cp.seen(present, time.Now())
		fresh := slices.DeleteFunc(files, func(f found) bool {
			e := cp.byID(f.id)
			return e != nil && e.Size == f.info.Size() && e.Changed == f.info.ModTime().UnixNano()
		})
		start, waiting := q.next(fresh, present, s.maxOpen)
		for _, f := range start {
			g.Go(func() error {
				defer q.done(f.id)
				return s.readOne(ctx, cp, emit, f)
			})
		}
		s.crowd(waiting)
		pause := s.Poll
		if waiting > 0 {
			pause = min(pause, crowdPoll)
		}
		timer := time.NewTimer(pause)
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

// crowd notes how many files wait for others to make room, and says so when that begins.
func (s *source) crowd(waiting int) {
	if was := s.crowded.Swap(waiting > 0); was || waiting == 0 {
		return
	}
	s.log.Warn().Int("open", s.maxOpen).Int("waiting", waiting).Msg("more files have something new than are read at the same time; they take turns")
	s.wake.ring() // those that wait for more lines look up
}

// A queue says whose turn it is to be read: who was read longest ago.
type queue struct {
	mu     sync.Mutex
	active map[fileID]bool
	last   map[fileID]uint64 // when it was started, by count
	count  uint64
}

// next takes up files that are not being read, at most until so many are, and returns them and the number of the others. present are all
// files that there are.
func (q *queue) next(files []found, present map[fileID]string, most int) (start []found, waiting int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for id := range q.last {
		if _, ok := present[id]; !ok {
			delete(q.last, id)
		}
	}
	files = slices.DeleteFunc(files, func(f found) bool { return q.active[f.id] })
	slices.SortStableFunc(files, func(a, b found) int { return cmp.Compare(q.last[a.id], q.last[b.id]) })
	n := max(0, min(len(files), most-len(q.active)))
	for _, f := range files[:n] {
		q.count++
		q.active[f.id], q.last[f.id] = true, q.count
	}
	return files[:n], len(files) - n
}

func (q *queue) done(id fileID) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.active, id)
}

// readOne reads a file. A file that cannot be read does not stop the others, and is tried again with the next look; that nothing can be
// published, or that the checkpoint cannot be written, ends the source.
func (s *source) readOne(ctx context.Context, cp *checkpoint, emit emitFunc, f found) error {
	r := &reader{source: s, cp: cp, file: f, emit: emit}
	err := r.grow(ctx)
	var pathErr *fs.PathError
	switch {
	case r.failed != nil:
		return r.failed
	case errors.Is(err, fs.ErrNotExist), ctx.Err() != nil:
		return nil //nolint:nilerr // the file went away, or the source ends
	case errors.As(err, &pathErr):
		s.unreadable(f.path, err)
		return nil
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
			if !info.Mode().IsRegular() {
				s.passedOver(name, info, name == p)
				continue
			}
			if id := idOf(name, info); !have[id] {
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
