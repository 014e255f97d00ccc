package router

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/router/rule"
	"github.com/riposte-security/riposte/schemas"
)

const (
	reloadSettle = 300 * time.Millisecond // of quiet, after which a change is taken to be complete
	reloadPoll   = 10 * time.Second       // for file systems that tell nothing
	maxRuleFiles = 20_000
)

// A Reloader is a Decider that follows the files that its rules stand in: a change is loaded as a whole or, if anything is wrong with it,
// refused as a whole, and the rules in force stay.
type Reloader struct {
	paths   []string
	load    func(context.Context) (Decider, error)
	log     zerolog.Logger
	settle  time.Duration
	poll    time.Duration
	current atomic.Pointer[ruledSet]

	reloads *prometheus.CounterVec
	rules   prometheus.Gauge

	mu   sync.Mutex // one load at a time
	last [sha256.Size]byte
}

// NewReloader loads the rules once and fails if they cannot be loaded. paths are the files and folders that load reads: Run watches them.
func NewReloader(
	ctx context.Context, paths []string, load func(context.Context) (Decider, error), log zerolog.Logger, reg prometheus.Registerer,
) (*Reloader, error) {
	r := &Reloader{
		paths: paths, load: load, log: log, settle: reloadSettle, poll: reloadPoll,
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "riposte", Subsystem: "rules", Name: "reloads_total", Help: "Changed rule sets, by whether they were taken.",
		}, []string{"result"}),
		rules: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: "riposte", Subsystem: "rules", Name: "loaded", Help: "Rules in force.",
		}),
	}
	if reg != nil {
		if err := errors.Join(reg.Register(r.reloads), reg.Register(r.rules)); err != nil {
			return nil, fmt.Errorf("rules: %w", err)
		}
	}
	var err error
	if r.last, err = fingerprint(paths); err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	if err := r.swap(ctx); err != nil {
		return nil, err
	}
	return r, nil
}

// Decide asks the rules in force.
func (r *Reloader) Decide(ev schemas.Event, outcomes bool, now time.Time) rule.Decision {
	return r.current.Load().Decide(ev, outcomes, now)
}

// ruleOf looks among the rules in force.
func (r *Reloader) ruleOf(id string) (*rule.Rule, bool) { return r.current.Load().ruleOf(id) }

func (r *Reloader) correlations() *specs { return r.current.Load().correlations() }

// Current returns the decider in force, as load returned it.
func (r *Reloader) Current() Decider { return r.current.Load().Decider }

// Reload loads the rules now, changed or not. An error says why the new ones were refused.
func (r *Reloader) Reload(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reload(ctx)
}

func (r *Reloader) reload(ctx context.Context) error {
	if err := r.swap(ctx); err != nil {
		r.reloads.WithLabelValues("refused").Inc()
		return err
	}
	r.reloads.WithLabelValues("taken").Inc()
	return nil
}

func (r *Reloader) swap(ctx context.Context) error {
	d, err := r.load(ctx)
	if err != nil {
		return fmt.Errorf("rules: %w", err)
	}
	set := newRuledSet(d)
	r.current.Store(set)
	r.rules.Set(float64(len(set.rules)))
	r.log.Info().Int("rules", len(set.rules)).Msg("rules in force")
	return nil
}

// Run follows the files until ctx ends, and then returns nil.
func (r *Reloader) Run(ctx context.Context) error {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		r.log.Warn().Err(err).Dur("every_ms", r.poll).Msg("the system does not tell of changed files; rules are looked at now and then")
		w = &fsnotify.Watcher{} // its channels are nil: nothing ever comes
	} else {
		defer func() {
			if err := w.Close(); err != nil {
				r.log.Warn().Err(err).Msg("closing the watch of the rules")
			}
		}()
		r.watch(w)
	}
	poll := time.NewTicker(r.poll)
	defer poll.Stop()
	settle := time.NewTimer(r.settle)
	defer settle.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-w.Events:
			settle.Reset(r.settle)
		case err := <-w.Errors: // events were lost
			r.log.Warn().Err(err).Msg("watching the rules")
			settle.Reset(r.settle)
		case <-settle.C:
			r.look(ctx, w)
		case <-poll.C:
			r.look(ctx, w)
		}
	}
}

// look reloads if the files are not what they were.
func (r *Reloader) look(ctx context.Context, w *fsnotify.Watcher) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w.Events != nil {
		r.watch(w) // folders may be new; those that are known stay
	}
	now, err := fingerprint(r.paths)
	if err != nil {
		// Files come and go while somebody copies; what stays wrong is told once.
		now = sha256.Sum256([]byte(err.Error()))
	}
	if now == r.last {
		return
	}
	r.last = now
	if err == nil {
		err = r.reload(ctx)
	} else {
		r.reloads.WithLabelValues("refused").Inc()
	}
	if err != nil {
		r.refused(err)
		return
	}
	r.log.Info().Msg("changed rules taken")
}

// refused says why changed rules were refused: a line for each problem, so that each is found by its file.
func (r *Reloader) refused(err error) {
	const most = 20
	problems, ok := errors.AsType[rule.Problems](err)
	if !ok || len(problems) == 0 {
		r.log.Error().Err(err).Msg("changed rules refused; the rules in force stay")
		return
	}
	for i, p := range problems[:min(len(problems), most)] {
		r.log.Error().Str("problem", p.String()).Int("number", i+1).Int("problems", len(problems)).
			Msg("changed rules refused; the rules in force stay")
	}
}

// watch watches all folders concerned. Files are watched through their folders: editors replace files, and a mounted ConfigMap is a link that
// is turned round.
func (r *Reloader) watch(w *fsnotify.Watcher) {
	add := func(dir string) {
		if err := w.Add(dir); err != nil {
			r.log.Debug().Err(err).Str("folder", dir).Msg("cannot be watched; it is looked at now and then")
		}
	}
	for _, path := range r.paths {
		info, err := os.Stat(path)
		if err != nil || !info.IsDir() {
			add(filepath.Dir(path))
			continue
		}
		add(path)
		err = filepath.WalkDir(path, func(sub string, e fs.DirEntry, err error) error {
			if err == nil && e.IsDir() && sub != path {
				add(sub)
			}
			return nil
		})
		if err != nil {
			r.log.Warn().Err(err).Str("folder", path).Msg("watching the rules")
		}
	}
}

// fingerprint is a hash over the names and contents of all files below paths, links followed.
func fingerprint(paths []string) ([sha256.Size]byte, error) {
	h := sha256.New()
	files := 0
	for _, path := range paths {
		root, err := filepath.EvalSymlinks(path)
		if err != nil {
			return [sha256.Size]byte{}, err
		}
		err = filepath.WalkDir(root, func(sub string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := os.Stat(sub) // through links: in a mounted ConfigMap, every file is one
			if err != nil {
				return err
			}
			if !info.Mode().IsRegular() {
				return nil
			}
			if files++; files > maxRuleFiles {
				return fmt.Errorf("%s: more than %d files", path, maxRuleFiles)
			}
			return hashFile(h, sub)
		})
		if err != nil {
			return [sha256.Size]byte{}, err
		}
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}

func hashFile(h io.Writer, name string) error {
	f, err := os.Open(name) //nolint:gosec // the files that the operator named
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil {
		_, err = fmt.Fprintf(h, "%q %d\n", name, info.Size())
	}
	if err == nil {
		_, err = io.Copy(h, f)
	}
	return errors.Join(err, f.Close())
}
