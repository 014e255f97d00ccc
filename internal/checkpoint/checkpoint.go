// Package checkpoint keeps what must outlive the process, and is small enough to be written whole: positions in what a source reads. A kill
// at any time leaves the old state or the new one.
package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/riposte-security/riposte/internal/fault"
)

// Path is the file of a component's checkpoint: the one that its settings name, else NAME.json under checkpoints in the data directory. It
// is an error if neither is there to tell.
func Path(setting, dataDir, name string) (string, error) {
	if setting != "" {
		return setting, nil
	}
	if dataDir == "" || name == "" {
		return "", errors.New("checkpoint is required, since there is no data directory")
	}
	return filepath.Join(dataDir, "checkpoints", filepath.Base(name)+".json"), nil
}

// version is that of the file around the state. The state's own fields may be added to, never changed in meaning.
const version = 1

type envelope[T any] struct {
	Version int    `json:"version"`
	Kind    string `json:"kind"`
	State   T      `json:"state"`
}

// A File keeps a state of type T, which encodes to JSON. It is safe for concurrent use.
type File[T any] struct {
	path, kind string

	mu    sync.Mutex
	state T
	dirty bool
	saved time.Time

	saving sync.Mutex
}

// Open reads the state, or begins with fresh where there is no file. kind names what the state is of: a file of another kind is refused, and
// so is one that cannot be read, permanently: to begin anew behind the operator's back would repeat or lose records. The state is written
// before Open returns: where that fails (the disk is full) nothing is to be read yet, or it would be read again and again. With no path the
// state is only remembered.
func Open[T any](path, kind string, fresh T) (*File[T], error) {
	f := &File[T]{path: path, kind: kind, state: fresh}
	if path == "" {
		return f, nil
	}
	text, err := os.ReadFile(path) //nolint:gosec // the path is the operator's
	if errors.Is(err, fs.ErrNotExist) {
		return f, f.write()
	}
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	in := envelope[T]{State: fresh}
	if err := json.Unmarshal(text, &in); err != nil {
		return nil, fault.Permanent(fmt.Errorf("checkpoint %s: %w", path, err))
	}
	if in.Version != version || in.Kind != kind {
		return nil, fault.Permanent(fmt.Errorf("checkpoint %s: kind %q, version %d expected; kind %q, version %d found", path, kind, version, in.Kind, in.Version))
	}
	f.state = in.State
	return f, f.write()
}

// write is Save whether anything was changed or not.
func (f *File[T]) write() error {
	f.mu.Lock()
	f.dirty = true
	f.mu.Unlock()
	return f.Save()
}

// Read calls fn with the state, which fn may neither change nor keep.
func (f *File[T]) Read(fn func(*T)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fn(&f.state)
}

// Update calls fn to change the state. It becomes durable with the next save.
func (f *File[T]) Update(fn func(*T)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fn(&f.state)
	f.dirty = true
}

// Save makes all updates durable.
func (f *File[T]) Save() error { return f.SaveAfter(0) }

// SaveAfter is Save, unless the last one is less than pause ago: then a later call does it.
func (f *File[T]) SaveAfter(pause time.Duration) error {
	f.saving.Lock()
	defer f.saving.Unlock()
	f.mu.Lock()
	if !f.dirty || f.path == "" || pause > 0 && time.Since(f.saved) < pause {
		f.mu.Unlock()
		return nil
	}
	text, err := json.Marshal(envelope[T]{Version: version, Kind: f.kind, State: f.state})
	f.dirty, f.saved = false, time.Now()
	f.mu.Unlock()
	if err == nil {
		err = Replace(f.path, text)
	}
	if err != nil {
		f.mu.Lock()
		f.dirty = true
		f.mu.Unlock()
		return fmt.Errorf("checkpoint: %w", err)
	}
	return nil
}

// Replace writes a file so that it is either the old or the new one, and durable when Replace returns. Its folder is made if it is not there.
func Replace(path string, text []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(dir, filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	_, err = tmp.Write(text)
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	d, err := os.Open(dir) //nolint:gosec // the path is the operator's
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
