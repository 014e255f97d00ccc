package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// temporary is the folder of files that are being written. It is not part of the archive.
const temporary = ".tmp"

// abandoned is how old a temporary file must be to have no writer any more.
const abandoned = time.Hour

// fileStore keeps files in a folder.
type fileStore struct{ root string }

// FileStore keeps an archive in a folder, which it makes. It needs hard links.
func FileStore(root string) Store { return fileStore{filepath.Clean(root)} }

// String implements Store.
func (s fileStore) String() string { return s.root }

func (s fileStore) path(name string) string { return filepath.Join(s.root, filepath.FromSlash(name)) }

// Create implements Store: the file is written aside, synced, and linked to its name, which fails where there is one.
func (s fileStore) Create(_ context.Context, name string, content io.ReadSeeker, size int64, _ Hash) (err error) {
	if !validName(name) {
		return fmt.Errorf("archive file %q: %w", name, fs.ErrInvalid)
	}
	path := s.path(name)
	if err := makeFolder(filepath.Dir(path)); err != nil {
		return fmt.Errorf("archive folder: %w", err)
	}
	aside := filepath.Join(s.root, temporary)
	if err := makeFolder(aside); err != nil {
		return fmt.Errorf("archive folder: %w", err)
	}
	f, err := os.CreateTemp(aside, "*")
	if err != nil {
		return fmt.Errorf("archive file %s: %w", name, err)
	}
	defer func() { _ = os.Remove(f.Name()) }() // by then it has its other name
	n, err := io.Copy(f, content)
	if err == nil && n != size {
		err = fmt.Errorf("%d bytes, %d expected", n, size)
	}
	err = errors.Join(err, f.Chmod(0o400), f.Sync(), f.Close())
	if err != nil {
		return fmt.Errorf("archive file %s: %w", name, err)
	}
	if err := os.Link(f.Name(), path); err != nil {
		return fmt.Errorf("archive file %s: %w", name, err)
	}
	return syncFolder(filepath.Dir(path))
}

// makeFolder makes a folder, durably.
func makeFolder(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := makeFolder(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncFolder(parent)
}

func syncFolder(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // below the root that the operator names
	if err != nil {
		return fmt.Errorf("archive folder: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}

// Open implements Store.
func (s fileStore) Open(_ context.Context, name string) (io.ReadCloser, error) {
	if !validName(name) {
		return nil, notFound(name)
	}
	f, err := os.Open(s.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, notFound(name)
	}
	if err != nil {
		return nil, fmt.Errorf("archive file: %w", err)
	}
	return f, nil
}

// List implements Store.
func (s fileStore) List(ctx context.Context, prefix, after string, fn func(name string, size int64) error) error {
	dir := ""
	if i := strings.LastIndexByte(prefix, '/'); i >= 0 {
		dir = prefix[:i]
	}
	err := s.list(ctx, dir, prefix, after, fn)
	if errors.Is(err, errStop) || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (s fileStore) list(ctx context.Context, dir, prefix, after string, fn func(name string, size int64) error) error {
	entries, err := os.ReadDir(s.path(dir))
	if err != nil {
		return err
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(sortName(a), sortName(b)) })
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		name := strings.TrimPrefix(dir+"/"+e.Name(), "/")
		if name == temporary {
			continue
		}
		if e.IsDir() {
			under := name + "/"
			if (strings.HasPrefix(under, prefix) || strings.HasPrefix(prefix, under)) && (after < under || strings.HasPrefix(after, under)) {
				if err := s.list(ctx, name, prefix, after, fn); err != nil && !errors.Is(err, fs.ErrNotExist) {
					return err
				}
			}
			continue
		}
		if !strings.HasPrefix(name, prefix) || name <= after {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := fn(name, info.Size()); err != nil {
			return err
		}
	}
	return nil
}

// sortName makes folders sort as the names of the files in them do.
func sortName(e fs.DirEntry) string {
	if e.IsDir() {
		return e.Name() + "/"
	}
	return e.Name()
}

// sweep removes temporary files that nobody writes any more.
func (s fileStore) sweep(now time.Time) error {
	dir := filepath.Join(s.root, temporary)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("archive folder: %w", err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || now.Sub(info.ModTime()) < abandoned {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("archive folder: %w", err)
		}
	}
	return nil
}
